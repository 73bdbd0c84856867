"""The pages of `alfs report`: what readers want to know first, then the details."""

import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from alfs_cli.comparing import Comparison, Course
from alfs_cli.formats.blocks import (
    Block,
    Cell,
    Column,
    Facts,
    Gallery,
    Interval,
    Intervals,
    Paragraph,
    Report,
    Table,
    Verdict,
)
from alfs_cli.reports.comparison import comparison_report
from alfs_cli.reports.estimate import estimate_report
from alfs_cli.reports.gallery import Suspects
from alfs_cli.reports.run import train_report
from alfs_cli.reports.sweep import runs_table
from alfs_cli.results.check import CheckResult
from alfs_cli.results.estimate import NoiseEstimate, data_words, training_words
from alfs_cli.results.recommendation import Recommendations
from alfs_cli.results.run import EpochMetrics, Run, TrainConfig
from alfs_cli.results.saved import RECOMMENDATION
from alfs_cli.results.sweep import Sweep

MOST_CLASSES = 30  # classes charted
MOST_EPOCHS = 12  # epochs listed


def estimate_page(
    estimate: NoiseEstimate,
    *,
    folder: Path,
    advice: Recommendations | None,
    checked: CheckResult | None,
    suspects: Suspects,
) -> Report:
    """Return the page of an estimate: verdict, trust, loss, classes, pairs, T, suspects, gates.

    `folder` holds the estimate and the recommendation.
    """
    report = estimate_report(estimate)
    verdicts = [block for block in report.blocks if isinstance(block, Verdict)]
    facts = [block for block in report.blocks if isinstance(block, Facts)]
    rest = [b for b in report.blocks if not isinstance(b, Verdict | Facts | Paragraph)]
    words = [block for block in report.blocks if isinstance(block, Paragraph)]
    blocks: list[Block] = [*verdicts]
    if advice is not None:
        blocks.append(_advice(advice, estimate, folder / RECOMMENDATION))
    blocks += [_shares(estimate), *rest]
    if suspects.pairs:
        blocks.append(Gallery("Of the worst pairs", suspects.pairs))
    if suspects.worst:
        blocks.append(
            Gallery("Labels most likely wrong, worst first", suspects.worst, suspects.total)
        )
    if suspects.texts is not None:
        blocks.append(suspects.texts)
    if suspects.note:
        blocks.append(Paragraph(suspects.note[:1].upper() + suspects.note[1:] + "."))
    if checked is not None:
        blocks.append(_gates(checked))
    blocks += [*words, *facts, _origin(estimate)]
    return Report(report.title, tuple(blocks), report.document)


def _advice(advice: Recommendations, estimate: NoiseEstimate, file: Path) -> Verdict:
    if not advice.rests_on(estimate):
        said = "it was made from another estimate of these data: run alfs recommend again"
        return Verdict("warn", "The recommendation beside it is not for this estimate", (said,))
    if not advice.recommendations or advice.status != "certified":
        return Verdict("warn", f"Recommended loss: {advice.status}, none is certified")
    best = advice.recommendations[0]
    reason, title = best.why, f"Recommended loss: {best.loss}"
    if best.correction != "none":
        title += ", corrected by T"
    elif best.margin is not None:
        margin = "inf" if best.margin == float("inf") else f"{best.margin:.2f}"
        reason += f"; certificate {best.certificate}, margin {margin}"
    reasons = [reason]
    if estimate.data.source is not None:
        words = ["alfs", "train", *training_words(estimate.data.spec), "--from", file.as_posix()]
        reasons.append(shlex.join(words))
    return Verdict("pass", title, tuple(reasons))


def _shares(estimate: NoiseEstimate) -> Intervals:
    """Return the clean share of each class with its bounds, the worst first."""
    names, T, low = estimate.data.classes, estimate.transition, estimate.transition_low
    judged = [i for i, found in enumerate(estimate.class_clean_level) if found.judged]
    is_sure = estimate.trust.level != "low"  # else values say too much, and bounds decide

    def share(i: int) -> tuple[float, float, int]:
        return (T[i][i], low[i][i], i) if is_sure else (low[i][i], T[i][i], i)

    order = sorted(judged, key=share)
    rows = tuple(
        Interval(
            names[i],
            T[i][i],
            low[i][i],
            estimate.transition_high[i][i],
            f"n {estimate.data.given_counts[i]:,}",
        )
        for i in order[:MOST_CLASSES]
    )
    left = len(names) - len(rows)
    more = f"; {left} more classes are in transition.csv" if left else ""
    return Intervals(
        "Share of right labels, weakest class first",
        rows,
        f"T[i, i] with its bounds; n counts given labels{more}.",
    )


