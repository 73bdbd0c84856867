"""The front door: exit codes, streams, start-up, errors that name only what exists."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import alfs_cli
from alfs_cli import cli
from alfs_cli.errors import AlfsError, Interrupted, Stopped, WorkError

HEAVY = ("torch", "torchvision", "numpy", "pandas", "cleanlab", "sklearn", "scipy", "pyarrow")
PACKAGE = Path(alfs_cli.__file__).parent


def python(code, **options):
    """Run code in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, **options
    )


def test_python_m_and_version():
    done = subprocess.run(
        [sys.executable, "-m", "alfs_cli", "--version"], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, f"alfs {alfs_cli.__version__}\n")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["estmate"], "estmate"),
        (["estimate", "digits", "--metod", "x"], "--method"),
        (["estimate", "digits", "--format", "yml"], "unknown format 'yml'"),
        (["estimate", "digits", "-f", "jsn"], "did you mean 'json'"),
        (["estimate", "digits", "-o", "json"], "is not FORMAT=PATH"),
        (["estimate", "digits", "-o", "xml=a"], "unknown format 'xml'"),
        (["estimate", "digits", "-o", f"json={__file__}/x"], "is a file, not a folder"),
        (["estimate", "digits", "--out", __file__], "is a file, not a folder"),
        (["check", "digits", "--out", f"{__file__}/a/b"], f"'{__file__}' is a file"),
        (["estimate", "digits", "--device", "gpu"], "unknown device 'gpu'"),
        (["estimate", "digits", "--color", "yes"], "--color"),
        (["estimate", "digits", "--seed", "-1"], "seed"),
        (["estimate", "digits", "--folds", "x"], "'--folds': it is no whole number"),
        (
            ["check", "digits", "--max-noise-rate", "5%"],
            "it is no number ('5%': 5 % is written 0.05)",
        ),
        (["evaluate"], "RUN"),
    ],
)
def test_wrong_usage_is_exit_2_with_help_and_a_silent_stdout(capsys, words, says):
    assert cli.run(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.strip().splitlines()
    assert lines[0].startswith("error: ")
    assert lines[-1].startswith("help: ")
    assert says in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (AlfsError("wrong", help="do this"), 2),
        (WorkError("disk full"), 3),
        (MemoryError(), 3),
        (KeyboardInterrupt(), 130),
        (Interrupted("interrupted in epoch 3", exit_code=143), 143),
        (Stopped("terminated", exit_code=143), 143),
        (BrokenPipeError(32, "Broken pipe"), 2),  # of a file: a reader's end raises nothing
        (ValueError("a bug\nwith lines"), 101),
        (AssertionError(), 101),
    ],
)
def test_exit_codes(monkeypatch, capsys, tmp_path, error, code):
    def fail(**_):
        raise error

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(cli, "app", fail)
    assert cli.run(["estimate"]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    if code == 101:
        assert len(err.strip().splitlines()) == 1
        path = Path(err.split("the traceback is in ")[1].strip())
        assert "Traceback" in path.read_text()


def compiled(inner, depth=1):
    """Return what compiled code makes of an error that a signal's handler raises in it."""
    for _ in range(depth):
        outer = SystemError("<cyfunction wait> returned a result with an exception set")
        outer.__cause__ = inner
        inner = outer
    return inner


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (compiled(Stopped("interrupted", exit_code=130)), 130),
        (compiled(Stopped("terminated", exit_code=143), depth=2), 143),
        (compiled(ValueError("a bug")), 101),
        (compiled(None), 101),
    ],
)
def test_a_stop_inside_compiled_code_is_a_stop(monkeypatch, capsys, tmp_path, error, code):
    def fail(**_):
        raise error

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(cli, "app", fail)
    assert cli.run(["estimate"]) == code
    assert ("bug" in capsys.readouterr().err) == (code == 101)


