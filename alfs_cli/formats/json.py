"""JSON: exactly the saved document."""

from alfs_cli.formats.blocks import Report
from alfs_cli.storage.documents import render_document


def render(report: Report) -> str:
    """Return the document of the report as it is saved."""
    return render_document(dict(report.document))
