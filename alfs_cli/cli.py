"""The `alfs` command: the table of commands, and the only place that catches errors and exits.

Exit codes: 0 done, 1 judged and the answer is not yes, 2 wrong usage or input, 3 work that could
not finish, 101 a bug in alfs, 130 and 143 interrupted by a signal.
"""

import atexit
import errno
import os
import re
import signal
import sys
import threading
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
import typer.core
import typer.main

from alfs_cli import __version__
from alfs_cli.commands import COMMANDS, GROUPS, bodies
from alfs_cli.errors import (
    STOPS,
    AlfsError,
    Stopped,
    brief,
    did_you_mean,
    is_out_of_memory,
    stop,
    stop_behind,
)
from alfs_cli.options.earlier import COULD_NOT_LOOK, Earlier, earlier_results
from alfs_cli.options.renamed import renamed
from alfs_cli.storage.targets import OUT
from alfs_cli.terminal.output import printable
from alfs_cli.terminal.streams import settle_streams
from alfs_cli.text.plain import escaped

EXIT_BUG = 101
STOPPED = (130, 143)  # exit codes after a signal
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
IN_WORDS = {
    "Input should be a valid number": "it is no number",
    "Input should be a valid integer": "it is no whole number",
}  # what typer says of values, and what we say
PERCENT = re.compile(r"(?:--[a-z-]+=)?[\d.,]+ ?%")
USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]  # the base that typer does not export

STYLE: dict[str, Any] = {
    "context_settings": {"help_option_names": ["-h", "--help"]},
    "rich_markup_mode": "rich",
}


class CalledByName(typer.core.TyperGroup):
    """A group that knows its commands by name and first line, and imports the one that is called.

    The options of all commands would take most of the time that `alfs -h` or a mistake takes.
    """

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return what typer calls for these words; see `typer.core.TyperGroup`."""
        if args and args[0] in self.commands:
            self.commands[args[0]] = whole(args[0])
        return super().resolve_command(ctx, args)


_root = typer.Typer(
    name="alfs",
    cls=CalledByName,
    help="Audit the labels of a data set, and train networks that withstand wrong ones.",
    epilog="Start with `alfs demo`, then `alfs estimate path/to/images`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    **STYLE,
)


def _print_version(is_wanted: bool) -> None:  # noqa: FBT001 (typer calls it so)
    if is_wanted:
        print(f"alfs {__version__}")
        raise typer.Exit()


@_root.callback()
def _alfs(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


def _not_called() -> None:
    pass


for _name, _line in {**COMMANDS, **GROUPS}.items():
    _root.command(_name, help=_line)(_not_called)
app = typer.main.get_command(_root)


@cache
def whole(name: str) -> Any:
    """Return a command or a group of commands with all options, as typer calls it."""
    own = typer.Typer(
        add_completion=False, help=GROUPS.get(name), no_args_is_help=name in GROUPS, **STYLE
    )
    for member, body in bodies(name).items():
        own.command(member or name)(body)
    return typer.main.get_command(own)


def every_command() -> dict[str, Any]:
    """Return every command by its words, with all options, in the order of `alfs -h`.

    >>> [words for words in every_command() if words.startswith("losses")]
    ['losses list', 'losses show', 'losses check']
    """
    named = {name: whole(name) for name in COMMANDS}
    for group in GROUPS:
        members = whole(group).commands.items()
        named |= {f"{group} {member}": command for member, command in members}
    return named


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run `alfs` and exit with its code."""
    words = sys.argv[1:] if arguments is None else arguments
    if threading.current_thread() is threading.main_thread():
        for number in STOPS:
            if signal.getsignal(number) != signal.SIG_IGN:  # as under nohup
                signal.signal(number, stop)
    settle_streams()
    try:
        code = run(words)
    except Stopped as again:  # a second signal, while the first one was answered
        code = again.exit_code
    _default_signals()
    try:
        sys.stdout.flush()
    except OSError as error:
        code = _unusable(error) if code in (0, 1) else code
        # The rest of the buffer would raise again when Python exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if code in STOPPED and "ray" in sys.modules:
        _end_at_once(code)
    sys.exit(code)


def _end_at_once(code: int) -> NoReturn:
    """Exit without what compiled libraries do last: Ray's crashes where it was stopped midway."""
    atexit._run_exitfuncs()  # which end the cluster that was started here
    sys.stderr.flush()
    os._exit(code)


def _default_signals() -> None:
    """Let a signal that comes while Python exits end it at once, without a traceback."""
    for number in STOPS:
        if signal.getsignal(number) is stop:
            signal.signal(number, signal.SIG_DFL)


def run(arguments: list[str]) -> int:
    """Run one command line and return its exit code; every error is printed here.

    Where nothing was judged, the results of an earlier run at the same output paths are removed.
    """
    earlier = earlier_results(arguments, usual_out=Path(OUT))
    code = _run(arguments)
    if code in COULD_NOT_LOOK:
        for result in earlier:
            _remove(result)
    return code


