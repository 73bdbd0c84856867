"""`alfs.audit`: claims about labels, decided by as few answers as possible, in a program."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from alfs_cli.auditing.exhibits import Exhibits, exhibits
from alfs_cli.auditing.scores import scores_of
from alfs_cli.auditing.session import Wanted, open_audit
from alfs_cli.auditing.words import between, known, missing
from alfs_cli.audits.judge import Measured
from alfs_cli.audits.record import Record, label_of
from alfs_cli.audits.status import ClaimStatus, Status, document, save_document, status, verify
from alfs_cli.data import Given, load
from alfs_cli.errors import UsageError, did_you_mean, has
from alfs_cli.estimating import EstimateOptions
from alfs_cli.formats.blocks import Report
from alfs_cli.predicting.classes import predictions_of
from alfs_cli.python.asked import FileName, Names, data_asked, several
from alfs_cli.python.showing import Shown
from alfs_cli.python.wording import Listener, told_to_programs
from alfs_cli.reports.audit import audit_report
from alfs_cli.storage.targets import OUT

MOST_LISTED = 6  # claims in a console
Labels = NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class AuditStatus(Shown):
    """What an audit knows after so many answers: `claims`, `noise_rate`, `is_decided`."""

    result: Status
    name: str
    examples: int
    record: dict[str, Any]

    @property
    def claims(self) -> tuple[ClaimStatus, ...]:
        """Each claim: `.text`, `.status`, `.value`, `.low`, `.high`, `.answers`, `.forecast`."""
        return self.result.claims

    @property
    def noise_rate(self) -> Measured:
        """The share of wrong labels: `.value`, `.low`, `.high`, bounds that hold at all times."""
        return self.result.noise_rate

    @property
    def answers(self) -> int:
        """How many draws are answered, "?" among them."""
        return self.result.answers

    @property
    def is_decided(self) -> bool:
        """Whether every claim is accepted or rejected, so that no answer is missing."""
        return self.result.is_decided

    def to_frame(self) -> pd.DataFrame:
        """Return one row a claim: status, value, low, high, answers, more (the median foretold)."""
        rows = [
            {
                "status": claim.status,
                "value": claim.value,
                "low": claim.low,
                "high": claim.high,
                "answers": claim.answers,
                "more": None if claim.forecast is None else claim.forecast.p50,
            }
            for claim in self.claims
        ]
        return pd.DataFrame(rows, index=pd.Index([c.text for c in self.claims], name="claim"))

    def document(self) -> dict[str, Any]:
        """Return the JSON document `alfs.audit/1`."""
        return self.record

    def _lines(self) -> tuple[str, list[tuple[str, str]]]:
        rate = self.noise_rate
        rows = [
            (claim.status, f"{claim.text}: {known(claim)}{_more(claim)}")
            for claim in self.claims[:MOST_LISTED]
        ]
        if len(self.claims) > MOST_LISTED:
            rows.append(("", f"and {len(self.claims) - MOST_LISTED:,} more claims"))
        rows.append(("wrong labels", between(rate.low, rate.high)))
        return f"{self.answers:,} of {self.examples:,} examples answered: {self.name}", rows

    def _report(self) -> Report:
        return audit_report(self.result, self.record, name=self.name, examples=self.examples)


def _more(claim: ClaimStatus) -> str:
    more = missing(claim.forecast)
    return f"; {more}" if more else ""


class Audit(Shown):
    """An audit that is going on: `next` says what to ask, `answer` takes answers in."""

    def __init__(
        self, record: Record, shows: Exhibits, notes: tuple[str, ...], index: "pd.Index[Any] | None"
    ) -> None:
        self.record, self.shows, self.notes = record, shows, notes
        self._names = index if index is not None and index.is_unique else None
        order = record.draws.order
        self._number = np.full(len(record.examples), -1, dtype=np.int64)
        self._number[order] = np.arange(len(order))
        self._asked: set[int] = set()

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes that may be answered."""
        return self.record.examples.classes

    @property
    def folder(self) -> Path:
        """Where audit.json and audit.jsonl lie."""
        return self.record.folder

    def next(self, count: int = 1) -> list[Any]:
        """Return which examples to ask next, so many, fewer at the end; none once all is decided.

        Each is the label of the data's index where that is unique, else the 0-based place. The
        same are returned until they are answered. Raises UsageError for a count below 1.
        """
        with told_to_programs():
            if count < 1:
                raise UsageError(f"count is {count}, below 1", help="aud.next(10)")
            self.record.refresh()
            if status(self.record, with_forecast=False).is_decided:
                return []
            tasks = self.record.batch(count)
            self._asked |= {task.number for task in tasks}
            return [self._name(task.index) for task in tasks]

    def shown(self, index: Any) -> dict[str, str]:
        """Return the cells of an example that a person may see: none that tells its label."""
        with told_to_programs():
            return dict(self.shows.cells(self._place(index)))

    def answer(self, index: Any, label: Any, *, by: str = "") -> None:
        """Say what an example truly is: a class, or "?" for "can't tell"; `by` says who does.

        It is on the disk when this returns; said again it takes the place of what was said before.
        Raises UsageError for no class, and for an example that is not asked.
        """
        with told_to_programs():
            place = self._place(index)
            said = label_of(str(label), self.class_names, f"index {index!r}")
            number = int(self._number[place])
            if number not in self._asked and number not in self.record.drawn:
                raise UsageError(
                    f"example {index!r} is not asked: answers enter in the order of the draws",
                    help="aud.next(10) says which examples are",
                )
            content = self.shows.content(place)
            self.record.answer(self.record.task(number), said, by=by, content=content)

    def status(self) -> AuditStatus:
        """Return what is known now, and write audit.json."""
        with told_to_programs():
            self.record.refresh()
            now = status(self.record)
            save_document(self.record, now)
            return AuditStatus(
                now, self.shows.dataset.name, len(self.record.examples), document(self.record, now)
            )

    def verify(self) -> list[str]:
        """Replay every draw and bound; return where audit.json says something else, if it does."""
        with told_to_programs():
            return verify(self.folder)

    def _name(self, place: int) -> Any:
        if self._names is None:
            return place
        return self._names[self.shows.row(place)]

    def _place(self, index: Any) -> int:
        """Return the place of an example; raises UsageError where there is none of the name."""
        if self._names is not None:
            if index not in self._names:
                near = did_you_mean(str(index), [str(name) for name in self._names[:1000]])
                raise UsageError(
                    f"no example {index!r} in the index of the data{near}",
                    help="aud.next(10) says which are asked",
                )
            return self.shows.place(int(self._names.get_indexer(pd.Index([index]))[0]))
        is_whole = isinstance(index, int | np.integer) and not isinstance(index, bool)
        if not is_whole or not 0 <= index < len(self._number):
            raise UsageError(
                f"no example {index!r}", help=f"a whole number from 0 to {len(self._number) - 1:,}"
            )
        return int(index)

    def _lines(self) -> tuple[str, list[tuple[str, str]]]:
        first, rows = self.status()._lines()
        return first, [*rows, ("folder", str(self.folder))]

    def _report(self) -> Report:
        return self.status()._report()


