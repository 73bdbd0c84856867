"""FiftyOne's JSON of an image classification data set, which `Dataset.from_dir` imports.

The keys of `labels` are absolute paths. A label is the given one; that of a suspect has the
probability of the given label as its confidence, and the suggested label, the score and the kind of
suspect as attributes.
"""

import json
from typing import Any

from alfs_cli.formats.blocks import Report, Sample


def render(report: Report) -> str:
    """Return the labels of all samples; of a file listed twice, the one with the higher score."""
    labels: dict[str, Any] = {}
    for sample in sorted(report.samples, key=lambda sample: sample.score or 0.0):
        labels[sample.path] = _label(sample)
    ordered = {sample.path: labels[sample.path] for sample in report.samples}
    return json.dumps({"labels": ordered}, indent=1, ensure_ascii=True) + "\n"


def _label(sample: Sample) -> dict[str, Any]:
    if sample.suggested is None:
        return {"label": sample.given}
    attributes = {"suggested": sample.suggested, "score": sample.score, "kind": sample.kind}
    return {"label": sample.given, "confidence": sample.confidence, "attributes": attributes}
