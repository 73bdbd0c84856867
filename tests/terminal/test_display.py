"""What a terminal shows of work that goes on, on a screen of a given width."""

import inspect
import io
import os
import re
import sys
from types import SimpleNamespace

import pytest
from rich.text import Text

from alfs_cli.commands import COMMANDS, bodies
from alfs_cli.formats import formats_of
from alfs_cli.terminal import display, training
from alfs_cli.terminal.output import Terminal
from alfs_cli.terminal.training import Forecast, Onlooker, told
from alfs_cli.text.plain import plain

LONG_PATH = "wrote /" + "a-folder/" * 20 + "file.csv"


class Screen(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


@pytest.fixture
def screen(monkeypatch):
    """Return a function that makes stderr a screen of so many columns."""

    def make(columns=80, term="xterm"):
        monkeypatch.setenv("TERM", term)
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setattr(sys, "stderr", Screen())
        return sys.stderr

    return make


def shown(stream):
    return plain(stream.getvalue(), keep="\n", mark="~")


def test_a_command_shows_its_name_then_its_stages_and_leaves_those_that_took_a_while(
    screen, monkeypatch
):
    monkeypatch.setattr(display, "SECONDS_TO_STAY", 0.0)
    stream, terminal = screen(), Terminal()
    with terminal.showing("alfs estimate"):
        assert "alfs estimate" in shown(stream)
        with terminal.progress() as tell:
            for done in range(4):
                tell("reading images", 1000 * done, 3000)
        with terminal.working("fitting T"):
            terminal.note("a note")
        terminal.rest()
        before = stream.getvalue()
        terminal.note("after the result")
    assert "  reading images, 3,000: 0.0 s\n" in shown(stream)
    assert "  fitting T: 0.0 s\n" in shown(stream)
    assert "a note\n" in shown(stream)
    assert stream.getvalue() == before + "after the result\n"


def test_a_stage_that_fails_leaves_nothing(screen, monkeypatch):
    monkeypatch.setattr(display, "SECONDS_TO_STAY", 0.0)
    stream, terminal = screen(), Terminal()
    with pytest.raises(OSError, match="gone"), terminal.working("fitting T"):
        raise OSError("gone")
    assert "fitting T: " not in shown(stream)
    assert sys.stderr is stream


def test_what_is_said_meanwhile_is_never_wrapped(screen):
    stream, terminal = screen(40), Terminal()
    with terminal.working("writing"):
        terminal.note(LONG_PATH)
        terminal.warn("[red]\x1b[2J")
    assert LONG_PATH in shown(stream)
    assert "warning: [red]" in shown(stream)
    assert "\x1b[2J" not in stream.getvalue()


@pytest.mark.parametrize("columns", [40, 80])
def test_a_line_leaves_room_at_the_edge(screen, columns):
    """The terminal writes `^C` behind it."""
    stream, terminal = screen(columns), Terminal()
    with terminal.progress() as tell:
        tell("a name that goes on for longer than any screen is wide " * 3, 5, 12480)
        terminal.display.describe(next(iter(terminal.display._stages)), more="x" * 200)
        terminal.display._bars.refresh()
    assert not terminal.display.is_shown
    widths = [Text.from_ansi(line).cell_len for line in re.split("\n|\r", stream.getvalue())]
    assert 20 < max(widths) <= columns - 2


@pytest.mark.parametrize(
    ("verbosity", "stream", "term"),
    [(-1, Screen, "xterm"), (0, io.StringIO, "xterm"), (0, Screen, "dumb")],
)
def test_nothing_is_drawn_where_it_could_not_be_redrawn(monkeypatch, verbosity, stream, term):
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys, "stderr", stream())
    terminal = Terminal(verbosity)
    with terminal.showing("alfs"), terminal.working("a"), terminal.progress() as tell:
        tell("b", 1, 2)
    assert not sys.stderr.getvalue()


def test_the_forecast_is_of_ten_steps_after_two():
    now, asked = [0.0], []
    forecast = Forecast(
        steps=100, epochs=50, running_loss=lambda: asked.append(1), clock=lambda: now[0]
    )
    said = []
    for done in range(1, 30):
        now[0] += 9.0 if done < 3 else 0.5  # the first ones set up
        said.append(forecast.hear(done))
    (told_once,) = filter(None, said)
    assert said[11] == told_once == told(0.5, 4988, 100)
    assert len(asked) == 2  # the device is waited for at both ends
    assert "about 41 min" in told_once


def test_slow_steps_are_not_waited_for():
    now = [0.0]
    forecast = Forecast(steps=4, epochs=50, running_loss=lambda: 0.0, clock=lambda: now[0])
    said = []
    for done in range(1, 9):
        now[0] += 40.0
        said.append(forecast.hear(done))
    assert said[2] == told(40.0, 197, 4)
    assert not any(said[3:])


def test_a_log_hears_of_a_long_epoch_once_a_minute(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setattr(training.time, "monotonic", lambda: now[0])
    onlooker = Onlooker(Terminal(), SimpleNamespace(epochs=2), 100, 4, looked=0.0)
    onlooker.on_ready(lambda: 1.5)
    for done in range(1, 6):
        now[0] += 35.0
        onlooker.on_step(done)
    lines = [line for line in capsys.readouterr().err.splitlines() if "step" in line]
    assert [line for line in lines if "about" not in line] == [
        "epoch 1/2, step 2 of 4: loss 1.5000",
        "epoch 2/2, step 1 of 4: loss 1.5000",
    ]


def test_a_run_of_hours_is_told_what_is_shorter():
    assert told(0.001, 50_000, 500) is None
    text = told(0.2, 60_000, 500)
    assert "3 h 20 min" in text
    assert "--epochs 36 (1 h 0 min)" in text
    assert "--epochs" not in told(10.0, 60_000, 500)  # not one epoch is done in an hour


def test_a_signal_is_acknowledged_past_the_buffer(tmp_path, monkeypatch):
    with open(tmp_path / "err", "w") as file:
        monkeypatch.setattr(sys, "stderr", file)
        Onlooker(Terminal(), None, 10, 2).on_stop()
        assert (tmp_path / "err").read_text() == "stopping after this step\n"
        Onlooker(Terminal(-1), None, 10, 2).on_stop()
    assert os.path.getsize(tmp_path / "err") == len("stopping after this step\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_lists_the_formats_that_the_command_has(command):
    format = inspect.signature(bodies(command)[""]).parameters["format"]
    (option,) = format.annotation.__metadata__
    assert option.help.endswith(f": {', '.join(formats_of(command))}.")