def audit(
    data: FileName | None = None,
    *,
    claims: Sequence[str] | str | None = None,
    by: str | None = None,
    risk: float | None = None,
    seed: int | None = None,
    out: FileName = OUT,
    continues: FileName | None = None,
    predictions: "Mapping[str, ArrayLike] | None" = None,
    features: Any = None,
    texts: Any = None,
    labels: Any = None,
    pred_probs: Any = None,
    class_names: Names = None,
    evidence: str = "auto",
    encoder: Names = None,
    encoder_size: int | None = None,
    download: bool = False,
    device: str = "auto",
    split: str | None = None,
    label_column: str | None = None,
    path_column: str | None = None,
    text_column: str | None = None,
    feature_columns: Names = None,
    exclude_columns: Names = None,
    root: FileName | None = None,
) -> Audit:
    """Begin an audit, or go on with the one in `out`: claims decided by answers of people.

    Data as `alfs.estimate` takes them; labels alone will do. `claims` are texts as `alfs audit`
    takes them, by default that at most 5 % of the labels are wrong; `by` makes each of them inside
    every value of a column. `risk` (0.05) is the chance that a claim is ever decided wrongly, each
    for itself, `seed` (0) that of the draws; the record lies in `out`, and the same call goes on
    with it. `continues` is an earlier audit, whose answers are kept after mending. `predictions`
    are what runs predict, {name: labels (N,)}, for claims on their accuracy. `evidence` scores the
    labels beforehand, which says what to ask first and enters no bound; "none" does without.

    Raises AlfsError (UsageError, InputError) where the data cannot be read, a claim cannot be, or
    the audit in `out` is another one.

    >>> import tempfile, numpy as np
    >>> y = np.arange(300) % 3
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     aud = audit(labels=y, class_names="ant,bee,cow", claims="noise-rate <= 0.3", out=folder)
    ...     while asked := aud.next(5):
    ...         for index in asked:
    ...             aud.answer(index, aud.class_names[y[index]])
    ...     aud.status().claims[0].status
    'accepted'
    """
    heard = Listener()
    with told_to_programs():
        given = Given(features, labels, pred_probs=pred_probs, texts=texts)
        spec, held = data_asked(
            data,
            given,
            class_names=class_names,
            split=split,
            label_column=label_column,
            path_column=path_column,
            text_column=text_column,
            true_label_column=None,
            label_columns=None,
            feature_columns=feature_columns,
            exclude_columns=exclude_columns,
            group_column=None,
            root=root,
        )
        spec = replace(spec, labels_alone=True)
        shows = exhibits(load(spec, categories=True, given=held))
        folder = Path(out)
        wanted = Wanted(
            claims=(claims,) if isinstance(claims, str) else tuple(claims or ()),
            by=by,
            risk=risk,
            seed=seed,
            old=None if continues is None else Path(continues),
        )
        options = EstimateOptions(
            evidence=evidence,
            encoder=several(encoder),
            encoder_size=encoder_size,
            download=download,
            seed=seed or 0,
            device=device,
            cache=folder / "cache",
        )
        classes = shows.dataset.class_names

        def predicted(run: str) -> Labels:
            if predictions is not None and run in predictions:
                return _numbered(run, predictions[run], classes)
            if held is not None:
                raise _no_predictions(run, predictions or {})
            return predictions_of(run, spec, classes, out=folder, device=device, console=heard)

        opened = open_audit(
            shows,
            wanted,
            folder,
            scores=lambda: scores_of(shows.dataset, options, heard),
            predictions=predicted,
            console=heard,
        )
    index = None if held is None else held.index()
    return Audit(opened.record, shows, tuple(heard.notes), index)


def _no_predictions(run: str, there: Mapping[str, ArrayLike]) -> UsageError:
    return UsageError(
        f"no predictions of '{run}'{did_you_mean(run, there)}",
        help=f"predictions={{{run!r}: labels}}",
    )


def _numbered(run: str, labels: ArrayLike, classes: tuple[str, ...]) -> Labels:
    """Return predicted classes (N,), names or numbers, as numbers; raises for what is no class."""
    found = np.asarray(labels)
    if np.issubdtype(found.dtype, np.integer) and not set(map(str, np.unique(found))) <= set(
        classes
    ):
        return found.astype(np.int64)
    place = {name: number for number, name in enumerate(classes)}
    texts = [str(label) for label in found.tolist()]
    strange = next((text for text in texts if text not in place), None)
    if strange is not None:
        raise UsageError(
            f"predictions of '{run}': '{strange}' is no class{did_you_mean(strange, classes)}",
            help=has(classes, [strange]),
        )
    return np.array([place[text] for text in texts], dtype=np.int64)
