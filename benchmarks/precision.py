"""Is the precision that a list of suspects promises true?

    python benchmarks/precision.py [--data ../shared/data] [--cache DIR] [--part tuning|judging]

Each draw takes some examples of a source, makes labels wrong, and holds what estimate.json promises
of `likely` beside the share of them that is wrong. Half of the draws, chosen before any was looked
at, were tuned on; the other half judges. Writes benchmarks/results/precision.csv.
"""

import argparse
import gzip
import io
import json
import math
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from scipy.special import softmax

from alfs_cli.data import DataSpec, LabelledDataset
from alfs_cli.data.folds import stratified_folds
from alfs_cli.estimators import estimate_noise
from alfs_cli.evidence.gathering import evidence_from_probs, gather
from alfs_cli.evidence.out_of_fold import out_of_fold, principal_components
from alfs_cli.noise import inject, inject_by_instance, transition_of
from alfs_cli.results.estimate import Bounded
from alfs_cli.suspects.scores import label_scores, listing, weighed_scores
from alfs_cli.suspects.weighing import promise

RESULTS = Path(__file__).parent / "results" / "precision.csv"
LOOK_ALIKE = {"digits": "digits", "mnist": "mnist", "encoder": "cifar10", "pixels": "cifar10"}
SIZES = {  # source: sizes, and the noises of each size
    "digits": (
        (200, ("clean", "symmetric:.1", "asymmetric:.2", "symmetric:.5")),
        (600, ("symmetric:.05", "redrawn", "instance:.2")),
        (1797, ("clean", "symmetric:.02", "asymmetric:.1", "pair:.3", "instance:.4")),
    ),
    "encoder": (
        (200, ("clean", "symmetric:.05", "random1", "worse")),
        (1000, ("symmetric:.05", "asymmetric:.16", "random1", "instance:.3")),
        (3000, ("clean", "symmetric:.02", "asymmetric:.16", "worse", "redrawn")),
        (10000, ("asymmetric:.16", "random1", "symmetric:.2")),
    ),
    "pixels": (
        (500, ("symmetric:.1", "random1")),
        (3000, ("asymmetric:.16", "clean", "symmetric:.3", "worse")),
    ),
    "mnist": (
        (300, ("symmetric:.05", "asymmetric:.3")),
        (1500, ("clean", "symmetric:.1", "redrawn", "pair:.2")),
        (6000, ("symmetric:.02", "asymmetric:.1", "instance:.3", "symmetric:.5")),
    ),
    "table2": (
        (250, ("symmetric:.05", "symmetric:.2")),
        (1500, ("clean", "symmetric:.1", "instance:.3", "redrawn")),
        (5000, ("symmetric:.02", "pair:.3")),
    ),
    "table5": (
        (400, ("clean", "symmetric:.1", "pair:.2")),
        (2000, ("symmetric:.05", "instance:.2", "symmetric:.4")),
        (5000, ("symmetric:.02", "redrawn", "pair:.1")),
    ),
    "probabilities": (
        (800, ("clean", "symmetric:.05", "random1")),
        (4000, ("symmetric:.1", "worse", "asymmetric:.16")),
        (10000, ("clean", "symmetric:.02", "random1", "redrawn", "pair:.1")),
    ),
}
PARTS = ("tuning", "judging")


@dataclass(frozen=True, eq=False)
class Source:
    """Features (N, D), true labels (N,), human labels by name, probabilities (N, K) or None."""

    features: np.ndarray
    true: np.ndarray
    human: dict[str, np.ndarray]
    probs: np.ndarray | None = None


@dataclass(frozen=True)
class Draw:
    """Which examples under which noise; `part` was drawn before anything was measured."""

    source: str
    size: int
    noise: str
    part: str

    @property
    def name(self) -> str:
        """What the draw is called in the table."""
        return f"{self.source}/{self.size}/{self.noise}"


def draws() -> list[Draw]:
    """Return every draw; halves are drawn at random, within each source."""
    found = []
    for source, sizes in SIZES.items():
        named = [(size, noise) for size, noises in sizes for noise in noises]
        order = np.random.default_rng([2026, zlib.crc32(source.encode())]).permutation(len(named))
        part = {int(place): PARTS[rank % 2] for rank, place in enumerate(order)}
        found += [Draw(source, *what, part[place]) for place, what in enumerate(named)]
    return found


