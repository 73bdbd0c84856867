"""The pages that are made say what the results, the commands, the types and the constants say."""

import json
from pathlib import Path

import jsonschema
import pytest

from tests.conftest import make_estimate, make_recommendation

TOP = Path(__file__).parents[2]
OUT_OF_DATE = "is out of date: `make docs-pages` writes it anew"


@pytest.fixture
def made(monkeypatch):
    """What makes each page, by its path."""
    monkeypatch.syspath_prepend(str(TOP / "benchmarks"))
    from pages import pages

    return pages()


def test_pages_are_what_is_made_now(made):
    texts = [name for name in made if name.endswith(".md")]
    assert len(texts) > 12
    for name in texts:
        path = TOP / name
        assert path.is_file(), f"{name} {OUT_OF_DATE}"
        assert path.read_text(encoding="utf-8") == made[name](), f"{name} {OUT_OF_DATE}"


def test_nothing_is_left_of_pages_that_are_no_longer_made(made):
    there = {f"docs/measured/{path.name}" for path in (TOP / "docs" / "measured").glob("*.md")}
    there |= {f"docs/schemas/{path.name}" for path in (TOP / "docs" / "schemas").iterdir()}
    assert there - {"docs/measured/index.md"} == {
        name for name in made if name.startswith(("docs/measured/", "docs/schemas/"))
    }


def keys_of(schema):
    """Return every key that a JSON Schema names; its other words are pydantic's, and change."""
    if isinstance(schema, list):
        return {key for one in schema for key in keys_of(one)}
    if not isinstance(schema, dict):
        return set()
    own = schema.get("properties", {})
    inner = {key for one in schema.values() for key in keys_of(one)}
    return {*(own if isinstance(own, dict) else ()), *inner}


def test_schemas_name_the_keys_that_the_types_have(made):
    names = [name for name in made if name.endswith(".json")]
    assert len(names) > 6
    for name in names:
        there = json.loads((TOP / name).read_text(encoding="utf-8"))
        assert keys_of(there) == keys_of(json.loads(made[name]())), f"{name} {OUT_OF_DATE}"


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("estimate", make_estimate().document()),
        ("recommendation", make_recommendation("abc", "ce", "mae").document()),
    ],
)
def test_documents_keep_to_their_schemas(name, document):
    schema = json.loads((TOP / f"docs/schemas/{name}.schema.json").read_text(encoding="utf-8"))
    as_read = json.loads(json.dumps(document))
    jsonschema.validate(as_read, schema)
    del as_read[next(iter(schema["required"][1:]))]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(as_read, schema)


def test_every_command_and_option_is_on_the_page():
    from alfs_cli.cli import every_command

    page = (TOP / "docs" / "commands.md").read_text(encoding="utf-8")
    for words, command in every_command().items():
        assert f"## `alfs {words}`" in page
        for parameter in command.params:
            for word in parameter.opts:
                assert word in ("--help", "-h") or f"`{word}`" in page or word.isidentifier()


def test_a_number_that_changes_changes_the_page(monkeypatch, made):
    """A page that were typed would not notice."""
    from pages import writing

    page = made["docs/measured/bounds.md"]
    before = page()
    found = writing.frame("coverage")
    changed = found.assign(r_low=found.r + 1)
    monkeypatch.setattr("pages.estimating.frame", lambda name: changed if name == "coverage"
                        else writing.frame(name))  # fmt: skip
    assert page() != before


def test_the_picture_of_the_demo_loads_nothing():
    picture = (TOP / "docs" / "images" / "demo.svg").read_text(encoding="utf-8")
    assert "recommended" in picture
    assert "url(" not in picture.replace("url(#", "")
    assert "<image" not in picture
    assert "<script" not in picture
