"""The report of `alfs inspect`."""

from alfs_cli.formats.blocks import Report, Verdict
from alfs_cli.inspecting.pictures import Inspection


def inspection_report(inspection: Inspection) -> Report:
    """Return the report: how many images can be read; formats render the findings after it."""
    count, wrong = inspection.files, len(inspection.findings)
    images = "1 image" if count == 1 else f"{count:,} images"
    text = f"{wrong:,} of {images} cannot be read whole" if wrong else f"{images} read"
    verdict = Verdict("fail" if wrong else "pass", text)
    return Report("Images", (verdict,), inspection.document(), inspection.findings)
