"""Begin an audit, go on with one, or go on after labels were mended: decide which, and do it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from alfs_cli.arrays import IntArray
from alfs_cli.auditing.exhibits import Exhibits
from alfs_cli.auditing.neighbours import keep
from alfs_cli.audits.claims import Claim, Slice, parse
from alfs_cli.audits.log import Log
from alfs_cli.audits.plan import Plan
from alfs_cli.audits.population import Population, population
from alfs_cli.audits.record import (
    DOCUMENT,
    LOG,
    Record,
    continued,
    resume,
    start,
)
from alfs_cli.audits.status import Status, status
from alfs_cli.console import Console
from alfs_cli.data.duplicates import digests_of
from alfs_cli.errors import InputError, UsageError, together
from alfs_cli.losses.text import parse_loss
from alfs_cli.losses.theorems import sufficient_ratio

if TYPE_CHECKING:
    from alfs_cli.auditing.scores import Scores

USUAL = ("noise-rate <= 0.05",)
RISK = 0.05
MOST_SLICES = 50


@dataclass(frozen=True)
class Wanted:
    """What the caller asks for. None, or no claims, means: as the audit was begun."""

    claims: tuple[str, ...] = ()
    by: str | None = None
    risk: float | None = None
    seed: int | None = None
    show_given: bool = False
    old: Path | None = None


@dataclass(frozen=True, eq=False)
class Opened:
    """A record to go on with, and what was known before mending."""

    record: Record
    before: Status | None = None
    is_new: bool = False


def open_audit(
    shows: Exhibits,
    wanted: Wanted,
    folder: Path,
    *,
    scores: "Callable[[], Scores | None]",
    predictions: Callable[[str], IntArray],
    console: Console,
) -> Opened:
    """Go on with the audit in a folder, or begin one there.

    `scores` and `predictions` of a run are asked for only where one begins. Raises UsageError
    where the audit there is about something else than what is wanted.
    """
    old = None if wanted.old is None else old_record(wanted.old, folder)
    claims = claims_of(wanted, shows)
    if Log(folder / LOG).read():  # a start that was killed has begun nothing
        record = resume(folder, bare(shows))
        refuse_other_plan(record.plan, wanted, claims, old, folder)
        console.note(
            f"note: goes on with the audit in '{folder}', {record.answers:,} answers so far"
        )
        return Opened(record, None if old is None else status(old, with_forecast=False))
    if not claims and old is not None:
        claims = old.plan.claims
    elif not claims:
        claims = claims_of(replace(wanted, claims=USUAL), shows)
        console.note(f"note: no --claim is given: '{USUAL[0]}' is audited")
    scored = scores()
    examples = with_what_is_needed(shows, claims, scored, predictions)
    if old is not None:
        examples = continued(old, examples, places_in(old, shows, console))
    usual = RISK if old is None else old.plan.risk
    record = start(
        folder,
        examples,
        claims,
        seed=wanted.seed or 0,
        risk=usual if wanted.risk is None else wanted.risk,
        show_given=wanted.show_given,
        continues=None if old is None else old.log.sum,
    )
    if scored is not None and scored.features is not None:
        keep(folder, record.plan.examples, scored.features)
    before = None if old is None else status(old, with_forecast=False)
    return Opened(record, before, is_new=True)


def bare(shows: Exhibits) -> Population:
    """Return the examples without what is thought of them, to tell whether they are the same."""
    dataset = shows.dataset
    return population(dataset.labels, dataset.class_names, dataset.fingerprint)


def with_what_is_needed(
    shows: Exhibits,
    claims: Sequence[Claim],
    scores: "Scores | None",
    predictions: Callable[[str], IntArray],
) -> Population:
    """Return the examples with their scores, and the columns and runs that the claims name."""
    dataset = shows.dataset
    columns = {c.where.column for c in claims if c.where is not None}
    runs = {name for c in claims if c.quantity == "accuracy" for name in c.names}
    return population(
        dataset.labels,
        dataset.class_names,
        dataset.fingerprint,
        probs=None if scores is None else scores.probs,
        noise_scores=None if scores is None else scores.wrong,
        predictions={name: predictions(name) for name in sorted(runs)},
        columns={name: shows.column(name) for name in sorted(columns)},
    )


def claims_of(wanted: Wanted, shows: Exhibits) -> tuple[Claim, ...]:
    """Return the claims that were typed; with `by`, each inside every value of that column too.

    Raises one UsageError for all that are wrong.
    """
    parsed = together([partial(claim_from, text) for text in wanted.claims])
    found = list(dict.fromkeys(parsed))
    if wanted.by is None or not found:
        return tuple(found)
    values = sorted(set(shows.column(wanted.by)))
    if len(values) > MOST_SLICES:
        raise UsageError(
            f"column '{wanted.by}' has {len(values):,} values, over {MOST_SLICES}",
            help="--claim 'noise-rate[COLUMN=VALUE] <= 0.05' names a single slice",
        )
    sliced = [
        replace(claim, where=Slice(wanted.by, value))
        for claim in found
        if claim.where is None
        for value in values
    ]
    return tuple(dict.fromkeys([*found, *sliced]))


def claim_from(text: str) -> Claim:
    """Return the claim; that of a certified loss with the clean level that the loss asks for."""
    claim = parse(text)
    if claim.quantity != "certified":
        return claim
    ratio = sufficient_ratio(parse_loss(claim.names[0]))
    if not ratio:
        raise UsageError(
            f"claim '{claim}': no clean level is known at which this loss is asymmetric",
            help="alfs losses list names the losses that have a ratio",
        )
    return claim.at(1 / ratio)


def refuse_other_plan(
    plan: Plan, wanted: Wanted, claims: Sequence[Claim], old: Record | None, folder: Path
) -> None:
    """Raise UsageError where something else is wanted than the audit was begun with."""
    differs = []
    if claims and set(claims) != set(plan.claims):
        differs.append(f"its claims are {told(plan.claims)}, not {told(claims)}")
    if wanted.risk is not None and wanted.risk != plan.risk:
        differs.append(f"its risk is {plan.risk:g}, not {wanted.risk:g}")
    if wanted.seed is not None and wanted.seed != plan.seed:
        differs.append(f"its seed is {plan.seed}, not {wanted.seed}")
    if wanted.show_given and not plan.show_given:
        differs.append("it is blind: --show-given was not given")
    if old is not None and plan.continues != old.log.sum:
        differs.append(f"it does not continue the audit of '{wanted.old}'")
    if differs:
        raise UsageError(
            f"the audit in '{folder}' is another one: {'; '.join(differs)}",
            help="leave those options out to go on with it, or begin another audit with --out",
        )


def told(claims: Sequence[Claim], *, most: int = 4) -> str:
    """Return the first claims in quotes, and how many there are besides."""
    names = ", ".join(f"'{claim}'" for claim in claims[:most])
    return names + (f" and {len(claims) - most} more" if len(claims) > most else "")


def old_record(path: Path, folder: Path) -> Record:
    """Return the audit that --continue names, by its folder or its audit.json."""
    place = path if path.is_dir() else path.parent
    if not (place / LOG).exists():
        raise InputError(
            f"--continue '{path}': no audit is there", help=f"name the {DOCUMENT} of an audit"
        )
    if place.resolve() == folder.resolve():
        raise UsageError(
            f"--continue '{path}' is the audit in --out itself",
            help="the audit of the mended data needs a folder of its own: --out alfs-out-2",
        )
    return resume(place)


def places_in(old: Record, shows: Exhibits, console: Console) -> dict[int, int]:
    """Return where the answered examples of an old audit are now, by what was shown of them.

    An example of which nothing was kept is where it was, if the data are as many as before.
    """
    contents = {
        int(old.draws.order[number]): drawn.counts.content
        for number, drawn in old.drawn.items()
        if drawn.counts is not None
    }
    by_content = contents_by_place(shows) if any(contents.values()) else []
    first: dict[str, int] = {}
    for place, found_content in enumerate(by_content):
        first.setdefault(found_content, place)
    found: dict[int, int] = {}
    taken: set[int] = set()
    for index, content in contents.items():
        place = index if len(old.examples) == len(shows) else -1
        if content is not None and (place < 0 or by_content[place] != content):
            place = first.get(content, -1)
        if place >= 0 and place not in taken:
            taken.add(place)
            found[index] = place
    lost = len(contents) - len(found)
    console.note(
        f"note: {len(found):,} answers of the old audit are kept as known"
        + (f"; {lost:,} are of examples that are not in these data" if lost else "")
    )
    return found


def contents_by_place(shows: Exhibits) -> list[str]:
    """Return the hash of what is shown of each example (N,), empty where there is none."""
    if shows.are_pictures:
        return [(digest or b"").hex()[:16] for digest in digests_of(shows.dataset)]
    return [shows.content(place) or "" for place in range(len(shows))]
