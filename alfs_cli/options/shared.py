"""What every command shares: its options (`-f`, `-o`, `--out`, `--seed` ...) and its two streams.

A command is a function whose first argument is an `Invocation`; `command` gives it the shared
options. The result goes to stdout in the chosen format, and to each `-o FORMAT=PATH`; everything
else (notes, warnings, progress) goes to stderr.
"""

import inspect
import shlex
import sys
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alfs_cli.errors import UsageError, unknown
from alfs_cli.formats import formats_of
from alfs_cli.storage.targets import OUT, SAVES, SUSPECTS, Kept, Target, Writes, refuse_inputs
from alfs_cli.terminal.output import Terminal, inert, terminal_width, wants_color
from alfs_cli.text.addresses import NO_ADDRESS, address_taken, is_address, shown
from alfs_cli.text.numbers import MOST_SEED, whole_number

if TYPE_CHECKING:
    from alfs_cli.formats.blocks import Report

COLORS = ("auto", "always", "never")
PANEL = "Shared options"


@dataclass(frozen=True)
class Invocation:
    """The shared options of one command line; `targets` are the files that it will write."""

    format: str = "text"
    outputs: tuple[tuple[str, Path], ...] = ()
    out: Path = Path(OUT)
    seed: int = 0
    has_seed: bool = False
    device: str = "auto"
    console: Terminal = field(default_factory=Terminal)
    debug: bool = False
    targets: tuple[Target, ...] = ()

    def refuse_inputs(self, *inputs: Any) -> None:
        """Raise UsageError where a file to be written is one of these inputs."""
        refuse_inputs(self.targets, inputs)

    @property
    def out_words(self) -> str:
        """The `--out` option with which a next command finds the results, empty for the default."""
        return "" if self.out == Path(OUT) else f" --out {shlex.quote(str(self.out))}"

    def writes(self, format: str) -> bool:
        """Whether the result is wanted in a format, on stdout or in a file."""
        return format in (self.format, *(written for written, _ in self.outputs))

    def say_saved(self, command: str) -> None:
        """Note which files a command wrote under --out."""
        slash = "/" if self.out != Path(".") else ""
        self.console.note(f"wrote {', '.join(SAVES[command])} in {self.out}{slash}")

    def publish(self, report: "Report") -> None:
        """Write the report to every `-o FORMAT=PATH`, to all or none, then to stdout."""
        from alfs_cli.formats import render
        from alfs_cli.storage.marks import marked
        from alfs_cli.storage.writing import write_texts

        self.console.rest()
        write_texts(
            (
                path.resolve() if path.is_symlink() else path,
                marked(render(report, format), format),
            )
            for format, path in self.outputs
        )
        wanted = self.console.color
        color = wanted == "always" or (wanted == "auto" and wants_color(sys.stdout))
        width = terminal_width(sys.stdout)
        is_brief = self.format == "text" and self.console.verbosity <= 0
        shown = report.first_screen if is_brief else report
        text = inert(render(shown, self.format, width=width, color=color), self.format)
        stream = sys.stdout
        try:
            stream.write(text)
        except UnicodeEncodeError:
            encoding = stream.encoding or "ascii"
            stream.write(text.encode(encoding, "replace").decode(encoding))
        stream.flush()


