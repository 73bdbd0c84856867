"""The action's steps run as a script: exit codes, outputs, and inputs that mean harm."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

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


@pytest.mark.parametrize(
    ("version", "asked"),
    [("", str(TOP)), ("0.4.1", "alfs-cli==0.4.1"), ("git+https://x/y", "git+https://x/y")],
)
def test_the_encoder_is_installed_with_it(tmp_path, version, asked):
    """Else a baseline made on a laptop would be held against raw pixels."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$*" >>"$CALLS"\n')
    python.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "CALLS": str(tmp_path / "calls"),
        "ALFS_VERSION": version,
        "ALFS_ACTION": str(TOP),
    }
    subprocess.run(["bash", str(TOP / ".ci" / "action"), "install"], env=environment, check=True)
    last = (tmp_path / "calls").read_text().splitlines()[-1]
    assert last.endswith(f" -- alfs-cli[encoder] {asked}")


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
    (tmp_path / "denied").touch()
    done = step()
    assert done.returncode == 0
    assert done.stdout.startswith("::warning title=alfs::the comment could not be written")


def test_the_hooks_are_commands_that_exist():
    import typer

    from alfs_cli.cli import app

    hooks = yaml.safe_load((TOP / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    for hook in hooks:
        program, command = hook["entry"].split()
        assert program == "alfs"
        assert hook["id"] == f"alfs-{command}"
        assert command in typer.main.get_command(app).commands
    pattern = hooks[0]["files"]
    assert re.search(pattern, "alfs-out/estimate.json")
    assert re.search(pattern, "alfs.yaml")
    assert not re.search(pattern, "data/cat/1.png")
    assert hooks[1]["types"] == ["image"]
