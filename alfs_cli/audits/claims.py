r"""What is claimed of a label set, as text: `noise-rate <= 0.05`, `pair:cat>dog <= .1`, ...

    QUANTITY[COLUMN=VALUE] <= NUMBER        or >=, the slice in brackets is optional
    accuracy:RUN_A > accuracy:RUN_B         optionally with a slice after the second
    certified:LOSS                          the paper's Assumption 1 at 1 / the loss's ratio

A name that holds one of > < = [ ] " ' or begins or ends with a space is put into double quotes;
inside them \" is a quote and \\ a backslash. `str(parse(text))` is the same claim again.
"""

import math
import re
from dataclasses import dataclass, replace

from alfs_cli.errors import UsageError, brief, did_you_mean, has

QUANTITIES = {
    "noise-rate": "",
    "class-noise": "NAME",
    "given-noise": "NAME",
    "pair": "TRUE>GIVEN",
    "clean-level": "",
    "accuracy": "RUN",
    "certified": "LOSS",
}
FORMS = "; ".join(
    (
        "noise-rate <= 0.05",
        "class-noise:NAME <= 0.1",
        "given-noise:NAME <= 0.1",
        "pair:TRUE>GIVEN <= 0.02",
        "clean-level >= 1.5",
        "accuracy:RUN >= 0.9",
        "accuracy:RUN_A > accuracy:RUN_B",
        "certified:LOSS",
    )
)
QUOTING = 'put a name that holds one of > < = [ ] into double quotes: pair:"a > b">c'
SPECIAL = re.compile(r'[<>=\[\]"\']|^\s|\s$|^$')
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|<=|>=|[<>=\[\]]|[^<>=\[\]"]+|"')
OPERATORS = ("<=", ">=")


@dataclass(frozen=True)
class Slice:
    """The examples whose column has a value."""

    column: str
    value: str

    def __str__(self) -> str:
        return f"[{quoted(self.column)}={quoted(self.value)}]"


@dataclass(frozen=True)
class Claim:
    """A quantity, what it is of, and the side of a number that it is said to be on.

    `names` are the class, the true and the given class, the run, both runs, or the loss. `number`
    is None for `certified` until `at` gives it, and 0 for a comparison of two runs.
    """

    quantity: str
    names: tuple[str, ...] = ()
    operator: str = ">="
    number: float | None = None
    where: Slice | None = None

    def __str__(self) -> str:
        """Return the text that `parse` reads as this claim.

        >>> str(parse('noise-rate<=.05'))
        'noise-rate <= 0.05'
        """
        part = "" if self.where is None else str(self.where)
        if self.quantity == "certified":
            return f"certified:{self.names[0]}{part}"
        if self.is_comparison:
            first, second = map(quoted, self.names)
            return f"accuracy:{first} > accuracy:{second}{part}"
        names = ">".join(map(quoted, self.names))
        subject = f"{self.quantity}:{names}" if names else self.quantity
        return f"{subject}{part} {self.operator} {self.number!r}"

    @property
    def is_comparison(self) -> bool:
        """Whether it says that one run is better than another."""
        return self.quantity == "accuracy" and len(self.names) == 2

    @property
    def subject(self) -> str:
        """What is measured, without the number: claims of one subject share one measurement."""
        level = replace(self, quantity="clean-level", names=()) if self.is_level else self
        text = str(replace(level, operator=">=", number=0.0))
        return text if self.is_comparison else text.removesuffix(" >= 0.0")

    @property
    def is_level(self) -> bool:
        """Whether it is about r, the least ratio T[i, i] / T[i, j]."""
        return self.quantity in ("clean-level", "certified")

    def at(self, number: float) -> "Claim":
        """Return the claim with the number that was not in its text (`certified`: 1 / ratio)."""
        return replace(self, number=number)


def quoted(name: str) -> str:
    """Return the name as a claim writes it: in quotes where it must be."""
    if not SPECIAL.search(name):
        return name
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def parse(text: str) -> Claim:
    """Read one claim; raises UsageError that names what is wrong in it.

    >>> parse('pair:"a > b">c <= 0.02').names
    ('a > b', 'c')
    >>> parse('noise-rate[camera=3] <= .05').where
    Slice(column='camera', value='3')
    """
    tokens = TOKEN.findall(text)
    if '"' in tokens:
        raise wrong(text, "a quote is not closed", QUOTING)
    word, first, rest = opening(text, tokens)
    if word == "certified":
        return certified(text, first, rest)
    names: tuple[str, ...]
    if word == "pair":
        names, rest = pair_names(text, first, rest)
    else:
        names = (first,) if first else ()
    where, rest = sliced(text, rest)
    if word == "accuracy" and rest and rest[0] == ">":
        return comparison(text, first, where, rest[1:])
    operator, number = limit(text, rest)
    claim = Claim(word, names, operator, number, where)
    check_number(text, claim)
    return claim


def opening(text: str, tokens: list[str]) -> tuple[str, str, list[str]]:
    """Return the quantity's word, the first name (or nothing) and the tokens after them."""
    head, _, name = tokens[0].partition(":") if tokens else ("", "", "")
    word, rest = head.strip(), tokens[1:]
    if word not in QUANTITIES:
        near = did_you_mean(word, QUANTITIES)
        raise wrong(text, f"unknown quantity '{brief(word)}'{near}", f"claims are: {FORMS}")
    wants = QUANTITIES[word]
    if not wants:
        if ":" in tokens[0]:
            raise wrong(text, f"'{word}' takes no name", f"write {word} <= NUMBER")
        return word, "", rest
    if name.strip():
        return word, name.strip(), rest
    if ":" in tokens[0] and rest and rest[0].startswith('"'):
        return word, unquoted(rest[0]), spaceless(rest[1:])
    raise wrong(text, f"'{word}' needs a name", f"write {word}:{wants}, see: {FORMS}")


def certified(text: str, first: str, rest: list[str]) -> Claim:
    """Return the claim on a loss, whose name may hold `=` without quotes, as `agce:a=1,q=2`."""
    end = rest.index("[") if "[" in rest else len(rest)
    if any(token in (*OPERATORS, "<", ">") for token in rest[:end]):
        raise wrong(text, "'certified' takes no number", "write certified:LOSS")
    where, after = sliced(text, rest[end:])
    if after:
        raise wrong(text, f"'{brief(''.join(after))}' follows the slice", "write certified:LOSS")
    return Claim("certified", ("".join([first, *rest[:end]]).strip(),), where=where)


def pair_names(text: str, first: str, rest: list[str]) -> tuple[tuple[str, str], list[str]]:
    """Return the true and the given class of `pair:TRUE>GIVEN`, and what follows them."""
    if len(rest) < 2 or rest[0] != ">" or rest[1] in (*OPERATORS, "<", ">", "=", "[", "]"):
        raise wrong(text, "'pair' needs two classes", f"write pair:TRUE>GIVEN <= NUMBER; {QUOTING}")
    second = rest[1]
    name = unquoted(second) if second.startswith('"') else second.strip()
    left = spaceless(rest[2:])
    if left and left[0] == ">":
        raise wrong(text, "more than one '>' between classes", QUOTING)
    return (first, name), left


def comparison(text: str, first: str, where: Slice | None, rest: list[str]) -> Claim:
    """Return the claim of what follows `accuracy:RUN_A >`."""
    try:
        word, second, left = opening(text, [rest[0].strip(), *rest[1:]] if rest else [])
    except UsageError:
        word, second, left = "", "", []
    after, left = sliced(text, left)
    if word != "accuracy" or left or (where and after and where != after):
        raise wrong(
            text,
            "after '>' an accuracy is expected",
            "write accuracy:RUN_A > accuracy:RUN_B, or accuracy:RUN >= NUMBER",
        )
    if first == second:
        raise wrong(text, f"both runs are '{brief(first)}'", "name two different runs")
    return Claim("accuracy", (first, second), ">", 0.0, where or after)


def sliced(text: str, tokens: list[str]) -> tuple[Slice | None, list[str]]:
    """Return the slice that the tokens begin with, if one does, and what follows it."""
    tokens = spaceless(tokens)
    if not tokens or tokens[0] != "[":
        return None, tokens
    if "]" not in tokens:
        raise wrong(text, "a bracket is not closed", "write [COLUMN=VALUE]")
    end = tokens.index("]")
    inside = spaceless(tokens[1:end])
    if len(inside) != 3 or inside[1] != "=":
        raise wrong(text, "a slice is one column and one value", "write [COLUMN=VALUE]; " + QUOTING)
    column, value = (unquoted(part) if part[0] == '"' else part.strip() for part in inside[::2])
    return Slice(column, value), spaceless(tokens[end + 1 :])


def limit(text: str, tokens: list[str]) -> tuple[str, float]:
    """Return the operator and the number that a claim ends with."""
    if not tokens or tokens[0] not in OPERATORS:
        found = f", found '{brief(tokens[0].strip())}'" if tokens else ""
        raise wrong(text, f"'<=' or '>=' is missing{found}", f"claims are: {FORMS}")
    try:
        number = float("".join(tokens[1:]))
    except ValueError:
        written = "".join(tokens[1:]).strip()
        in_percent = " and no %: 0.05 is 5 %" if written.endswith("%") else ""
        raise wrong(
            text,
            f"'{brief(written)}' is not a number",
            f"write a share of 1{in_percent}" if in_percent else f"claims are: {FORMS}",
        ) from None
    return tokens[0], number


def check_number(text: str, claim: Claim) -> None:
    """Raise UsageError where no data could make the claim true, or none could make it false."""
    number = claim.number
    if number is None or not math.isfinite(number):
        raise wrong(text, f"{number} is no number to compare with")
    if claim.is_level:
        if number <= 0:
            raise wrong(text, f"a clean level is above 0, not {number!r}", "as clean-level >= 1")
        return
    if not 0 <= number <= 1:
        share = f", or {number / 100!r} for {number!r} %" if 1 < number <= 100 else ""
        raise wrong(text, f"{number!r} is not between 0 and 1", f"write a share of 1{share}")
    if (claim.operator, number) in (("<=", 1.0), (">=", 0.0)):
        raise wrong(text, "it is true of any data", "write a number that it could fail at")


def known(claim: Claim, classes: tuple[str, ...], runs: tuple[str, ...] = ()) -> Claim:
    """Return the claim; raises UsageError where it names a class or a run that is not there."""
    if claim.quantity in ("class-noise", "given-noise", "pair"):
        kind, names = "class", classes
    elif claim.quantity == "accuracy":
        kind, names = "run", runs
    else:
        return claim
    for name in claim.names:
        if name not in names:
            near = did_you_mean(name, names)
            raise wrong(str(claim), f"unknown {kind} '{brief(name)}'{near}", has(names, [name]))
    if claim.quantity == "pair" and claim.names[0] == claim.names[1]:
        raise wrong(str(claim), "both classes are the same", "write pair:TRUE>GIVEN")
    return claim


def unquoted(token: str) -> str:
    """Return the name inside a quoted token."""
    return re.sub(r"\\(.)", r"\1", token[1:-1])


def spaceless(tokens: list[str]) -> list[str]:
    """Return the tokens that are more than space."""
    return [token for token in tokens if token.strip()]


def wrong(text: str, what: str, help: str | None = None) -> UsageError:
    """Return the error of a claim: what is wrong with it, and how claims are written."""
    return UsageError(f"claim '{brief(text)}': {what}", help=help or f"claims are: {FORMS}")
