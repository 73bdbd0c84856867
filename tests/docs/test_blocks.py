"""Every block of commands and of Python in the README and docs/ runs as it stands."""

import doctest
import re
import shlex

import pytest

from alfs_cli.cli import every_command, run
from alfs_cli.commands import GROUPS
from tests.docs.blocks import BLOCK, LANGUAGES, TOP, blocks, name_of, pages
from tests.docs.made import make

OTHERS = ("make", "pip", "mlflow", "docker")  # programs: of the set-up, and of other tools
SHELL = [page for page in pages() if any(b.reason is None for b in blocks(page, "sh"))]
PYTHON = [page for page in pages() if ">>>" in "".join(b.text for b in blocks(page, "python"))]


def lines(page, *, with_unrun=False):
    """Return the command lines of a page, in order."""
    found = [b.text for b in blocks(page, "sh") if with_unrun or b.reason is None]
    return [line for text in found for line in text.splitlines() if line.strip()]


def test_every_block_is_of_a_kind_that_is_tested():
    assert len(SHELL) > 8
    assert len(PYTHON) > 3
    for page in pages():
        text = page.read_text(encoding="utf-8")
        fences = re.findall(r"^```(.*)$", text, re.MULTILINE)
        opened = [language for language in fences[::2] if not language.startswith("{")]
        assert set(opened) <= LANGUAGES, name_of(page)
        assert not any(fences[1::2]), name_of(page)
        assert len(BLOCK.findall(text)) == len(fences) / 2, name_of(page)


def every_line():
    return sorted({line for page in pages() for line in lines(page, with_unrun=True)})


def test_every_option_there_is_known():
    commands = every_command()
    seen = 0
    for line in every_line():
        program, *words = shlex.split(line.partition("#")[0].partition(";")[0])
        if program in OTHERS:
            continue
        assert program == "alfs", line
        name = words.pop(0)
        if name in GROUPS:
            name = f"{name} {words.pop(0)}"
        known = {word for parameter in commands[name].params for word in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= known, line
        seen += 1
    assert seen > 50


def test_every_option_in_the_text_is_one_of_some_command():
    known = {
        word
        for command in every_command().values()
        for parameter in command.params
        for word in (*parameter.opts, *parameter.secondary_opts)
    }
    file = "--help.png"  # the name of one, in a warning
    for page in pages():
        if name_of(page).startswith(("docs/measured/", "docs/develop/constants")):
            continue  # they name options of the benchmarks
        text = BLOCK.sub("", page.read_text(encoding="utf-8"))
        said = set(re.findall(r"(?<![\w-])--[a-z][\w.-]*[a-z]", text)) - {file}
        assert said <= known, name_of(page)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    make(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", SHELL, ids=name_of)
@pytest.mark.usefixtures("estimates_made_once")
def test_what_is_to_be_typed_ends_as_it_says(made, tmp_path, monkeypatch, capsys, page):
    """In one folder a page, line by line: the exit code is the number in the comment, else 0."""
    import shutil

    here = tmp_path / "here"
    shutil.copytree(made, here)
    monkeypatch.chdir(here)
    monkeypatch.syspath_prepend(str(here))
    for line in lines(page):
        words, _, comment = line.partition("#")
        code = int(comment.strip()[0]) if "echo $?" in words else 0
        program, *rest = shlex.split(words.partition(";")[0])
        if program in OTHERS:
            continue
        assert run(rest) == code, f"{line}\n{capsys.readouterr().err}"
        text = capsys.readouterr().out
        for number in re.findall(r"\d+(?:\.\d+)? %", comment):
            assert number in text, line


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of cleanlab's own; the page of cleanlab silences them too
@pytest.mark.parametrize("page", PYTHON, ids=name_of)
@pytest.mark.usefixtures("estimates_made_once")
def test_the_python_runs(tmp_path, monkeypatch, page):
    """Every result that a page shows is what comes out."""
    if "Datalab" in page.read_text(encoding="utf-8"):
        pytest.importorskip("datasets")
    monkeypatch.chdir(tmp_path)
    code = "\n".join(block.text for block in blocks(page, "python") if block.reason is None)
    test = doctest.DocTestParser().get_doctest(code, {}, page.name, str(page), 0)
    assert len(test.examples) >= 5
    said: list[str] = []
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    doctest.DocTestRunner(optionflags=options).run(test, out=said.append)
    assert not said, "".join(said)


def headings(page):
    """The names of a page's headings in links, as GitHub and Sphinx spell them."""
    found = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in found}


def test_links_lead_somewhere():
    seen = 0
    for page in pages():
        links = re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", page.read_text(encoding="utf-8"))
        for link, heading in links:
            target = page.parent / link if link else page
            assert target.is_file(), f"{name_of(page)}: {link}"
            if heading and target.suffix == ".md":
                assert heading in headings(target), f"{name_of(page)}: {link}#{heading}"
            seen += 1
    assert seen > 50


def test_pictures_are_small_and_have_words_for_those_who_do_not_see_them():
    shown = set()
    for page in pages():
        for words, link in re.findall(
            r"!\[([^\]]*)\]\(([^)]+)\)", page.read_text(encoding="utf-8")
        ):
            assert len(words) > 20, f"{name_of(page)}: {link}"
            shown.add((page.parent / link).resolve())
    there = {path.resolve() for path in (TOP / "docs" / "images").iterdir()}
    assert there <= shown  # none is left that no page shows
    assert max(path.stat().st_size for path in there) <= 60_000


def test_no_page_is_out_of_the_contents():
    listed = set()
    for page in pages():
        text = page.read_text(encoding="utf-8")
        for entries in re.findall(r"^```\{toctree\}\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            names = [line for line in entries.splitlines() if line and not line.startswith(":")]
            listed |= {(page.parent / f"{name}.md").resolve() for name in names}
    assert listed | {TOP / "docs" / "index.md", TOP / "README.md"} == set(pages())
