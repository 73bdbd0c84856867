"""What every command shares: its options (`-f`, `-o`, `--out`, `--seed` ...) and its two streams.

A command is a function whose first argument is an `Invocation`; `command` gives it the shared
options. The result goes to stdout in the chosen format, and to each `-o FORMAT=PATH`; everything
else (notes, warnings, progress) goes to stderr.
"""

import inspect
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alfs_cli.errors import UsageError, unknown
from alfs_cli.storage.targets import SAVES, SUSPECTS, Kept, Target, Writes, refuse_inputs
from alfs_cli.text.numbers import MOST_SEED, whole_number
from alfs_cli.text.plain import plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import TaskID

    from alfs_cli.formats.blocks import Report

COLORS = ("auto", "always", "never")
PLAIN_WIDTH = 100  # where stdout is no terminal; rich's 80 would wrap paths
OUT = "alfs-out"
QUIET_SECONDS = 60.0  # between lines of progress where there is no terminal
PANEL = "Shared options"
HASH_SIGNS = {"json": "\\u0023", "sarif": "\\u0023", "gitlab": "\\u0023", "junit": "&#35;"}
"""How formats that a program reads write a `#`, so that what it reads stays the same."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Invocation:
    """The shared options of one command line; `targets` are the files it names to be written."""

    format: str = "text"
    outputs: tuple[tuple[str, Path], ...] = ()
    out: Path = Path(OUT)
    seed: int = 0
    has_seed: bool = False
    device: str = "auto"
    color: str = "auto"
    verbosity: int = 0
    debug: bool = False
    targets: tuple[Target, ...] = ()

    def refuse_inputs(self, *inputs: Any) -> None:
        """Raise UsageError where a file to be written is one of these, which are read."""
        refuse_inputs(self.targets, inputs)

    @property
    def out_words(self) -> str:
        """What a further command needs on its line to find what this one wrote."""
        return "" if self.out == Path(OUT) else f" --out {shlex.quote(str(self.out))}"

    def publish(self, report: "Report") -> None:
        """Write the result to stdout and to every `-o FORMAT=PATH`: to all of them or to none."""
        from alfs_cli.formats import render
        from alfs_cli.storage.documents import write_texts
        from alfs_cli.storage.marks import marked

        write_texts(
            (
                path.resolve() if path.is_symlink() else path,
                marked(render(report, format), format),
            )
            for format, path in self.outputs
        )
        color = self.color == "always" or (self.color == "auto" and _wants_color(sys.stdout))
        width = terminal_width(sys.stdout)
        text = inert(render(report, self.format, width=width, color=color), self.format)
        stream = sys.stdout
        try:
            stream.write(text)
        except UnicodeEncodeError:
            encoding = stream.encoding or "ascii"
            stream.write(text.encode(encoding, "replace").decode(encoding))
        stream.flush()

    def note(self, text: str) -> None:
        """Say something that is not the result, on stderr; `-q` silences it."""
        if self.verbosity >= 0:
            _to_stderr(text)

    def detail(self, text: str) -> None:
        """Say something that only `-v` shows."""
        if self.verbosity > 0:
            _to_stderr(text)

    def warn(self, text: str) -> None:
        """Say on stderr what the user should know even under `-q`."""
        _to_stderr(f"warning: {text}")

    @contextmanager
    def progress(self) -> Iterator[Progress]:
        """Draw bars on stderr while the body runs; call what is yielded with (task, done, total).

        Where stderr is no terminal a line a minute tells how far it is; under `-q` nothing does.
        """
        if self.verbosity < 0:
            yield lambda task, done, total: None
            return
        if not sys.stderr.isatty():
            yield _each_minute(self.note)
            return
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bars

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Bars(*columns, TimeRemainingColumn(), console=self.console(), transient=True) as bars:
            handles: dict[str, TaskID] = {}

            def tell(task: str, done: int, total: int) -> None:
                if task not in handles:
                    handles[task] = bars.add_task(task)
                bars.update(handles[task], completed=done, total=total)

            yield tell

    @contextmanager
    def working(self, task: str) -> Iterator[None]:
        """Turn a spinner on stderr while the body runs, for work that no bar can measure."""
        if self.verbosity < 0 or not sys.stderr.isatty():
            yield
            return
        with self.console().status(task):
            yield

    def console(self) -> "Console":
        """Return a rich console on stderr."""
        from rich.console import Console

        return Console(stderr=True, no_color=self.color == "never")


def _each_minute(say: Callable[[str], None]) -> Progress:
    """Return what tells of progress, but once a minute: a log is no place for a bar."""
    last = time.monotonic()

    def tell(task: str, done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= QUIET_SECONDS:
            last = now
            say(f"{task}: {done:,} of {total:,}")

    return tell


def _to_stderr(text: str) -> None:
    print(printable(text), file=sys.stderr, flush=True)


def printable(text: str) -> str:
    """Return text without control characters, so that a file name cannot steer the terminal."""
    encoding = sys.stderr.encoding or "ascii"
    kept = plain(text, keep="\n\t").encode(encoding, "replace")
    return _without_commands(kept.decode(encoding))


def inert(text: str, format: str) -> str:
    """Return a result so that no name in it can steer what reads this program's output.

    The formats see to what steers a terminal. Under GitHub Actions only the format made of commands
    to the runner may give any.
    """
    if format == "github":
        return text
    return _without_commands(text, hash_sign=HASH_SIGNS.get(format, " #"))


def _without_commands(text: str, *, hash_sign: str = " #") -> str:
    """Return text without commands to the runner of GitHub Actions, where that reads it.

    They are lines that begin with `::`, and `##[` anywhere.
    """
    if os.environ.get("GITHUB_ACTIONS") != "true":
        return text
    lines = (
        line.replace("::", ": :", 1) if line.lstrip().startswith("::") else line
        for line in text.replace("##[", f"#{hash_sign}[").split("\n")
    )
    return "\n".join(lines)


def terminal_width(stream: Any) -> int:
    """Return the columns of the terminal, or a fixed width where there is none."""
    if not stream.isatty():
        return PLAIN_WIDTH
    try:
        return max(60, os.get_terminal_size(stream.fileno()).columns)
    except OSError:
        return PLAIN_WIDTH


def _wants_color(stream: Any) -> bool:
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return bool(os.environ.get("FORCE_COLOR")) or bool(stream.isatty())


def command(body: Callable[..., None]) -> Callable[..., None]:
    """Give a command the shared options: its own parameters stay, an Invocation comes first.

    A parameter whose type is a dataclass of options stands for all of them.
    """
    own: list[inspect.Parameter] = []
    groups: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {}
    for parameter in list(inspect.signature(body, eval_str=True).parameters.values())[1:]:
        group: Callable[..., Any] = parameter.annotation
        if is_dataclass(group):
            members = inspect.signature(group, eval_str=True).parameters
            groups[parameter.name] = (group, tuple(members))
            own += members.values()
        else:
            own.append(parameter)
    shared = _shared_parameters()
    written = [p for p in own if _is_marked(p.annotation, Writes)]
    kept = {p.name for p in own if _is_marked(p.annotation, Kept)}
    module = body.__module__.rpartition(".")[2]

    def run(**arguments: Any) -> None:
        invocation = _shared(**{p.name: arguments.pop(p.name) for p in shared})
        _check_formats(invocation, command=module)
        named = {f"--{p.name.replace('_', '-')}": arguments[p.name] for p in written}
        invocation = replace(invocation, targets=_targets(invocation, module, named))
        aside = {p.name for p in written} | kept
        invocation.refuse_inputs(*(arguments[name] for name in arguments if name not in aside))
        others = [target for target in invocation.targets if target.path.name != SUSPECTS]
        refuse_inputs(others, [arguments[name] for name in kept])
        for name, (group, members) in groups.items():
            arguments[name] = group(**{member: arguments.pop(member) for member in members})
        body(invocation, **arguments)

    run.__name__ = body.__name__
    run.__doc__ = body.__doc__
    run.__module__ = body.__module__
    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *shared)]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run


@cache
def _shared_parameters() -> tuple[inspect.Parameter, ...]:
    return tuple(inspect.signature(_shared, eval_str=True).parameters.values())


def _shared(
    format: Annotated[
        str,
        typer.Option(
            "-f",
            "--format",
            help="Form of the result on stdout: text, json, markdown, csv, html; "
            "for check also concise, sarif, junit, github, gitlab.",
            rich_help_panel=PANEL,
        ),
    ] = "text",
    output: Annotated[
        list[str] | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FORMAT=PATH",
            help="Write the result to a file as well; repeatable.",
            rich_help_panel=PANEL,
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", help="Folder of saved results.", rich_help_panel=PANEL)
    ] = Path("alfs-out"),
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            min=0,
            max=MOST_SEED,
            help="Seed of all randomness; 0.",
            rich_help_panel=PANEL,
        ),
    ] = None,
    device: Annotated[
        str, typer.Option("--device", help="auto, cpu, cuda or mps.", rich_help_panel=PANEL)
    ] = "auto",
    color: Annotated[
        str, typer.Option("--color", help="auto, always or never.", rich_help_panel=PANEL)
    ] = "auto",
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", help="No notes on stderr.", rich_help_panel=PANEL)
    ] = False,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="More notes.", rich_help_panel=PANEL)
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Tracebacks of errors.", rich_help_panel=PANEL)
    ] = False,
) -> Invocation:
    """Check the shared options and return them as one value."""
    if color not in COLORS:
        raise unknown("value of --color", color, COLORS)
    return Invocation(
        format=format,
        outputs=tuple(_output(text) for text in output or ()),
        out=out,
        seed=seed or 0,
        has_seed=seed is not None,
        device=_device(device),
        color=color,
        verbosity=int(verbose) - int(quiet),
        debug=debug,
    )


def _is_marked(annotation: Any, mark: type) -> bool:
    return any(isinstance(part, mark) for part in getattr(annotation, "__metadata__", ()))


def _targets(
    invocation: Invocation, command: str, named: Mapping[str, Path | None]
) -> tuple[Target, ...]:
    """Return the files that the options name to be written, and those that always are."""
    return (
        *(Target("-o", path, format) for format, path in invocation.outputs),
        *(Target(option, path) for option, path in named.items() if path is not None),
        *(Target("--out", invocation.out / name) for name in SAVES.get(command, ())),
    )


def _check_formats(invocation: Invocation, *, command: str) -> None:
    """Raise UsageError for a format that the command does not have, or a file named twice."""
    from alfs_cli.formats import require_format

    require_format(invocation.format, command)
    paths = set()
    for format, path in invocation.outputs:
        require_format(format, command)
        if path.resolve() in paths:
            raise UsageError(f"-o names '{path}' twice", help="name a file for each format")
        paths.add(path.resolve())


def _output(text: str) -> tuple[str, Path]:
    format, equals, name = text.partition("=")
    if not equals or not name or "\0" in name:
        raise UsageError(f"-o '{text}' is not FORMAT=PATH", help="for example -o json=result.json")
    path = Path(name)
    if path.is_dir():
        raise UsageError(f"-o '{text}': '{path}' is a folder", help="name a file")
    if path.exists() and not path.is_file():
        raise UsageError(
            f"-o '{text}': '{path}' is a device or a pipe", help="name a file; -f writes to stdout"
        )
    return format, path


def _device(text: str) -> str:
    kind, _, index = text.partition(":")
    known = ("auto", "cpu", "cuda", "mps")
    if kind not in known or (index and whole_number(index) is None):
        raise unknown("device", text, known)
    return text
