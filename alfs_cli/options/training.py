"""The settings of a training run: typed options first, then a recipe, then saved results.

Settings are dictionaries by dotted key, such as optimizer.lr. Importing this module must stay
light: functions import what they need.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from alfs_cli.data.readers import refuse_missing
from alfs_cli.errors import InputError, UsageError
from alfs_cli.options.data import DataOptions
from alfs_cli.options.shared import Invocation
from alfs_cli.options.train import TrainOptions
from alfs_cli.text.addresses import is_address, parsed
from alfs_cli.text.numbers import whole_number

NOTHING_NAMED = "alfs train DATA --loss nce+aul, or `alfs estimate DATA` and `alfs recommend` first"
OPTIONS = {
    "optimizer.lr": "--lr",
    "optimizer.weight_decay": "--weight-decay",
    "processes": "--nproc",
}


def typed(
    training: TrainOptions, data: str | None, options: DataOptions, more: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the typed settings by dotted key, checked; `more` holds further settings."""
    return named(
        {
            "dataset.source": data,
            **{f"dataset.{name}": value for name, value in options.named().items()},
            "correction": training.correction,
            "transition.file": training.transition,
            "model": training.model,
            "epochs": training.epochs,
            "batch_size": training.batch_size,
            "optimizer.lr": training.lr,
            "optimizer.weight_decay": training.weight_decay,
            "noise.seed": training.noise_seed,
            "test.source": training.test,
            "test.root": options.root if training.test else None,
            "holdout": training.holdout,
            "test_labels_are_true": training.test_labels_are_true or None,
            **more,
        },
        training.set_ or (),
    )


def named(options: Mapping[str, Any], assignments: Sequence[str]) -> dict[str, Any]:
    """Return the settings of options and of --set by dotted key, checked.

    Raises UsageError for a value out of range, and for a key that is set twice.
    """
    from alfs_cli.settings.training import overrides, read_setting

    said = {}
    for key, value in options.items():
        if is_address(value) and parsed(value).is_secret:
            raise UsageError(
                f"{option_of(key)} '{parsed(value).shown}' holds a password or a query, and a run "
                "records its data",
                help="fetch it first and name the copy, or give credentials by the environment",
            )
        if value is not None:
            try:
                said[key] = _read_option(key, value, read_setting)
            except UsageError as error:
                text = str(error)
                if text.startswith(f"{key} "):
                    text = option_of(key) + text.removeprefix(key)
                raise UsageError(text, help=error.help) from None
    more = overrides(assignments)
    for key in more:
        if key in said:
            raise UsageError(
                f"{key} is set twice, by {option_of(key)} and by --set",
                help=f"leave one of {option_of(key)} and --set {key}=... out",
            )
    return {**said, **more}


def _read_option(key: str, value: Any, read: Any) -> Any:
    """Return the value of an option; losses, models and noise have error messages of their own."""
    if key == "loss":
        from alfs_cli.losses import parse_loss

        return str(parse_loss(value))
    if key == "model":
        from alfs_cli.errors import unknown
        from alfs_cli.results.run import MODEL_NAMES, TORCHVISION

        if value not in MODEL_NAMES and not value.startswith(TORCHVISION):
            raise unknown("model", value, [*MODEL_NAMES, f"{TORCHVISION}NAME"])
    if key == "noise.kind":
        from alfs_cli.errors import unknown
        from alfs_cli.noise import INSTANCE, NOISE_KINDS
        from alfs_cli.settings.training import is_file

        known = (*NOISE_KINDS, INSTANCE)
        if value not in known and not is_file(value):
            raise unknown("kind of noise", value, (*known, "a file with T (.csv)"))
    return read(key, value)


def option_of(key: str) -> str:
    """Return the option that sets a key.

    >>> option_of("optimizer.lr"), option_of("batch_size")
    ('--lr', '--batch-size')
    """
    if key in OPTIONS:
        return OPTIONS[key]
    if key in ("dataset.source", "test.source"):
        return "DATA" if key.startswith("dataset") else "--test"
    name = key.replace("dataset.", "").replace("noise.kind", "noise")
    name = name.replace("transition.file", "transition")
    return "--" + name.replace(".", "-").replace("_", "-")


def _typed_as(key: re.Match[str]) -> str:
    return option_of(key[1])


Expected = list[tuple[str | None, InputError]]
"""The data fingerprints that saved results expect, and the error to raise for any other data.

None equals no fingerprint: its error is raised for all data.
"""


