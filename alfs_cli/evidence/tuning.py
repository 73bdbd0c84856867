"""The constants of the evidence that were chosen, not derived."""

from dataclasses import dataclass

from alfs_cli.tuned import tuned

TEXT = "benchmarks/text.py"
CROWDS = "benchmarks/annotators.py"


@dataclass(frozen=True)
class Gathering:
    """What the evidence is made from (`gathering.py`, `representations.py`, `network_folds.py`)."""

    standardised_on: int = tuned(
        5000,
        "rows of a table",
        "enough to tell whether its columns are better judged at unit variance",
        benchmark="benchmarks/tables.py",
    )
    in_sample_agreement: float = tuned(
        0.999,
        "share of the examples",
        "given probabilities that agree more often look as if the model was trained on the labels",
    )
    photograph_pixels: int = tuned(
        24, "pixels a side", "smaller pictures are judged by their pixels, without an encoder"
    )
    compared_on: int = tuned(
        1000, "examples", "enough to tell which representation of pictures is better"
    )
    compared_folds: int = tuned(3, "folds", "few folds make the comparison quick")
    pixel_values: int = tuned(
        1024, "values a picture", "pictures of more values are shrunk before their components"
    )
    pixel_components: int = tuned(
        64, "principal components", "enough for small grey pictures of ten classes"
    )
    network_epochs: int = tuned(
        10, "epochs", "networks learn right labels before they memorise wrong ones"
    )


@dataclass(frozen=True)
class Encoding:
    """How pictures and texts are encoded (`encoders/`)."""

    side: int = tuned(
        96,
        "pixels a side",
        "of the EfficientNet-Lites: larger pictures say more and take longer",
        benchmark="python benchmarks/encoders.py",
    )
    batch: int = tuned(
        16, "pictures a core", "what a layer makes of more does not stay in a core's cache"
    )
    gpu_batch: int = tuned(64, "pictures", "enough to keep a GPU busy")
    texts: int = tuned(32, "texts a batch", "of similar length, so that little is padded")
    tokens: int = tuned(
        512, "tokens of a text", "what most models were trained on; the rest is cut off"
    )


@dataclass(frozen=True)
class OutOfFold:
    """The ridge classifiers of features (`out_of_fold.py`, `neighbours.py`)."""

    ridges: tuple[float, ...] = tuned(
        (3.0, 1.0, 0.3, 0.1, 0.03, 0.003),
        "times an example's mean square",
        "the likeliest is taken; smaller ones follow wrong labels, larger ones hide classes",
    )
    least_fourier: int = tuned(256, "Fourier features", "fewer are too coarse for a kernel")
    most_fourier: int = tuned(
        2048, "Fourier features", "the time grows with their square, the likelihood hardly"
    )
    calibrated_on: int = tuned(20_000, "examples", "enough for K + 1 numbers")
    both_up_to: int = tuned(
        20_000, "examples", "trying both maps on a sample first costs as much as it saves"
    )
    sampled: int = tuned(5000, "examples", "of which linear features may be clearly ahead")
    clearly: float = tuned(
        0.08,
        "nats of mean log-likelihood",
        "more than Fourier features gained from 5,000 examples to 50,000",
    )
    worth_a_curve: float = tuned(
        0.05,
        "nats of mean log-likelihood",
        "of data read in passes, where Fourier features take hundreds of times as long",
    )
    chosen_on: int = tuned(
        2000, "held-out examples", "rank the ridges as all examples do, at a fraction of the time"
    )
    most_components: int = tuned(
        128, "principal components", "distances of more are slower and order neighbours alike"
    )


@dataclass(frozen=True)
class Difficulty:
    """The model of annotators who err on the same examples (`shared_difficulty.py`)."""

    shares: tuple[float, ...] = tuned(
        (0.0, 0.1, 0.25, 0.5),
        "share of the examples",
        "that may be hard: from none to the most that crowds and people have shown",
        benchmark=CROWDS,
    )
    doubt: float = tuned(
        0.005,
        "nats of mean log-likelihood",
        "smaller differences between accounts may be the fault of the model",
        benchmark=CROWDS,
    )
    credible: float = tuned(
        0.001, "times the likeliest account's weight", "accounts above it widen the bounds"
    )
    alike: float = tuned(
        16.0, "labels", "an annotator's share of right ones is drawn to that of all as by so many"
    )
    typical: float = tuned(
        64.0, "labels", "an annotator's row of T is drawn to what is typical as by so many at most"
    )
    even: float = tuned(2.0, "labels", "so many errors of each class are spread over all classes")
    ability: float = tuned(
        0.7, "standard deviation of the logarithm", "of annotators' ability to see through"
    )
    powers: tuple[float, ...] = tuned(
        (0.0, 0.25, 0.5, 0.75, 1.0, 1.25), "power", "of the evidence where it is joined with votes"
    )
    replicates: int = tuned(30, "bootstrap replicates", "each takes a few steps of every account")
    steps: int = tuned(5, "EM steps of a replicate", "it starts at the fit")
    pairs: int = tuned(90, "pairs of classes", "time grows with them; others count as any other")
    cells: int = tuned(
        10**6, "examples times states", "with more examples fewer pairs are told apart"
    )


@dataclass(frozen=True)
class Copies:
    """What counts as a copy, and when groups count as units (`near_copies.py`, `alike.py`)."""

    one_label: float = tuned(
        0.95,
        "share of the groups",
        "where so many have one label, labels were given to groups and not to examples",
    )
    ranks: int = tuned(
        20, "neighbours", "the farther half gives the dimension, the nearer half may be copies"
    )
    least_contents: int = tuned(60, "contents", "distances among fewer contents show no gaps")
    asked: int = tuned(
        2000, "contents", "enough to tell whether there are copies before all are searched"
    )
    false_share: float = tuned(
        0.01, "false discovery rate", "at most so many of the pairs found are no copies"
    )
    near_distance: float = tuned(
        0.5,
        "expected distance of a nearest neighbour",
        "examples farther apart are not called copies, however clear the gap",
    )
    least_share: float = tuned(
        0.005, "share of the contents", "fewer copies change no estimate, and are not searched for"
    )
    reach_quantile: float = tuned(
        0.95, "quantile", "distance of the copies found in a sample, within which others are sought"
    )


@dataclass(frozen=True)
class Texts:
    """The features of texts (`texts.py`)."""

    most_characters: int = tuned(
        3000,
        "characters",
        "what a text is about is said before; the rest takes time",
        benchmark=TEXT,
    )
    least_texts: int = tuned(2, "texts", "a piece of a single text tells nothing of the others")
    most_pieces: int = tuned(
        50_000, "pieces of a kind", "the most frequent; rarer ones change no class"
    )
    letters: tuple[int, int] = tuned(
        (3, 4), "letters of a sequence", "beginnings, endings and stems of words", benchmark=TEXT
    )
    landmarks: int = tuned(
        2048, "texts", "cosines with so many stand for all of TF-IDF", benchmark=TEXT
    )
    dimensions: int = tuned(1024, "features", "time grows with their square", benchmark=TEXT)
    few_up_to: int = tuned(
        20_000, "texts", "with more, half of the landmarks and features save time and memory"
    )
    all_characters: int = tuned(
        60_000_000, "characters", "read of all texts together: of many long texts less of each"
    )


GATHERING = Gathering()
ENCODING = Encoding()
OUT_OF_FOLD = OutOfFold()
DIFFICULTY = Difficulty()
COPIES = Copies()
TEXTS = Texts()
