"""The reports of `alfs losses`: the list, one loss, a certificate."""

import math

from alfs_cli.certificate import Certificate, RowCertificate
from alfs_cli.certificate.tuning import TUNING
from alfs_cli.formats.blocks import Block, Column, Facts, Paragraph, Report, Status, Table, Verdict
from alfs_cli.losses.facts import LossFacts, LossList, filled_in
from alfs_cli.losses.terms import number
from alfs_cli.text.numbers import ratio

STATUS: dict[str, Status] = {
    "proved": "pass",
    "tolerant": "pass",
    "refuted": "fail",
    "not-refuted": "warn",
}
WORDS = {
    "tolerant": "Tolerant: this noise moves none of the loss's minima. They are the minima on "
    "clean labels: probability 1 for the right class is one of them, but not the only one.",
    "not-refuted": "Not refuted is not proved: no counter-example was found.",
}
MAX_ROWS = 100  # classes listed


def list_report(found: LossList) -> Report:
    """Return the table of every loss."""
    columns = (
        Column("loss, with its defaults"),
        Column("ratio", "number"),
        Column("shape"),
        Column("fit, K = 10", "number"),
        Column("source"),
    )
    rows = tuple(
        (facts.loss, facts.asymmetry_ratio, facts.shape, facts.fit["10"], _source(facts))
        for facts in found.losses
    )
    table = Table(
        "Losses; any two make a sum: name+name:key=value,...,alpha=1,beta=1",
        columns,
        rows,
        note="ratio: the loss is robust where ratio x clean level is 1 or more; shape: as a "
        "function of the label's probability; -: the loss uses the whole probability vector, and "
        "alfs losses check judges it on your T; fit: speed of fitting, cross entropy is 1. "
        "alfs losses show LOSS prints formula and ranges.",
    )
    return Report("Losses", (table,), found.document())


def _source(facts: LossFacts) -> str:
    """Return author and venue; sums with default parameters are those of the paper's Table 4."""
    if len(facts.terms) > 1:
        return "Zhou et al., ICML 2021"
    return ", ".join(facts.terms[0].source.split(", ")[:2])


def facts_report(facts: LossFacts) -> Report:
    """Return the report of one loss: formula, robustness, speed of fitting."""
    blocks: list[Block] = []
    for term in facts.terms:
        rows = [("term", term.name)] if len(facts.terms) > 1 else []
        rows += [("formula", term.formula), ("source", term.source)]
        given = ", ".join(f"{key} = {number(value)}" for key, value in term.parameters.items())
        if given:
            rows += [("parameters", given), ("valid", term.valid)]
        if term.stable:
            rows.append(("computed as", term.stable))
        blocks.append(Facts(tuple(rows), title=term.name))
    blocks.append(Facts(tuple(_robustness(facts)), title="Robustness"))
    fits = ", ".join(f"{value:.3g} (K = {K})" for K, value in facts.fit.items())
    blocks.append(Facts((("fit score", f"{fits}; cross entropy is 1"),), title="Fitting"))
    return Report(facts.loss, tuple(blocks), facts.document())


def _escape(facts: LossFacts) -> list[tuple[str, str]]:
    """Return in words from which clean level a class that training has lost comes back."""
    slope = facts.escape_slope
    if slope is None:
        return []
    if math.isinf(slope):
        return [("escape quotient", "infinite: the pull toward an absent class has no bound")]
    from_level = 1 / slope if slope > 0 else math.inf
    where = "comes back" + (
        f" only from a clean level of {from_level:.4g} on" if from_level > 1 else ""
    )
    return [
        (
            "escape quotient",
            f"{slope:.4g} x clean level: above 1 a class lost early {where}, the sooner the larger",
        )
    ]


