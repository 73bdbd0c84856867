"""The options of `alfs audit`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from alfs_cli.auditing.session import Wanted
    from alfs_cli.estimating.options import EstimateOptions
    from alfs_cli.options.shared import Invocation

PAGE = "The page"
SHEET = "Without a page"
SCORES = "What the draws go by"


@dataclass(frozen=True)
class ClaimFlags:
    """What is claimed, and how surely it is to be decided."""

    claim: Annotated[
        list[str] | None,
        typer.Option(
            "--claim",
            metavar="TEXT",
            help="What to decide, repeatable: 'noise-rate <= 0.05', 'class-noise:NAME <= .1', "
            "'given-noise:NAME <= .1', 'pair:TRUE>GIVEN <= .02', 'clean-level >= 1.5', "
            "'certified:LOSS', 'accuracy:RUN >= .9', 'accuracy:RUN_A > accuracy:RUN_B', each also "
            "of a part, as 'noise-rate\\[camera=3] <= .05'. Without it 'noise-rate <= 0.05'.",
        ),
    ] = None
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="COLUMN",
            help="Each claim inside every value of a column, too; each at its own risk.",
        ),
    ] = None
    risk: Annotated[
        float | None,
        typer.Option(
            "--risk",
            help="Chance that a claim is ever decided wrongly, each for itself; 0.05.",
        ),
    ] = None
    budget: Annotated[
        int | None,
        typer.Option("--budget", min=1, metavar="N", help="Ask for N answers at most, in all."),
    ] = None
    show_given: Annotated[
        bool,
        typer.Option(
            "--show-given", help="Show the given label while asking: not blind, and said so."
        ),
    ] = False
    continues: Annotated[
        Path | None,
        typer.Option(
            "--continue",
            metavar="OLD",
            help="After mending: an earlier audit.json, whose answers are kept as known.",
        ),
    ] = None

    def wanted(self, invocation: "Invocation") -> "Wanted":
        """Return what was asked for."""
        from alfs_cli.auditing.session import Wanted

        return Wanted(
            claims=tuple(self.claim or ()),
            by=self.by,
            risk=self.risk,
            seed=invocation.seed if invocation.has_seed else None,
            show_given=self.show_given,
            old=self.continues,
        )


@dataclass(frozen=True)
class SheetFlags:
    """Asking and answering on paper."""

    sheet: Annotated[
        Path | None,
        typer.Option(
            "--sheet",
            metavar="FILE",
            help="Write the next examples to a .csv with an empty column true_label, or as Label "
            "Studio tasks (.json).",
            rich_help_panel=SHEET,
        ),
    ] = None
    batch: Annotated[
        int,
        typer.Option(
            "--batch", min=1, metavar="N", help="How many of them.", rich_help_panel=SHEET
        ),
    ] = 50
    read: Annotated[
        list[Path] | None,
        typer.Option(
            "--read",
            metavar="FILE",
            help="Take answers in: a sheet, another person's, or a Label Studio export (.json); "
            "repeatable.",
            rich_help_panel=SHEET,
        ),
    ] = None
    who: Annotated[
        str | None,
        typer.Option(
            "--who",
            metavar="NAME",
            help="Who answered what is read; without it the file's name.",
            rich_help_panel=SHEET,
        ),
    ] = None
    verify: Annotated[
        Path | None,
        typer.Option(
            "--verify",
            metavar="FILE",
            help="Recompute every draw and bound of an audit.json: 0 if it is equal, 1 if not.",
            rich_help_panel=SHEET,
        ),
    ] = None


@dataclass(frozen=True)
class PageFlags:
    """Where the page is."""

    port: Annotated[
        int,
        typer.Option(
            "--port",
            min=0,
            max=65535,
            help="Port of the page on 127.0.0.1; 0 is one that is free.",
            rich_help_panel=PAGE,
        ),
    ] = 0
    no_browser: Annotated[
        bool,
        typer.Option(
            "--no-browser", help="Print the address, and open no browser.", rich_help_panel=PAGE
        ),
    ] = False


@dataclass(frozen=True)
class ScoreFlags:
    """What scores the labels beforehand, so that draws tell more; bounds do not rest on it."""

    evidence: Annotated[
        str,
        typer.Option(
            "--evidence",
            help="auto, none, pred-probs, features, encoder, pixels or network.",
            rich_help_panel=SCORES,
        ),
    ] = "auto"
    encoder: Annotated[
        str | None,
        typer.Option(
            "--encoder", metavar="NAME", help="As in `alfs estimate`.", rich_help_panel=SCORES
        ),
    ] = None
    download: Annotated[
        bool,
        typer.Option(
            "--download",
            help="Fetch an encoder's weights if they are not here.",
            rich_help_panel=SCORES,
        ),
    ] = False
    no_cache: Annotated[
        bool,
        typer.Option("--no-cache", help="Make the evidence anew.", rich_help_panel=SCORES),
    ] = False

    def read(self, invocation: "Invocation") -> "EstimateOptions":
        """Return the options of the estimate that scores the labels."""
        from alfs_cli.estimating.options import EstimateOptions

        return EstimateOptions(
            evidence=self.evidence,
            encoder=self.encoder,
            download=self.download,
            seed=invocation.seed,
            device=invocation.device,
            cache=None if self.no_cache else invocation.out / "cache",
        )
