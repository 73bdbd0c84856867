"""Accuracy on true labels by an audit's answers, against counts of all labels."""

from pathlib import Path

import numpy as np
import pytest

from alfs_cli.audits.claims import parse
from alfs_cli.audits.population import population
from alfs_cli.audits.reading import judge_of
from alfs_cli.audits.record import start
from alfs_cli.errors import InputError, UsageError
from alfs_cli.predicting.true_accuracy import by_classes, differences, refuse_many, true_accuracy

N, K = 150, 3
FILE = Path("audit.json")


def lying(seed):
    """Return examples whose scores lie (wrong labels look right), the truth, and two runs."""
    rng = np.random.default_rng(seed)
    true = rng.integers(0, K, N)
    given = np.where(rng.random(N) < 0.3, (true + 1) % K, true)
    good = np.where(rng.random(N) < 0.15, (true + 1) % K, true)
    s = np.where(given == true, 0.9, 0.02)
    probs = np.repeat((s / (K - 1))[:, None], K, 1)
    probs[np.arange(N), given] = 1 - s
    return population(given, "abc", f"data {seed}", probs=probs), true, given, good


def record_of(folder, examples, true, answers):
    record = start(Path(folder), examples, [parse("noise-rate <= 0.05")])
    for task in record.batch(answers):
        record.answer(task, int(true[task.index]))
    return record


def test_it_is_the_judge_s_measure_and_exact_where_all_is_answered(tmp_path):
    examples, true, given, good = lying(0)
    record = record_of(tmp_path, examples, true, N)
    found = true_accuracy(record, "run", good, file=FILE)
    exact = (good == true).mean()
    assert (found.low, found.value, found.high) == pytest.approx((exact,) * 3)
    assert (found.answers, found.risk, found.audit) == (N, 0.05, "audit.json")
    (pair,) = differences(record, {"good": good, "given": given})
    gap = exact - (given == true).mean()
    assert (pair.low, pair.value, pair.high) == pytest.approx((gap,) * 3)
    assert (pair.better, pair.missing, pair.differ) == ("good", None, (good != given).sum())
    # where everything is known, a test that erred (here one did) widens nothing


def test_few_answers_do_not_decide_and_say_how_many_would(tmp_path):
    examples, true, given, good = lying(1)
    record = record_of(tmp_path, examples, true, 6)
    there, back = (
        differences(record, runs)[0]
        for runs in ({"good": good, "given": given}, {"given": given, "good": good})
    )
    assert (there.better, back.better) == (None, None)
    assert there.low < 0 < there.high
    assert 1 <= there.missing.p10 <= there.missing.p50 <= there.missing.p90 <= N - 6
    (same,) = differences(record, {"one": good, "two": good.copy()})
    assert (same.differ, same.low, same.value, same.high, same.better) == (0, 0, 0, 0, None)


def test_only_two_to_six_runs_and_known_classes():
    for runs in (0, 1, 7):
        with pytest.raises(UsageError, match=f"not {runs}"):
            refuse_many(runs)
    refuse_many(6)


def test_classes_go_by_name(tmp_path):
    examples, true, *_ = lying(2)
    record = record_of(tmp_path, examples, true, 1)
    assert by_classes(np.array([0, 2]), ("c", "a", "b"), record, "run").tolist() == [2, 1]
    with pytest.raises(InputError, match="knows a class 'd'"):
        by_classes(np.array([0]), ("d", "a"), record, "run")


def test_a_judge_of_other_claims_is_the_audit_s_own_where_they_are_the_same(tmp_path):
    examples, true, *_ = lying(3)
    record = record_of(tmp_path, examples, true, 40)
    claim = parse("noise-rate <= 0.05")
    assert judge_of(record, (claim,)).measured(claim) == record.judge().measured(claim)