def _robustness(facts: LossFacts) -> list[tuple[str, str]]:
    if facts.asymmetry_ratio is None:
        rows = [("asymmetry ratio", "not defined: the loss uses the whole probability vector")]
        if facts.term_ratio is not None:
            rows.append(("ratio of the other term", f"{facts.term_ratio:.4g}"))
        rows += [*_symmetry(facts), *_two_classes(facts), *_escape(facts)]
        return [*rows, ("on your noise", "alfs losses check, which judges it on a T")]
    formula = filled_in(facts.terms[0]) if len(facts.terms) == 1 else "1"
    how = f" = {formula}" if formula not in ("", "1") else ""
    rows = [
        ("shape", f"{facts.shape} in u"),
        ("asymmetry ratio", f"{facts.asymmetry_ratio:.6g}{how}"),
        *_necessary(facts),
        ("robust where", _where(facts)),
        *_symmetry(facts),
    ]
    rows += _escape(facts)
    if facts.is_strictly_asymmetric is not None:
        rows.append(("strictly asymmetric", "yes, there" if facts.is_strictly_asymmetric else "no"))
    if facts.is_calibrated is not None:
        rows.append(("classification-calibrated", "yes" if facts.is_calibrated else "no"))
    if facts.excess_risk_constant is not None:
        text = f"excess error <= {facts.excess_risk_constant:.4g} x excess risk (two classes)"
        rows.append(("excess risk", text))
    return rows + _two_classes(facts)


def _necessary(facts: LossFacts) -> list[tuple[str, str]]:
    """Return r_u where it differs from the ratio, which alone is then not decisive."""
    r, upper = facts.asymmetry_ratio, facts.necessary_ratio
    if r is None or upper is None or math.isclose(r, upper, rel_tol=1e-3, abs_tol=1e-9):
        return []
    least = math.inf if upper == 0 else 1 / upper
    refuted = "of no clean level" if least < 1 + 1e-6 else f"below a clean level of {least:.4g}"
    return [
        (
            "necessary ratio",
            f"r_u = {upper:.6g}: refutes rows {refuted} (Theorem 8); for two classes r_u alone "
            "decides",
        )
    ]


def _symmetry(facts: LossFacts) -> list[tuple[str, str]]:
    """Return whether the loss is symmetric, with its constant, and what Theorem 3 misses."""
    constants = {K: C for K, C in facts.symmetric_constant.items() if C is not None}
    listed = ", ".join(f"{C:.4g} (K = {K})" for K, C in constants.items())
    if not constants:
        text = "no: the sum over all labels depends on the prediction"
    elif not facts.is_symmetric:
        text = f"for two classes only: L(u, 1) + L(u, 2) = {constants['2']:.4g}"
    elif math.isclose(min(constants.values()), max(constants.values())):
        text = f"yes: sum_k L(u, k) = C = {constants['2']:.4g} for any number of classes K"
    else:
        text = f"yes: sum_k L(u, k) = C, which depends on K: {listed}"
    claims = [
        ("theorem 3" if len(facts.terms) == 1 else f"theorem 3, {term.name} alone", term.theorem_3)
        for term in facts.terms
        if term.theorem_3 is not None
    ]
    return [("symmetric", text), *claims]


def _two_classes(facts: LossFacts) -> list[tuple[str, str]]:
    """Return the weights of Theorem 7."""
    weights = facts.binary_weights
    if weights is None:
        return []
    least, most = weights.least, weights.most
    if math.isinf(most):
        text = (
            "the weight w_y - c w_n of the clean risk is negative near u = 1 under any noise: "
            "c has no bound"
        )
    else:
        low, high = f"{least:.4g}", f"{most:.4g}"
        c = f"c = {high}" if low == high else f"c from {low} to {high}"
        text = (
            f"excess noisy risk = (w_y - c w_n) x excess clean risk, w_y and w_n the shares of "
            f"right and wrong labels, {c}: positive above a clean level of {high}"
        )
    return [("theorem 7, two classes", text)]


def _where(facts: LossFacts) -> str:
    if facts.is_completely_asymmetric:
        return "the clean label is the likeliest: completely asymmetric"
    if facts.shape == "other":
        return _where_proved(facts)
    if facts.least_clean_level is None or math.isinf(facts.least_clean_level):
        return "nowhere: only clean labels keep the minimum at the true class"
    return f"the clean level is {facts.least_clean_level:.4g} or more"


