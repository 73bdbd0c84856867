"""Docstrings of Python's own library, as texts whose class is the package they document."""

import ast
import sysconfig
import warnings
from collections.abc import Iterator
from pathlib import Path

PACKAGES = {
    "asyncio": ("asyncio",),
    "email": ("email",),
    "importlib": ("importlib",),
    "logging": ("logging",),
    "multiprocessing": ("multiprocessing", "concurrent"),
    "unittest": ("unittest",),
    "web": ("http", "urllib"),
    "xml": ("xml",),
}
LEAST_WORDS = 5  # of a docstring that says something


def docstrings(folder: Path | None = None) -> tuple[list[str], list[str]]:
    """Return texts and the class of each, no text twice; nothing is imported or run.

    `folder` is where the packages lie, by default Python's own.
    """
    top = Path(sysconfig.get_path("stdlib")) if folder is None else folder
    found: dict[str, str] = {}
    for label, packages in PACKAGES.items():
        for package in packages:
            for text in _in_package(top / package):
                found.setdefault(text, label)
    return list(found), list(found.values())


def _in_package(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*.py")):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes in strings of old modules
            try:
                tree = ast.parse(path.read_bytes())
            except (SyntaxError, ValueError):  # written for another Python, or broken on purpose
                continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                said = " ".join((ast.get_docstring(node) or "").split())
                if len(said.split()) >= LEAST_WORDS:
                    yield said
