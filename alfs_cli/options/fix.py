"""The options of `alfs fix`, and the mode and files that they select."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alfs_cli.errors import UsageError
from alfs_cli.storage.targets import Writes

if TYPE_CHECKING:
    from alfs_cli.copies.cleaned import Mode


@dataclass(frozen=True)
class FixOptions:
    """Which suspects are changed, how, and where the copy goes."""

    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="FILE",
            help="Where to write the copy, in the form of DATA (.csv for a folder); by default "
            "cleaned.csv, .npz, ... under --out. Pictures also as tasks for Label Studio (.json), "
            "suspects with predictions.",
        ),
        Writes(),
    ] = None
    drop: Annotated[bool, typer.Option("--drop", help="Leave suspect labels out.")] = False
    relabel: Annotated[
        bool, typer.Option("--relabel", help="Give suspect labels the suggested class.")
    ] = False
    review: Annotated[
        bool,
        typer.Option("--review", help="Make only the changes in the column decision."),
    ] = False
    issues: Annotated[
        Path | None,
        typer.Option(
            "--issues",
            metavar="FILE",
            help="The list of suspects; by default issues.csv under --out.",
        ),
    ] = None
    audit: Annotated[
        Path | None,
        typer.Option(
            "--audit",
            metavar="FILE",
            help="With --review: an audit.json, whose answers replace the labels.",
        ),
    ] = None
    min_score: Annotated[
        float,
        typer.Option("--min-score", min=0, max=1, help="Change only labels scored this or higher."),
    ] = 0.5
    min_confidence: Annotated[
        float,
        typer.Option(
            "--min-confidence",
            min=0,
            max=1,
            help="Relabel only where the suggested class is at least this probable.",
        ),
    ] = 0.0
    force: Annotated[
        bool,
        typer.Option(
            "--force", help="Write the copy even if trust is low or a class loses all its labels."
        ),
    ] = False
    allow_stale: Annotated[
        bool,
        typer.Option("--allow-stale", help="Accept an estimate.json of other data or labels."),
    ] = False

    def mode(self) -> "Mode":
        """Return what to do with suspects; raise UsageError unless exactly one option says so."""
        by_mode: dict[Mode, bool] = {
            "drop": self.drop,
            "relabel": self.relabel,
            "review": self.review,
        }
        modes = [mode for mode, is_on in by_mode.items() if is_on]
        if len(modes) != 1:
            raise UsageError(
                f"{' and '.join(f'--{m}' for m in modes)} exclude each other"
                if modes
                else "no option says what to do with the suspects",
                help="one of --drop, --relabel, --review",
            )
        return modes[0]

    def suspects(self, out: Path) -> Path:
        """Return the path of the suspects or of the audit; raise UsageError where there is none."""
        if self.audit is not None:
            if self.issues is not None or not self.review:
                raise UsageError(
                    "--audit says what people answered, and no suspects are changed by it",
                    help="alfs fix DATA --review --audit FILE, without --issues",
                )
            return self.audit
        path = self.issues if self.issues is not None else out / "issues.csv"
        if not path.exists():
            raise UsageError(
                f"no list of suspects: '{path}' is not there", help="alfs estimate DATA"
            )
        if self.to is not None:
            refuse_list(self.to, path)
        return path


def refuse_list(to: Path, path: Path) -> None:
    """Raise UsageError where the copy would be written over the list of suspects."""
    if path.resolve() == to.resolve():
        raise UsageError(f"--to '{to}' is the list of suspects", help="name another file")
