"""What a data set is, what can be done with it, and what to type next."""

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from alfs_cli.data import DataSpec, LabelledDataset, load, splits_of
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

    Of a saved result of alfs, `n` and `class_names` are those of the data it speaks of, if known.
    """

    source: str
    kind: str
    n: int
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
    "alfs.estimate": (
        "an estimate",
        (
            ("report {path}", "a page to show"),
            ("recommend {path}", "losses that withstand the noise, with a certificate"),
            ("check {path}", "a gate for CI, without the data"),
        ),
    ),
    "alfs.audit": ("an audit", (("report {path}", "a page for somebody who doubts it"),)),
    "alfs.check": ("the result of a gate", (("check -h", "what a gate takes"),)),
    "alfs.recommend": ("a recommendation", (("train DATA", "takes it from beside the estimate"),)),
    "alfs.result": ("the result of a run", (("report {folder}", "its curves and accuracy"),)),
}
"""What alfs saves, by the schema without its number: what it is, and what can be done with it."""


def saved_form(path: Path) -> DataForm | None:
    """Return what a saved result is, or a folder that holds one; None where it is none."""
    for file in (path, path / "estimate.json", path / "audit.json", path / "result.json"):
        if file.suffix == ".json" and file.is_file():
            break
    else:
        return None
    document = _document(file)
    schema = str(document.get("schema", "")).partition("/")[0]
    if schema not in SAVED:
        return None
    what, commands = SAVED[schema]
    places = {"path": shlex.quote(str(file)), "folder": shlex.quote(str(file.parent))}
    typed = [(command.format(**places), words) for command, words in commands]
    data = document.get("data")
    told = data if isinstance(data, dict) else {}
    of = ((("of the data", str(told["source"])),)) if "source" in told else ()
    return DataForm(
        source=str(path),
        kind=schema,
        n=int(told.get("n", 0)),
        class_names=tuple(told.get("class_names", ())),
        facts=(("it is", what), *of),
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
    if (columns := dataset.columns) is not None and columns.is_table:
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
