"""JSON: exactly the saved document."""

from alfs_cli.formats.blocks import Report
from alfs_cli.storage.documents import render_document


def render(report: Report) -> str:
    """Return the JSON text of the report's document, equal to the saved file."""
    return render_document(dict(report.document))
