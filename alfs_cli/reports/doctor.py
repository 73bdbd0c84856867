"""The report of `alfs doctor`."""

from alfs_cli.doctor import Diagnosis
from alfs_cli.formats.blocks import Column, Report, Table, Verdict


def doctor_report(diagnosis: Diagnosis) -> Report:
    """Return the report: a verdict, and a line for each part."""
    rows = tuple((p.status, p.name, p.detail, p.help or "") for p in diagnosis.parts)
    columns = (Column("state"), Column("part"), Column("what"), Column("help"))
    verdict = (
        Verdict("pass", "everything that alfs needs is here")
        if diagnosis.is_well
        else Verdict("fail", "something that alfs needs is broken")
    )
    return Report("alfs doctor", (verdict, Table("", columns, rows)), diagnosis.document())
