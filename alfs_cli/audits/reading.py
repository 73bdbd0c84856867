"""An audit as other commands read it: its log is replayed, and it must be of the same data.

Only the log counts, each line of which is bound to those before. audit.json is written from it, so
that a number that somebody changes there changes nothing here.
"""

from collections.abc import Sequence
from pathlib import Path

from alfs_cli.audits.claims import Claim
from alfs_cli.audits.judge import Judge
from alfs_cli.audits.population import Population
from alfs_cli.audits.record import CONTINUES, DOCUMENT, EXAMPLES, LOG, Record, resume
from alfs_cli.errors import InputError


def read_audit(path: Path) -> Record:
    """Return the audit that lies at `path`, its audit.json or its folder.

    Raises InputError where there is none, a file of it is missing, or a line was edited.
    """
    folder = path if path.is_dir() else path.parent
    if not path.exists() or not (path.is_dir() or path.name == DOCUMENT):
        raise InputError(
            f"no audit at '{path}'", help=f"name the {DOCUMENT} that alfs audit DATA writes"
        )
    for name in (LOG, EXAMPLES):
        if not (folder / name).is_file():
            raise InputError(
                f"no such file: '{folder / name}'",
                help=f"{DOCUMENT}, {LOG} and {EXAMPLES} of an audit belong together: its numbers "
                "are recomputed from them",
            )
    return resume(folder)


def data_of(record: Record) -> str:
    """Return the fingerprint of the data that an audit is of."""
    return record.plan.data.partition(CONTINUES)[0]


def refuse_other_data(record: Record, fingerprint: str, path: Path) -> None:
    """Raise InputError where an audit is of other examples or labels than those at hand."""
    if data_of(record) != fingerprint:
        raise InputError(
            f"'{path}' is an audit of data with the fingerprint {data_of(record)}, these have "
            f"{fingerprint}: examples or labels differ",
            help="name the data that were audited; after mending, alfs audit DATA --continue "
            f"{path} --out FOLDER keeps the answers",
        )


def judge_of(record: Record, claims: Sequence[Claim], examples: Population | None = None) -> Judge:
    """Return a judge of other claims than the audit's own, fed its draws and answers in order.

    Its bets are made before the first answer, so that it is as valid as the audit's own judge.
    `examples` are those of the audit with predictions of runs that it did not know.
    """
    judge = Judge(
        record.examples if examples is None else examples,
        record.draws.weights,
        claims,
        record.plan.risk,
    )
    for number, label in enumerate(record.sequence()):
        judge.enter(int(record.draws.order[number]), None if label is None else (label,))
    return judge
