"""What each representation of pictures is worth: pixels, EfficientNet-Lites at two sizes, both.

    python benchmarks/encoders.py [--data ../shared/data] [--count 1000] [--cache DIR]

The first pictures of CIFAR-10's training set (JPEG copies, 32 x 32), under three sets of given
labels: people's (CIFAR-10N, Wei et al., ICLR 2022: `random1`, `worse`), and 8 % flipped at random
between classes that look alike. For each representation and each set: the out-of-fold agreement
with the given labels, the width of the noise rate's interval, whether it holds the true rate, the
distance of T's rows from the true ones (mean total variation), the average precision
of the scores, the seconds of processor time that the features took for 1,000 pictures, and those
of the estimate. Encoders are run once. Writes benchmarks/results/encoders.csv.
"""

import argparse
import io
import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.metrics import average_precision_score

from alfs_cli.console import Quiet
from alfs_cli.data import ArrayImages, DataSpec, LabelledDataset, positions_of
from alfs_cli.estimating.in_memory import estimate_dataset
from alfs_cli.estimating.options import EstimateOptions
from alfs_cli.evidence.encoders import find_encoder
from alfs_cli.evidence.encoders.encoding import encode
from alfs_cli.evidence.representations import pixel_features, side_by_side
from alfs_cli.noise import row_total_variation

RESULTS = Path(__file__).parent / "results" / "encoders.csv"
ENCODERS = {
    "lite0, 96 px": ("efficientnet-lite0", 96),
    "lite0, 224 px": ("efficientnet-lite0", 224),
    "lite2, 224 px": ("efficientnet-lite2", 224),
}
ALIKE = {0: 8, 8: 0, 1: 9, 9: 1, 2: 6, 6: 2, 3: 5, 5: 3, 4: 7, 7: 4}  # plane and ship, cat and dog
NAMES = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip


def pictures(data: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return pixels (count, 32, 32, 3) and true labels (count,)."""
    with np.load(data / "cifar10_train_jpegpack.npz") as pack:
        head, body, lengths = pack["header"].tobytes(), pack["body"].tobytes(), pack["lengths"]
        true = pack["labels"][:count].astype(np.int64)
    ends = lengths.cumsum()[:count]
    files = [head + body[end - length : end] for end, length in zip(ends, lengths, strict=False)]
    shown = [np.asarray(Image.open(io.BytesIO(file)).convert("RGB")) for file in files]
    return np.stack(shown), true


def label_sets(data: Path, true: np.ndarray) -> dict[str, np.ndarray]:
    """Return given labels (count,) by name."""
    with np.load(data / "cifar10n.npz") as people:
        found = {
            name: people[key][: len(true)].astype(np.int64)
            for name, key in (("random1", "random_label1"), ("worse", "worse_label"))
        }
    flipped = np.random.default_rng(0).random(len(true)) < 0.08
    other = np.array([ALIKE[label] for label in range(10)])
    return {**found, "8 % look-alikes": np.where(flipped, other[true], true)}


def representations(pixels: np.ndarray, cache: Path | None) -> dict[str, tuple[np.ndarray, float]]:
    """Return features (count, D) and the processor seconds they took, by name."""
    images, every = ArrayImages(pixels), np.arange(len(pixels))
    begun = time.process_time()
    X, _ = pixel_features(images)
    found = {"pixels": (X, time.process_time() - begun)}
    for name, (encoder, size) in ENCODERS.items():
        place = None if cache is None else cache / f"{encoder}-{size}-{len(pixels)}.npz"
        if place is not None and place.is_file():
            with np.load(place) as kept:
                found[name] = kept["X"], float(kept["seconds"])
            continue
        begun = time.process_time()
        X, _ = encode(images, every, find_encoder(encoder, size=size))
        found[name] = X, time.process_time() - begun
        if place is not None:
            np.savez(place, X=X, seconds=found[name][1])
        print(f"{name}: {found[name][1]:.1f} s", flush=True)
    both = [found[name] for name in ("lite0, 224 px", "lite2, 224 px")]
    X, _ = side_by_side([(X, every) for X, _ in both])
    found["both, 224 px"] = X, sum(seconds for _, seconds in both)
    return found


def row(X: np.ndarray, given: np.ndarray, true: np.ndarray) -> dict[str, float]:
    """Return what an estimate from features says of given labels."""
    dataset = LabelledDataset(
        name="cifar10", kind="npz", spec=DataSpec("cifar10"), labels=given, class_names=NAMES,
        fingerprint="", features=X.astype(np.float32),
    )  # fmt: skip
    begun = time.process_time()
    found = estimate_dataset(dataset, EstimateOptions(evidence="features"), Quiet())
    seconds = time.process_time() - begun
    estimate, places = found.estimate, positions_of(found.judged.dataset)
    wrong = (given != true)[places]
    joint = np.zeros((10, 10))
    np.add.at(joint, (true, given), 1)
    truth = joint / joint.sum(axis=1, keepdims=True)
    distance = row_total_variation(np.array(estimate.transition), truth)
    rate, noise = (given != true).mean(), estimate.noise_rate
    return {
        "true_rate": rate,
        "agreement": estimate.evidence.agreement,
        "rate": noise.value,
        "low": noise.low,
        "high": noise.high,
        "holds": noise.low <= rate <= noise.high,
        "row_tv": distance,
        "average_precision": average_precision_score(wrong, found.judged.scores.score),
        "estimate_seconds": seconds,
    }


def main() -> None:
    """Measure, write the table and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--cache", type=Path)
    arguments = parser.parse_args()
    pixels, true = pictures(arguments.data, arguments.count)
    sets = label_sets(arguments.data, true)
    table = []
    for name, (X, seconds) in representations(pixels, arguments.cache).items():
        for labels, given in sets.items():
            seen = row(X, given, true)
            per = 1000 * seconds / len(true)
            table.append({"labels": labels, "representation": name, "n": len(true), **seen,
                          "seconds_per_1000": per})  # fmt: skip
            print({key: round(v, 3) if isinstance(v, float) else v for key, v in table[-1].items()},
                  flush=True)  # fmt: skip
    frame = pd.DataFrame(table).sort_values(["labels", "seconds_per_1000"], kind="stable")
    frame.to_csv(RESULTS, index=False, float_format="%.4g")


if __name__ == "__main__":
    main()