def settle(
    invocation: Invocation,
    said: Mapping[str, Any],
    training: TrainOptions,
) -> tuple[dict[str, Any], Expected]:
    """Return the nested settings of a new run, and the data that saved results expect.

    `said` are the typed settings by dotted key. What they and the recipe leave open is taken from
    the recommendation and the estimate under --out.

    Raises UsageError where neither names data or a loss.
    """
    from alfs_cli.settings.training import nest

    recommendation = training.recommendation
    if training.recipe is not None and training.config is not None:
        raise UsageError("--recipe and --config are both given", help="leave one of them out")
    if recommendation is not None and "loss" in said:
        raise UsageError("--from and --loss are both given", help="leave one of them out")
    values = _with_data(_base(training), said)
    expected: Expected = []
    estimate = invocation.out / "estimate.json"
    if "loss" not in values or recommendation is not None:
        found = recommended(recommendation, invocation, required="dataset.source" in values)
        if found is not None:
            advice, expected, estimate = found
            values = {**values, **advice, **said}
    if "dataset.source" not in values:
        spec, fingerprint = estimated(invocation, needs_loss="loss" not in values)
        values.update(spec)
        expected.append((fingerprint, _stale("estimate.json", "estimate")))
    if values.get("dataset.source") is not None:
        refuse_missing(str(values["dataset.source"]))
    if values.get("correction") != "forward" and "transition.least_level" not in said:
        values.pop("transition.least_level", None)  # set by the recommendation
    if values.get("correction") == "forward" and "transition.file" not in values:
        values["transition.file"] = str(estimate)
        fingerprint = estimated_transition(estimate, values)
        expected.append((fingerprint, _stale("estimate.json", "estimate")))
    _refuse_incomplete(values, training)
    refuse_decided(values, said)
    values["seed"] = invocation.seed if invocation.has_seed else values.get("seed", 0)
    return nest(values), expected


def _base(training: TrainOptions) -> Mapping[str, Any]:
    """Return the settings of --recipe or --config by dotted key, empty without them."""
    from alfs_cli.results.run import TRANSITION
    from alfs_cli.settings.recipes import load_recipe, load_settings

    if training.recipe is not None:
        return load_recipe(training.recipe).values
    if training.config is None:
        return {}
    base, kept = load_settings(training.config).values, training.config.parent / TRANSITION
    if "transition.fingerprint" in base and kept.exists():
        return {**base, "transition.file": str(kept)}
    return base


def _refuse_incomplete(values: dict[str, Any], training: TrainOptions) -> None:
    """Raise RecipeError where only half of a pair of settings is given, such as a noise rate."""
    from alfs_cli.settings.training import RecipeError, incomplete

    problems = incomplete(values)
    if problems:
        if training.recipe is None and training.config is None:  # name options, not keys
            problems = [re.sub(r"'(noise\.\w+)'", _typed_as, text) for text in problems]
        raise RecipeError("\n".join(problems), help="give both, or neither")


def refuse_decided(values: Mapping[str, Any], said: Mapping[str, Any]) -> None:
    """Raise UsageError where a setting is typed that `like` decides."""
    if "like" not in values:
        return
    from alfs_cli.results.like import DECIDED

    both = [key for key in DECIDED if key in said]
    if both:
        raise UsageError(
            f"like: {values['like']} decides {both[0]}, and it is set too",
            help=f"leave like or {both[0]} out",
        )


def check_expected(expected: Expected, fingerprint: str, training: TrainOptions) -> None:
    """Raise the error of the first saved result that was made from other data than these."""
    for found, error in expected:
        if found != fingerprint and not training.allow_stale:
            raise error


def _stale(name: str, command: str) -> InputError:
    return InputError(
        f"'{name}' is for other data: the fingerprints differ",
        help=f"`alfs {command}` anew, or --allow-stale",
    )


def _outdated(name: str, estimate: Path) -> InputError:
    return InputError(
        f"'{name}' was made from another estimate than the one in '{estimate.as_posix()}'",
        help="`alfs recommend` anew, or --allow-stale",
    )


