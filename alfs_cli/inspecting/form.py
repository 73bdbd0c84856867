"""What a data set is, what can be done with it, and what to type next."""

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from alfs_cli.audits import plan
from alfs_cli.data import DataSpec, LabelledDataset, load, splits_of
from alfs_cli.results import estimate, run, sweep
from alfs_cli.text.numbers import percent

FEW = 200  # examples below which intervals are wide whatever the evidence
MOST_NAMED = 12  # columns that are named
LEAST_ANNOTATORS = 3  # of two, nobody knows who is right


@dataclass(frozen=True)
class Use:
    """A command and whether these data will do for it; `words` say what for, or what is missing."""

    command: str
    is_possible: bool
    words: str


@dataclass(frozen=True)
class DataForm:
    """What was read: `facts` by name, `uses`, what was noticed, and the command to go on with.

    Of a saved result of alfs, `n` is None and there are no `class_names`.
    """

    source: str
    kind: str
    n: int | None
    class_names: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    uses: tuple[Use, ...]
    notes: tuple[str, ...]
    next: str


def form_of(spec: DataSpec) -> DataForm:
    """Return what the data set is and what can be done with it; no picture is decoded.

    Raises InputError, as every command does, where it cannot be read.
    """
    dataset = load(replace(spec, labels_alone=True))
    uses = tuple(_uses(dataset))
    judged = uses[0].is_possible
    words = " ".join(["alfs", "estimate" if judged else "audit", *_typed(spec)])
    return DataForm(
        source=dataset.name,
        kind=dataset.kind,
        n=len(dataset),
        class_names=dataset.class_names,
        facts=tuple(_facts(dataset, splits_of(spec))),
        uses=uses,
        notes=tuple(_notes(dataset)),
        next=words,
    )


SAVED: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    estimate.SCHEMA: (
        "an estimate",
        (
            ("report {path}", "a page to show"),
            ("recommend {path}", "losses that withstand the noise, with a certificate"),
            ("check {path}", "a gate for CI, without the data"),
        ),
    ),
    plan.SCHEMA: ("an audit", (("report {path}", "a page for somebody who doubts it"),)),
    run.SCHEMA: ("a run", (("report {folder}", "its curves and its accuracy"),)),
    sweep.SCHEMA: ("a sweep", (("report {folder}", "its losses side by side"),)),
}
"""Results of alfs that commands take, by schema: what each is, and what can be done with it."""

FILES = ("estimate.json", "audit.json", run.RESULT, sweep.PLAN)  # of a folder that holds results


def saved_form(path: Path) -> DataForm | None:
    """Return what a saved result is, or a folder that holds one; None where it is none."""
    names = [path] if path.suffix == ".json" else [path / name for name in FILES]
    file = next((name for name in names if name.is_file()), None)
    schema = "" if file is None else str(_document(file).get("schema"))
    if file is None or schema not in SAVED:
        return None
    what, commands = SAVED[schema]
    places = {"path": shlex.quote(str(file)), "folder": shlex.quote(str(file.parent))}
    typed = [(command.format(**places), words) for command, words in commands]
    return DataForm(
        source=str(path),
        kind=schema.partition("/")[0],
        n=None,
        class_names=(),
        facts=(("it is", what),),
        uses=tuple(Use(command, is_possible=True, words=words) for command, words in typed),
        notes=(),
        next=f"alfs {typed[0][0]}",
    )


def _document(file: Path) -> dict[str, Any]:
    """Return the JSON object in a file, empty where there is none."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _facts(dataset: LabelledDataset, splits: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    counts = dataset.given_counts
    least, most = int(counts.argmin()), int(counts.argmax())
    names = dataset.class_names
    yield "examples", f"{len(dataset):,}"
    sizes = f"from {counts[least]:,} ('{names[least]}') to {counts[most]:,} ('{names[most]}')"
    yield "classes", f"{len(names):,}, {sizes if counts[least] < counts[most] else 'all alike'}"
    if splits:
        yield "splits", f"{', '.join(splits)}; read: {dataset.split or 'all'}"
    yield "to judge the labels by", " and ".join(_evidence(dataset)) or "nothing"
    columns = dataset.columns
    if columns is not None and columns.is_table and columns.used:
        yield "columns used", _named(columns.used)
    if columns is not None and columns.aside:
        told = [f"{name} ({reason})" for name, reason in columns.aside]
        yield "columns set aside", _named(told)
    if dataset.true_labels is not None:
        agree = float((dataset.true_labels == dataset.labels).mean())
        yield "true labels", f"known: {percent(agree)} of the given ones are right"
    if dataset.groups is not None:
        yield "groups", f"{len(set(dataset.groups.tolist())):,}, kept together"
    if dataset.annotators:
        yield "annotators", f"{len(dataset.annotators):,}"


def _named(names: Sequence[str]) -> str:
    """Return names with commas, the first ones where they are many."""
    more = f" and {len(names) - MOST_NAMED:,} more" if len(names) > MOST_NAMED else ""
    return ", ".join(names[:MOST_NAMED]) + more


def _evidence(dataset: LabelledDataset) -> list[str]:
    """Return in words what speaks for or against the labels."""
    found = []
    if dataset.images is not None:
        found.append("pictures")
    if dataset.texts is not None:
        found.append("texts")
    if dataset.features is not None:
        found.append(f"{dataset.features.shape[1]:,} features")
    if dataset.pred_probs is not None:
        found.append("given probabilities")
    if len(dataset.annotators) >= LEAST_ANNOTATORS:
        found.append(f"{len(dataset.annotators):,} annotators")
    return found


def _uses(dataset: LabelledDataset) -> Iterator[Use]:
    """Yield what can be done, `estimate` first."""
    judged = bool(_evidence(dataset))
    trains = dataset.images is not None or dataset.features is not None
    lacking = "nothing but labels is there: add features, or --pred-probs of a model"
    for command, is_possible, purpose, missing in (
        ("estimate", judged, "how many labels are wrong, which, and T", lacking),
        ("audit", True, "claims decided by people's answers, whatever the noise is like", ""),
        ("check", judged, "a gate for CI", lacking),
        (
            "train",
            trains,
            "a network that withstands the wrong labels",
            "it needs pictures or features to learn from",
        ),
    ):
        yield Use(command, is_possible, purpose if is_possible else missing)


def _notes(dataset: LabelledDataset) -> Iterator[str]:
    yield from dataset.notes
    if dataset.problems:
        first = dataset.problems[0]
        more = f", and {len(dataset.problems) - 1:,} more" if len(dataset.problems) > 1 else ""
        yield f"{first.message}{more}; `alfs inspect` and `alfs check` list them"
    if len(dataset) < FEW:
        yield f"{len(dataset):,} examples are few: intervals will be wide; `alfs audit` asks people"
    if len(dataset.annotators) == LEAST_ANNOTATORS - 1:
        yield "of two annotators nobody knows who is right: a third or --trusted labels would tell"


def _typed(spec: DataSpec) -> list[str]:
    """Return the words that name the data set on a command line, quoted where need be."""
    given = spec.given()
    source = given.pop("source", None)
    options = [(f"--{name.replace('_', '-')}", str(value)) for name, value in given.items()]
    words = [*([] if source is None else [source]), *(word for pair in options for word in pair)]
    return [shlex.quote(word) for word in words]
