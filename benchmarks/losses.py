"""Forward and backward of each loss beside cross entropy and the one-hot form, float32 on the CPU.

    python benchmarks/losses.py [--seconds 0.4] [--write]

The one-hot form is what the formula says, written directly: softmax, a one-hot matrix, products and
sums, and autograd. The three are timed in turn in one process, and medians of the CPU time of one
thread compared, which another program beside it changes little. `--write` keeps the table as
benchmarks/results/losses.csv.
"""

import argparse
import csv
import math
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from alfs_cli.losses import parse_loss

SIZES = ((128, 10), (512, 1000))
TINY = 1e-7


def own_share(logits: Tensor, labels: Tensor) -> Tensor:
    """Return u by way of a one-hot matrix."""
    probs = logits.softmax(1)
    return (probs * F.one_hot(labels, logits.shape[1]).float()).sum(1)


def normalised(each: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the one-hot form of F_y / sum_k F_k, F of probabilities."""

    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        values = each(logits.softmax(1).clamp(TINY, 1))
        return (values * F.one_hot(labels, logits.shape[1]).float()).sum(1) / values.sum(1)

    return loss


def separable(l: Callable[[Tensor], Tensor]) -> Callable[[Tensor, Tensor], Tensor]:  # noqa: E741
    """Return the one-hot form of l(u)."""
    return lambda logits, labels: l(own_share(logits, labels).clamp(TINY, 1))


def sum_of(
    first: Callable[[Tensor, Tensor], Tensor], second: Callable[[Tensor, Tensor], Tensor]
) -> Callable[[Tensor, Tensor], Tensor]:
    """Return the sum, each term computed on its own."""
    return lambda logits, labels: first(logits, labels) + 4 * second(logits, labels)


def negative_learning(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the one-hot form of NL."""
    others = 1 - F.one_hot(labels, logits.shape[1]).float()
    log_rest = (1 - logits.softmax(1)).clamp(TINY, 1).log()
    return -(log_rest * others).sum(1) / (logits.shape[1] - 1)


NCE = normalised(lambda p: -p.log())
AGCE = separable(lambda u: (7**1.5 - (6 + u) ** 1.5) / 1.5)
AUL = separable(lambda u: ((6.3 - u) ** 1.5 - 5.3**1.5) / 1.5)
ONE_HOT: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "ce": separable(lambda u: -u.log()),
    "fl": separable(lambda u: -((1 - u) ** 0.5) * u.log()),
    "mae": separable(lambda u: 1 - u),
    "rce": separable(lambda u: 4 * (1 - u)),
    "sce": separable(lambda u: -0.1 * u.log() + 4 * (1 - u)),
    "gce": separable(lambda u: (1 - u**0.7) / 0.7),
    "nce": NCE,
    "nfl": normalised(lambda p: -((1 - p + TINY) ** 0.5) * p.log()),
    "ngce": normalised(lambda p: 1 - p**0.7),
    "nmae": separable(lambda u: (1 - u) / 9),
    "nlnl": negative_learning,
    "agce": separable(lambda u: (1.6**0.6 - (0.6 + u) ** 0.6) / 0.6),
    "aul": separable(lambda u: ((5.5 - u) ** 3 - 4.5**3) / 3),
    "ael": separable(lambda u: (-u / 2.5).exp()),
    "nce+agce": sum_of(NCE, AGCE),
    "nce+aul": sum_of(NCE, AUL),
    "nce+ael": sum_of(NCE, separable(lambda u: (-u / 5).exp())),
    "nce+mae": sum_of(NCE, separable(lambda u: 1 - u)),
    "nfl+rce": sum_of(
        normalised(lambda p: -((1 - p + TINY) ** 0.5) * p.log()), separable(lambda u: 1 - u)
    ),
}


def step(loss: Callable[[Tensor, Tensor], Tensor], logits: Tensor, labels: Tensor) -> float:
    """Return the CPU seconds of one forward and backward."""
    logits.grad = None
    start = time.process_time()
    loss(logits, labels).backward()
    return time.process_time() - start


def compare(name: str, N: int, K: int, seconds: float) -> dict[str, str | float | int]:
    """Time a loss, the one-hot form and cross entropy in turn; return medians in microseconds."""
    generator = torch.Generator().manual_seed(0)
    logits = (3 * torch.randn(N, K, generator=generator)).requires_grad_()
    labels = torch.randint(K, (N,), generator=generator)
    reference = ONE_HOT[name]
    contenders = {
        "alfs": parse_loss(name),
        "one_hot": lambda z, y: reference(z, y).mean(),
        "cross_entropy": F.cross_entropy,
    }
    for loss in contenders.values():
        for _ in range(5):
            step(loss, logits, labels)
    times: dict[str, list[float]] = {key: [] for key in contenders}
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times["alfs"]) < 15:
        for key, loss in contenders.items():
            times[key].append(step(loss, logits, labels))
    median = {key: statistics.median(values) * 1e6 for key, values in times.items()}
    return {
        "loss": name,
        "N": N,
        "K": K,
        "repeats": len(times["alfs"]),
        **{f"{key}_us": round(value, 1) for key, value in median.items()},
        "speedup_over_one_hot": round(median["one_hot"] / median["alfs"], 2),
        "times_cross_entropy": round(median["alfs"] / median["cross_entropy"], 2),
    }


def main() -> None:
    """Time each loss beside cross entropy, and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.4)
    parser.add_argument("--write", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = [compare(name, N, K, arguments.seconds) for N, K in SIZES for name in ONE_HOT]
    about = {
        "torch": torch.__version__,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, 1 thread, CPU time",
    }
    for row in rows:
        print("  ".join(f"{value!s:>8}" for value in row.values()))
    print(
        f"least speed-up over one-hot {min(float(r['speedup_over_one_hot']) for r in rows)}, "
        f"most times cross entropy {max(float(r['times_cross_entropy']) for r in rows)}, "
        f"geometric mean {geometric_mean([float(r['times_cross_entropy']) for r in rows]):.2f}"
    )
    if arguments.write:
        path = Path(__file__).parent / "results" / "losses.csv"
        path.parent.mkdir(exist_ok=True)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, [*rows[0], *about], lineterminator="\n")
            writer.writeheader()
            writer.writerows({**row, **about} for row in rows)


def geometric_mean(values: list[float]) -> float:
    """Return the geometric mean."""
    return math.exp(sum(math.log(value) for value in values) / len(values))


if __name__ == "__main__":
    main()