def labelled(draw: Draw, data: Path) -> tuple[LabelledDataset, np.ndarray]:
    """Return the examples of a draw under their given labels, and the true labels (n,)."""
    source = _source(draw.source, data)
    generator = np.random.default_rng(zlib.crc32(draw.name.encode()))
    chosen = np.sort(generator.permutation(len(source.true))[: draw.size])
    X, true = source.features[chosen], source.true[chosen]
    given = _given(draw, source, chosen, generator)
    K = int(source.true.max()) + 1
    dataset = LabelledDataset(
        name=draw.name,
        kind="arrays",
        spec=DataSpec(None),
        labels=given,
        class_names=tuple(map(str, range(K))),
        fingerprint=f"{zlib.crc32(given.tobytes()):08x}",
        features=None if source.probs is not None else X,
        pred_probs=None if source.probs is None else source.probs[chosen],
    )
    return dataset, true


def _given(
    draw: Draw, source: Source, chosen: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    true, K = source.true[chosen], int(source.true.max()) + 1
    kind, _, rate = draw.noise.partition(":")
    if kind == "clean":
        return true.copy()
    if kind in source.human:
        return source.human[kind][chosen]
    X = source.features[chosen]
    if kind == "redrawn":  # wrong where a model is unsure, as people are
        fold_of = stratified_folds(true, 5, np.random.default_rng(1))
        steps = out_of_fold(X, true, K, fold_of).probs.cumsum(axis=1)
        steps[:, -1] = np.inf
        return np.asarray((generator.random((len(X), 1)) < steps).argmax(axis=1))
    if kind == "instance":
        x = X - X.mean(axis=0)
        x = 3 * x / np.sqrt((x**2).sum(axis=1).mean())
        return inject_by_instance(true, x, float(rate), K, generator)[0]
    alike = LOOK_ALIKE.get("encoder" if draw.source == "probabilities" else draw.source)
    T = transition_of(kind, float(rate), K, dataset=alike)
    return inject(true, T, generator, draw="sampled")


@cache
def _source(name: str, data: Path) -> Source:
    if name == "digits":
        from sklearn.datasets import load_digits

        X, y = load_digits(return_X_y=True)
        return Source(X.astype(np.float32), y.astype(np.int64), {})
    if name == "mnist":
        images = gzip.decompress((data / "mnist" / "train-images-idx3-ubyte.gz").read_bytes())
        labels = gzip.decompress((data / "mnist" / "train-labels-idx1-ubyte.gz").read_bytes())
        X = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 784)[:20_000]
        y = np.frombuffer(labels, np.uint8, offset=8)[:20_000].astype(np.int64)
        return Source(principal_components(X.astype(np.float32), 50), y, {})
    if name.startswith("table"):
        return _table(int(name.removeprefix("table")))
    return _pictures(name, data)


def _pictures(name: str, data: Path) -> Source:
    with np.load(data / "cifar10n.npz") as stored:
        true = stored["clean_label"].astype(np.int64)
        human = {
            "random1": stored["random_label1"].astype(np.int64),
            "worse": stored["worse_label"].astype(np.int64),
        }
    if name == "pixels":
        X = _pixels(data / "cifar10_train_jpegpack.npz", 6000)
        return Source(X, true[:6000], {key: labels[:6000] for key, labels in human.items()})
    with np.load(data / "cifar10_features.npz") as stored:
        X = stored["features"][:, :64].astype(np.float32)
    if name == "encoder":
        return Source(X, true, human)
    from sklearn.linear_model import LogisticRegression  # probabilities of a model seen elsewhere

    rest = slice(0, 15_000)
    model = LogisticRegression(max_iter=60).fit(X[rest], true[rest])
    P = softmax(1.5 * model.decision_function(X[20_000:]), axis=1)  # too sure, as networks are
    return Source(X[20_000:], true[20_000:], {k: v[20_000:] for k, v in human.items()}, P)


def _pixels(file: Path, count: int) -> np.ndarray:
    with np.load(file) as pack:
        head, body = pack["header"].tobytes(), pack["body"].tobytes()
        ends = pack["lengths"][:count].cumsum()
        starts = ends - pack["lengths"][:count]
    images = [
        np.asarray(Image.open(io.BytesIO(head + body[a:b])).convert("RGB").resize((16, 16)))
        for a, b in zip(starts, ends, strict=True)
    ]
    return principal_components(np.stack(images).reshape(count, -1).astype(np.float32), 64)


def _table(K: int) -> Source:
    from sklearn.datasets import make_classification

    X, y = make_classification(
        n_samples=6000,
        n_features=20,
        n_informative=10,
        n_classes=K,
        n_clusters_per_class=2,
        class_sep=1.2,
        flip_y=0,
        weights=None if K == 2 else [0.4, 0.2, 0.2, 0.1, 0.1],
        random_state=K,
    )
    return Source(X.astype(np.float32), y.astype(np.int64), {})


