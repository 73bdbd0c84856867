"""The action's steps run as a script: exit codes, outputs, and inputs that mean harm."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from PIL import Image

from tests.conftest import make_estimate

TOP = Path(__file__).parents[1]
ACTION = yaml.safe_load((TOP / "action.yml").read_text(encoding="utf-8"))
STEPS = {step.get("id"): step for step in ACTION["runs"]["steps"]}


@pytest.fixture
def step(tmp_path, monkeypatch):
    """Return a function that runs the step `check` as GitHub would, with inputs filled in."""
    monkeypatch.chdir(tmp_path)
    make_estimate().save(Path("estimate.json"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)

    def call(**inputs):
        filled = {name: value.get("default", "") for name, value in ACTION["inputs"].items()}
        filled |= {name.replace("_", "-"): value for name, value in inputs.items()}
        environment = {
            **os.environ,
            "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join([str(TOP), *sys.path]),
            "RUNNER_TEMP": str(tmp_path / "temp"),
            "GITHUB_OUTPUT": str(tmp_path / "output"),
            "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
            "GITHUB_ACTIONS": "true",
        }
        for name, value in STEPS["check"]["env"].items():
            source = re.fullmatch(r"\$\{\{ (inputs|github)\.([\w-]+) \}\}", value)
            environment[name] = str(TOP) if source[1] == "github" else filled[source[2]]
        Path("output").unlink(missing_ok=True)
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS["check"]["run"]],
            env=environment, capture_output=True, text=True, cwd=tmp_path,
        )  # fmt: skip
        lines = Path("output").read_text().splitlines() if Path("output").exists() else []
        return done, dict(line.partition("=")[::2] for line in lines)

    return call


def test_inputs_come_in_by_the_environment_only():
    for name, found in STEPS.items():
        assert "${{" not in found.get("run", ""), name
    used = set(re.findall(r"inputs\.([\w-]+)", (TOP / "action.yml").read_text(encoding="utf-8")))
    assert used == set(ACTION["inputs"])
    outputs = re.findall(r"output ([\w-]+) ", (TOP / ".ci" / "action").read_text(encoding="utf-8"))
    assert set(outputs) == set(ACTION["outputs"])


def test_a_gate_that_passes(step):
    done, outputs = step(path="estimate.json")
    assert done.returncode == 0, done.stderr
    folder = Path(outputs.pop("report-path"))
    assert outputs == {
        "exit-code": "0", "noise-rate": "0.11", "clean-level-min": "5.333333333333334",
    }  # fmt: skip
    assert {path.name for path in folder.iterdir()} == {
        "check.json", "alfs.sarif", "junit.xml", "summary.md", "report.html",
    }  # fmt: skip
    assert json.loads((folder / "alfs.sarif").read_text())["version"] == "2.1.0"
    assert Path("summary.md").read_text().startswith("## Label quality of estimate.json")


def installed(folder, **given):
    """Return what the action asks Python for, noted by a program in its place, a line a call."""
    python = folder / "python"
    python.write_text('#!/bin/sh\necho "$*" >>"$CALLS"\n')
    python.chmod(0o755)
    found = {"PATH": f"{folder}:{os.environ['PATH']}", "CALLS": str(folder / "calls")}
    environment = {**os.environ, **found, "ALFS_ACTION": str(TOP), **given}
    subprocess.run(["bash", str(TOP / ".ci" / "action"), "install"], env=environment, check=True)
    return (folder / "calls").read_text()


@pytest.mark.parametrize(
    ("version", "asked"),
    [("", str(TOP)), ("0.4.1", "alfs-cli==0.4.1"), ("git+https://x/y", "git+https://x/y")],
)
def test_the_encoder_is_installed_with_it(tmp_path, version, asked):
    """Else a baseline made on a laptop would be held against raw pixels."""
    calls = installed(tmp_path, ALFS_VERSION=version, ALFS_PATH="data/")
    last = calls.splitlines()[-1]
    assert last.endswith(f" -- alfs-cli[encoder] {asked}")


@pytest.mark.parametrize(
    ("path", "images", "version", "asked"),
    [
        ("alfs-out/estimate.json", "auto", "", f"{TOP}/packaging/audit"),
        ("features.npz", "auto", "0.2", "alfs-audit==0.2"),
        ("labels.csv", "false", "", f"{TOP}/packaging/audit"),
        ("labels.csv", "false", "alfs-audit @ git+https://x", "alfs-audit @ git+https://x"),
    ],
)
def test_no_torch_where_there_are_no_pictures(tmp_path, path, images, version, asked):
    given = {"ALFS_PATH": path, "ALFS_IMAGES": images, "ALFS_VERSION": version}
    assert installed(tmp_path, **given) == f"-P -m pip install --quiet -- {asked}\n"


@pytest.mark.slow
def test_a_gate_that_fails(step):
    done, outputs = step(path="estimate.json", args="--max-noise-rate 0.08")
    assert done.returncode == 1, done.stderr
    assert outputs["exit-code"] == "1"
    assert done.stdout.startswith("::error title=alfs (ALFS301),file=estimate.json,line=1::")
    done, outputs = step(path="estimate.json", args="--max-noise-rate 0.08", fail_on="never")
    assert (done.returncode, outputs["exit-code"]) == (0, "0")


def test_what_cannot_be_judged_leaves_no_report(step):
    done, outputs = step(path="missing.json")
    assert done.returncode == 2
    assert outputs == {"exit-code": "2"}
    assert "error: no such file: 'missing.json'" in done.stderr
    done, outputs = step(path="estimate.json", fail_on="often")
    assert (done.returncode, outputs) == (2, {})


@pytest.mark.slow
@pytest.mark.parametrize(
    "inputs",
    [
        {"path": "$(touch owned).json"},
        {"path": "'; touch owned; '.json"},
        {"path": "--help.json"},
        {"path": "estimate.json", "args": "--title \"$(touch owned)\" `touch owned` ; touch owned"},
        {"path": "estimate.json", "args": "--min-trust 'a\nb=c'"},
        {"path": "estimate.json", "baseline": "$(touch owned)"},
        {"path": "estimate.json", "args": "'never closed"},
    ],
    ids=str,
)  # fmt: skip
def test_inputs_are_never_run(step, inputs):
    done, outputs = step(**inputs)
    assert done.returncode in (1, 2), (done.stdout, done.stderr)
    assert not list(Path(".").rglob("owned"))
    assert set(outputs) <= {"exit-code"}


def plant(folder):
    """Lay modules into a folder that leave a file `owned` where anything runs them."""
    for name in ("yaml", "shlex", "json", "numpy", "typer", "pip", "alfs_cli/__init__",
                 "alfs_cli/__main__", "alfs_cli/terminal/step_summary",
                 "sitecustomize"):  # fmt: skip
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"import pathlib\npathlib.Path({str(folder)!r}, 'owned').touch()\n")


def test_no_module_of_the_checkout_is_run(step, tmp_path):
    plant(tmp_path)
    done, outputs = step(path="estimate.json", args="--max-noise-rate '0.5'")
    assert done.returncode == 0, done.stderr
    assert outputs["noise-rate"] == "0.11"
    assert not Path("owned").exists()


def test_each_package_comes_from_one_index(tmp_path):
    """By a program in python's place that notes what it is asked for."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").write_text(
        '#!/bin/sh\necho "extra=${PIP_EXTRA_INDEX_URL-none} safe=$PYTHONSAFEPATH $*" >>calls\n'
    )
    (tmp_path / "bin" / "python").chmod(0o755)
    for version, wanted in (("", "/here"), ("1.2", "alfs-cli==1.2"), ("--pre", "--pre")):
        (tmp_path / "calls").unlink(missing_ok=True)
        subprocess.run(
            ["bash", str(TOP / ".ci" / "action"), "install"],
            env={"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "ALFS_VERSION": version,
                 "ALFS_ACTION": "/here", "PIP_EXTRA_INDEX_URL": "https://own.example/simple"},
            cwd=tmp_path, check=True,
        )  # fmt: skip
        torch, rest = (tmp_path / "calls").read_text().splitlines()
        assert torch == (
            "extra= safe=1 -P -m pip install --quiet --index-url "
            "https://download.pytorch.org/whl/cpu torch torchvision"
        )
        assert rest.endswith(f"safe=1 -P -m pip install --quiet -- alfs-cli[encoder] {wanted}")
        assert rest.startswith("extra=https://own.example/simple")  # the user's own stays theirs
    for file in (TOP / "action.yml", *TOP.glob(".ci/*"), *TOP.glob("docs/*.md")):
        assert "extra-index" not in file.read_text(encoding="utf-8").lower()