def _with_data(base: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Return a recipe with typed settings on top; typed data replace all of the recipe's data."""
    other_data = "dataset.source" in said
    kept = {
        key: value
        for key, value in base.items()
        if not (other_data and (key.startswith(("dataset.", "test.")) or key == "fingerprint"))
    }
    if "dataset.source" not in kept and not other_data:
        stray = [key for key in said if key.startswith("dataset.")]
        if stray:
            raise UsageError(f"{option_of(stray[0])} is given without DATA", help=NOTHING_NAMED)
    return {**kept, **said}


def recommended(
    text: str | None, invocation: Invocation, *, required: bool
) -> tuple[dict[str, Any], Expected, Path] | None:
    """Return the recommended settings, the data they expect, and the estimate they were made from.

    `text` is FILE[#i], or None for the recommendation under --out. Where that is missing the result
    is None.

    Raises UsageError where it is missing and `required`, or where it has no entry i.
    """
    from alfs_cli.losses import parse_loss
    from alfs_cli.results.estimate import load_estimate
    from alfs_cli.results.recommendation import load_recommendations

    name, _, place = (text or "").partition("#")
    index = whole_number(place or "0")
    if index is None:
        raise UsageError(f"--from '{text}': '{place}' is no number", help="--from FILE#0, FILE#1")
    path = Path(name) if text else invocation.out / "recommendation.json"
    if text is None and not path.exists():
        if required:
            raise UsageError(
                "no loss is named, and nothing has been recommended",
                help="--loss nce+aul, or `alfs estimate DATA` and `alfs recommend` first",
            )
        return None
    advice = load_recommendations(path)
    entries = advice.recommendations
    if not entries:
        raise InputError(f"{path}: it recommends no loss", help="name one with --loss")
    if index >= len(entries):
        raise UsageError(
            f"--from '{text}': there are {len(entries)} recommendations",
            help=f"count from 0 to {len(entries) - 1}",
        )
    chosen = entries[index]
    loss = str(parse_loss(chosen.loss))
    corrected = "" if chosen.correction == "none" else f" with {chosen.correction} correction"
    invocation.console.note(f"loss {loss}{corrected}, recommended in {path.as_posix()}")
    estimate = Path(advice.estimate)
    if not estimate.is_file():  # the saved path was relative to another folder
        estimate = path.parent / "estimate.json"
    settings: dict[str, Any] = {"loss": loss, "correction": chosen.correction}
    if chosen.least_level:
        settings["transition.least_level"] = chosen.least_level
    shown = text or path.name
    expected: Expected = [(advice.data.fingerprint, _stale(shown, "recommend"))]
    if estimate.is_file() and not advice.rests_on(load_estimate(estimate)):
        expected.append((None, _outdated(shown, estimate)))
    return settings, expected, estimate


def estimated_transition(path: Path, values: Mapping[str, Any]) -> str:
    """Return the data fingerprint of the estimate at `path`, whose T corrects the loss.

    Raises UsageError where there is no estimate, or where `values` inject noise that it lacks.
    """
    from alfs_cli.results.estimate import load_estimate

    if not path.exists():
        raise UsageError(
            f"forward correction needs T, and there is no '{path.as_posix()}'",
            help="--transition FILE, or `alfs estimate DATA` first",
        )
    if "noise.kind" in values:
        raise UsageError(
            f"'{path.as_posix()}' knows nothing of the noise that is injected here",
            help="--transition FILE, or `alfs inject` the noise and estimate what it wrote",
        )
    return load_estimate(path).data.fingerprint


def estimated(invocation: Invocation, *, needs_loss: bool) -> tuple[dict[str, Any], str]:
    """Return the data settings of the estimate under --out, and the fingerprint of those data."""
    from alfs_cli.results.estimate import load_estimate

    path = invocation.out / "estimate.json"
    if not path.exists():
        what = "neither data nor a loss is named" if needs_loss else "no data are named"
        raise UsageError(f"{what}, and there is no '{path.as_posix()}'", help=NOTHING_NAMED)
    if needs_loss:
        raise UsageError(
            "no loss is named, and nothing has been recommended",
            help="--loss nce+aul, or `alfs recommend` first",
        )
    data = load_estimate(path).data
    spec = {f"dataset.{key}": value for key, value in data.spec.items() if value is not None}
    if "dataset.source" not in spec:
        raise UsageError(
            f"{path.as_posix()} was made from probabilities alone; there is nothing to train on",
            help="name the data: alfs train DATA",
        )
    invocation.console.note(f"data {data.source}, as in {path.as_posix()}")
    return spec, data.fingerprint


def inputs_of(settings: Mapping[str, Any]) -> Iterator[str]:
    """Yield every string in nested settings: any of them may name an input file."""
    for value in settings.values():
        if isinstance(value, Mapping):
            yield from inputs_of(value)
        elif isinstance(value, str):
            yield value


def saved_inputs(out: Path) -> tuple[Path, Path]:
    """Return the saved results that data and a loss are taken from where none are named."""
    return out / "estimate.json", out / "recommendation.json"


def resumed(
    name: str,
    out: Path,
    said: Mapping[str, Any],
    others: Mapping[str, object],
    *,
    overwrite: bool,
) -> tuple[Path, dict[str, Any]]:
    """Return the folder and the nested settings of a run to resume.

    Raises UsageError where any other setting is given: a run resumes as it was configured.
    """
    from alfs_cli.results.run import find_run, saved_settings

    more = [option for option, value in others.items() if value is not None]
    more += [option_of(key) for key in said] + (["--overwrite"] if overwrite else [])
    if more:
        raise UsageError(
            f"--resume goes on with a run as it was configured; {more[0]} cannot be changed",
            help=f"leave {more[0]} out, or start a new run without --resume",
        )
    folder = find_run(name, out)
    return folder, saved_settings(folder)
