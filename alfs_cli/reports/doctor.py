"""The reports of `alfs doctor`: what is installed, what a data set is."""

from typing import TYPE_CHECKING

from alfs_cli.doctor import SCHEMA, Diagnosis
from alfs_cli.formats.blocks import Block, Column, Facts, Paragraph, Report, Table, Verdict
from alfs_cli.storage.documents import to_document

if TYPE_CHECKING:
    from alfs_cli.inspecting.form import DataForm


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


def form_report(form: "DataForm") -> Report:
    """Return the report of a data set's form: what was read, what it will do for, what next."""
    lacking = [use for use in form.uses if not use.is_possible]
    can = [use.command.partition(" ")[0] for use in form.uses if use.is_possible]
    verdict = Verdict(
        "warn" if lacking else "pass",
        f"'{form.source}' can be read; it will do for {', '.join(can)}",
        tuple(f"not for {use.command}: {use.words}" for use in lacking),
    )
    rows = tuple((f"alfs {use.command}", use.words) for use in form.uses if use.is_possible)
    table = Table("What can be done", (Column("command"), Column("for")), rows)
    blocks: tuple[Block, ...] = (verdict, Facts(form.facts), table)
    blocks += tuple(Paragraph(f"note: {note}") for note in form.notes)
    return Report(
        "alfs doctor", (*blocks, Paragraph(f"next: {form.next}")), to_document(SCHEMA, form)
    )
