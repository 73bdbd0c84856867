"""`alfs.estimate` and `alfs.load_estimate`: how noisy labels are, and which look wrong."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from alfs_cli.data import Given
from alfs_cli.errors import InputError
from alfs_cli.estimating import Estimated, EstimateOptions, estimate_data
from alfs_cli.estimating.consensus import read_consensus
from alfs_cli.formats.blocks import Report
from alfs_cli.noise import write_transition
from alfs_cli.python.asked import FileName, Names, data_asked, several
from alfs_cli.python.showing import Shown
from alfs_cli.python.wording import Listener, checked, told_to_programs
from alfs_cli.reports.estimate import clean_level_text, estimate_report, headline
from alfs_cli.results.estimate import Bounded, CleanLevel, NoiseEstimate, Trust
from alfs_cli.results.estimate import load_estimate as read_estimate
from alfs_cli.settings.layers import Key
from alfs_cli.settings.values import whole
from alfs_cli.storage.targets import keep_decisions
from alfs_cli.suspects.scores import read_issues_table

WHOLE = {
    "folds": Key(whole(2), 5),
    "resamples": Key(whole(100), 1000),
    "max_examples": Key(whole(2)),
    "seed": Key(whole(0), 0),
}


@dataclass(frozen=True, eq=False, repr=False)
class Estimate(Shown):
    """How noisy the labels of a data set are, and which look wrong.

    `result` is the content of estimate.json, `notes` the messages of the estimate, such as columns
    set aside and why. Every `low` and `high` is a one-sided bound at the requested confidence (by
    default 0.95); rates are fractions, clean levels ratios.

    The other fields say where it comes from: `made` is the estimate with its table of suspects,
    `index` the index of the data, `threshold` the score of suspects, `source` the file it was read
    from, and `reviewed` the file of decisions that it was made with.
    """

    result: NoiseEstimate
    notes: tuple[str, ...] = ()
    made: Estimated | None = None
    index: "pd.Index[Any] | None" = None
    threshold: float = 0.5
    source: Path | None = None
    reviewed: Path | None = None

    @property
    def noise_rate(self) -> Bounded:
        """The share of wrong labels: `.value`, `.low`, `.high`."""
        return self.result.noise_rate

    @property
    def clean_level(self) -> CleanLevel:
        """The least ratio of the right label to the most frequent wrong one, and its classes."""
        return self.result.clean_level

    @property
    def transition(self) -> NDArray[np.float64]:
        """T (K, K): rows true classes, columns given labels, rows sum to 1."""
        return np.array(self.result.transition, dtype=np.float64)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The K classes, in the order of T."""
        return self.result.data.classes

    @property
    def trust(self) -> Trust:
        """How far to trust the estimate: `.level` is high, medium or low; `.reasons` say why."""
        return self.result.trust

    @property
    def n(self) -> int:
        """The number of judged labels."""
        return self.result.data.n

    @property
    def method(self) -> str:
        """The estimator that ran, also where `auto` chose it."""
        return self.result.method

    @property
    def suspects(self) -> pd.DataFrame:
        """The labels that look wrong, with the columns of issues.csv, worst first.

        The frame has the index of the data where they had one; its column `index` is the 0-based
        position. Raises InputError for an estimate that was read without an issues.parquet.
        """
        if self.made is None:
            raise InputError(
                f"no issues.parquet lies beside '{self.source}'",
                help="alfs estimate DATA, or est.save(folder), writes both",
            )
        table = self.made.table
        if self.index is None:
            return table.copy()
        return table.set_index(self.index[table["index"].to_numpy()])

    @property
    def consensus(self) -> pd.DataFrame:
        """The consensus of several annotators, with the columns of consensus.csv, in data order.

        Votes are joined with the evidence where there is any. The frame has the index of the data
        where they had one. Raises InputError where there are no several labels of each example.
        """
        found = None if self.made is None else self.made.consensus
        if found is None:
            raise InputError(
                "there is no consensus: each example has one label, or no consensus.csv was kept",
                help="alfs.estimate(data, label_columns=[...]) makes one of several labels",
            )
        if self.index is None:
            return found.copy()
        return found.set_index(self.index[found["index"].to_numpy()])

    @property
    def annotators(self) -> pd.DataFrame:
        """A row for each annotator: labels, noise_rate with its bounds; empty for a single one."""
        crowd = self.result.crowd
        columns = ["labels", "noise_rate", "noise_rate_low", "noise_rate_high"]
        rows = (
            []
            if crowd is None
            else [
                (one.labels, one.noise_rate.value, one.noise_rate.low, one.noise_rate.high)
                for one in crowd.annotators
            ]
        )
        names = [] if crowd is None else [one.name for one in crowd.annotators]
        return pd.DataFrame(rows, columns=columns, index=pd.Index(names, name="annotator"))

    def to_frame(self) -> pd.DataFrame:
        """Return a row per class, indexed by its name.

        Columns: n (given labels), prior, clean_share (T[i, i]), clean_level with its bounds,
        mostly_given_as, judged (False where there were too few examples).
        """
        result = self.result
        rows = [
            {
                "n": found.n,
                "prior": result.class_prior[i],
                "clean_share": result.transition[i][i],
                "clean_share_low": result.transition_low[i][i],
                "clean_share_high": result.transition_high[i][i],
                "clean_level": found.value,
                "clean_level_low": found.low,
                "clean_level_high": found.high,
                "mostly_given_as": found.runner_up,
                "judged": found.judged,
            }
            for i, found in enumerate(result.class_clean_level)
        ]
        return pd.DataFrame(rows, index=pd.Index(self.class_names, name="class"))

    def to_datalab(self) -> pd.DataFrame:
        """Return all judged labels as cleanlab's Datalab lists label issues.

        It has a row per example in the order of the data, with their index: `is_label_issue`,
        `label_score` (1 is surely right), `given_label`, `predicted_label` (the most probable true
        class). Raises InputError for an estimate that was read from a file, or made from a file in
        passes: scores of single examples are not kept then.
        """
        from alfs_cli.python.datalab import issue_frame

        if self.made is None or self.made.judged is None:
            raise InputError(
                "the scores of single examples are not kept",
                help="alfs.estimate from data in memory keeps them",
            )
        return issue_frame(self.made.judged, self.threshold, self.index)

    def save(self, folder: FileName) -> None:
        """Write estimate.json, transition.csv, issues.csv and issues.parquet into a folder.

        Where there are several labels of each example, also consensus.csv.

        These are the files of `alfs estimate`. An issues.csv with people's decisions that the
        estimate was made from is kept as issues.reviewed.csv.
        """
        out = Path(folder)
        with told_to_programs():
            if self.reviewed is not None:
                keep_decisions(self.reviewed, out)
            if self.made is not None:
                self.made.save(out)
                return
            write_transition(out / "transition.csv", self.result.transition, self.class_names)
            self.result.save(out / "estimate.json")

    def document(self) -> dict[str, object]:
        """Return the JSON document `alfs.estimate/1`."""
        return self.result.document()

    def _lines(self) -> tuple[str, list[tuple[str, str]]]:
        result = self.result
        rows = [
            ("clean level", clean_level_text(result)),
            ("trust", f"{self.trust.level}: {'; '.join(self.trust.reasons[:2])}"),
            ("data", f"{self.n:,} examples, {len(self.class_names)} classes"),
            ("evidence", f"{result.evidence.kind}, method {self.method}"),
        ]
        if result.issues is not None:
            rows.insert(2, ("suspects", f"{result.issues.count:,} labels"))
        if self.trust.level == "low":
            rows.insert(0, rows.pop(1))
            rows.insert(1, ("to decide", "alfs.audit asks people about a few, drawn at random"))
        return headline(result), rows + [("note", text) for text in self.notes[:3]]

    def _report(self) -> Report:
        whole_page = estimate_report(self.result)
        facts, verdict, trust, classes, *_ = whole_page.blocks
        return Report(whole_page.title, (verdict, trust, facts, classes), {})


