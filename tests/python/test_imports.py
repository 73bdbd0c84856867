"""`import alfs_cli` is light, and what a function does not need is not loaded for it."""

import ast
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import alfs_cli as alfs

PACKAGE = Path(alfs.__file__).parent
HEAVY = ("typer", "rich", "torch", "torchvision", "matplotlib", "cleanlab", "sklearn")
DATA = """
import numpy as np
rng = np.random.default_rng(0)
true = np.arange(300) % 3
y = np.where(rng.random(300) < 0.1, (true + 1) % 3, true)
X = np.eye(3)[true] + 0.1 * rng.normal(size=(300, 3))
P = 0.1 + 0.7 * np.eye(3)[true]
"""


def loaded_by(code: str, names: tuple[str, ...]) -> list[str]:
    """Return which of the modules a fresh process has loaded after running the code."""
    ending = f"\nimport sys, json; print(json.dumps([n for n in {names!r} if n in sys.modules]))"
    done = subprocess.run(
        [sys.executable, "-c", code + ending], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_the_import_alone_loads_nothing_heavy():
    others = ("numpy", "pandas", "scipy", "pydantic", "jinja2", "yaml", "pyarrow", "PIL")
    assert loaded_by("import alfs_cli; dir(alfs_cli)", (*HEAVY, *others)) == []


def test_data_are_judged_without_the_command_line_torch_or_drawing(tmp_path):
    file = str(tmp_path / "d.npz")
    code = f"""
import alfs_cli as alfs
est = alfs.estimate(features=X, labels=y)
verdict = alfs.check(pred_probs=P, labels=y, max_noise_rate=0.5)
rec = alfs.recommend(est, losses="ael")
found = alfs.certify("nce+aul", est)
aud = alfs.audit(features=X, labels=y, out={file!r} + ".audit")
aud.answer(aud.next(1)[0], 0)
import alfs_cli.audits, alfs_cli.auditing.session
assert callable(alfs.audit)
for shown in (est, verdict, rec, found, aud):
    assert repr(shown) and shown._repr_html_()
est.to_frame(), est.suspects, est.to_datalab()
np.savez({file!r}, images=(255 * X[:, :, None].clip(0, 1)).astype(np.uint8), labels=y)
assert alfs.estimate({file!r}).result.evidence.kind == "pixels"
"""
    assert loaded_by(DATA + code, HEAVY) == []


def test_every_public_name_is_there_and_documented():
    assert set(alfs.__all__) <= set(dir(alfs))
    for name in alfs.__all__:
        found = getattr(alfs, name)
        assert isinstance(found, str) or inspect.getdoc(found), name


def test_public_names_are_those_that_type_checkers_see():
    tree = ast.parse((PACKAGE / "__init__.py").read_text(encoding="utf-8"))
    (only_types,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {
        (alias.name, node.module)
        for node in only_types.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    given = {(name, f"alfs_cli.{where}") for name, where in alfs._WHERE.items()}
    assert seen == given
    assert {name for name, _ in seen} | {"__version__"} == set(alfs.__all__)


def test_no_submodule_hides_a_public_name():
    """`import alfs_cli.NAME` would put the module in the place of the function."""
    modules = {path.stem for path in PACKAGE.iterdir()}
    assert not modules & set(alfs.__all__)


def test_another_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'estimat'"):
        _ = alfs.estimat
