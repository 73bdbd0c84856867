"""`alfs recipes` as typed."""

import json
from pathlib import Path


def test_list_and_show(alfs):
    done = alfs("recipes", "list")
    assert done.code == 0
    assert "cifar10/nce-aul" in done.out
    document = json.loads(alfs("recipes", "list", "-f", "json").out)
    assert {"digits", "mnist/ce"} <= {recipe["name"] for recipe in document["recipes"]}
    assert alfs("recipes", "show", "digits").out.startswith("# NCE+AUL on scikit-learn's digits")
    assert json.loads(alfs("recipes", "show", "digits", "-f", "json").out)["epochs"] == 20


def test_copy_then_validate(alfs):
    assert alfs("recipes", "copy", "mnist/nce-rce").code == 0
    assert alfs("recipes", "validate", "nce-rce.yaml").code == 0
    done = alfs("recipes", "copy", "mnist/nce-rce")
    assert (done.code, done.out) == (2, "")
    assert "is there already" in done.err
    path = Path("nce-rce.yaml")
    path.write_text(path.read_text().replace("epochs: 50", "epochs: no\nlr: 1"))
    done = alfs("recipes", "validate", "nce-rce.yaml")
    assert (done.code, done.out) == (2, "")
    assert "nce-rce.yaml:13: epochs is False, not a whole number, 1 or more" in done.err
    assert "nce-rce.yaml:14: unknown key 'lr'" in done.err


def test_unknown_names(alfs):
    done = alfs("recipes", "show", "digit")
    assert done.code == 2
    assert "did you mean 'digits'?" in done.err