def _remove(earlier: Earlier) -> None:
    try:
        earlier.remove()
    except OSError as error:
        _print_error(f"cannot remove '{earlier.path}', of an earlier run: {error.strerror}", None)


def _run(arguments: list[str]) -> int:
    try:
        code = app(args=renamed(arguments, note=_note), prog_name="alfs", standalone_mode=False)
    except Stopped as stopped:
        _print_error(str(stopped), None)
        return stopped.exit_code
    except (KeyboardInterrupt, typer.Abort):
        _print_error("interrupted", None)
        return 130
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 1
    except Exception as error:
        if asked := stop_behind(error):
            _print_error(str(asked), None)
            return asked.exit_code
        is_debugged = "--debug" in takewhile(lambda word: word != "--", arguments)
        return _failed(error, arguments, is_debugged=is_debugged)
    return code if isinstance(code, int) else 0


def _failed(error: Exception, arguments: list[str], *, is_debugged: bool) -> int:
    """Print an error and return its exit code; call it while the error is handled."""
    if isinstance(error, USAGE_ERROR):
        return _usage(error, arguments)
    is_bug = not isinstance(error, (AlfsError, OSError))
    if is_bug and is_out_of_memory(error):
        _print_error("out of memory", "a smaller --batch-size or --max-examples needs less")
        return 3
    if is_debugged:
        _print_traceback()
    if isinstance(error, AlfsError):
        _print_error(str(error), error.help or _where_to_look(arguments, error.exit_code))
        return error.exit_code
    if isinstance(error, ModuleNotFoundError) and (help := _what_brings(error)):
        _print_error(f"this needs {error.name}, which is not installed", help)
        return 2
    return _unusable(error) if isinstance(error, OSError) else _bug(error)


def _what_brings(error: ModuleNotFoundError) -> str | None:
    """Return what brings a dependency that was left out, None where its lack is a bug."""
    from alfs_cli.doctor import what_brings

    return what_brings(error.name or "")


def _unusable(error: OSError) -> int:
    """Print the system's error about a file, and return the exit code."""
    named = f" '{error.filename}'" if error.filename is not None else ""
    _print_error(
        f"cannot use{named}: {error.strerror or error}",
        "check that it exists and that you may use it",
    )
    return 3 if error.errno in DISK_ERRORS else 2


def _note(text: str) -> None:
    print(printable(f"note: {text}"), file=sys.stderr, flush=True)


def _usage(error: Exception, arguments: list[str]) -> int:
    from typer import Context

    context: Context | None = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.format_message())  # type: ignore[attr-defined]
        return 2
    message = error.format_message().splitlines()  # type: ignore[attr-defined]
    text = " ".join(part.strip() for part in message if part.strip()).rstrip(".")
    command = context.command_path if context else "alfs"
    name = getattr(error, "option_name", None)
    if name and context and not getattr(error, "possibilities", None):
        known = [word for parameter in context.command.params for word in parameter.opts]
        text += did_you_mean(name, known)
    for theirs, ours in IN_WORDS.items():
        if theirs in text:
            text = text[: text.index(theirs)] + ours
            if written := next(filter(PERCENT.fullmatch, arguments), None):
                text += f" ('{brief(written)}': 5 % is written 0.05)"
    _print_error(text[:1].lower() + text[1:], f"{command} -h lists what there is")
    return 2


def _where_to_look(arguments: list[str], code: int) -> str | None:
    """Return a help line for an error that has none, None where it would not help."""
    if code != 2:
        return None
    known = [word for word in arguments[:1] if word in COMMANDS or word in GROUPS]
    return " ".join(["alfs", *known, "-h lists what there is"])


def _print_error(message: str, help: str | None) -> None:
    print(f"error: {printable(message)}", file=sys.stderr)
    if help:
        print(f"help: {printable(help)}", file=sys.stderr)
    sys.stderr.flush()


def _print_traceback() -> None:
    """Print the traceback of the current error on stderr."""
    print(printable(_traceback()), file=sys.stderr)


def _traceback() -> str:
    """Return the traceback of the current error, with control characters escaped."""
    import traceback

    return escaped(traceback.format_exc())


def _bug(error: Exception) -> int:
    """Save the traceback to a temporary file, print its path, and return the exit code."""
    import tempfile

    with tempfile.NamedTemporaryFile(
        "w", prefix="alfs-crash-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write(f"alfs {__version__}, python {sys.version}\n\n")
        file.write(_traceback())
    summary = printable(f"{type(error).__name__}: {error}".splitlines()[0])
    print(
        f"error: this is a bug in alfs ({summary}); the traceback is in {file.name}",
        file=sys.stderr,
    )
    return EXIT_BUG