def estimate(
    data: FileName | None = None,
    *,
    features: Any = None,
    texts: Any = None,
    labels: Any = None,
    pred_probs: Any = None,
    true_labels: Any = None,
    class_names: Names = None,
    trusted: "FileName | Mapping[Any, Any] | pd.Series[Any] | pd.DataFrame | None" = None,
    prior_probs: Any = None,
    evidence: str = "auto",
    method: str = "auto",
    encoder: Names = None,
    encoder_size: int | None = None,
    download: bool = False,
    folds: int = 5,
    confidence: float = 0.95,
    resamples: int = 1000,
    issue_threshold: float = 0.5,
    all_scores: bool = False,
    local: bool = False,
    max_examples: int | None = None,
    in_sample_ok: bool = False,
    columns_as_given: bool = False,
    rows_as_given: bool = False,
    seed: int = 0,
    device: str = "auto",
    cache: FileName | None = None,
    split: str | None = None,
    label_column: str | None = None,
    path_column: str | None = None,
    text_column: str | None = None,
    true_label_column: str | None = None,
    label_columns: Names = None,
    feature_columns: Names = None,
    exclude_columns: Names = None,
    group_column: str | None = None,
    root: FileName | None = None,
) -> Estimate:
    """Estimate how noisy labels are: T, the clean level, suspects, with bounds and trust.

    `data` is a path or a built-in name, as for `alfs estimate`: an image folder, a manifest of
    pictures or texts, an .npz, digits. Arrays replace it or parts of it:

    - `features` (N, D): an array, a tensor or a DataFrame. Columns of a DataFrame that reveal the
      label, number the rows or hold ids are set aside.
    - `texts` (N,): a list or series of texts, judged by the words and letters in them.
    - `pred_probs` (N, K): out-of-fold probabilities, columns in the order of `class_names`, or a
      DataFrame whose columns have those names.
    - `labels` (N,): whole numbers, names, categories or bools.

    Each but `texts` may be the path of a file instead.

    `trusted` are true labels of examples drawn at random: {index: label}, a Series, a DataFrame
    with `index` (0-based) and `true_label`, or a file. `prior_probs` (N, K), in the forms of
    `pred_probs`, are those of a model that did not see the labels, such as a zero-shot one: they
    are joined to the evidence as far as they make the labels likelier. `evidence` is auto,
    pred-probs, features, text, encoder, pixels or network; `method` is auto, confident, joint-ml,
    hoc, knn, anchor, dual-t, gold or annotators. `confidence` is the level of each one-sided bound,
    `resamples` the number of bootstrap replicates, `issue_threshold` the score from which a label
    is suspect, and `cache` a folder that keeps evidence. The other parameters are the options of
    `alfs estimate`.

    Warnings are AlfsWarning. Raises AlfsError (UsageError, InputError) where the data cannot be
    read or judged. The clean level is that of Zhou et al., ICML 2021.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> true = np.arange(600) % 3
    >>> y = np.where(rng.random(600) < 0.1, (true + 1) % 3, true)
    >>> X = np.eye(3)[true] + 0.1 * rng.normal(size=(600, 3))
    >>> est = estimate(features=X, labels=y, class_names=["cat", "dog", "owl"])
    >>> est.noise_rate.low < 0.1 < est.noise_rate.high
    True
    >>> est.class_names, est.transition.shape, est.trust.level
    (('cat', 'dog', 'owl'), (3, 3), 'high')
    """
    heard = Listener()
    with told_to_programs():
        numbers = checked(
            {"folds": folds, "resamples": resamples, "max_examples": max_examples, "seed": seed},
            WHOLE,
        )
        given = Given(features, labels, true_labels, pred_probs, texts)
        spec, held = data_asked(
            data,
            given,
            class_names=class_names,
            split=split,
            label_column=label_column,
            path_column=path_column,
            text_column=text_column,
            true_label_column=true_label_column,
            label_columns=label_columns,
            feature_columns=feature_columns,
            exclude_columns=exclude_columns,
            group_column=group_column,
            root=root,
        )
        file = Path(trusted) if isinstance(trusted, str | os.PathLike) else None
        options = EstimateOptions(
            evidence=evidence,
            method=method,
            confidence=confidence,
            issue_threshold=issue_threshold,
            all_scores=all_scores,
            in_sample_ok=in_sample_ok,
            columns_as_given=columns_as_given,
            rows_as_given=rows_as_given,
            encoder=several(encoder),
            encoder_size=encoder_size,
            download=download,
            trusted=file,
            prior_probs=prior_probs,
            local=local,
            device=device,
            cache=None if cache is None else Path(cache),
            **numbers,
        )
        found = estimate_data(
            spec, options, heard, given=held, trusted=trusted if file is None else None
        )
        index = None if held is None else held.index()
    notes = tuple(heard.notes)
    return Estimate(found.estimate, notes, found, index, issue_threshold, reviewed=file)


