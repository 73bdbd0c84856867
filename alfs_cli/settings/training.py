"""Training settings by dotted key: SETTINGS is every key there is and what its value may be.

Recipes, `config.yaml` and `--set KEY=VALUE` share it, and so does what the options of `train` say.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from alfs_cli.errors import AlfsError, UsageError, did_you_mean
from alfs_cli.losses import parse_loss
from alfs_cli.noise import DRAWS, INSTANCE, NOISE_KINDS
from alfs_cli.results.run import CORRECTIONS, MODEL_NAMES, SCHEDULES, TORCHVISION
from alfs_cli.storage.documents import limit_nesting
from alfs_cli.text.numbers import MOST_SEED

Values = dict[str, Any]  # dotted key -> value


class RecipeError(AlfsError):
    """Settings are not what they should be; one line for each thing wrong."""


# What each key may hold. A reader returns the value or raises ValueError with what is expected.

Reader = Callable[[Any], Any]
MOST_SHOWN = 100  # characters of a value in a message


def _text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
        raise ValueError("text")
    return str(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false")
    return value


def _whole(least: int, most: int = 2**63 - 1) -> Reader:
    def read(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"a whole number, {least} or more")
        if value > most:
            raise ValueError("a whole number below 2^64" if most == MOST_SEED else "a usual number")
        return value

    return read


def _number(least: float, *, above: bool = False, most: float = math.inf) -> Reader:
    expected = f"a number {'above' if above else 'from'} {least:g}"
    expected += f" to {most:g}" if most < math.inf else ""

    def read(value: Any) -> float:
        number = _float(value, expected)
        if not math.isfinite(number) or number < least or number > most:
            raise ValueError(expected)
        if above and number == least:
            raise ValueError(expected)
        return number

    return read


def _float(value: Any, expected: str) -> float:
    """Return a number; YAML 1.1 takes 1e-4, which lacks a point, for text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError(expected)
    try:
        return float(value)
    except (ValueError, OverflowError):
        raise ValueError(expected) from None


def _channels(least: float, *, above: bool) -> Reader:
    one = _number(least, above=above)

    def read(value: Any) -> list[float]:
        if not isinstance(value, list) or len(value) not in (1, 3):
            raise ValueError("a list of 1 or 3 numbers")
        return [one(item) for item in value]

    return read


def _loss(value: Any) -> str:
    text = _text(value)
    try:
        return str(parse_loss(text))
    except AlfsError as error:
        raise ValueError(f"a loss: {error}") from None


def _model(value: Any) -> str:
    text = _text(value)
    if text not in MODEL_NAMES and not text.startswith(TORCHVISION):
        names = [*MODEL_NAMES, f"{TORCHVISION}NAME"]
        raise ValueError(f"one of {', '.join(names)}{did_you_mean(text, names)}")
    return text


def _noise(value: Any) -> str:
    text, known = _text(value), (*NOISE_KINDS, INSTANCE)
    return text if is_file(text) else _one_of([*known, "a file with T (.csv)"])(text)


def is_file(noise: str) -> bool:
    """Say whether noise is named by a file with T, which has no rate, and not by its kind."""
    return noise not in (*NOISE_KINDS, INSTANCE) and "." in noise.rpartition("/")[2][1:]


def _one_of(known: Sequence[str]) -> Reader:
    def read(value: Any) -> str:
        if value not in known:
            raise ValueError(f"one of {', '.join(known)}{did_you_mean(str(value), known)}")
        return str(value)

    return read


def _schedule(value: Any) -> str:
    kind, colon, factor = _text(value).partition(":")
    if kind in ("cosine", "constant") and not colon:
        return kind
    if kind == "exponential" and colon:
        return f"exponential:{_number(0, above=True, most=1)(factor):g}"
    raise ValueError(f"one of {', '.join(SCHEDULES)}")


DATA_FIELDS = (
    *("source", "split", "labels", "true_labels", "pred_probs", "features", "label_column"),
    *("path_column", "true_label_column", "label_columns", "feature_columns", "exclude_columns"),
    *("group_column", "classes", "root"),
)

