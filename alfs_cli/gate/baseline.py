"""The baseline: the findings and bounds that a team has accepted, so that only new ones count.

`accepted` lists findings by the fingerprint of content and label: moved files keep their entries,
and a corrected label drops its own. `borderline` lists examples whose score was just below that of
a finding. `ceilings` hold the noise bounds of the time; the gate fails where the noise has surely
risen above them.

The file holds no time, path or version, its keys are sorted, and each entry has its own line. So it
merges well in git and is the same on every machine.
"""

import json
import math
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from alfs_cli.errors import InputError, UsageError
from alfs_cli.findings.finding import Finding
from alfs_cli.results.estimate import NoiseEstimate
from alfs_cli.storage.documents import Number, from_document, read_document, to_document
from alfs_cli.storage.files import as_text_file
from alfs_cli.storage.writing import write_text

SCHEMA = "alfs.baseline/1"
USUAL = "alfs-baseline.json"
SCALE = 10_000  # ceilings are rounded to 1e-4: processors differ by less
PAIRS_OF_A_CLASS = 10  # listed ceilings per class, the highest; the least of them is for the rest


@dataclass(frozen=True)
class Accepted:
    """The rules under which an example was accepted, and the reason, if somebody wrote one."""

    rules: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True)
class Ceilings:
    """The bounds of an estimate: upper ones of rates, lower ones of clean levels.

    `pair` holds bounds of T[i, j] by the names of i and j. Only the pairs with the highest bounds
    are listed for each class; the least of them is the ceiling of all other pairs.
    """

    noise_rate: Number | None = None
    class_clean_level: dict[str, Number] = field(default_factory=dict)
    pair: dict[str, dict[str, Number]] = field(default_factory=dict)

    def of_pair(self, true: str, given: str) -> float | None:
        """Return the ceiling of T[i, j] by class names, None where the class is new."""
        listed = self.pair.get(true)
        return None if not listed else listed.get(given, min(listed.values()))


@dataclass(frozen=True)
class Judge:
    """The evidence that judged the labels: its kind, and the name of the encoder if it is one."""

    kind: str
    encoder: str | None = None

    def __str__(self) -> str:
        return self.kind if self.encoder is None else f"{self.kind} {self.encoder}"


@dataclass(frozen=True)
class Baseline:
    """The content of alfs-baseline.json.

    `borderline` are fingerprints of examples that were nearly suspect. Scores move slightly with
    any change of the data; an example that becomes suspect by that is not new. Other `evidence` has
    other suspects and bounds; it is None in files of older versions.
    """

    accepted: dict[str, Accepted] = field(default_factory=dict)
    borderline: tuple[str, ...] = ()
    ceilings: Ceilings = Ceilings()
    evidence: Judge | None = None

    def accepts(self, finding: Finding) -> bool:
        """Whether this finding was accepted or was borderline."""
        entry = self.accepted.get(finding.fingerprint or "")
        if entry is not None and finding.rule in entry.rules:
            return True
        return finding.rule == "ALFS101" and finding.fingerprint in self.borderline

    def stale(self, present: Iterable[str]) -> tuple[str, ...]:
        """Return the accepted fingerprints that are not among those `present`, sorted."""
        return tuple(sorted(set(self.accepted) - set(present)))

    def save(self, path: Path) -> None:
        """Write the file, with one entry per line."""
        write_text(path, render(self))


def load_baseline(path: Path) -> Baseline:
    """Read a baseline; raises InputError where it is missing, broken or newer."""
    if not path.exists():
        raise InputError(
            f"no such file: '{path}' (--baseline)", help="--update-baseline writes one"
        )
    try:
        document = read_document(path, SCHEMA)
        found = from_document(document, Baseline, where=str(path), is_strict=True)
        _check_ceilings(found.ceilings, where=str(path))
        return found
    except InputError as error:
        if "<<<<<<<" in as_text_file(path).read_text(encoding="utf-8", errors="replace"):
            raise InputError(
                str(error), help="git left conflict markers: mend the merge, or --update-baseline"
            ) from None
        raise


def judge_of(estimate: NoiseEstimate) -> Judge:
    """Return the evidence that an estimate was made from."""
    evidence = estimate.evidence
    return Judge(evidence.kind, evidence.encoder)


def refuse_other_evidence(baseline: Baseline, estimate: NoiseEstimate, *, ratchet: bool) -> None:
    """Raise UsageError where the baseline was made from other evidence than the estimate."""
    made, now = baseline.evidence, judge_of(estimate)
    if made is None or made == now:
        return
    anew = "--update-baseline" + (" without --ratchet" if ratchet else "")
    raise UsageError(
        f"the baseline was made with the evidence '{made}', and this estimate with '{now}': "
        "they cannot be compared",
        help=f"judge by the same (--evidence {made.kind}), or write it anew with {anew}",
    )