@dataclass(frozen=True, eq=False)
class Seen:
    """Evidence (n, K) of a draw, its labels, which of them are wrong, and the estimate."""

    probs: np.ndarray
    labels: np.ndarray
    wrong: np.ndarray
    estimate: dict


def seen(draw: Draw, data: Path, folder: Path | None) -> Seen:
    """Return the evidence and the estimate of a draw, kept in `folder`."""
    place = None if folder is None else folder / f"{draw.name.replace('/', '-')}.npz"
    if place is not None and place.is_file():
        with np.load(place) as stored:
            said = json.loads(str(stored["estimate"]))
            return Seen(stored["probs"], stored["labels"], stored["wrong"], said)
    dataset, true = labelled(draw, data)
    if dataset.pred_probs is not None:
        evidence = evidence_from_probs(dataset.pred_probs, dataset.labels)
    else:
        evidence = gather(dataset, kind="features")
    estimate = estimate_noise(dataset, evidence)
    found = Seen(evidence.probs, dataset.labels, dataset.labels != true, estimate.document())
    if place is not None:
        np.savez(
            place,
            probs=found.probs,
            labels=found.labels,
            wrong=found.wrong,
            estimate=np.array(json.dumps(found.estimate)),
        )
    return found


def row(draw: Draw, found: Seen) -> dict[str, object]:
    """Return what is promised of the draw's likely suspects beside what is so."""
    said = found.estimate
    scores, weighed = weighed_scores(
        found.probs,
        found.labels,
        np.array(said["transition"]),
        np.array(said["class_prior"]),
        Bounded(**said["noise_rate"]),
    )
    most = math.ceil(said["noise_rate"]["high"] * len(found.labels))
    listed = listing(scores, found.labels, 0.5, most=most)
    told: dict[str, object] = {
        "draw": draw.name,
        "part": draw.part,
        "trust": said["trust"]["level"],
        "wrong": found.wrong.mean(),
        "noise_rate": said["noise_rate"]["value"],
    }
    for kind in ("likely", "possible"):
        places = listed.of(kind)
        told |= {f"{kind}": len(places)}
        if len(places):
            promised = promise(scores.score, places, found.labels, weighed)
            told |= {
                f"{kind}_expected": promised.value,
                f"{kind}_low": promised.low,
                f"{kind}_high": promised.high,
                f"{kind}_precision": found.wrong[places].mean(),
            }
    old = label_scores(
        found.probs, found.labels, np.array(said["transition"]), said["noise_rate"]["value"]
    ).score
    is_listed = old >= 0.5
    told["one_t"] = int(is_listed.sum())  # T believed, as a list that knows nothing else does
    if is_listed.any():
        told |= {
            "one_t_expected": old[is_listed].mean(),
            "one_t_precision": found.wrong[is_listed].mean(),
        }
    return told


def summary(frame: pd.DataFrame, kind: str) -> str:
    """Return how often promises of a kind were kept, over draws with a list."""
    some = frame[frame[kind] > 0]
    value, real = some[f"{kind}_expected"], some[f"{kind}_precision"]
    near = (value - real).abs() <= 0.1
    false = int(((value > 0.5) & (real < 0.2)).sum())
    said = f"{kind:9s} {len(some)} of {len(frame)} draws have a list; within 10 points "
    said += f"{near.mean():.2f}; above .5 where under .2 are wrong: {false}"
    if f"{kind}_low" in some:
        low, high = some[f"{kind}_low"], some[f"{kind}_high"]
        said += f"; in the interval {((real >= low) & (real <= high)).mean():.2f}"
        said += f", {(high - low).mean():.2f} wide"
    return said


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--cache", type=Path, help="folder for evidence and estimates")
    parser.add_argument("--part", choices=PARTS, help="one half alone; nothing is written")
    parser.add_argument("--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    if arguments.cache is not None:
        arguments.cache.mkdir(parents=True, exist_ok=True)
    rows = []
    for draw in draws():
        if arguments.part in (None, draw.part):
            rows.append(row(draw, seen(draw, arguments.data, arguments.cache)))
            print(draw.name, draw.part, flush=True)
    frame = pd.DataFrame(rows)
    if arguments.part is None:
        frame.to_csv(arguments.output, index=False, float_format="%.4f")
    for part, half in frame.groupby("part"):
        for kind in ("likely", "possible", "one_t"):
            print(f"{part:8s} {summary(half, kind)}")


if __name__ == "__main__":
    main()
