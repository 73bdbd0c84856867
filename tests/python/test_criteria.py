"""`alfs.loss` in a loop of one's own: as torch's losses are called, in eager mode and compiled."""

import copy
import pickle

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from torch.utils._python_dispatch import TorchDispatchMode

import alfs_cli as alfs
from alfs_cli.losses import parse_loss

K = 5
T = np.full((K, K), 0.05) + 0.75 * np.eye(K)
SHAPES = [(6, K), (6, K, 4), (2, K, 3, 2), (K,)]
WEIGHT = [1.0, 0.0, 2.0, 0.5, 3.0]


def batch(shape=(6, K), *, ignored=True, seed=0):
    """Return logits and labels, the first of them ignored."""
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(shape, generator=generator, dtype=torch.float64).mul_(3)
    of_labels = shape[:1] + shape[2:] if len(shape) > 1 else ()
    labels = torch.randint(0, K, of_labels, generator=generator)
    if ignored and labels.ndim:
        labels.view(-1)[0] = -100
    return logits.requires_grad_(), labels


def shares(shape, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(shape, generator=generator, dtype=torch.float64).softmax(
        min(1, len(shape) - 1)
    )


@pytest.mark.parametrize("reduction", ["none", "mean", "sum"])
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["alike", "weighted"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", ["numbers", "probabilities"])
def test_of_cross_entropy_it_is_torchs(shape, kind, weight, reduction):
    logits, labels = batch(shape)
    if kind == "probabilities":
        labels = shares(shape)
    weights = None if weight is None else torch.tensor(weight, dtype=torch.float64)
    other = logits.detach().clone().requires_grad_()
    criterion = alfs.loss("ce", reduction=reduction, weight=weight)
    found = criterion(logits, labels)
    wanted = cross_entropy(other, labels, weight=weights, reduction=reduction)
    assert found.shape == wanted.shape
    torch.testing.assert_close(found, wanted, equal_nan=True)  # 0 / 0 as torch has it
    found.sum().backward()
    wanted.sum().backward()
    torch.testing.assert_close(logits.grad, other.grad, equal_nan=True)


@pytest.mark.parametrize("text", ["gce:q=0.7", "nce+agce", "amse", "nlnl"])
def test_probabilities_give_the_expected_loss(text):
    logits, _ = batch()
    soft = shares((6, K))
    found = alfs.loss(text, reduction="none")(logits, soft)
    labels = [torch.full((6,), k) for k in range(K)]
    each = [parse_loss(text).per_example(logits, label) for label in labels]
    torch.testing.assert_close(found, (torch.stack(each, 1) * soft).sum(1))


def test_forward_correction_is_the_loss_of_what_T_makes_of_the_model():
    logits, labels = batch(ignored=False)
    corrected = alfs.loss("gce:q=0.7", T)(logits, labels)
    mixed = (logits.softmax(1) @ torch.tensor(T)).log()
    torch.testing.assert_close(corrected, parse_loss("gce:q=0.7")(mixed, labels), rtol=1e-6, atol=0)
    est = alfs.estimate(pred_probs=0.05 + 0.9 * np.eye(2)[np.arange(200) % 2],
                        labels=np.arange(200) % 2, in_sample_ok=True)  # fmt: skip
    assert alfs.loss("ce", est).log_T.shape == (2, 2)


def test_labels_that_T_never_gives_are_left_out():
    T = np.array([[0.7, 0.3, 0.0], [0.2, 0.8, 0.0], [0.5, 0.5, 0.0]])
    criterion = alfs.loss("ce", T, reduction="none")
    logits = torch.randn(4, 3)
    mixed = (logits.softmax(1) @ torch.tensor(T, dtype=torch.float32))[:, :2].log()
    labels = torch.tensor([0, 1, 1, 0])
    torch.testing.assert_close(
        criterion(logits, labels), cross_entropy(mixed, labels, reduction="none")
    )
    soft = torch.eye(3)[labels]
    torch.testing.assert_close(criterion(logits, soft), criterion(logits, labels))


class NothingIsRead(TorchDispatchMode):
    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert "_local_scalar_dense" not in str(func), "a value was read from the device"
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("options", [{}, {"weight": WEIGHT}, {"transition": T}])
def test_no_value_is_read_on_the_way(options):
    criterion = alfs.loss("nce+aul", **options)
    logits, labels = batch()
    with NothingIsRead():
        criterion(logits, labels).backward()
        criterion(logits, shares((6, K)))


CASES = {
    "plain": ({}, (6, K)),
    "weighted, corrected": ({"weight": WEIGHT, "transition": T}, (6, K)),
    "of pictures": ({}, (2, K, 3, 2)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_compiled_it_is_one_graph_and_the_same(name):
    options, shape = CASES[name]
    torch.compiler.reset()
    criterion = alfs.loss("nce+agce", **options)
    compiled = torch.compile(criterion, backend="aot_eager", fullgraph=True)
    for seed in (0, 1):
        logits, labels = batch(shape, seed=seed)
        logits = logits.detach().float().requires_grad_()
        other = logits.detach().clone().requires_grad_()
        found, wanted = compiled(logits, labels), criterion(other, labels)
        torch.testing.assert_close(found, wanted)
        found.backward()
        wanted.backward()
        torch.testing.assert_close(logits.grad, other.grad)


def test_it_is_a_module_like_any_other():
    criterion = alfs.loss("nce+agce", T, weight=WEIGHT)
    assert str(parse_loss("nce+agce")) in repr(criterion)
    assert not criterion.state_dict()
    logits, labels = batch()
    for other in (copy.deepcopy(criterion), pickle.loads(pickle.dumps(criterion))):
        assert other(logits, labels) == criterion(logits, labels)
    model = torch.nn.Sequential(criterion).bfloat16()
    assert criterion.log_T.dtype == criterion.weight.dtype == torch.float32
    assert model.to("cpu")[0] is criterion
    assert criterion(logits.bfloat16(), labels).dtype == torch.float32


def test_what_is_ignored_may_be_anything():
    logits, labels = batch()
    with torch.no_grad():
        logits[0] = float("nan")
    value = alfs.loss("nce+agce")(logits, labels)
    value.backward()
    assert bool(value.isfinite())
    assert bool(logits.grad.isfinite().all())
    assert bool((logits.grad[0] == 0).all())
    own = alfs.loss("ce", ignore_index=2)
    torch.testing.assert_close(
        own(torch.zeros(2, 3), torch.tensor([1, 2])), torch.tensor(3.0).log()
    )


@pytest.mark.parametrize(
    ("arguments", "logits", "labels", "said"),
    [
        ({"loss": "nec"}, None, None, "did you mean 'nce'"),
        ({"loss": 3}, None, None, "a loss is text, got int"),
        ({"loss": None}, None, None, "a loss is text, got NoneType"),
        ({"reduction": "avg"}, None, None, "unknown reduction 'avg'"),
        ({"reduction": None}, None, None, "unknown reduction 'None'"),
        ({"weight": [1, -1]}, None, None, "numbers of 0 or more"),
        ({"transition": [[0.5, 0.6], [0.5, 0.5]]}, None, None, "sums to"),
        ({"transition": [[1.0, 0.0], [1.0]]}, None, None, "not a number"),
        ({"transition": [[1.0, 0.0], [1.0, 0.0]]}, None, None, "nothing can be learnt"),
        ({}, torch.zeros(2, 3), torch.zeros(3, dtype=torch.int64), "do not go with logits"),
        ({}, torch.zeros(2, 3), torch.zeros(2, 4), "do not go with logits"),
        ({}, torch.zeros(2, 3), torch.tensor([0, 3]), "label 3 is not one of the 3 classes"),
        ({"weight": [1.0, 2.0]}, torch.zeros(2, 3), torch.tensor([0, 1]), "2 values for 3 classes"),
        ({"transition": T}, torch.zeros(2, 3), torch.tensor([0, 1]), "T is of 5 classes"),
    ],
)
def test_mistakes_are_named(arguments, logits, labels, said):
    with pytest.raises(alfs.AlfsError, match=said) as found:
        alfs.loss(**{"loss": "ce", **arguments})(logits, labels)
    assert found.value.help or "did you mean" in str(found.value)


def test_it_trains_in_a_plain_loop():
    """Two classes apart, a third of one's labels flipped: the network learns the true ones."""
    torch.manual_seed(0)
    true = torch.arange(400) % 2
    inputs = torch.randn(400, 4) + 2 * true[:, None]
    labels = true.where((true == 0) | (torch.rand(400) > 0.35), 0)
    model = torch.nn.Linear(4, 2)
    criterion = alfs.loss("nce+agce")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for _ in range(60):
        optimizer.zero_grad()
        criterion(model(inputs), labels).backward()
        optimizer.step()
    assert (model(inputs).argmax(1) == true).float().mean() > 0.95