def command(body: Callable[..., None]) -> Callable[..., None]:
    """Return a function for typer: the body's own options, then the shared ones.

    The body is called with an Invocation, made of the shared options, as its first argument. A
    parameter whose type is a dataclass of options is expanded into all of its fields.
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
    module = body.__module__.rpartition(".")[2]
    shared = _shared_parameters(module)
    written = [p for p in own if _is_marked(p.annotation, Writes)]
    kept = {p.name for p in own if _is_marked(p.annotation, Kept)}

    def run(**arguments: Any) -> None:
        _refuse_addresses(arguments)
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
        from alfs_cli.storage.remote import told_to  # help needs none of it

        with invocation.console.showing(f"alfs {module}"), told_to(invocation.console):
            body(invocation, **arguments)

    run.__name__ = body.__name__
    run.__doc__ = _unwrapped(body.__doc__ or "")
    run.__module__ = body.__module__
    parameters = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*own, *shared)]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    return run


def _refuse_addresses(arguments: Mapping[str, Any]) -> None:
    """Raise UsageError for an option that is a path here and was given an address."""
    for name, value in arguments.items():
        for path in value if isinstance(value, list) else [value]:
            address = address_taken(path) if isinstance(path, Path) else None
            if address is None:
                continue
            option = f"--{name.replace('_', '-')}"
            raise UsageError(
                f"{option} '{shown(address)}' is no path on this machine",
                help=NO_ADDRESS,
            )


def _unwrapped(text: str) -> str:
    r"""Return a docstring with a line per paragraph: help is wrapped to the terminal's width.

    >>> _unwrapped("Do this.\n\n    Or do\n    that.\n    ")
    'Do this.\n\nOr do that.'
    """
    return "\n\n".join(" ".join(part.split()) for part in inspect.cleandoc(text).split("\n\n"))


@cache
def _shared_parameters(command: str) -> tuple[inspect.Parameter, ...]:
    """Return the shared options; the help on -f lists the formats that the command has."""
    parameters = dict(inspect.signature(_shared, eval_str=True).parameters)
    format = parameters["format"]
    (option,) = format.annotation.__metadata__
    own = copy(option)
    own.help = option.help.format(formats=", ".join(formats_of(command)))
    parameters["format"] = format.replace(annotation=Annotated[str, own])
    return tuple(parameters.values())


def _shared(
    *,
    format: Annotated[
        str,
        typer.Option(
            "-f",
            "--format",
            help="Format of the result on stdout: {formats}.",
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
    ] = Path(OUT),
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed",
            min=0,
            max=MOST_SEED,
            help="Seed of all randomness; by default 0.",
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
        bool,
        typer.Option("--debug", help="Print the traceback of an error.", rich_help_panel=PANEL),
    ] = False,
) -> Invocation:
    """Check the shared options and return them as one value."""
    if color not in COLORS:
        raise unknown("value of --color", color, COLORS)
    return Invocation(
        format=format,
        outputs=tuple(_output(text) for text in output or ()),
        out=_folder("--out", out),
        seed=seed or 0,
        has_seed=seed is not None,
        device=_device(device),
        console=Terminal(int(verbose) - int(quiet), color),
        debug=debug,
    )


def _is_marked(annotation: Any, mark: type) -> bool:
    return any(isinstance(part, mark) for part in getattr(annotation, "__metadata__", ()))


def _targets(
    invocation: Invocation, command: str, named: Mapping[str, Path | None]
) -> tuple[Target, ...]:
    """Return the files that the options name to be written, and those always written."""
    return (
        *(Target("-o", path, format) for format, path in invocation.outputs),
        *(Target(option, path) for option, path in named.items() if path is not None),
        *(Target("--out", invocation.out / name) for name in SAVES.get(command, ())),
    )


def _check_formats(invocation: Invocation, *, command: str) -> None:
    """Raise UsageError for a format that the command lacks, or a file named twice."""
    from alfs_cli.formats import require_format

    require_format(invocation.format, command)
    paths = set()
    for format, path in invocation.outputs:
        require_format(format, command)
        if path.resolve() in paths:
            raise UsageError(f"-o names '{path}' twice", help="name a file for each format")
        paths.add(path.resolve())


def _folder(option: str, path: Path) -> Path:
    """Return a folder that can be there; raise UsageError where a file is in its place."""
    nearest = next((folder for folder in (path, *path.parents) if folder.exists()), path)
    if nearest.exists() and not nearest.is_dir():
        raise UsageError(f"{option}: '{nearest}' is a file, not a folder", help="name a folder")
    return path


def _output(text: str) -> tuple[str, Path]:
    format, equals, name = text.partition("=")
    if not equals or not name or "\0" in name:
        raise UsageError(f"-o '{text}' is not FORMAT=PATH", help="for example -o json=result.json")
    if is_address(name):
        raise UsageError(f"-o {format}={shown(name)} is no path on this machine", help=NO_ADDRESS)
    path = Path(name)
    _folder(f"-o {format}={name}", path.parent)
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
