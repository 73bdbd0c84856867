"""`alfs losses`: list losses, show their properties, certify them for a noise model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from alfs_cli.errors import InputError, UsageError
from alfs_cli.options.shared import Invocation, command
from alfs_cli.storage.targets import Writes

if TYPE_CHECKING:
    from alfs_cli.noise import TransitionMatrix

Text = Annotated[
    str, typer.Argument(metavar="LOSS", help="A loss, such as nce+agce:a=6,q=1.5,alpha=1,beta=4.")
]


@command
def list_losses(invocation: Invocation) -> None:
    """List every loss with its formula, its defaults and its asymmetry ratio."""
    from alfs_cli.losses.facts import all_losses
    from alfs_cli.reports.losses import list_report

    invocation.publish(list_report(all_losses()))


@command
def show(
    invocation: Invocation,
    loss: Text,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Plot the loss to a .png, .svg or .pdf."),
        Writes(),
    ] = None,
) -> None:
    """Show a loss: its formula, its asymmetry ratio, and the noise it is robust to."""
    from alfs_cli.losses import parse_loss
    from alfs_cli.losses.facts import loss_facts
    from alfs_cli.reports.losses import facts_report

    parsed = parse_loss(loss)
    if plot is not None:
        from alfs_cli.figures.losses import plot_loss

        plot_loss(parsed, plot)
        invocation.console.note(f"wrote {plot}")
    invocation.publish(facts_report(loss_facts(parsed)))


@command
def check(
    invocation: Invocation,
    loss: Annotated[
        str | None, typer.Argument(metavar="LOSS", help="A loss; or --python for your own.")
    ] = None,
    transition: Annotated[
        Path | None, typer.Option("--transition", metavar="FILE", help="T as .csv or .npy.")
    ] = None,
    estimate: Annotated[
        Path | None, typer.Option("--estimate", metavar="FILE", help="T from an estimate.json.")
    ] = None,
    noise: Annotated[
        str | None,
        typer.Option("--noise", metavar="KIND", help="A kind of noise, such as symmetric."),
    ] = None,
    rate: Annotated[
        float | None, typer.Option("--rate", metavar="R", help="With --noise: its rate.")
    ] = None,
    classes: Annotated[
        int | None,
        typer.Option("--classes", metavar="K", help="With --noise: the number of classes."),
    ] = None,
    python: Annotated[
        str | None,
        typer.Option(
            "--python",
            metavar="MODULE:FUNCTION",
            help="A loss of your own; its module is imported.",
        ),
    ] = None,
) -> None:
    """Prove or refute that a loss withstands the noise of a transition matrix.

    By default the matrix is that of the estimate under --out. Exit code 0: proved, tolerant (the
    noise moves none of its minima) or not refuted; 1: refuted.
    """
    if (loss is None) == (python is None):
        raise UsageError("name one loss", help="LOSS, or --python MODULE:FUNCTION")
    judged: Any = _own_loss(python) if python is not None else _known_loss(loss or "")
    T, names = _noise_model(invocation, transition, estimate, noise, rate, classes)
    from alfs_cli.certificate import certify
    from alfs_cli.reports.losses import certificate_report

    found = certify(judged, T, class_names=names)
    invocation.publish(certificate_report(found))
    if found.verdict == "refuted":
        raise typer.Exit(1)


def _known_loss(text: str) -> Any:
    from alfs_cli.losses import parse_loss

    try:
        return parse_loss(text)
    except UsageError as error:
        module, colon, function = text.partition(":")
        if colon and "=" not in text and "+" not in module and function.isidentifier():
            raise UsageError(str(error), help=f"a loss of your own: --python {text}") from None
        raise


def _own_loss(place: str) -> Any:
    """Import MODULE:FUNCTION, from an installed module or from the current folder."""
    import importlib
    import os
    import sys

    module, colon, name = place.partition(":")
    if not (colon and module and name):
        raise UsageError(f"--python '{place}' is not MODULE:FUNCTION", help="my_losses:my_loss")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())  # last, so that no file there replaces an installed library
    try:
        found: Any = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except Exception as error:
        raise UsageError(
            f"cannot import '{place}': {type(error).__name__}: {error}",
            help="a module of this folder or of this Python, then a function in it",
        ) from None
    if not callable(found):
        raise UsageError(
            f"'{place}' is not a function: it is {type(found).__name__}",
            help="--python module:function names a function of logits and labels",
        )
    return found


def _noise_model(
    invocation: Invocation,
    transition: Path | None,
    estimate: Path | None,
    noise: str | None,
    rate: float | None,
    classes: int | None,
) -> "tuple[TransitionMatrix, tuple[str, ...] | None]":
    """Return T (K, K) as the options name it, and its class names where they are known."""
    from alfs_cli.noise import read_named_transition, transition_of

    if sum(source is not None for source in (transition, estimate, noise)) > 1:
        raise UsageError(
            "--transition, --estimate and --noise each name a T: give one",
            help="for example --estimate alfs-out/estimate.json alone",
        )
    if noise is None and (rate is not None or classes is not None):
        raise UsageError(
            "--rate and --classes go with --noise",
            help="for example --noise symmetric --rate 0.4 --classes 10",
        )
    if noise is not None:
        if rate is None or classes is None:
            raise UsageError("--noise needs --rate and --classes", help="--rate 0.4 --classes 10")
        return transition_of(noise, rate, classes), None
    if transition is not None:
        return read_named_transition(transition)
    path = estimate if estimate is not None else invocation.out / "estimate.json"
    if estimate is None and not path.exists():
        raise InputError(
            "no transition matrix to check against",
            help="--transition FILE, --estimate FILE, or --noise KIND --rate R --classes K",
        )
    invocation.refuse_inputs(path)
    return read_named_transition(path)


MEMBERS = {"list": list_losses, "show": show, "check": check}
