"""JSON: exactly the saved document."""

from alfs_cli.documents import render_document
from alfs_cli.report import Report


def render(report: Report) -> str:
    """Return the document of the report as it is saved."""
    return render_document(dict(report.document))
