"""`alfs recommend [ESTIMATE]`: losses that provably withstand the noise that was found."""

from pathlib import Path
from typing import Annotated

import typer

from alfs_cli.errors import InputError
from alfs_cli.invocation import Invocation, command


@command
def recommend(
    invocation: Invocation,
    estimate: Annotated[
        Path | None,
        typer.Argument(metavar="ESTIMATE", help="estimate.json; without it the one under --out."),
    ] = None,
    safety: Annotated[
        float, typer.Option("--safety", help="Factor by which the ratio exceeds the bound.")
    ] = 1.25,
    lr: Annotated[
        float, typer.Option("--lr", help="Learning rate the loss will be trained with.")
    ] = 0.01,
    prefer: Annotated[
        str, typer.Option("--prefer", help="robustness, balanced or fit.")
    ] = "balanced",
    losses: Annotated[
        str | None, typer.Option("--losses", metavar="LIST", help="Only these, as nce+agce,ael.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say where every number comes from.")
    ] = False,
) -> None:
    """Recommend loss parameters whose asymmetry ratio exceeds the bound, with a certificate.

    Exit code 0: certified. 1: uncertain or impossible.
    """
    path = estimate if estimate is not None else invocation.out / "estimate.json"
    if estimate is None and not path.exists():
        raise InputError(f"no estimate yet: '{path}' is not there", help="alfs estimate DATA")
    if path.is_dir():
        path = path / "estimate.json"
    from alfs_cli.estimate import load_estimate
    from alfs_cli.recommend import recommend as search
    from alfs_cli.reports.recommendation import recommendation_report

    found = search(
        load_estimate(path),
        estimate_path=str(path),
        safety=safety,
        lr=lr,
        prefer=prefer,
        losses=tuple(losses.split(",")) if losses else None,
    )
    target = invocation.out / "recommendation.json"
    found.save(target)
    invocation.publish(recommendation_report(found, explain=explain))
    invocation.note(f"wrote {target}")
    if found.status != "certified":
        raise typer.Exit(1)
    invocation.note("next: alfs train")
