"""What weak evidence proves, and what a second evidence that did not see the labels brings.

    python benchmarks/weak_evidence.py [--data ../shared/data] [--count 1000 3000]

Pictures of CIFAR-10 under human and drawn noise. The evidence are probabilities of models that were
trained on true labels of other pictures and see much (192 components of an encoder), less (16) or
other things (32 that leave out the first eight): how often does the lower bound of the noise rate
exceed the truth, and how far is the value? Then the own evidence of 64 components alone, joined
with each of these as --prior-probs, and each of these instead of it. Writes
benchmarks/results/weak_evidence.csv.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score

from alfs_cli.data import DataSpec, LabelledDataset
from alfs_cli.estimators.fitting import estimate_noise
from alfs_cli.evidence.gathering import gather
from alfs_cli.evidence.interface import Evidence, evidence_from_probs
from alfs_cli.evidence.second import with_second
from alfs_cli.noise import inject, transition_of
from alfs_cli.results.estimate import Bounded
from alfs_cli.suspects.scores import weighed_scores

RESULTS = Path(__file__).parent / "results" / "weak_evidence.csv"
K = 10
MODELS = {  # components that a model sees, and true labels that it was trained on
    "much": (slice(0, 192), 15_000),
    "less": (slice(0, 16), 400),
    "other": (slice(8, 40), 3000),
}
SURENESS = 1.3  # networks are surer than they should be
TRAINED_FROM = 20_000  # pictures before this one are judged
NOISES = ("clean", "symmetric:.05", "symmetric:.2", "pair:.1", "pair:.3", "random1", "worse")


@dataclass(frozen=True, eq=False)
class Pictures:
    """Components (N, 192), true labels (N,), people's labels, and each model's probabilities."""

    features: np.ndarray
    true: np.ndarray
    human: dict[str, np.ndarray]
    models: dict[str, np.ndarray]


def pictures(data: Path) -> Pictures:
    """Return the pictures that are judged, as models trained on others see them."""
    with np.load(data / "cifar10n.npz") as stored:
        true = stored["clean_label"].astype(np.int64)
        human = {"random1": stored["random_label1"], "worse": stored["worse_label"]}
    with np.load(data / "cifar10_features.npz") as stored:
        X = stored["features"].astype(np.float32)
    models = {}
    for name, (columns, count) in MODELS.items():
        rows = slice(TRAINED_FROM, TRAINED_FROM + count)
        model = LogisticRegression(max_iter=200).fit(X[rows, columns], true[rows])
        logits = model.decision_function(X[:TRAINED_FROM, columns])
        models[name] = softmax(SURENESS * logits, axis=1)
    some = {key: labels.astype(np.int64) for key, labels in human.items()}
    return Pictures(X, true, some, models)


def given(all_: Pictures, noise: str, rows: slice) -> np.ndarray:
    """Return given labels of some pictures."""
    if noise in all_.human:
        return all_.human[noise][rows]
    if noise == "clean":
        return all_.true[rows]
    kind, rate = noise.split(":")
    generator = np.random.default_rng([11, len(noise), rows.start])
    return inject(all_.true[rows], transition_of(kind, float(rate), K), generator, draw="sampled")


def judged(evidence: Evidence, labels: np.ndarray, true: np.ndarray) -> dict[str, object]:
    """Return what is estimated from an evidence beside the truth."""
    dataset = _dataset(labels, None)
    said = estimate_noise(dataset, evidence).document()
    rate, T = said["noise_rate"], np.array(said["transition"])
    scores, _ = weighed_scores(
        evidence.probs, labels, T, np.array(said["class_prior"]), Bounded(**rate)
    )
    wrong = labels != true
    real = np.stack([np.bincount(labels[true == i], minlength=K) for i in range(K)])
    real = real / real.sum(axis=1, keepdims=True)
    return {
        "wrong": wrong.mean(),
        "agreement": evidence.agreement,
        "value": rate["value"],
        "low": rate["low"],
        "high": rate["high"],
        "row_tv": np.abs(T - real).sum(axis=1).mean() / 2,
        "average_precision": average_precision_score(wrong, scores.score) if wrong.any() else None,
        "trust": said["trust"]["level"],
        "method": said["method"],
    }


def _dataset(labels: np.ndarray, features: np.ndarray | None) -> LabelledDataset:
    return LabelledDataset(
        name="pictures",
        kind="arrays",
        spec=DataSpec(None),
        labels=labels,
        class_names=tuple(map(str, range(K))),
        fingerprint="0",
        features=features,
    )


def rows_of(all_: Pictures, counts: list[int]) -> Iterator[dict[str, object]]:
    """Yield a row for each size, noise and evidence."""
    for count in counts:
        rows = slice(2 * count, 3 * count)
        for noise in NOISES:
            labels, true = given(all_, noise, rows), all_.true[rows]
            own = gather(_dataset(labels, all_.features[rows, :64]), kind="features")
            seen = {"own": own}
            for name, probs in all_.models.items():
                seen[name] = evidence_from_probs(probs[rows], labels)
                seen[f"own + {name}"] = with_second(own, probs[rows], labels)
            for name, evidence in seen.items():
                row = {"count": count, "noise": noise, "evidence": name}
                second = evidence.second
                powers = (None, None) if second is None else (second.own_power, second.second_power)
                row |= dict(zip(("own_power", "second_power"), powers, strict=True))
                yield row | judged(evidence, labels, true)


def main() -> None:
    """Judge, print and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--count", type=int, nargs="+", default=[1000, 3000])
    arguments = parser.parse_args()
    found = []
    for row in rows_of(pictures(arguments.data), arguments.count):
        found.append(row)
        print({key: round(v, 3) if isinstance(v, float) else v for key, v in row.items()})
    frame = pd.DataFrame(found)
    frame.to_csv(RESULTS, index=False, float_format="%.4f")
    frame["too_high"] = frame.low > frame.wrong
    frame["error"] = (frame.value - frame.wrong).abs()
    frame["width"] = frame.high - frame.low
    kinds = ["too_high", "error", "width", "row_tv", "average_precision"]
    print(frame.groupby("evidence", sort=False)[kinds].mean().round(3))


if __name__ == "__main__":
    main()
