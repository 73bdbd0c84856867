"""`alfs recommend [ESTIMATE]`: losses that provably withstand the estimated noise."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from alfs_cli.errors import InputError
from alfs_cli.options.shared import Invocation, command
from alfs_cli.storage.targets import Writes
from alfs_cli.storage.writing import write_text

if TYPE_CHECKING:
    from alfs_cli.results.estimate import NoiseEstimate


@command
def recommend(
    invocation: Invocation,
    *,
    estimate: Annotated[
        Path | None,
        typer.Argument(
            metavar="ESTIMATE", help="An estimate.json; by default the one under --out."
        ),
    ] = None,
    safety: Annotated[
        float | None,
        typer.Option(
            "--safety",
            help="Factor by which the ratio is to exceed 1 / clean level; by default 1.25.",
        ),
    ] = None,
    lr: Annotated[
        float, typer.Option("--lr", help="Learning rate of the training to come.")
    ] = 0.01,
    prefer: Annotated[
        str,
        typer.Option(
            "--prefer",
            help="What counts: robustness to noise; fit, how fast a loss learns; or balanced.",
        ),
    ] = "balanced",
    losses: Annotated[
        str | None,
        typer.Option("--losses", metavar="LIST", help="Consider only these, such as nce+agce,ael."),
    ] = None,
    audit: Annotated[
        Path | None,
        typer.Option(
            "--audit",
            metavar="FILE",
            help="An audit.json of these data: certificates rest on the clean level it shows.",
        ),
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say where every number comes from.")
    ] = False,
    write_recipe: Annotated[
        Path | None,
        typer.Option(
            "--write-recipe", metavar="FILE", help="Write the best one as a recipe (.yaml)."
        ),
        Writes(),
    ] = None,
) -> None:
    """Recommend a loss function that withstands the estimated noise, with a certificate.

    A loss withstands the noise where its asymmetry ratio, which `alfs losses list` shows, is at
    least 1 / clean level. Exit code 0: certified. 1: uncertain or impossible.
    """
    path = estimate if estimate is not None else invocation.out / "estimate.json"
    if estimate is None and not path.exists():
        raise InputError(f"no estimate yet: '{path}' is not there", help="alfs estimate DATA")
    if path.is_dir():
        path = path / "estimate.json"
    invocation.refuse_inputs(path)
    from alfs_cli.recommending import recommend as search
    from alfs_cli.recommending.explanation import explained
    from alfs_cli.recommending.recipe import check_recipe_name, recipe_text
    from alfs_cli.reports.recommendation import recommendation_report
    from alfs_cli.results.estimate import load_estimate

    if write_recipe is not None:
        check_recipe_name(write_recipe)
    made = load_estimate(path)
    if audit is not None:
        from alfs_cli.recommending.audited import audit_reference

        invocation.refuse_inputs(audit)
    found = search(
        made,
        estimate_path=str(path),
        safety=safety,
        lr=lr,
        prefer=prefer,
        losses=tuple(losses.split(",")) if losses else None,
        audit=None if audit is None else audit_reference(audit, made),
    )
    target = invocation.out / "recommendation.json"
    found.save(target)
    if write_recipe is not None:
        write_text(write_recipe, recipe_text(write_recipe, found, made))
    words = explained(found, made) if explain else ()
    invocation.publish(recommendation_report(found, explained=words))
    invocation.console.note(f"wrote {target}")
    if write_recipe is not None:
        invocation.console.note(f"wrote {write_recipe}")
    if found.status != "certified":
        raise typer.Exit(1)
    invocation.console.note(f"next: alfs train{_train_words(invocation, path, made)}")


def _train_words(invocation: Invocation, path: Path, made: "NoiseEstimate") -> str:
    """Return the arguments with which `alfs train` finds the recommendation and the data."""
    if made.data.source is None:
        return f" DATA{invocation.out_words}"  # probabilities alone cannot be trained on
    if path.parent == invocation.out:
        return invocation.out_words
    from alfs_cli.results.estimate import training_words

    return " " + shlex.join(training_words(made.data.spec)) + invocation.out_words
