"""Configuration: which file is read, what is refused in it, and which source of a value wins."""

from pathlib import Path

import pytest

from alfs_cli.errors import AlfsError
from alfs_cli.settings.check import CHECK, SECTIONS
from alfs_cli.settings.layers import ConfigurationError, find, load, resolve


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A repository with a folder a/b in it, and b the current one."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    return tmp_path


def settings(path, typed=None, environment=None):
    """Return the values of a file for `check`, and where each came from."""
    file = None if path is None else load(Path(path), SECTIONS)
    found = resolve("check", CHECK, typed=typed or {}, environment=environment or {}, file=file)
    values = {name: setting.value for name, setting in found.items()}
    return values, {name: setting.origin for name, setting in found.items()}


def test_the_nearest_file_is_taken_up_to_the_repository(here):
    assert find(Path.cwd()) == (None, ())
    (here.parent / "alfs.yaml").write_text("check: {}")
    assert find(Path.cwd())[0] is None  # beyond the root of the repository
    (here / "alfs.yaml").write_text("check: {}")
    assert find(Path.cwd())[0] == here / "alfs.yaml"
    (here / "a" / "pyproject.toml").write_text("[tool.ruff]\n")
    assert find(Path.cwd())[0] == here / "alfs.yaml"  # a pyproject that does not speak of alfs
    (here / "a" / "pyproject.toml").write_text("[tool.alfs.check]\n")
    assert find(Path.cwd())[0] == here / "a" / "pyproject.toml"
    (here / "a" / ".alfs.yaml").write_text("check: {}")
    path, notes = find(Path.cwd())
    assert path == here / "a" / ".alfs.yaml"
    assert "'../pyproject.toml' beside it is not" in notes[0]


def test_the_home_folder_ends_the_search(tmp_path, monkeypatch):
    home = tmp_path / "home"
    (home / "work").mkdir(parents=True)
    monkeypatch.setattr(Path, "home", lambda: home)
    (tmp_path / "alfs.yaml").write_text("check: {}")
    assert find(home / "work")[0] is None
    (home / "alfs.yaml").write_text("check: {}")
    assert find(home / "work")[0] == home / "alfs.yaml"


def test_the_folder_of_the_data_is_not_trusted(here):
    (here / "alfs.yaml").write_text("check: {}")
    (here / "a" / "alfs.yaml").write_text("check: {max-noise-rate: 1}")
    path, notes = find(Path.cwd(), data=here / "a")
    assert path == here / "alfs.yaml"
    assert "lies in DATA and is not read" in notes[0]


def test_yaml_and_toml_say_the_same(here):
    Path("alfs.yaml").write_text(
        "check:\n"
        "  max-noise-rate: 0.1\n"
        "  max_new_issues: 3\n"
        "  require-dominance: false\n"
        "  ignore: [ALFS402, oversize-image]\n"
        "  baseline: sub/b.json\n"
        "  per-path-ignores:\n"
        '    "legacy/**": ALFS1\n'
    )
    Path("pyproject.toml").write_text(
        "[tool.alfs.check]\n"
        "max-noise-rate = 0.1\n"
        "max-new-issues = 3\n"
        "require-dominance = false\n"
        'ignore = ["ALFS402", "oversize-image"]\n'
        'baseline = "sub/b.json"\n'
        'per-path-ignores = {"legacy/**" = ["ALFS1"]}\n'
    )
    (yaml, origin), (toml, _) = settings("alfs.yaml"), settings("pyproject.toml")
    assert yaml == toml
    assert yaml["max-noise-rate"] == 0.1
    assert yaml["per-path-ignores"] == (("legacy/**", ("ALFS1",)),)
    assert origin["max-noise-rate"] == "alfs.yaml:2"
    assert origin["max-pair-rate"] == "default"


def test_paths_are_relative_to_the_file(here):
    (here / "a" / "alfs.yaml").write_text("check: {baseline: b.json}")
    assert settings(here / "a" / "alfs.yaml")[0]["baseline"] == "../b.json"
    assert settings(None, {"baseline": "/x/b.json"})[0]["baseline"] == "/x/b.json"


def test_the_command_line_beats_variables_and_those_beat_the_file(here):
    Path("alfs.yaml").write_text(
        "check: {max-noise-rate: 0.1, max-pair-rate: 0.1, min-trust: low}\n"
    )
    environment = {"ALFS_CHECK_MAX_NOISE_RATE": "0.2", "ALFS_CHECK_MAX_PAIR_RATE": "0.2"}
    values, origin = settings("alfs.yaml", {"max-noise-rate": 0.3}, environment)
    assert [values[f"max-{name}-rate"] for name in ("noise", "pair")] == [0.3, 0.2]
    assert values["min-trust"] == "low"
    assert origin["max-noise-rate"] == "--max-noise-rate"
    assert origin["max-pair-rate"] == "ALFS_CHECK_MAX_PAIR_RATE"
    assert origin["min-trust"] == "alfs.yaml:1"


