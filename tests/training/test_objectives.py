"""Objectives that remember: negative learning in stages and ELR, against plain loops."""

import math
from dataclasses import replace

import pytest
import torch

from alfs_cli.errors import UsageError
from alfs_cli.losses import parse_loss
from alfs_cli.results.run import WEIGHTS, ElrConfig, NlnlConfig
from alfs_cli.training import plan, train
from alfs_cli.training.checkpoint import load_checkpoint
from alfs_cli.training.devices import Device
from alfs_cli.training.objectives import EarlyLearning, NegativeLearning, Stateless

CPU = Device("cpu", "float32", channels_last=True)
LABELS = torch.tensor([0, 0, 0, 1, 1, 2, 0, 2])
WEIGHT = {0: 1.0, 1: 2.0, 2: 2.0}  # 4 examples of class 0, 2 of the others
PLACES = torch.tensor([5, 0, 3, 7, 1])
LOGITS = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def staged(*, nl=2, selnl=2, seed=0):
    return NegativeLearning(NlnlConfig(nl, selnl), LABELS, 3, seed=seed, device="cpu")


def remember(objective, epoch, probability):
    """Let an epoch say of each label that it has this probability, (N,)."""
    objective.start_epoch(epoch)
    others = (1 - probability) / 2
    logits = others[:, None].repeat(1, 3)
    logits[torch.arange(8), LABELS] = probability
    objective(logits.log(), LABELS, torch.arange(8))


def test_negative_stage():
    objective = staged()
    objective.start_epoch(1)
    p = LOGITS.softmax(1)
    expected = 0.0
    for row, place in enumerate(PLACES.tolist()):
        complement = int(objective.complements[place])
        assert complement != int(LABELS[place])
        expected -= WEIGHT[int(LABELS[place])] * math.log(1 - float(p[row, complement]))
    found = objective(LOGITS, LABELS[PLACES], PLACES)
    assert float(found) == pytest.approx(expected / 5, rel=1e-5)


def test_complementary_labels_are_uniform_and_new_every_epoch():
    objective = staged()
    counts = torch.zeros(8, 3)
    for epoch in range(300):
        objective.start_epoch(epoch)
        counts[torch.arange(8), objective.complements] += 1
    assert (counts[torch.arange(8), LABELS] == 0).all()
    assert counts[counts > 0].min() > 110
    other, again = staged(seed=1), staged()
    for each in (objective, other, again):
        each.start_epoch(299)
    assert torch.equal(objective.complements, again.complements)
    assert not torch.equal(objective.complements, other.complements)


def test_sure_of_the_complement_is_cut_off():
    objective = staged()
    objective.start_epoch(0)
    logits = torch.zeros(5, 3)
    logits[torch.arange(5), objective.complements[PLACES]] = 1e4
    logits.requires_grad_()
    value = objective(logits, torch.zeros(5, dtype=torch.int64), PLACES)
    assert float(value.detach()) == pytest.approx(-math.log(1e-5))
    value.backward()
    assert logits.grad.isfinite().all()


def test_selective_stages_choose_by_what_was_remembered():
    objective = staged()
    probability = torch.tensor([0.9, 0.2, 0.4, 0.6, 0.3, 0.55, 0.34, 0.1])
    remember(objective, 0, probability)
    remember(objective, 1, probability)
    objective.start_epoch(2)
    assert objective.selected.tolist() == (probability > 1 / 3).float().tolist()
    assert not objective.is_positive
    for epoch in (2, 3):
        remember(objective, epoch, probability)
    objective.start_epoch(4)
    assert objective.is_positive
    assert objective.selected.tolist() == (probability > 0.5).float().tolist()
    weights = torch.tensor([WEIGHT[int(y)] for y in LABELS[PLACES]]) * objective.selected[PLACES]
    per_example = torch.nn.functional.cross_entropy(LOGITS, LABELS[PLACES], reduction="none")
    expected = (weights * per_example).sum() / weights.sum()
    torch.testing.assert_close(objective(LOGITS, LABELS[PLACES], PLACES), expected)