SETTINGS: dict[str, Reader] = {
    **{f"dataset.{name}": _text for name in DATA_FIELDS},
    **{f"test.{name}": _text for name in DATA_FIELDS},
    "fingerprint": _text,
    "holdout": _number(0, most=0.95),
    "test_labels_are_true": _flag,
    "noise.kind": _noise,
    "noise.rate": _number(0, most=1),
    "noise.seed": _whole(0, MOST_SEED),
    "noise.draw": _one_of(DRAWS),
    "noise.sequential": _flag,
    "noise.blocks_of_five": _flag,
    "noise.fingerprint": _text,
    "model": _model,
    "loss": _loss,
    "optimizer.lr": _number(0, above=True),
    "optimizer.momentum": _number(0, most=1),
    "optimizer.weight_decay": _number(0),
    "optimizer.grad_clip": _number(0),
    "optimizer.nesterov": _flag,
    "schedule": _schedule,
    "epochs": _whole(1),
    "batch_size": _whole(2),
    "seed": _whole(0, MOST_SEED),
    "processes": _whole(1),
    "image_size": _whole(1),
    "augmentation.crop": _whole(0),
    "augmentation.flip": _flag,
    "augmentation.rotation": _number(0, most=180),
    "augmentation.resized_crop": _number(0, most=1),
    "augmentation.colour_jitter": _number(0, most=1),
    "normalisation.mean": _channels(0, above=False),
    "normalisation.std": _channels(0, above=True),
    "l1": _number(0),
    "nlnl.nl": _whole(1),
    "nlnl.selnl": _whole(0),
    "nlnl.threshold": _number(0, most=1),
    "elr.strength": _number(0),
    "elr.momentum": _number(0, most=1),
    "correction": _one_of(CORRECTIONS),
    "transition.file": _text,
    "transition.fingerprint": _text,
    "transition.least_level": _number(0, most=100),
}
SHORT = {  # a plain name stands for where it comes from
    "dataset": "dataset.source",
    "test": "test.source",
    "transition": "transition.file",
}
GROUPS = {key.partition(".")[0] for key in SETTINGS if "." in key}
TOGETHER = (
    ("noise.kind", "noise.rate"),
    ("nlnl.nl", "nlnl.selnl"),
    ("normalisation.mean", "normalisation.std"),
)


def nest(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return dotted keys as nested mappings."""
    tree: dict[str, Any] = {}
    for key, value in values.items():
        group, dot, name = key.partition(".")
        if dot:
            tree.setdefault(group, {})[name] = value
        else:
            tree[key] = value
    return tree


def read_setting(key: str, value: Any) -> Any:
    """Return the checked value of a key; raises UsageError for an unknown key or a wrong value."""
    if key not in SETTINGS:
        raise UsageError(
            f"unknown key '{key}'{_nearest(key)}",
            help="alfs recipes show digits shows all keys in use",
        )
    try:
        return SETTINGS[key](value)
    except ValueError as error:
        raise UsageError(
            f"{key} is {_shown(value)}, not {error}",
            help="alfs recipes show digits shows values that are right",
        ) from None


def _shown(value: Any) -> str:
    """Return a value as a message tells it; a number may have more digits than Python writes."""
    try:
        text = repr(value)
    except ValueError:
        return "a number of thousands of digits"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def _nearest(key: str) -> str:
    """Return a hint: the key of that last part, or the nearest one."""
    same = [known for known in SETTINGS if known.rpartition(".")[2] == key]
    return f" (did you mean '{same[0]}'?)" if same else did_you_mean(key, [*SETTINGS, *GROUPS])


def incomplete(values: Values) -> list[str]:
    """Return what is wrong with settings as a whole."""
    if is_file(values.get("noise.kind", "")):
        if "noise.rate" in values:
            return ["'noise.rate' has no meaning beside a file with T"]
        values = {key: value for key, value in values.items() if key != "noise.kind"}
    return [
        f"'{one}' needs '{other}' beside it"
        for pair in TOGETHER
        for one, other in (pair, pair[::-1])
        if one in values and other not in values
    ]


def overrides(assignments: Sequence[str]) -> Values:
    """Read `--set KEY=VALUE` texts; raises RecipeError with everything that is wrong."""
    values: Values = {}
    errors: list[str] = []
    for text in assignments:
        key, equals, written = text.partition("=")
        key = SHORT.get(key.strip(), key.strip())
        if not equals:
            errors.append(f"--set '{text}' is not KEY=VALUE")
            continue
        try:
            values[key] = read_setting(key, _scalar(written.strip()))
        except UsageError as error:
            errors.append(f"--set {error}")
    if errors:
        raise RecipeError("\n".join(errors), help="for example --set optimizer.lr=0.1")
    return values


def _scalar(text: str) -> Any:
    import yaml

    try:
        value = yaml.safe_load(limit_nesting(text))
    except (yaml.YAMLError, ValueError, RecursionError):
        return text
    return text if isinstance(value, dict) or value is None else value
