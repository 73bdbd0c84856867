"""Gates judged by the bounds of an audit, which hold at any time and whatever the noise depends on.

Where the audit claims exactly the limit of a gate, the test of that claim decides. For any other
limit the confidence interval decides: it holds for all limits at once, so that a limit chosen after
seeing the answers gains nothing.
"""

from dataclasses import dataclass
from pathlib import Path

from alfs_cli.audits.claims import Claim
from alfs_cli.audits.forecast import forecast
from alfs_cli.audits.judge import ACCEPTED, REJECTED, UNDECIDED, Judge, LevelUnderTest, Measured
from alfs_cli.audits.reading import data_of, judge_of, read_audit, refuse_other_data
from alfs_cli.audits.record import Record
from alfs_cli.findings.finding import ByAudit, Gate, GateStatus, Missing

LEADS = Claim("clean-level", (), ">=", 1.0)


@dataclass(frozen=True, eq=False)
class Audited:
    """An audit to judge gates by: its path, its record, and what it knows of each quantity."""

    path: Path
    record: Record
    judge: Judge

    @property
    def answers(self) -> int:
        """The number of answered draws."""
        return self.record.answers

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the data."""
        return data_of(self.record)

    def refuse_other(self, fingerprint: str) -> None:
        """Raise InputError where these are not the data that were audited."""
        refuse_other_data(self.record, fingerprint, self.path)

    def pairs(self) -> list[tuple[int, int]]:
        """Return the (true, given) class indices of the pairs claimed of all examples."""
        place = self.record.examples.classes.index
        claims = [c for c in self.judge.claims if c.quantity == "pair" and c.where is None]
        return sorted({(place(c.names[0]), place(c.names[1])) for c in claims})

    def gate(self, rule: str, name: str, claim: Claim, on: str) -> Gate | None:
        """Return the gate that judges a claim, None where the audit lacks its quantity."""
        tested = self.judge.tested.get(claim.subject)
        if tested is None:
            return None
        known = tested.measured()
        verdict = self._verdict(claim, known)
        return self._judged(Gate(rule, name, "pass", limit=claim.number), claim, known, verdict, on)

    def dominance(self, rule: str, name: str, on: str) -> Gate | None:
        """Return the gate on r > 1; the claim `clean-level >= 1` would also hold for a tie."""
        tested = self.judge.tested.get(LEADS.subject)
        if not isinstance(tested, LevelUnderTest):
            return None
        known = tested.measured()
        verdict = self._verdict(LEADS, known)
        if verdict == ACCEPTED and known.low <= 1:
            is_more = bool(tested.pairs.accepted(strictly=True)[tested.pairs.levels == 1].any())
            verdict = ACCEPTED if is_more else UNDECIDED
        return self._judged(Gate(rule, name, "pass", limit=1.0), LEADS, known, verdict, on)

    def _verdict(self, claim: Claim, known: Measured) -> str:
        """Return accepted, rejected or undecided, by the claim's own test where it was claimed."""
        limit = claim.number or 0.0
        is_claimed = (claim.subject, limit) in {(c.subject, c.number) for c in self.judge.claims}
        if is_claimed:
            return self.judge.verdict(claim)
        if claim.operator == "<=":
            is_so, is_not = known.high <= limit, known.low > limit
        else:
            is_so, is_not = known.low >= limit, known.high < limit
        return ACCEPTED if is_so else REJECTED if is_not else UNDECIDED

    def _judged(self, gate: Gate, claim: Claim, known: Measured, verdict: str, on: str) -> Gate:
        """Return the gate with its status, its numbers and the number of answers still needed."""
        limit, value = claim.number or 0.0, known.value
        is_beyond = value is not None and (
            value > limit if claim.operator == "<=" else value < limit
        )
        is_broken = {
            "sure": verdict == REJECTED,
            "point": is_beyond,
            "strict": verdict != ACCEPTED,
        }[on]
        is_open = verdict == UNDECIDED and (is_beyond or value is None)
        status: GateStatus = "fail" if is_broken else "warn" if is_open else "pass"
        said = ByAudit(verdict, known.answers, self._missing(claim, verdict))
        return Gate(
            gate.rule, gate.name, status, value, known.low, known.high, gate.limit,
            detail=f"audited, {said.text}", by_audit=said,
        )  # fmt: skip

    def _missing(self, claim: Claim, verdict: str) -> Missing | None:
        """Return a forecast of the answers that decide the claim, None where there is none."""
        if verdict != UNDECIDED or not self.judge.left:
            return None
        record, judge = self.record, self.judge
        if claim not in judge.claims:
            judge = judge_of(record, (claim,))
        found = forecast(judge, claim)
        return None if found is None else Missing(found.p10, found.p50, found.p90)


def load_audited(path: Path) -> Audited:
    """Return the audit at `path` to judge by; raises InputError where it cannot be replayed."""
    record = read_audit(path)
    return Audited(path, record, record.judge())
