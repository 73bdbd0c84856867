"""estimate.json of earlier versions is read as it was meant."""

import json

import pytest

from alfs_cli.results.estimate import load_estimate
from tests.conftest import make_estimate


@pytest.mark.parametrize("promised", [0.93, None])
def test_a_bare_number_was_the_value_alone(tmp_path, promised):
    path = tmp_path / "estimate.json"
    make_estimate().save(path)
    document = json.loads(path.read_text())
    document["issues"] = {"file": "issues.csv", "count": 82, "expected_precision": promised}
    path.write_text(json.dumps(document))
    issues = load_estimate(path).issues
    assert issues.count == 82
    assert issues.expected_precision.value == promised
    load_estimate(path).save(path)
    assert json.loads(path.read_text())["issues"]["expected_precision"]["value"] == promised


def test_facts_that_were_not_kept_are_nothing(tmp_path):
    path = tmp_path / "estimate.json"
    make_estimate().save(path)
    document = json.loads(path.read_text())
    for name in ("trusted_examples", "annotators"):
        del document[name]
    for name in ("encoder", "map"):
        del document["evidence"][name]
    path.write_text(json.dumps(document))
    estimate = load_estimate(path)
    assert (estimate.trusted_examples, estimate.annotators) == (0, 0)
    assert (estimate.evidence.encoder, estimate.evidence.map) == (None, None)