def _gates(checked: CheckResult) -> Table:
    is_low = checked.estimate is not None and checked.estimate.trust == "low"
    gates = [replace(gate, is_unsure=is_low and gate.low is not None) for gate in checked.gates]
    columns = (
        Column("rule"),
        Column("gate"),
        Column("status"),
        Column("found"),
        Column("limit"),
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (gate.rule, gate.name, gate.status, gate.found, gate.number(gate.limit)) for gate in gates
    )
    return Table(f"Gates: {'passed' if checked.passed else 'failed'}", columns, rows)


def _origin(estimate: NoiseEstimate) -> Facts:
    data = estimate.data
    words = ["alfs", "estimate", *data_words(data.spec), "--seed", str(estimate.seed)]
    return Facts(
        (
            ("repeat it with", shlex.join(words)),
            ("alfs", estimate.alfs_version),
            ("fingerprint of the data", data.fingerprint),
        ),
        title="Where this comes from",
    )


def run_page(run: Run, history: Sequence[EpochMetrics], config: TrainConfig) -> Report:
    """Return the page of a run: accuracy, curves with their numbers, configuration, versions."""
    report = train_report(run, history)
    blocks: list[Block] = [*report.blocks]
    if history:
        blocks.append(_epochs(history))
    blocks.append(_configuration(config))
    file = (run.folder / "config.yaml").as_posix()
    versions = tuple(run.result.versions.items())
    blocks.append(
        Facts(
            (
                ("repeat it with", shlex.join(["alfs", "train", "--config", file])),
                *versions,
                ("fingerprint of the data", config.fingerprint),
            ),
            title="Where this comes from",
        )
    )
    return Report(report.title, tuple(blocks), report.document)


def _epochs(history: Sequence[EpochMetrics]) -> Table:
    """Return the metrics of evenly spaced epochs, with the first and the last."""
    count = min(MOST_EPOCHS, len(history))
    step = (len(history) - 1) / max(1, count - 1)
    chosen = [history[round(i * step)] for i in range(count)]
    columns = (
        Column("epoch", "count"),
        Column("loss", "number"),
        Column("on the labels trained on", "percent"),
        Column("on test labels", "percent"),
        Column("learning rate", "number"),
    )
    rows = tuple((e.epoch, e.loss, e.train_accuracy, e.test_accuracy, e.lr) for e in chosen)
    left = len(history) - count
    note = f"{left} more epochs in metrics.jsonl" if left else ""
    return Table("Epochs", columns, rows, note=note)


def _configuration(config: TrainConfig) -> Facts:
    rows: list[tuple[str, str]] = []
    for key, value in config.settings().items():
        if isinstance(value, dict):
            text = ", ".join(f"{name} {_plain(item)}" for name, item in value.items())
        else:
            text = _plain(value)
        if text:
            rows.append((key.replace("_", " "), text))
    return Facts(tuple(rows), title="Configuration")


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def sweep_page(
    sweep: Sweep, folder: Path, comparison: Comparison, courses: Sequence[Course]
) -> Report:
    """Return the page of a sweep: finished runs, the comparison, every run, the failures."""
    report = comparison_report(comparison, courses)
    table = runs_table(sweep, folder)
    done = sum(row[-1] == "finished" for row in table.rows)
    failures = tuple(f"{failed.run}: {failed.error}" for failed in sweep.failed)
    verdict = Verdict(
        "info" if done == len(sweep.runs) else "warn",
        f"{done} of {len(sweep.runs)} runs finished",
        failures,
    )
    facts = Facts(
        (
            ("alfs", sweep.alfs_version),
            ("fingerprint of the data", sweep.fingerprint),
            ("model", f"{sweep.config.get('model')}, {sweep.config.get('epochs')} epochs"),
        ),
        title="Where this comes from",
    )
    title = f"Sweep {sweep.sweep} on {sweep.dataset}"
    return Report(title, (verdict, *report.blocks, table, facts), report.document)
