"""The benchmark's many audits at once are the judge's, one by one."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from alfs_cli.audits.claims import parse
from alfs_cli.audits.draws import balanced_weights
from alfs_cli.audits.judge import Judge
from alfs_cli.audits.pairs import Pairs
from alfs_cli.audits.quantities import outcomes

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def module(name):
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.mark.parametrize(
    "text", ["noise-rate <= 0.3", "class-noise:a <= 0.3", "clean-level >= 1.2"]
)
def test_many_at_once_are_the_judge_one_by_one(made, text):
    batch = module("audit_batch")
    examples, true = made(120, 3, rate=0.25)
    weights = balanced_weights([np.ones(120, bool)], 0.5, [np.linspace(0, 2, 120)])
    claim = parse(text)
    order = batch.orders(np.arange(120), weights, 5, 110, np.random.default_rng(0))
    fresh = Judge(examples, weights, [claim], 0.05)
    tested = fresh.tested[claim.subject]
    if claim.is_level:
        pairs = Pairs(examples, np.ones(120, bool), weights, (claim.number,), 0.05)
        done = batch.level_audits(pairs, examples, weights, true, order, 0.05)
    else:
        z = np.array(
            [outcomes(tested.what, tested.numbers, i, (int(true[i]),)) for i in range(120)]
        )
        done = batch.mean_audits(tested.wealth, tested.what.cell, weights, z, order, 0.05)
    for audit in range(5):
        judge = fresh.copy()
        for step, index in enumerate(order[audit]):
            judge.enter(int(index), (int(true[index]),))
            if claim.is_level:
                at = int(
                    np.flatnonzero(judge.tested[claim.subject].pairs.levels == claim.number)[0]
                )
                pairs = judge.tested[claim.subject].pairs
                rejected = 0 < done.rejected[audit] <= step + 1
                assert rejected == (pairs.log_against[at] >= -np.log(0.05))
                apart = ~np.eye(3, dtype=bool)
                accepted = (pairs.best[at, 0][apart] >= -np.log(0.05)).all()
                assert (0 < done.accepted[audit] <= step + 1) == accepted
            else:
                reached = judge.tested[claim.subject].wealth.best >= -np.log(0.05)
                assert (
                    ((done.reached[audit] > 0) & (done.reached[audit] <= step + 1)) == reached
                ).all()


@pytest.mark.parametrize("text", ["accuracy:a >= 0.5", "accuracy:a > accuracy:b"])
def test_bounds_of_accuracy_hold_in_400_audits_with_scores_that_lie(text):
    """Looked at after each of 200 answers; the truth is counted over all labels."""
    module("audit_batch")
    cases = module("audit_cases")
    case = cases.made("lying", 600, 3, 0.2, scores="lying", seed=5)
    module("audit_habits")
    row = module("audit").mean_validity(case, parse(text), 400)
    right = {name: float((run == case.true).mean()) for name, run in case.runs().items()}
    truth = right["a"] if ">=" in text else right["a"] - right["b"]
    assert float(row["truth"]) == pytest.approx(truth, abs=1e-3)
    assert row["audits"] == 400
    assert float(row["says_more"]) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)
    assert float(row["says_less"]) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)
    assert float(row["either"]) <= 0.1


def test_orders_are_by_weight():
    batch = module("audit_batch")
    first = batch.orders(np.arange(3), np.array([1, 2, 5]), 20_000, 3, np.random.default_rng(0))[
        :, 0
    ]
    assert np.bincount(first) / 20_000 == pytest.approx(np.array([1, 2, 5]) / 8, abs=0.015)