def load_estimate(path: FileName) -> Estimate:
    """Read an estimate.json, or the one in a folder, as `alfs.estimate` returned it.

    Suspects are read from the issues.parquet beside it, if there is one. Raises InputError where a
    file is missing, broken, newer or inconsistent.

    >>> import tempfile, numpy as np
    >>> y = np.arange(200) % 2
    >>> est = estimate(pred_probs=0.05 + 0.9 * np.eye(2)[y], labels=y, in_sample_ok=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     est.save(folder)
    ...     again = load_estimate(folder)
    >>> again.noise_rate == est.noise_rate
    True
    """
    with told_to_programs():
        file = Path(path)
        file = file / "estimate.json" if file.is_dir() else file
        if not file.exists():
            raise InputError(
                f"no such file: '{file}'",
                help="alfs estimate DATA, or est.save(folder), writes one",
            )
        result = read_estimate(file)
        table = read_issues_table(file, result.data.classes)
        consensus = None if result.crowd is None else read_consensus(file.parent)
        made = None if table is None else Estimated(result, table, consensus=consensus)
    return Estimate(result, made=made, source=file)


def estimate_of(source: "Estimate | FileName") -> Estimate:
    """Return an estimate; a path is read."""
    return source if isinstance(source, Estimate) else load_estimate(source)
