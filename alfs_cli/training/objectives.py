"""Training objectives: what a step minimises, with or without a state for each example.

An objective is called with logits (B, K), labels (B,) and places (B,), the indices of the examples
in the training set. Its state consists of tensors on the device, which a checkpoint saves. Its
random numbers are drawn from (seed, epoch), so that an epoch can resume at any step.
"""

import math
from typing import Protocol

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from alfs_cli.results.run import ElrConfig, NlnlConfig
from alfs_cli.training.batches import mixed_seed

REMEMBERED = 10  # epochs over which NLNL averages the probability of a label
LEAST = math.log(1e-5)  # lower bound of log(1 - p), as in the code of NLNL's authors
NL_STREAM = 1 << 32  # added to the epoch, so that complementary labels have a seed of their own


class LossOfBatch(Protocol):
    """A loss of this package, corrected or not."""

    def __call__(self, logits: Tensor, labels: Tensor, *, check: bool) -> Tensor:
        """Return the mean over the batch; with `check`, raise InputError for NaN or inf logits."""
        ...


class Objective(Protocol):
    """A function to minimise, with a state that may change from step to step."""

    def __call__(self, logits: Tensor, labels: Tensor, places: Tensor) -> Tensor:
        """Return the value on a batch, a scalar tensor."""
        ...

    def start_epoch(self, epoch: int) -> None:
        """Prepare for an epoch, counted from 0; also called when it resumes at a later step."""
        ...

    def state(self) -> dict[str, Tensor]:
        """Return the tensors that a checkpoint saves; restoring copies into them."""
        ...


class Stateless:
    """A loss of the batch, without a state."""

    def __init__(self, loss: LossOfBatch) -> None:
        self.loss = loss

    def __call__(self, logits: Tensor, labels: Tensor, places: Tensor) -> Tensor:
        """Return the mean loss."""
        return self.loss(logits, labels, check=False)  # the loop finds NaN at the end of the epoch

    def start_epoch(self, epoch: int) -> None:
        """Do nothing."""

    def state(self) -> dict[str, Tensor]:
        """Return an empty state."""
        return {}


class NegativeLearning:
    """NL, then SelNL, then SelPL of Kim et al., ICCV 2019, sections 3.1 to 3.3.

    NL: -log(1 - p) of one random class other than the label, drawn again every epoch. SelNL: the
    same, only on examples whose label has a mean probability above 1 / K. SelPL: cross entropy on
    examples whose label has a mean probability above `threshold`. The mean is over the last ten
    epochs, of probabilities predicted in training mode. An example of given class y has weight
    max_k n_k / n_y, as in the authors' code.
    """

    def __init__(
        self, config: NlnlConfig, labels: Tensor, num_classes: int, *, seed: int, device: str
    ) -> None:
        counts = torch.bincount(labels, minlength=num_classes).clamp_min(1)
        self.config = config
        self.seed = seed
        self.labels = labels.cpu()
        self.num_classes = num_classes
        self.weights = (counts.max() / counts).float().to(device)
        self.confidence = torch.zeros(len(labels), REMEMBERED + 1, device=device)
        self.complements = torch.zeros(len(labels), dtype=torch.int64, device=device)
        self.selected = torch.ones(len(labels), device=device)
        self.is_positive = False
        self.slot = 0

    def start_epoch(self, epoch: int) -> None:
        """Draw complementary labels, and select examples by their mean probability so far."""
        generator = torch.Generator().manual_seed(mixed_seed(self.seed, NL_STREAM + epoch))
        steps = torch.randint(1, self.num_classes, self.labels.shape, generator=generator)
        self.complements.copy_((self.labels + steps) % self.num_classes)
        self.slot = epoch % (REMEMBERED + 1)
        self.is_positive = epoch >= self.config.nl + self.config.selnl
        if epoch < self.config.nl:
            self.selected.fill_(1)
            return
        others = self.confidence.sum(1) - self.confidence[:, self.slot]
        mean = others / min(epoch, REMEMBERED)
        least = self.config.threshold if self.is_positive else 1 / self.num_classes
        self.selected.copy_(mean > least)

    def __call__(self, logits: Tensor, labels: Tensor, places: Tensor) -> Tensor:
        """Return the weighted mean of the stage's loss over the selected examples, 0 if none is."""
        own = logits.detach().softmax(1).gather(1, labels[:, None])[:, 0]
        self.confidence[places, self.slot] = own
        chosen = self.selected[places]
        weights = chosen * self.weights[labels]
        if self.is_positive:
            values = cross_entropy(logits, labels, reduction="none")
            return (weights * values).sum() / weights.sum().clamp_min(1e-12)
        complement = self.complements[places][:, None]
        others = logits.scatter(1, complement, -math.inf).logsumexp(1)
        values = -(others - logits.logsumexp(1)).clamp_min(LEAST)
        return (weights * values).sum() / chosen.sum().clamp_min(1)

    def state(self) -> dict[str, Tensor]:
        """Return the probabilities of the labels in the last epochs (N, 11)."""
        return {"confidence": self.confidence}


class EarlyLearning:
    """A loss + strength log(1 - <p, t>): ELR of Liu et al., NeurIPS 2020, Eq. 6.

    t (N, K) is the running average of each example's p, with `momentum`; it has no gradient.
    """

    def __init__(
        self, config: ElrConfig, loss: LossOfBatch, shape: tuple[int, int], *, device: str
    ) -> None:
        self.config = config
        self.loss = loss
        self.targets = torch.zeros(shape, device=device)

    def start_epoch(self, epoch: int) -> None:
        """Do nothing."""

    def __call__(self, logits: Tensor, labels: Tensor, places: Tensor) -> Tensor:
        """Return the mean loss plus the regularisation term."""
        p = logits.softmax(1).clamp(1e-4, 1 - 1e-4)
        now = p.detach() / p.detach().sum(1, keepdim=True)
        momentum = self.config.momentum
        targets = momentum * self.targets[places] + (1 - momentum) * now
        self.targets[places] = targets
        term = (1 - (targets * p).sum(1)).log().mean()
        return self.loss(logits, labels, check=False) + self.config.strength * term

    def state(self) -> dict[str, Tensor]:
        """Return the running averages (N, K)."""
        return {"targets": self.targets}
