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
SCORES = "Scores that guide the draws"


@dataclass(frozen=True)
class ClaimFlags:
    """The claims, and the risk at which each is decided."""

    claim: Annotated[
        list[str] | None,
        typer.Option(
            "--claim",
            metavar="TEXT",
            help="A claim to decide, repeatable: 'noise-rate <= 0.05', 'class-noise:NAME <= .1', "
            "'given-noise:NAME <= .1', 'pair:TRUE>GIVEN <= .02', 'clean-level >= 1.5', "
            "'certified:LOSS', 'accuracy:RUN >= .9', 'accuracy:RUN_A > accuracy:RUN_B', each also "
            "for a part, as 'noise-rate\\[camera=3] <= .05'. By default 'noise-rate <= 0.05'.",
        ),
    ] = None
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="COLUMN",
            help="Decide each claim for every value of this column as well, each at its own risk.",
        ),
    ] = None
    risk: Annotated[
        float | None,
        typer.Option(
            "--risk",
            help="Chance that a claim is ever decided wrongly, for each claim; by default 0.05.",
        ),
    ] = None
    budget: Annotated[
        int | None,
        typer.Option("--budget", min=1, metavar="N", help="Ask for at most N answers in all."),
    ] = None
    show_given: Annotated[
        bool,
        typer.Option(
            "--show-given",
            help="Show the given label while asking; the result says that answers were not blind.",
        ),
    ] = False
    continues: Annotated[
        Path | None,
        typer.Option(
            "--continue",
            metavar="OLD",
            help="After labels were corrected: an earlier audit.json, whose answers are kept.",
        ),
    ] = None

    def wanted(self, invocation: "Invocation") -> "Wanted":
        """Return the claims and settings of the audit as the core takes them."""
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
    """Asking and answering in files, without a page."""

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
            "--batch", min=1, metavar="N", help="Examples in a sheet.", rich_help_panel=SHEET
        ),
    ] = 50
    read: Annotated[
        list[Path] | None,
        typer.Option(
            "--read",
            metavar="FILE",
            help="Read the answers of a filled-in sheet or a Label Studio export (.json); "
            "repeatable.",
            rich_help_panel=SHEET,
        ),
    ] = None
    who: Annotated[
        str | None,
        typer.Option(
            "--who",
            metavar="NAME",
            help="Who gave the answers that are read; by default the file's name.",
            rich_help_panel=SHEET,
        ),
    ] = None
    verify: Annotated[
        Path | None,
        typer.Option(
            "--verify",
            metavar="FILE",
            help="Recompute every draw and bound of an audit.json: exit 0 if equal, 1 if not.",
            rich_help_panel=SHEET,
        ),
    ] = None


@dataclass(frozen=True)
class PageFlags:
    """The address of the page, and whether a browser is opened."""

    port: Annotated[
        int,
        typer.Option(
            "--port",
            min=0,
            max=65535,
            help="Port of the page on 127.0.0.1; 0 picks a free one.",
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
    """What scores the labels before the draws.

    Good scores save answers; the bounds hold whatever the scores.
    """

    evidence: Annotated[
        str,
        typer.Option(
            "--evidence",
            help="auto, none, pred-probs, features, text, encoder, pixels or network.",
            rich_help_panel=SCORES,
        ),
    ] = "auto"
    encoder: Annotated[
        list[str] | None,
        typer.Option(
            "--encoder", metavar="NAME", help="As in `alfs estimate`.", rich_help_panel=SCORES
        ),
    ] = None
    encoder_size: Annotated[
        int | None,
        typer.Option(
            "--encoder-size",
            metavar="N",
            help="As in `alfs estimate`.",
            rich_help_panel=SCORES,
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
        typer.Option(
            "--no-cache", help="Recompute the evidence, not from the cache.", rich_help_panel=SCORES
        ),
    ] = False

    def read(self, invocation: "Invocation") -> "EstimateOptions":
        """Return the options of the estimate that scores the labels."""
        from alfs_cli.estimating.options import EstimateOptions

        return EstimateOptions(
            evidence=self.evidence,
            encoder=tuple(self.encoder or ()),
            encoder_size=self.encoder_size,
            download=self.download,
            seed=invocation.seed,
            device=invocation.device,
            cache=None if self.no_cache else invocation.out / "cache",
        )
