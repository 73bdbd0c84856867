"""Figures 5, 7 and 8: penultimate features in the plane by t-SNE, and how far classes are apart.

van der Maaten & Hinton, JMLR 2008. Positions show neighbourhoods only, and depend on the seed. The
numbers of the caption are of the features themselves, whatever the picture looks like.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from alfs_cli.arrays import Features, FloatArray, IntArray
from alfs_cli.errors import InputError
from alfs_cli.figures.figure import Scatter, Scatters
from alfs_cli.figures.penultimate import Represented

NEIGHBOURS = 10  # of the purity
PERPLEXITY = (
    30.0  # about the neighbours that an example keeps; 5 to 50 differ little, say its authors
)


@dataclass(frozen=True)
class Separation:
    """How far the classes of n examples are apart in the features.

    `silhouette` is the mean over examples of (b - a) / max(a, b), where a is the mean distance to
    its own class and b that to the nearest other class: Rousseeuw, 1987. `purity` is the share of
    its 10 nearest other examples that are of its own class, the mean over examples.
    """

    n: int
    silhouette: float
    purity: float


def separation(features: Features, classes: IntArray) -> Separation:
    """Return how far the classes (N,) are apart in the features (N, F).

    Raises InputError where there are too few examples or only one class.
    """
    from sklearn.metrics import silhouette_score
    from sklearn.neighbors import NearestNeighbors

    n, present = len(classes), len(np.unique(classes))
    if n < NEIGHBOURS + 2 or not 2 <= present < n:
        raise InputError(
            f"{n} examples of {present} classes cannot be told apart by their neighbours",
            help=f"give {NEIGHBOURS + 2} examples or more, of two classes or more: --data DATA",
        )
    nearest = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(features)
    around = nearest.kneighbors(return_distance=False)  # of the fitted: each leaves itself out
    purity = (classes[around] == classes[:, None]).mean()
    return Separation(n, float(silhouette_score(features, classes)), float(purity))


def in_the_plane(features: Features, *, seed: int) -> FloatArray:
    """Return the positions (N, 2) of features (N, F) by t-SNE."""
    from sklearn.manifold import TSNE

    spread = features.std(axis=0)
    start = "pca" if features.shape[1] > 1 and (spread > 0).any() else "random"
    tsne = TSNE(
        perplexity=min(PERPLEXITY, (len(features) - 1) / 3), init=start, random_state=seed, n_jobs=1
    )
    return np.asarray(tsne.fit_transform(features), dtype=np.float64)


def t_sne(
    represented: Sequence[Represented], *, seed: int
) -> tuple[Scatters, tuple[Separation, ...]]:
    """Return the figure with a panel for each run, and the numbers of its captions.

    Raises InputError where the runs are of different classes, which colours could not tell apart.
    """
    first = represented[0]
    for other in represented[1:]:
        if other.class_names != first.class_names:
            raise InputError(
                f"runs '{first.run}' and '{other.run}' have different classes",
                help="draw runs of one data set together, and others by a second command",
            )
    found = tuple(separation(one.features, one.classes) for one in represented)
    panels = tuple(
        Scatter(
            panel=name,
            positions=in_the_plane(one.features, seed=seed),
            classes=one.classes,
            is_wrong=one.is_wrong,
            caption=_caption(one, apart),
        )
        for name, one, apart in zip(panel_names(represented), represented, found, strict=True)
    )
    by = "true class" if all(one.is_true for one in represented) else "given label"
    title = f"Penultimate features by t-SNE, coloured by {by}"
    return Scatters(title, first.class_names, panels), found


def _caption(one: Represented, apart: Separation) -> str:
    wrong = int(one.is_wrong.sum())
    text = f"silhouette {apart.silhouette:.3f}, {NEIGHBOURS}-NN purity {apart.purity:.3f}"
    return f"{text}\nn = {apart.n:,}" + (f", wrong labels: {wrong:,}" if wrong else "")


def panel_names(represented: Sequence[Represented]) -> tuple[str, ...]:
    """Return loss and noise of each run, with what else is needed to tell the panels apart."""
    names = [f"{one.config.loss}\n{noise_of(one)}" for one in represented]
    seeds = [
        f"{name}, seed {one.config.seed}" for name, one in zip(names, represented, strict=True)
    ]
    if len(set(names)) == len(names):
        return tuple(names)
    if len(set(seeds)) == len(seeds):
        return tuple(seeds)
    return tuple(f"{name}\n{one.run}" for name, one in zip(names, represented, strict=True))


@dataclass(frozen=True)
class ShownRun:
    """A panel of t-SNE in numbers: n examples, their silhouette and 10-NN purity by class."""

    run: str
    loss: str
    noise: str
    n: int
    wrong: int
    silhouette: float
    purity: float
    classes: str


def shown_run(one: Represented, found: Separation) -> ShownRun:
    """Return a panel in numbers."""
    return ShownRun(
        run=one.run,
        loss=one.config.loss,
        noise=noise_of(one),
        n=found.n,
        wrong=int(one.is_wrong.sum()),
        silhouette=found.silhouette,
        purity=found.purity,
        classes="true class" if one.is_true else "given label",
    )


def noise_of(one: Represented) -> str:
    """Return the injected noise in words."""
    noise = one.config.noise
    if noise is None:
        return "no noise injected"
    return noise.kind if noise.rate is None else f"{noise.kind} {noise.rate:g}"