GH = """#!/usr/bin/env bash
printf '%s\\n' "$*" >>calls
case "$*" in
  *--jq*) [ -e denied ] && exit 1; cat comments ;;
  *) words="$*"; cat "${words##*body=@}" >body ;;
esac
"""


@pytest.mark.parametrize("before", ["", "31\n"])
def test_the_comment_is_renewed_and_calls_nobody(tmp_path, before):
    """By a program in gh's place that notes what it is asked for."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").symlink_to(sys.executable)
    plant(tmp_path)
    (tmp_path / "bin" / "gh").write_text(GH)
    (tmp_path / "bin" / "gh").chmod(0o755)
    (tmp_path / "comments").write_text(before)
    (tmp_path / "summary.md").write_text("## Label quality\n\n@somebody\n" + "x\n" * 50_000)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(TOP), *sys.path]),
        "RUNNER_TEMP": str(tmp_path),
        "GITHUB_REPOSITORY": "a/b",
        "ALFS_ACTION": str(TOP),
        "ALFS_REPORT": str(tmp_path),
        "ALFS_PULL_REQUEST": "7",
    }
    assert set(STEPS["comment"]["env"]) - {"GH_TOKEN"} <= set(environment)

    def step():
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS["comment"]["run"]],
            env=environment, capture_output=True, text=True, cwd=tmp_path,
        )  # fmt: skip

    done = step()
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    asked, told = (tmp_path / "calls").read_text().splitlines()
    assert asked.startswith("api --paginate repos/a/b/issues/7/comments")
    target = "--method PATCH repos/a/b/issues/comments/31" if before else "repos/a/b/issues/7/comm"
    assert f"api --silent {target}" in told
    body = (tmp_path / "body").read_text(encoding="utf-8")
    assert body.startswith("<!-- alfs check -->\n## Label quality\n")
    assert "@somebody" not in body
    assert len(body) < 65_536
    assert not (tmp_path / "owned").exists()
    (tmp_path / "denied").touch()
    done = step()
    assert done.returncode == 0
    assert done.stdout.startswith("::warning title=alfs::the comment could not be written")


ODD = ("--help.png", "-q.png", "--debug.png", "-o=json.png", "a b.png", "$(touch owned).png")


@pytest.mark.slow
@pytest.mark.parametrize("is_whole", [True, False])
def test_no_file_name_is_an_option_of_the_hook(tmp_path, is_whole):
    """By pre-commit itself, with the hook as it is published but for where alfs comes from."""
    hook = next(
        hook for hook in yaml.safe_load((TOP / ".pre-commit-hooks.yaml").read_text("utf-8"))
        if hook["id"] == "alfs-inspect"
    )  # fmt: skip
    shown = {**hook, "language": "system", "verbose": True}
    config = {"repos": [{"repo": "local", "hooks": [shown]}]}
    (tmp_path / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "alfs").write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -P -m alfs_cli "$@"\n'
    )
    (tmp_path / "bin" / "alfs").chmod(0o755)
    for name in ODD:
        Image.new("L", (8, 8)).save(tmp_path / name)
    if not is_whole:
        (tmp_path / "--help.png").write_text("no picture")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(TOP), *filter(None, sys.path)]),
        "PRE_COMMIT_HOME": str(tmp_path / "home"),
        "PRE_COMMIT_COLOR": "never",
    }

    def call(*words):
        return subprocess.run(
            words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120
        )

    assert call("git", "init", "-q").returncode == 0
    assert call("git", "add", "--", *ODD, ".pre-commit-config.yaml").returncode == 0
    done = call(sys.executable, "-m", "pre_commit", "run", "--all-files")
    assert done.returncode == (0 if is_whole else 1), (done.stdout, done.stderr)
    read = re.findall(r"PASS  (\d+) images? read", done.stdout)  # it calls one a core
    told = re.findall(r"'(.*)' cannot be read as an image", done.stdout)
    if is_whole:
        assert (sum(map(int, read)), told) == (len(ODD), [])
    else:
        assert told == ["--help.png"]
    assert not (tmp_path / "owned").exists()


def test_the_hooks_are_commands_that_exist():
    from alfs_cli.commands import COMMANDS

    hooks = yaml.safe_load((TOP / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    for hook in hooks:
        program, command = hook["entry"].split()
        assert program == "alfs"
        assert hook["id"] == f"alfs-{command}"
        assert command in COMMANDS
    pattern = hooks[0]["files"]
    assert re.search(pattern, "alfs-out/estimate.json")
    assert re.search(pattern, "alfs.yaml")
    assert not re.search(pattern, "data/cat/1.png")
    assert hooks[1]["types"] == ["image"]