def _check_ceilings(ceilings: Ceilings, *, where: str) -> None:
    """Raise InputError where a ceiling or a floor is out of its range."""
    rates = {"noise_rate": 0.0 if ceilings.noise_rate is None else ceilings.noise_rate}
    for true, row in ceilings.pair.items():
        rates |= {f"pair.{true}.{given}": rate for given, rate in row.items()}
    wrong = [name for name, rate in rates.items() if not 0 <= rate <= 1]
    wrong += [
        f"class_clean_level.{name}"
        for name, floor in ceilings.class_clean_level.items()
        if not floor >= 0
    ]
    if wrong:
        raise InputError(
            f"{where}: ceilings.{wrong[0][:100]} is out of range",
            help="--update-baseline writes it anew",
        )


def ceilings_of(estimate: NoiseEstimate) -> Ceilings:
    """Return the bounds of an estimate, rounded away from its values."""
    names = estimate.data.classes
    pairs: dict[str, dict[str, Number]] = {}
    for i, true in enumerate(names):
        if not estimate.class_clean_level[i].judged:
            continue
        row = estimate.transition_high[i]
        others = sorted((j for j in range(len(names)) if j != i), key=lambda j: (-row[j], j))
        pairs[true] = {names[j]: _up(row[j]) for j in others[:PAIRS_OF_A_CLASS]}
    return Ceilings(
        _up(estimate.noise_rate.high),
        {c.class_name: _down(c.low) for c in estimate.class_clean_level if c.judged},
        pairs,
    )


def updated(
    old: Baseline,
    findings: Iterable[Finding],
    present: Collection[str],
    estimate: NoiseEstimate,
    *,
    borderline: Iterable[str] = (),
    ratchet: bool,
) -> Baseline:
    """Return the baseline without stale entries, with the current findings and bounds accepted.

    `present` are the fingerprints of all current examples. With `ratchet` the baseline only gets
    stricter: nothing is added, and no ceiling rises.
    """
    gone, evidence = set(old.stale(present)), judge_of(estimate)
    near = {key for key in old.borderline if key in present}
    if old.evidence not in (None, evidence):
        near = set()
    accepted = {key: entry for key, entry in old.accepted.items() if key not in gone}
    ceilings = ceilings_of(estimate)
    if ratchet:
        return Baseline(accepted, tuple(sorted(near)), stricter(old.ceilings, ceilings), evidence)
    for finding in findings:
        if finding.fingerprint is not None:
            entry = accepted.get(finding.fingerprint, Accepted(()))
            rules = tuple(sorted({*entry.rules, finding.rule}))
            accepted[finding.fingerprint] = Accepted(rules, entry.reason)
    near = near.union(borderline) - set(accepted)
    return Baseline(accepted, tuple(sorted(near)), ceilings, evidence)


def stricter(old: Ceilings, new: Ceilings) -> Ceilings:
    """Return the lower ceilings and the higher floors of two; those of only one are kept."""
    rates = [rate for rate in (old.noise_rate, new.noise_rate) if rate is not None]
    floors = dict(new.class_clean_level)
    for name, level in old.class_clean_level.items():
        floors[name] = max(level, floors.get(name, level))
    pairs = {true: dict(row) for true, row in old.pair.items()}
    for true, row in new.pair.items():
        if true not in pairs:
            pairs[true] = dict(row)
            continue
        for given, rate in row.items():
            before = old.of_pair(true, given)
            pairs[true][given] = rate if before is None else min(rate, before)
    return Ceilings(min(rates, default=None), floors, pairs)


def render(baseline: Baseline) -> str:
    """Return the text of the file: sorted keys, one entry per line, LF."""
    document = to_document(SCHEMA, baseline)
    ceilings = document["ceilings"]
    parts = [
        f'  "schema": {_line(document["schema"])}',
        f'  "accepted": {_block(_without_blanks(document["accepted"]), 4)}',
        f'  "borderline": {_list(document["borderline"])}',
        '  "ceilings": {\n'
        f'    "noise_rate": {_line(ceilings["noise_rate"])},\n'
        f'    "class_clean_level": {_block(ceilings["class_clean_level"], 6)},\n'
        f'    "pair": {_block(ceilings["pair"], 6)}\n'
        "  }",
    ]
    if baseline.evidence is not None:
        parts.append(f'  "evidence": {_line(document["evidence"])}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _without_blanks(entries: dict[str, dict[str, object]]) -> dict[str, object]:
    return {
        key: {name: value for name, value in entry.items() if value != ""}
        for key, entry in entries.items()
    }


def _block(entries: dict[str, object], indent: int) -> str:
    if not entries:
        return "{}"
    pad = " " * indent
    lines = [f"{pad}{_line(key)}: {_line(entries[key])}" for key in sorted(entries)]
    return "{\n" + ",\n".join(lines) + "\n" + pad[2:] + "}"


def _list(entries: list[str]) -> str:
    lines = [f"    {_line(entry)}" for entry in entries]
    return "[\n" + ",\n".join(lines) + "\n  ]" if lines else "[]"


def _line(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _up(value: float) -> float:
    return min(math.ceil(value * SCALE) / SCALE, 1.0)


def _down(value: float) -> float:
    """Round a clean level down to three significant digits; infinity stays."""
    if not math.isfinite(value) or value <= 0:
        return value
    scale = 10.0 ** (2 - math.floor(math.log10(value)))
    return math.floor(value * scale) / scale