@pytest.mark.parametrize(("module", "code", "ends"), [("ray", 143, 143), ("other", 143, 7)])
def test_what_a_library_does_last_is_not_the_exit_code(module, code, ends):
    """Ray crashes there where it was stopped midway; what is to run at exit runs all the same."""
    script = (
        "import atexit, os, sys, types\n"
        "from alfs_cli import cli\n"
        f"sys.modules[{module!r}] = types.SimpleNamespace(last=type('Last', (), {{'__del__':\n"
        "    lambda self, leave=os._exit: leave(7)})())\n"
        "atexit.register(print, 'cluster ended', flush=True)\n"
        f"cli.run = lambda _: {code}\n"
        "cli.main([])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.returncode == ends
    assert done.stdout == "cluster ended\n"


def test_debug_shows_the_traceback(capsys):
    assert cli.run(["estimate", "no-such-place", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "interrupted")],
)
def test_signals_stop_even_what_swallows_errors(number, code, word):
    script = (
        "import signal, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job in the background
        "from alfs_cli import cli\n"
        "def wait(**_):\n"
        "    try:\n"
        "        print('ready', flush=True)\n"
        "        time.sleep(60)\n"
        "    except Exception:\n"
        "        return 0\n"
        "cli.app = wait\n"
        "cli.main([])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
        process.send_signal(number)
        assert process.wait(timeout=20) == code
        assert process.stderr.read() == f"error: {word}\n"


@pytest.mark.parametrize("while_exiting", [False, True])
def test_a_second_signal_ends_it_at_once_without_a_traceback(while_exiting):
    """While the first is answered, and while Python waits for the last thread."""
    script = (
        "import signal, threading, time\n"
        "from alfs_cli import cli\n"
        "def wait(**_):\n"
        "    signal.raise_signal(signal.SIGTERM)\n"
        "def slow(*_):\n"
        "    print('ready', flush=True)\n"
        "    time.sleep(60)\n"
        f"if {while_exiting}:\n"
        "    threading.Thread(target=slow).start()\n"
        "else:\n"
        "    cli._print_error = slow\n"
        "cli.app = wait\n"
        "cli.main([])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) in (143, -signal.SIGTERM)
        assert "Traceback" not in process.stderr.read()


def test_a_closed_pipe_is_quiet():
    done = subprocess.run(
        f"{sys.executable} -m alfs_cli losses list -f json | head -c 10",
        shell=True, capture_output=True, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    assert "error" not in done.stderr


def command_table():
    """Return the options of every command by its words, as typer has them."""

    def options(command):
        return {word for p in command.params for word in (*p.opts, *p.secondary_opts)}

    return {words: options(command) for words, command in cli.every_command().items()}


def texts():
    """Return every string in the package that could reach a user, with the file it is in."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        found += [(path.name, line) for line in path.read_text().splitlines() if "alfs " in line]
    assert len(found) > 50
    return found


def test_messages_name_only_commands_and_options_that_exist():
    table = command_table()
    words = {name.split()[0] for name in table}
    every_option = set.union(*table.values())
    pattern = re.compile(r"(?:`|\"|'|: |next: )alfs ([a-z]+)((?: [^`\"']*)?)")
    checked = 0
    for file, line in texts():
        for name, rest in pattern.findall(line):
            assert name in words, f"{file}: {line.strip()}"
            for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", rest):
                assert option in every_option, f"{file}: {line.strip()}"
            checked += 1
    assert checked > 20


def test_help_lines_name_only_options_that_exist():
    every_option = set.union(*command_table().values())
    others = {"--upgrade", "--index-url", "--version", "--help", "--install-completion"}
    for path in sorted(PACKAGE.rglob("*.py")):
        for line in path.read_text().splitlines():
            if "help=" not in line and "raise " not in line:
                continue
            for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", line):
                known = option in every_option or option.replace("--no-", "--") in every_option
                assert known or option in others, f"{path.name}: {line.strip()}"
