"""Docstrings as texts: read, not run; each once."""

from alfs_cli.data.docstrings import PACKAGES, _in_package, docstrings


def test_docstrings_are_read_and_not_run(tmp_path):
    said = "one two three four five"
    for name in ("email", "xml"):
        (tmp_path / name).mkdir()
    trap = f'"""{said}\n six"""\nraise SystemExit\ndef f():\n    """too few words"""\n'
    (tmp_path / "email" / "a.py").write_text(trap)
    (tmp_path / "xml" / "b.py").write_text(f'class C:\n    """{said} six"""\n\n    x = "{said}"\n')
    assert docstrings(tmp_path) == ([f"{said} six"], ["email"])


def test_python_s_own_library_has_some_of_every_package():
    texts, labels = docstrings()
    assert set(labels) == set(PACKAGES)
    assert len(set(texts)) == len(texts) >= 1000


def test_what_is_no_python_of_this_version_is_passed_over(tmp_path):
    words = "This docstring has words enough to be taken for a text of its own, one hopes so."
    (tmp_path / "a.py").write_text(f'"""{words}"""\n')
    (tmp_path / "b.py").write_text("def f[T(:\n")
    (tmp_path / "c.py").write_bytes(b"x = 1\0")
    assert list(_in_package(tmp_path)) == [words]
