"""The answers that people gave in an audit, as decisions on labels."""

from pathlib import Path

import numpy as np

from alfs_cli.audits.reading import read_audit, refuse_other_data
from alfs_cli.data import LabelledDataset
from alfs_cli.data.readers.reviewed import Issues
from alfs_cli.errors import UsageError


def answered(path: Path, dataset: LabelledDataset) -> Issues:
    """Return the latest clear answer for each example of an audit as a decision.

    `dataset` is in the order of DATA. Raises InputError where the audit is of other data,
    UsageError where it has no clear answer.
    """
    record = read_audit(path)
    refuse_other_data(record, dataset.fingerprint, path)
    settled = sorted(record.settled().items())
    if not settled:
        raise UsageError(f"'{path}' has no clear answer", help="answer some of the draws first")
    place, true = np.array(settled, dtype=np.int64).T
    unknown = np.full(len(place), np.nan)
    return Issues(path, place, true, unknown, unknown, true, np.ones(len(place), dtype=np.bool_))
