"""The reports of runs: the plan, the result of training, the evaluation, the prediction."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from alfs_cli.formats.blocks import Block, Column, Curves, Facts, Heatmap, Report, Table, Verdict
from alfs_cli.results.evaluation import Evaluation
from alfs_cli.results.run import EpochMetrics, NoiseConfig, Run, RunResult, TestSummary, TrainConfig
from alfs_cli.text.numbers import percent

if TYPE_CHECKING:
    from alfs_cli.predicting.outputs import Outputs

MOST_CLASSES = 25  # of a confusion matrix that is shown


def labels_of(test: TestSummary) -> str:
    """Return the labels of an accuracy in words: '360 true labels of digits, split test'."""
    of = f"{test.n:,} {test.labels or 'unknown'} labels of {test.source}"
    return f"{of}, split {test.split}" if test.split else of


def epochs_of(count: int) -> str:
    """Return a number of epochs in words.

    >>> epochs_of(1), epochs_of(12)
    ('1 epoch', '12 epochs')
    """
    return f"{count} epoch" if count == 1 else f"{count} epochs"


def plan_report(config: TrainConfig, folder: str, test: TestSummary | None) -> Report:
    """Return the report of a dry run: what would be trained."""
    noise = config.noise
    facts = Facts(
        (
            ("run", folder),
            ("data", config.dataset.get("source", "-")),
            ("tested on", labels_of(test) if test else "nothing"),
            ("noise", _planned(noise) if noise else "none injected"),
            ("loss", config.loss),
            *_beside_the_loss(config),
            ("model", config.model),
            ("epochs", f"{config.epochs} of batches of {config.batch_size}"),
            ("learning rate", f"{config.optimizer.lr:g}, {config.schedule}"),
        )
    )
    document = {"schema": "alfs.plan/1", "run": folder, "config": config.settings()}
    return Report("Plan", (facts,), document)


def train_report(run: Run, history: Sequence[EpochMetrics]) -> Report:
    """Return the report of a run: the accuracy of the last epoch, and on which labels."""
    result = run.result
    accuracy, test = result.test_accuracy, result.test
    ended = "" if run.is_finished else f"{result.status} in epoch {result.epochs + 1}: "
    if accuracy is None or test is None:
        verdict = Verdict(
            "info" if run.is_finished else "warn",
            f"{ended}{epochs_of(result.epochs)} trained; nothing to test on",
        )
        tested: tuple[tuple[str, str], ...] = ()
    else:
        verdict = Verdict(
            "info" if run.is_finished else "warn",
            f"{ended}test accuracy {percent(accuracy.last)} (last epoch) on {labels_of(test)}",
        )
        tested = (
            ("last epoch", percent(accuracy.last)),
            (
                "best epoch, chosen on test",
                f"{percent(accuracy.best)} (epoch {accuracy.best_epoch})",
            ),
        )
    noise = result.noise
    facts = Facts(
        (
            ("run", run.folder.as_posix()),
            ("loss", result.loss),
            *_beside_the_loss(result),
            ("data", result.dataset),
            ("noise", _injected(noise.kind, noise.rate, noise.seed) if noise else "none injected"),
            ("model", result.model),
            *tested,
            ("training", f"{epochs_of(result.epochs)} in {result.train_seconds:.1f} s"),
            ("device", f"{result.device}, torch {result.versions.get('torch', '-')}"),
        )
    )
    blocks: tuple[Block, ...] = (verdict, facts)
    if len(history) > 1:
        blocks = (*blocks, accuracy_curves(history, test))
    return Report(f"Run {run.folder.name}", blocks, run.document())


def _beside_the_loss(run: TrainConfig | RunResult) -> tuple[tuple[str, str], ...]:
    """Return the facts that go with the loss: correction, stages of training, added terms."""
    facts = []
    if run.transition is not None:
        level = run.transition.least_level
        apart = f", swaps held apart by {level:g}" if level else ""
        facts.append(("correction", f"{run.correction}, by T of {run.transition.file}{apart}"))
    if run.nlnl is not None:
        stages = f"{run.nlnl.nl} epochs NL, {run.nlnl.selnl} SelNL, the rest SelPL"
        facts.append(("stages", stages))
    if run.elr is not None:
        strength, momentum = run.elr.strength, run.elr.momentum
        facts.append(("early learning", f"strength {strength:g}, momentum {momentum:g}"))
    return tuple(facts)


def _planned(noise: NoiseConfig) -> str:
    return f"{noise.kind}{'' if noise.rate is None else f' {percent(noise.rate)}'} injected"


def _injected(kind: str, rate: float, seed: int) -> str:
    return f"{kind} {percent(rate)} injected with seed {seed}"


def accuracy_curves(history: Sequence[EpochMetrics], test: TestSummary | None) -> Curves:
    """Return accuracy over epochs on the training labels and on the test labels."""
    lines = [
        (
            "on the labels trained on",
            tuple((float(e.epoch), e.train_accuracy) for e in history),
        )
    ]
    tested = [(float(e.epoch), e.test_accuracy) for e in history if e.test_accuracy is not None]
    if test is not None and tested:
        lines.append((f"on {test.labels or 'unknown'} test labels", tuple(tested)))
    return Curves("Accuracy over epochs", tuple(lines), "epoch", "accuracy")


def evaluation_report(evaluation: Evaluation) -> Report:
    """Return the report of an evaluation: accuracy, also per class, and the confusion matrix."""
    test = evaluation.test
    verdict = Verdict("info", f"accuracy {percent(evaluation.accuracy)} on {labels_of(test)}")
    kind = "true" if test.labels == "true" else "given"
    audited: tuple[tuple[str, str], ...] = ()
    if (known := evaluation.on_true_labels) is not None:
        bounds = f"between {percent(known.low)} and {percent(known.high)}"
        verdict = Verdict(
            "info",
            f"accuracy on true labels {bounds}, by {known.answers:,} answers of an audit",
            (f"{verdict.text}",),
        )
        value = "-" if known.value is None else percent(known.value)
        audited = (
            ("on true labels", f"{value}, {bounds}"),
            (
                "it rests on",
                f"the draws of {known.audit} and the answers being right, for a run that has not "
                f"learnt from them; each bound holds at any number of answers, with a risk of "
                f"{percent(known.risk, 0)}",
            ),
        )
    facts = Facts(
        (
            ("run", evaluation.run),
            *audited,
            ("expected calibration error", percent(evaluation.ece)),
        )
    )
    table = Table(
        f"By {kind} class",
        (Column("class"), Column("n", "count"), Column("accuracy", "percent")),
        tuple((c.class_name, c.n, c.accuracy) for c in evaluation.per_class),
    )
    blocks: tuple[Block, ...] = (verdict, facts, table)
    names = tuple(row.class_name for row in evaluation.per_class)
    if len(names) <= MOST_CLASSES:
        rows = tuple(
            tuple(count / max(1, sum(row)) for count in row) for row in evaluation.confusion
        )
        title = f"Predicted class by {kind} class"
        heatmap = Heatmap(title, names, rows, f"{kind} class", "predicted class")
        blocks = (*blocks, heatmap)
    return Report("Evaluation", blocks, evaluation.document())


def prediction_report(
    run: str, outputs: "Outputs", file: Path, *, folds: int | None = None
) -> Report:
    """Return the report of a prediction: its size, and where it was written."""
    what = "probabilities" if outputs.kind == "pred_probs" else "features"
    rows, columns = outputs.values.shape
    facts = Facts(
        (
            ("run", run),
            ("data", outputs.source),
            (what, f"{rows:,} x {columns:,}"),
            *((("out of fold", f"{folds} networks with its settings"),) if folds else ()),
            ("written to", file.as_posix()),
        )
    )
    document = {
        "schema": "alfs.predict/1",
        "run": run,
        "data": outputs.source,
        "kind": outputs.kind,
        "folds": folds,
        "n": rows,
        "columns": columns,
        "file": file.as_posix(),
    }
    return Report("Predictions", (facts,), document)
