"""Losses as text: the table of names, the paper's parameters, the grammar.

Grammar: `name[+name][:key=value,...]`. `alpha` and `beta` are the weights of the first and second
term of a sum; `alpha` also scales a single term. Any other key is a parameter of exactly one term,
or `term.key`. Defaults are the paper's CIFAR-10 row for a single loss, the CIFAR-10 column of Table
4 with its weights for a sum in that table, and the terms' own defaults with weights 1 otherwise.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import fields

from alfs_cli.errors import UsageError, did_you_mean, unknown
from alfs_cli.losses.combine import WEIGHTS, Loss
from alfs_cli.losses.interpolated import JS, TCE, PHuber
from alfs_cli.losses.normalised import NCE, NFL, NGCE, NNCE, NNFL
from alfs_cli.losses.separable import (
    AEL,
    AGCE,
    AUL,
    CE,
    FL,
    GCE,
    MAE,
    NMAE,
    NRCE,
    RCE,
    SCE,
)
from alfs_cli.losses.softened import LDRKL, LS, EpsCE, HardBootstrap, SoftBootstrap
from alfs_cli.losses.terms import Term
from alfs_cli.losses.vector import AMSE, ANLCE, ANLFL, JALCE, JALFL, NLNL

PAPER = (CE, FL, MAE, RCE, SCE, GCE, NCE, NFL, NGCE, NMAE, NRCE, NLNL, AGCE, AUL, AEL)
NEWER = (ANLCE, ANLFL, NNCE, NNFL, JALCE, JALFL, AMSE, TCE, PHuber, JS)
SOFTENED = (LS, SoftBootstrap, HardBootstrap, EpsCE, LDRKL)

LOSSES: dict[str, type[Term]] = {term.name: term for term in PAPER + NEWER + SOFTENED}
"""Every named loss; the dataclass fields are its parameters."""

SUM_DEFAULTS: dict[tuple[str, str], dict[str, float]] = {
    # source: Zhou et al., ICML 2021, Table 4, CIFAR-10 column
    ("nfl", "rce"): {"A": -4.0, "alpha": 1.0, "beta": 1.0},
    ("nce", "mae"): {"alpha": 1.0, "beta": 1.0},
    ("nce", "rce"): {"A": -4.0, "alpha": 1.0, "beta": 1.0},
    ("nce", "agce"): {"a": 6.0, "q": 1.5, "alpha": 1.0, "beta": 4.0},
    ("nce", "aul"): {"a": 6.3, "p": 1.5, "alpha": 1.0, "beta": 4.0},
    ("nce", "ael"): {"a": 5.0, "alpha": 1.0, "beta": 4.0},
}

NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?", re.ASCII)


def parse_loss(text: str) -> Loss:
    """Return the loss that a text names: `name[+name][:key=value,...]`.

    `alpha` and `beta` are the weights of the first and second term; any other key is a parameter of
    exactly one term, or `term.key`. Raises UsageError that lists every error in the text.

    >>> str(parse_loss("gce"))
    'gce:q=0.7'
    """
    if not isinstance(text, str):
        raise UsageError(
            f"a loss is text, got {type(text).__name__}", help="for example nce+aul:a=6.3,p=1.5"
        )
    head, colon, tail = text.strip().partition(":")
    names = [name.strip().lower() for name in head.split("+")]
    strange = [unknown("loss", name, LOSSES) for name in dict.fromkeys(names) if name not in LOSSES]
    if strange:
        raise UsageError("; ".join(map(str, strange)), help=strange[0].help)
    if len(names) > 2:
        raise UsageError(f"loss '{text}' has {len(names)} terms", help="a sum has two")
    if len(set(names)) < len(names):
        raise UsageError(
            f"loss '{text}' adds '{names[0]}' to itself", help="a sum has two different terms"
        )
    kinds = [LOSSES[name] for name in names]
    wrong: list[UsageError] = []
    values = _defaults(names, kinds) | (_assignments(tail, names, kinds, wrong) if colon else {})
    terms = []
    for name, kind in zip(names, kinds, strict=True):
        try:
            terms.append(kind(**{key: values[name, key] for key in _keys(kind)}))
        except UsageError as error:
            wrong.append(error)
    if wrong:
        helps = {error.help for error in wrong}
        raise UsageError(
            f"loss '{text}': " + "; ".join(map(str, wrong)),
            help=helps.pop() if len(helps) == 1 else _usage(names, kinds),
        )
    weights = tuple(values["", key] for key, _ in zip(WEIGHTS, names, strict=False))
    return Loss(tuple(terms), weights)


Key = tuple[str, str]  # (term, parameter); the term of a weight is ""


def _keys(kind: type[Term]) -> list[str]:
    return [field.name for field in fields(kind)]


def _defaults(names: list[str], kinds: list[type[Term]]) -> dict[Key, float]:
    values: dict[Key, float] = {("", "alpha"): 1.0, ("", "beta"): 1.0}
    for name, kind in zip(names, kinds, strict=True):
        values |= {(name, field.name): float(field.default) for field in fields(kind)}  # type: ignore[arg-type]
    pair = tuple(names)
    table: Mapping[str, float] = {}
    if len(pair) == 2:
        forward, backward = SUM_DEFAULTS.get(pair), SUM_DEFAULTS.get(pair[::-1])
        if forward is not None:
            table = forward
        elif backward is not None:
            table = {**backward, "alpha": backward["beta"], "beta": backward["alpha"]}
    for key, value in table.items():
        owner = next((n for n, k in zip(names, kinds, strict=True) if key in _keys(k)), "")
        values["" if key in WEIGHTS else owner, key] = value
    return values


def _assignments(
    tail: str, names: list[str], kinds: list[type[Term]], wrong: list[UsageError]
) -> dict[Key, float]:
    """Return the values that the text gives; append errors to `wrong`."""
    found: dict[Key, float] = {}
    usage = _usage(names, kinds)
    if not tail.strip():
        wrong.append(UsageError("nothing after ':'", help=usage))
        return found
    for piece in tail.split(","):
        word, equals, value = (part.strip() for part in piece.partition("="))
        if not equals or not word:
            wrong.append(UsageError(f"'{piece.strip()}' is not key=value", help=usage))
            continue
        try:
            key = _resolve(word, names, kinds)
        except UsageError as error:
            wrong.append(error)
            continue
        if key in found:
            wrong.append(UsageError(f"'{word}' is given twice", help=usage))
        elif not NUMBER.fullmatch(value) or not math.isfinite(float(value)):
            wrong.append(UsageError(f"{word}={value} is not a finite number", help=usage))
        else:
            found[key] = float(value)
    return found


def _resolve(word: str, names: list[str], kinds: list[type[Term]]) -> Key:
    """Return the term and parameter that a key of the text names; raises UsageError for none."""
    owner, dot, key = word.rpartition(".")
    owners = [name for name, kind in zip(names, kinds, strict=True) if key in _keys(kind)]
    if dot:
        if owner.lower() in owners:
            return owner.lower(), key
    elif len(names) == 2 and key in WEIGHTS:
        return "", key
    elif len(owners) == 1:
        return owners[0], key
    elif len(owners) == 2:
        raise UsageError(
            f"'{key}' is a parameter of both terms",
            help=f"write {names[0]}.{key}=... or {names[1]}.{key}=...",
        )
    elif key == "alpha":
        return "", key
    known = [key for kind in kinds for key in _keys(kind)]
    known += WEIGHTS[: len(names)]
    near = did_you_mean(word, known) or next(
        (f" (did you mean '{k}'?)" for k in known if k.lower() == word.lower()), ""
    )
    raise UsageError(f"unknown parameter '{word}'{near}", help=_usage(names, kinds))


def _usage(names: list[str], kinds: list[type[Term]]) -> str:
    """Return a help line with the parameters of the terms and their valid ranges."""
    parts = []
    for name, kind in zip(names, kinds, strict=True):
        keys = ", ".join(_keys(kind))
        parts.append(f"{name}: {keys} ({kind.valid})" if keys else f"{name}: no parameters")
    weights = "alpha, beta >= 0 weigh the terms" if len(names) == 2 else "alpha > 0 scales it"
    if len(names) == 1 and "alpha" in _keys(kinds[0]):
        return parts[0]
    return "; ".join([*parts, weights])
