"""What an audit is started with; every draw and every bet is a function of it and the examples."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from alfs_cli.arrays import BoolArray, FloatArray, IntArray
from alfs_cli.audits.aims import aim
from alfs_cli.audits.claims import Claim, parse
from alfs_cli.audits.draws import balanced_weights
from alfs_cli.audits.log import Event
from alfs_cli.audits.population import Population
from alfs_cli.audits.quantities import numbered, quantity, slice_members
from alfs_cli.audits.tuning import TUNING
from alfs_cli.errors import InputError

SCHEMA = "alfs.audit/1"
BETS = 2  # changes with any number that a bet or a weight hangs on


@dataclass(frozen=True)
class Plan:
    """What an audit was started with; the draws and the bets are functions of it."""

    data: str  # the fingerprint of the data
    examples: str  # the digest of the population
    seed: int
    risk: float
    claims: tuple[Claim, ...]
    # the share of the draws that goes where the scores say that a claim is soonest decided
    aimed: float = field(default_factory=lambda: TUNING.aimed)
    show_given: bool = False
    continues: str | None = None  # the last sum of the record this goes on from


def weights_of(examples: Population, plan: Plan) -> IntArray:
    """Return the weights of the draws (N): every claim's examples have their part."""
    supports: list[BoolArray] = []
    sooner: list[FloatArray | None] = []
    for claim in plan.claims:
        if claim.is_level:
            supports.append(slice_members(examples, claim.where))
            sooner.append(None)
        else:
            what = quantity(claim, examples)
            supports.append(what.members)
            sooner.append(aim(what, numbered(claim), examples.open))
    everything = np.ones(len(examples), dtype=bool)
    return balanced_weights(supports or [everything], plan.aimed, sooner)


def header(plan: Plan) -> Event:
    """Return the first line of a log, from which `plan_from` reads the plan."""
    return {
        "event": "start",
        "schema": SCHEMA,
        "bets": BETS,
        "data": plan.data,
        "examples": plan.examples,
        "seed": plan.seed,
        "risk": plan.risk,
        "claims": [{"text": str(claim), "number": claim.number} for claim in plan.claims],
        "aimed": plan.aimed,
        "show_given": plan.show_given,
        "continues": plan.continues,
    }


def plan_from(event: Event, path: Path) -> Plan:
    """Return the plan of a log's first line; raises InputError for one of other bets."""
    if event.get("bets") != BETS:
        raise InputError(
            f"'{path}' was begun by a version of alfs that bets otherwise "
            f"(bets {event.get('bets')}, not {BETS}): its numbers cannot be recomputed here",
            help="go on with it in the version that began it, or start a new audit",
        )
    claims = [parse(each["text"]).at(each["number"]) for each in event["claims"]]
    return Plan(
        data=event["data"],
        examples=event["examples"],
        seed=event["seed"],
        risk=event["risk"],
        claims=tuple(claims),
        aimed=event["aimed"],
        show_given=event["show_given"],
        continues=event["continues"],
    )
