"""`alfs doctor`: what is here, what is broken and how to mend it."""

import json
import sys


def test_all_is_well(alfs):
    done = alfs("doctor", "-f", "json")
    assert done.code == 0
    parts = {part["name"]: part for part in json.loads(done.out)["parts"]}
    assert {"alfs", "python", "torch", "cleanlab", "torchvision"} <= set(parts)
    assert parts["torch"]["status"] == "ok"


def test_a_torchvision_that_does_not_match_is_a_warning(alfs, monkeypatch):
    class Broken:
        def find_spec(self, name, path=None, target=None):
            if name == "torchvision":
                raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    done = alfs("doctor", "-f", "json")
    assert done.code == 0
    (part,) = [p for p in json.loads(done.out)["parts"] if p["name"] == "torchvision"]
    assert part["status"] == "warn"
    assert "operator torchvision::nms does not exist" in part["detail"]


def test_something_missing_is_exit_1_with_help(alfs, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    done = alfs("doctor", "-f", "json")
    assert done.code == 1
    (part,) = [p for p in json.loads(done.out)["parts"] if p["name"] == "pyarrow"]
    assert part["status"] == "broken"
    assert "pip install" in part["help"]
