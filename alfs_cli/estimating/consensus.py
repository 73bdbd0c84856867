"""The consensus of several annotators: one label for each example, and the file that lists them."""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from alfs_cli.arrays import FloatArray
from alfs_cli.data import LabelledDataset, positions_of
from alfs_cli.data.annotations import CONSENSUS_COLUMNS
from alfs_cli.estimators.joint.posterior import true_class_probs
from alfs_cli.evidence.crowd import Crowd
from alfs_cli.evidence.interface import Evidence
from alfs_cli.storage.writing import replacing
from alfs_cli.text.cells import safe_cell, unguarded

CONSENSUS = "consensus.csv"
TEXT_COLUMNS = ("task", "path", "label")


def consensus_probs(crowd: Crowd, evidence: Evidence, dataset: LabelledDataset) -> FloatArray:
    """Return P(true class) of each example (N, K), from the votes joined with the evidence.

    The evidence is of the given labels; what it says of the true classes follows by their T.
    """
    if evidence.kind == "annotators" or evidence.in_sample:
        return crowd.posterior
    found = [T for T, _ in crowd.of_labels(dataset.labels)]
    T = crowd.model.averaged(np.stack(found))
    return crowd.joined(true_class_probs(np.asarray(evidence.probs, dtype=np.float64), T))


def consensus_table(crowd: Crowd, probs: FloatArray, dataset: LabelledDataset) -> pd.DataFrame:
    """Return a row for each example in the order of DATA: its consensus label and how sure it is.

    `probability` is that of the label, `votes` how many labels the example got, `agreeing` how many
    of these are the consensus label, `disputed` whether they differ. `task` or `path` name it.
    """
    chosen = probs.argmax(axis=1)
    votes = crowd.votes
    each = np.arange(len(chosen))
    columns: dict[str, object] = {"index": positions_of(dataset)}
    if dataset.tasks is not None:
        columns["task"] = dataset.tasks
    if dataset.paths is not None:
        columns["path"] = np.array(dataset.paths, dtype=object)
    table = pd.DataFrame(columns)
    table["label"] = np.array(dataset.class_names, dtype=object)[chosen]
    table["probability"] = probs[each, chosen]
    table["votes"] = votes.sum(axis=1)
    table["agreeing"] = votes[each, chosen]
    table["disputed"] = (votes > 0).sum(axis=1) > 1
    return table.sort_values("index", kind="stable", ignore_index=True)


def write_consensus(folder: Path, table: pd.DataFrame) -> None:
    """Write consensus.csv, a manifest: its paths are relative to the folder.

    Text that a spreadsheet would run as a formula gets a leading apostrophe.
    """
    written = table.copy()
    if "path" in table.columns:
        top = os.path.abspath(folder)
        written["path"] = [
            path if os.path.isabs(path) else Path(os.path.relpath(path, top)).as_posix()
            for path in table["path"]
        ]
    for column in set(TEXT_COLUMNS) & set(table.columns):
        written[column] = [safe_cell(cell) for cell in written[column]]
    with replacing(folder / CONSENSUS) as temporary:
        written.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


def read_consensus(folder: Path) -> pd.DataFrame | None:
    """Return the consensus.csv in a folder, None where there is none or it is another's file."""
    file = folder / CONSENSUS
    if not file.is_file():
        return None
    text = dict.fromkeys(TEXT_COLUMNS, str)
    try:
        table = pd.read_csv(file, dtype=text, keep_default_na=False)
    except (OSError, ValueError):
        return None
    if not set(CONSENSUS_COLUMNS) <= set(table.columns):
        return None
    for column in set(TEXT_COLUMNS) & set(table.columns):
        table[column] = [unguarded(cell) for cell in table[column]]
    return table