def test_variables_are_read_by_what_they_stand_for():
    environment = {
        "ALFS_CHECK_EXIT_ZERO": "yes",
        "ALFS_CHECK_SELECT": "ALFS1, ALFS4",
        "ALFS_CHECK_MAX_NEW_ISSUES": "7",
        "ALFS_OTHER": "not ours",
    }
    values, _ = settings(None, environment=environment)
    assert values["exit-zero"] is True
    assert values["select"] == ("ALFS1", "ALFS4")
    assert values["max-new-issues"] == 7


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        (
            {"max-noise-rate": 5},
            "--max-noise-rate is 5, not a number from 0 to 1 (5 % is written 0.05)",
        ),
        ({"max-pair-rate": -0.1}, "--max-pair-rate is -0.1"),
        ({"max-class-noise-rate": float("nan")}, "--max-class-noise-rate is nan"),
        ({"min-clean-level": float("inf")}, "--min-clean-level is inf"),
        ({"min-trust": "hihg"}, "did you mean 'high'"),
        ({"gate-on": "shure"}, "did you mean 'sure'"),
        ({"max-new-issues": -1}, "not a whole number, 0 or more"),
        ({"select": ["ALFS5"]}, "unknown rule 'ALFS5'"),
    ],
)
def test_wrong_values(typed, says):
    with pytest.raises(AlfsError) as caught:
        settings(None, typed)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("check:\n  max-nosie-rate: 1\n", "alfs.yaml:2: check.max-nosie-rate: unknown key (did"),
        ("chekc: {}\n", "alfs.yaml:1: unknown key 'chekc' (did you mean 'check'?)"),
        ("check:\n  folds: 3\n  folds: 4\n", "alfs.yaml:3: 'folds' is set twice"),
        ("check:\n  exit_zero: true\n  exit-zero: true\n", "alfs.yaml:3: 'exit-zero' is set twice"),
        ("check:\n  exit-zero: 'no'\n", "alfs.yaml:2: check.exit-zero is 'no', not true or false"),
        ("check:\n  max-noise-rate: 'a little'\n", "is 'a little', not a number"),
        ("check:\n  ignore: ALFS1\n", "not a list of rules"),
        ("check: 3\n", "'check' is not a list of `key: value` lines"),
        ("- check\n", "not a list of `key: value` lines"),
        ("check: [\n", "not valid YAML"),
        ("check: !!python/object/apply:os.system [ls]\n", "not valid YAML"),
        ("check: {? [a, b] : 1}\n", "not valid YAML"),
        ("check: " + "[" * 5000 + "\n", "not valid YAML"),
        ("check: {baseline: ''}\n", "not text"),
    ],
)
def test_wrong_files(here, text, says):
    Path("alfs.yaml").write_text(text)
    with pytest.raises(AlfsError) as caught:
        settings("alfs.yaml")
    assert says in str(caught.value)


def test_everything_wrong_is_told_at_once(here):
    Path("alfs.yaml").write_text("train: {}\ncheck:\n  folds: 1\n  foldz: 2\n  folds: 3\n")
    with pytest.raises(ConfigurationError) as caught:
        settings(
            "alfs.yaml", {"gate-on": "x"}, {"ALFS_CHECK_BASELIN": "b", "ALFS_CHECK_FOLDS": "x"}
        )
    lines = str(caught.value).splitlines()
    assert len(lines) == 6
    assert any("ALFS_CHECK_BASELIN names no setting (did you mean 'baseline'?)" in x for x in lines)
    assert any("ALFS_CHECK_FOLDS is 'x', not a number" in line for line in lines)


def test_aliases_that_grow_without_end_are_not_written_out(here):
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    Path("alfs.yaml").write_text("\n".join([*rows, "check:", "  folds: *a11"]))
    with pytest.raises(ConfigurationError) as caught:
        settings("alfs.yaml")
    assert len(str(caught.value)) < 10_000


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[tool.alfs]\ncheck = 3\n", "'check' is not"),
        ("[tool.alfs.check]\nfoldz = 3\n", "did you mean 'folds'"),
        ("[tool.alfs.check]\nfolds = 3\nfolds = 4\n", "not valid TOML"),
        ("[tool]\nalfs = 3\n", "tool.alfs is not a table"),
    ],
)
def test_wrong_toml(here, text, says):
    Path("pyproject.toml").write_text(text)
    with pytest.raises(AlfsError) as caught:
        settings("pyproject.toml")
    assert says in str(caught.value)
