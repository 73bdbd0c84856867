from time import process_time

import numpy as np
import pytest

from alfs_cli.audits.claims import parse
from alfs_cli.audits.draws import balanced_weights, draws
from alfs_cli.audits.forecast import first_passage, forecast
from alfs_cli.audits.judge import Judge


def test_first_passage_is_that_of_walks():
    rng = np.random.default_rng(0)
    lacking, drift, spread = (
        np.ones((1, 1)) * 4,
        np.full((4_000, 1, 1), 0.1),
        np.full((4_000, 1, 1), 0.2),
    )
    times = first_passage(lacking, drift, spread, rng).ravel()
    walks = np.cumsum(0.1 + np.sqrt(0.2) * rng.standard_normal((1_000, 600)), 1)
    walked = (walks < 4).argmin(1) + 1
    assert np.quantile(times, (0.1, 0.5, 0.9)) == pytest.approx(
        np.quantile(walked, (0.1, 0.5, 0.9)), rel=0.15
    )


def test_a_walk_down_hardly_ever_arrives():
    rng = np.random.default_rng(0)
    times = first_passage(
        np.ones((1, 1)), np.full((5_000, 1, 1), -0.2), np.full((5_000, 1, 1), 0.3), rng
    )
    assert np.isfinite(times).mean() == pytest.approx(np.exp(-2 * 0.2 / 0.3), abs=0.03)


def test_what_it_took_lies_where_it_was_foretold(made):
    examples, true = made(3_000, 4, rate=0.15, scores=False)
    weights = balanced_weights([np.ones(3_000, bool)])
    claim = parse("noise-rate <= 0.25")
    fresh = Judge(examples, weights, [claim], 0.05)
    inside = 0
    for seed in range(20):
        judge, order = fresh.copy(), draws(examples, weights, seed).order
        for index in order[:40]:
            judge.enter(int(index), (int(true[index]),))
        told = forecast(judge, claim)
        if told is None:
            inside += 1
            continue
        assert 1 <= told.p10 <= told.p50 <= told.p90 <= 2_960
        took = 0
        while judge.verdict(claim) == "undecided":
            index = order[40 + took]
            judge.enter(int(index), (int(true[index]),))
            took += 1
        inside += told.p10 / 1.5 <= took <= told.p90 * 1.5
    assert inside >= 13


def test_it_is_quick_for_a_large_set_and_all_kinds_of_claims(made):
    examples, _ = made(50_000, 10)
    weights = balanced_weights([np.ones(50_000, bool)])
    claims = [
        parse(text)
        for text in (
            "noise-rate <= .19",
            "clean-level >= 3",
            "class-noise:a <= .15",
            "pair:a>b <= .02",
        )
    ]
    judge = Judge(examples, weights, claims, 0.05)
    for claim in claims:
        began = process_time()
        told = forecast(judge, claim)
        assert process_time() - began < 1
        assert told.p10 <= told.p50 <= told.p90
        assert forecast(judge, claim) == told


def test_none_where_it_is_decided(made):
    examples, true = made(100, 3)
    claim = parse("noise-rate <= 0.9")
    judge = Judge(examples, np.full(100, 256), [claim], 0.05)
    for index in range(100):
        judge.enter(index, (int(true[index]),))
    assert forecast(judge, claim) is None
