"""Training settings: SETTINGS lists every key, with the function that checks its value.

It is shared by recipes, `config.yaml`, `--set KEY=VALUE` and the options of `train`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from alfs_cli.errors import AlfsError, UsageError, did_you_mean
from alfs_cli.losses import parse_loss
from alfs_cli.noise import DRAWS, INSTANCE, MULTINOMIAL, NOISE_KINDS
from alfs_cli.results.run import (
    CORRECTIONS,
    GRADIENTS,
    LIKE,
    MODEL_NAMES,
    SCHEDULES,
    TORCHVISION,
)
from alfs_cli.settings.values import Reader, flag, number, one_of, text, whole
from alfs_cli.storage.documents import limit_nesting
from alfs_cli.text.numbers import MOST_SEED

Values = dict[str, Any]  # dotted key -> value


class RecipeError(AlfsError):
    """Settings are wrong; the message has a line for each mistake."""


MOST_SHOWN = 100  # characters of a value in a message


def _channels(least: float, *, above: bool) -> Reader:
    one = number(least, above=above)

    def read(value: Any) -> list[float]:
        if not isinstance(value, list) or len(value) not in (1, 3):
            raise ValueError("not a list of 1 or 3 numbers")
        return [one(item) for item in value]

    return read


def _loss(value: Any) -> str:
    name = text(value)
    try:
        return str(parse_loss(name))
    except AlfsError as error:
        raise ValueError(f"not a loss: {error}") from None


def _model(value: Any) -> str:
    name = text(value)
    if name.startswith(TORCHVISION):
        return name
    if name not in MODEL_NAMES:
        one_of([*MODEL_NAMES, f"{TORCHVISION}NAME"])(name)
    return name


def _noise(value: Any) -> str:
    name, known = text(value), (*NOISE_KINDS, INSTANCE)
    return name if is_file(name) else str(one_of([*known, "a file with T (.csv)"])(name))


def is_file(noise: str) -> bool:
    """Say whether `noise` names a file with T, which has no rate, and not a kind of noise.

    >>> is_file("T.csv"), is_file("symmetric")
    (True, False)
    """
    return noise not in (*NOISE_KINDS, INSTANCE) and "." in noise.rpartition("/")[2][1:]


def _schedule(value: Any) -> str:
    kind, colon, factor = text(value).partition(":")
    if kind in ("cosine", "constant") and not colon:
        return kind
    if kind == "exponential" and colon:
        return f"exponential:{number(0, above=True, most=1)(factor):g}"
    raise ValueError(f"not one of {', '.join(SCHEDULES)}")


DATA_FIELDS = (
    *("source", "split", "labels", "true_labels", "pred_probs", "features", "label_column"),
    *("path_column", "true_label_column", "label_columns", "feature_columns", "exclude_columns"),
    *("group_column", "classes", "root"),
)

SETTINGS: dict[str, Reader] = {
    **{f"dataset.{name}": text for name in DATA_FIELDS},
    **{f"test.{name}": text for name in DATA_FIELDS},
    "fingerprint": text,
    "holdout": number(0, most=0.95),
    "test_labels_are_true": flag,
    "noise.kind": _noise,
    "noise.rate": number(0, most=1),
    "noise.seed": whole(0, MOST_SEED),
    "noise.draw": one_of((*DRAWS, MULTINOMIAL)),
    "noise.sequential": flag,
    "noise.blocks_of_five": flag,
    "noise.fingerprint": text,
    "model": _model,
    "loss": _loss,
    "optimizer.lr": number(0, above=True),
    "optimizer.momentum": number(0, most=1),
    "optimizer.weight_decay": number(0),
    "optimizer.grad_clip": number(0),
    "optimizer.nesterov": flag,
    "schedule": _schedule,
    "epochs": whole(1),
    "batch_size": whole(2),
    "seed": whole(0, MOST_SEED),
    "processes": whole(1),
    "image_size": whole(1),
    "augmentation.crop": whole(0),
    "augmentation.flip": flag,
    "augmentation.rotation": number(0, most=180),
    "augmentation.resized_crop": number(0, most=1),
    "augmentation.colour_jitter": number(0, most=1),
    "augmentation.hue": number(0, most=0.5),
    "normalisation.mean": _channels(0, above=False),
    "normalisation.std": _channels(0, above=True),
    "l1": number(0),
    "nlnl.nl": whole(1),
    "nlnl.selnl": whole(0),
    "nlnl.threshold": number(0, most=1),
    "elr.strength": number(0),
    "elr.momentum": number(0, most=1),
    "loss_gradient": one_of(GRADIENTS),
    "like": one_of(LIKE),
    "correction": one_of(CORRECTIONS),
    "transition.file": text,
    "transition.fingerprint": text,
    "transition.least_level": number(0, most=100),
}
SHORT = {  # keys that may be written without their group
    "dataset": "dataset.source",
    "test": "test.source",
    "transition": "transition.file",
}
GROUPS = {key.partition(".")[0] for key in SETTINGS if "." in key}
TOGETHER = (  # keys that need each other
    ("noise.kind", "noise.rate"),
    ("nlnl.nl", "nlnl.selnl"),
    ("normalisation.mean", "normalisation.std"),
)


def nest(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return dotted keys as nested mappings.

    >>> nest({"noise.rate": 0.4, "epochs": 10})
    {'noise': {'rate': 0.4}, 'epochs': 10}
    """
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
            f"{key} is {_shown(value)}, {error}",
            help="alfs recipes show digits shows values that are right",
        ) from None


def _shown(value: Any) -> str:
    """Return a value as text for a message; a number may have more digits than Python writes."""
    try:
        text = repr(value)
    except ValueError:
        return "a number of thousands of digits"
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def _nearest(key: str) -> str:
    """Return a hint for a message: a key with this last part, or the nearest key."""
    same = [known for known in SETTINGS if known.rpartition(".")[2] == key]
    return f" (did you mean '{same[0]}'?)" if same else did_you_mean(key, [*SETTINGS, *GROUPS])


def incomplete(values: Values) -> list[str]:
    """Return a message for each setting that is missing beside another, or contradicts it."""
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
    """Return the settings in `--set KEY=VALUE` texts; raises RecipeError with all mistakes.

    >>> overrides(["optimizer.lr=0.1"])
    {'optimizer.lr': 0.1}
    """
    values: Values = {}
    errors: list[str] = []
    for written_as in assignments:
        key, equals, written = written_as.partition("=")
        key = SHORT.get(key.strip(), key.strip())
        if not equals:
            errors.append(f"--set '{written_as}' is not KEY=VALUE")
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