def test_the_mean_is_over_the_last_ten_epochs():
    objective = staged(nl=1)
    for epoch in range(15):
        remember(objective, epoch, torch.full((8,), 0.9 if epoch < 5 else 0.2))
    objective.start_epoch(15)
    assert objective.selected.sum() == 0
    value = objective(LOGITS, LABELS[PLACES], PLACES)
    assert float(value) == 0  # nothing chosen: no step, and not NaN
    other = staged(nl=1, selnl=30)
    for epoch in range(15):
        remember(other, epoch, torch.full((8,), 0.9 if epoch < 14 else 0.0))
    other.start_epoch(15)
    assert other.selected.sum() == 8


def test_elr_by_hand():
    config = ElrConfig(strength=3.0, momentum=0.7)
    objective = EarlyLearning(config, parse_loss("ce"), (8, 3), device="cpu")
    targets = torch.zeros(8, 3)
    for draw in range(3):
        logits = torch.randn(5, 3, generator=torch.Generator().manual_seed(draw))
        p = logits.softmax(1)
        expected = 0.0
        for row, place in enumerate(PLACES.tolist()):
            targets[place] = 0.7 * targets[place] + 0.3 * p[row]
            expected -= math.log(float(p[row, LABELS[place]]))
            expected += 3 * math.log(1 - float(targets[place] @ p[row]))
        found = objective(logits, LABELS[PLACES], PLACES)
        assert float(found) == pytest.approx(expected / 5, rel=1e-4)
    torch.testing.assert_close(objective.state()["targets"], targets)
    plain = EarlyLearning(replace(config, strength=0.0), parse_loss("ce"), (8, 3), device="cpu")
    same = Stateless(parse_loss("ce"))(LOGITS, LABELS[PLACES], PLACES)
    torch.testing.assert_close(plain(LOGITS, LABELS[PLACES], PLACES), same)


STAGES = {
    "dataset": {"source": "digits"}, "loss": "nlnl", "epochs": 6, "model": "mlp",
    "noise": {"kind": "symmetric", "rate": 0.4}, "optimizer": {"lr": 0.05},
    "nlnl": {"nl": 2, "selnl": 2},
}  # fmt: skip
ELR = {**STAGES, "loss": "ce", "nlnl": None, "elr": {"strength": 3.0, "momentum": 0.7}}


class Killed(BaseException):
    """Stands for SIGKILL."""


@pytest.mark.parametrize("settings", [STAGES, ELR], ids=["nlnl", "elr"])
def test_killed_and_resumed_is_the_same(tmp_path, settings):
    settings = {key: value for key, value in settings.items() if value is not None}
    train(plan(settings), tmp_path / "whole", CPU)

    def on_step(done):
        if done == 41:
            raise Killed

    with pytest.raises(Killed):
        train(plan(settings), tmp_path / "cut", CPU, on_step=on_step)
    train(plan(settings), tmp_path / "cut", CPU, resume=True)
    one, other = ((tmp_path / run / WEIGHTS).read_bytes() for run in ("whole", "cut"))
    assert one == other
    states = [load_checkpoint(tmp_path / run / "checkpoints/last.pt")["objective"]
              for run in ("whole", "cut")]  # fmt: skip
    for name, value in states[0].items():
        assert value.any()
        assert torch.equal(value, states[1][name])


def test_stopped_amid_an_epoch_and_resumed_is_the_same(tmp_path):
    """A checkpoint amid an epoch holds what that epoch remembered so far."""
    import os
    import signal

    from alfs_cli.errors import Interrupted

    train(plan(STAGES), tmp_path / "whole", CPU)

    def on_step(done):
        if done == 30:
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        train(plan(STAGES), tmp_path / "cut", CPU, on_step=on_step)
    train(plan(STAGES), tmp_path / "cut", CPU, resume=True)
    one, other = ((tmp_path / run / WEIGHTS).read_bytes() for run in ("whole", "cut"))
    assert one == other


@pytest.mark.slow
def test_the_stages_learn_under_noise(tmp_path):
    longer = {**STAGES, "epochs": 24, "nlnl": {"nl": 12, "selnl": 6}}
    assert train(plan(longer), tmp_path, CPU).test_accuracy.last > 0.85


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "ce"}, "the stages of nlnl need its own loss"),
        ({"elr": {"strength": 1.0}}, "the stages of nlnl need its own loss"),
        ({"epochs": 3}, "nlnl has 2 epochs of NL and 2 of SelNL, and the run has 3"),
    ],
)
def test_what_does_not_fit_together(changes, message):
    with pytest.raises(UsageError, match=message):
        plan({**STAGES, **changes})