def _where_proved(facts: LossFacts) -> str:
    """Return where the ratio proves a loss robust that is neither convex nor concave."""
    level = facts.least_clean_level
    if level is None or math.isinf(level):
        return "the ratio proves it nowhere, which refutes nothing: alfs losses check judges a T"
    return (
        f"the clean level is {level:.4g} or more, and perhaps below: alfs losses check judges a T"
    )


def certificate_report(found: Certificate) -> Report:
    """Return the verdict on a loss and a transition matrix, row by row."""
    columns = (
        Column("true class"),
        Column("verdict"),
        Column("margin", "ratio"),
        Column("escape", "ratio"),
        Column("runner-up"),
        Column("lowest at", "number"),
        Column("mass at bound", "number"),
        Column("by"),
    )
    worst = sorted(found.rows, key=_severity)[:MAX_ROWS]
    shown = worst if len(found.rows) > MAX_ROWS else list(found.rows)
    rows = tuple(
        (
            str(row.class_),
            row.verdict + (" (boundary)" if row.is_boundary else ""),
            row.margin,
            row.escape,
            str(row.runner_up),
            _own_mass(row, found),
            row.mass_at_bound,
            row.method,
        )
        for row in shown
    )
    note = (
        "lowest at: the true class's probability at the minimum of the risk; mass at bound: the "
        "same with logits in [-10, 10]; escape: w_m g(0) / (w_n g(1)), the pull back to a true "
        "class that training has lost to the runner-up, over the pull that holds it there: above 1 "
        "it comes back, the sooner the larger. The noise is assumed to depend only on the true "
        "class."
    )
    if len(shown) < len(found.rows):
        note = f"the worst {len(shown)} of {len(found.rows)} classes. {note}"
    blocks: tuple[Block, ...] = (
        Verdict(STATUS[found.verdict], f"{found.verdict}: {found.loss}", _reasons(found)),
        Table("Row by row", columns, rows, note=note),
    )
    verdicts = {row.verdict for row in found.rows}
    blocks += tuple(Paragraph(words) for verdict, words in WORDS.items() if verdict in verdicts)
    return Report("Certificate", blocks, found.document())


def _severity(row: RowCertificate) -> tuple[int, float]:
    order = ("refuted", "not-refuted", "tolerant", "proved")
    return order.index(row.verdict), math.inf if row.margin is None else row.margin


def _least(found: Certificate) -> tuple[str, ...]:
    """Return in words the least margin and, where it is small, the least escape quotient."""
    margins = [row.margin for row in found.rows if row.margin is not None]
    said = [f"least margin {ratio(min(margins))}"] if margins else []
    escapes = [row.escape for row in found.rows if row.escape is not None]
    if escapes and min(escapes) < TUNING.slow_escape:
        stays = "hardly comes back" if min(escapes) > 1 else "stays lost"
        said.append(
            f"escape quotient {min(escapes):.2f}: a class that training loses early {stays}, "
            "whatever the minimum"
        )
    return tuple(said)


def _own_mass(row: RowCertificate, found: Certificate) -> float | None:
    if row.verdict == "proved":
        return 1.0
    if row.minimiser is None:
        return None
    return row.minimiser[found.rows.index(row)]


def _reasons(found: Certificate) -> tuple[str, ...]:
    refuted = [row for row in found.rows if row.verdict == "refuted"]
    if not refuted:
        return _least(found)
    worst = min(refuted, key=_severity)
    margin = "" if worst.margin is None else f", margin {ratio(worst.margin)} where 1 is needed"
    reasons = [
        f"{len(refuted)} of {len(found.rows)} classes refuted; worst: '{worst.class_}' against "
        f"'{worst.runner_up}'{margin}"
    ]
    if all(row.is_argmax_consistent for row in refuted):
        reasons.append(
            "its minimum still ranks the true class first: wrong labels pull, they do not win"
        )
    return tuple(reasons)
