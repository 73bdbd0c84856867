"""The content of a run directory: configuration, id, epochs, result, with readers and writers.

Without arrays and torch, so that commands such as `compare` start quickly. A run lies in
`<out>/runs/<loss>-<8 hex of the configuration>-s<seed>/`.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import reduce
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from alfs_cli.errors import InputError
from alfs_cli.storage.documents import (
    Number,
    from_document,
    limit_nesting,
    read_document,
    to_document,
    write_document,
)
from alfs_cli.storage.files import as_text_file
from alfs_cli.storage.writing import write_text
from alfs_cli.text.numbers import MOST_SEED

SCHEMA = "alfs.run/1"
RESULT = "result.json"
CONFIG = "config.yaml"
METRICS = "metrics.jsonl"
ENVIRONMENT = "environment.json"
WEIGHTS = "model.safetensors"
CHECKPOINT = "checkpoints/last.pt"
TRANSITION = "transition.csv"

MODEL_NAMES = ("linear", "mlp", "cnn4", "cnn8", "resnet18", "resnet34", "resnet50")
TORCHVISION = "torchvision:"
CORRECTIONS = ("none", "forward")
GRADIENTS = ("formula", "public-code")
LIKE = ("public-code",)  # values of the setting `like`, which stands for others
Seed = Annotated[int, Field(ge=0, le=MOST_SEED)]
SCHEDULES = ("cosine", "constant", "exponential:FACTOR")


@dataclass(frozen=True)
class NoiseConfig:
    """Noise to inject into the training labels; its seed is by default that of the run.

    `kind` is a name that needs a `rate`, or a file with T, and `fingerprint` is a hash of that T.
    `draw` is exact (expected counts in each class), sampled, or multinomial: one label after the
    other from numpy's legacy generator, as public code draws. `sequential` and `blocks_of_five`
    repeat what public code did to CIFAR-10 and CIFAR-100 under the name of asymmetric noise.
    """

    kind: str
    rate: float | None = None
    seed: Seed | None = None
    draw: Literal["exact", "sampled", "multinomial"] = "exact"
    sequential: bool = False
    blocks_of_five: bool = False
    fingerprint: str | None = None


@dataclass(frozen=True)
class OptimizerConfig:
    """Stochastic gradient descent; `grad_clip` bounds the norm of the whole gradient, 0 is off."""

    lr: float = 0.01
    momentum: float = 0.9
    weight_decay: float = 1e-4
    grad_clip: float = 5.0
    nesterov: bool = False


@dataclass(frozen=True)
class AugmentationConfig:
    """Random changes of training images, in this order; 0 and false are off.

    A crop after padding by `crop` black pixels; a horizontal flip; a rotation by up to `rotation`
    degrees; a crop of at least the share `resized_crop` of the area, resized to the whole image;
    brightness, contrast and saturation times 1 - `colour_jitter` .. 1 + `colour_jitter`; the hue
    turned by up to the share `hue` of the colour circle.
    """

    crop: int = 0
    flip: bool = False
    rotation: float = 0.0
    resized_crop: float = 0.0
    colour_jitter: float = 0.0
    hue: float = 0.0


@dataclass(frozen=True)
class NormalisationConfig:
    """Mean and standard deviation per channel, of pixels in [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class NlnlConfig:
    """Negative learning from complementary labels. Kim et al., ICCV 2019.

    The first `nl` epochs are NL, the next `selnl` are SelNL, and the rest SelPL on labels with
    probability above `threshold`.
    """

    nl: int
    selnl: int
    threshold: float = 0.5


@dataclass(frozen=True)
class ElrConfig:
    """Early-learning regularisation, by default as on CIFAR-10 in Liu et al., NeurIPS 2020."""

    strength: float = 3.0
    momentum: float = 0.7


@dataclass(frozen=True)
class TransitionConfig:
    """The T of a loss correction: its file, and a fingerprint of its values.

    Rows of classes that swap labels are moved toward the identity until the right label is
    `least_level` times as frequent as the other's (`TransitionMatrix.held_apart`).
    """

    file: str
    fingerprint: str
    least_level: float = 0.0


LATER = {"processes": 1, "loss_gradient": "formula", "augmentation.hue": 0.0}
"""Settings that came later: with these values a run has the id that it had without them."""


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides a run's outcome on one machine, except the device.

    `dataset` and `test` hold the typed fields of DataSpec. `normalisation` is None for features,
    which are standardised by the statistics of the training part. `l1` is the weight of the L1
    penalty. With `correction` forward the loss is applied to T^T p. Each of several `processes`
    takes a share of every batch, with batch statistics of that share. `loss_gradient` public-code
    holds constant in the gradient what public code holds constant (`losses.public_code`).
    """

    dataset: dict[str, str]
    fingerprint: str
    model: str
    loss: str
    epochs: int
    batch_size: int
    seed: Seed
    test: dict[str, str] | None = None
    holdout: float | None = None
    test_labels_are_true: bool = False
    noise: NoiseConfig | None = None
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    schedule: str = "cosine"
    image_size: int | None = None
    augmentation: AugmentationConfig = field(default_factory=AugmentationConfig)
    normalisation: NormalisationConfig | None = None
    l1: float = 0.0
    correction: Literal["none", "forward"] = "none"
    transition: TransitionConfig | None = None
    nlnl: NlnlConfig | None = None
    elr: ElrConfig | None = None
    processes: int = 1
    loss_gradient: Literal["formula", "public-code"] = "formula"

    @property
    def run_id(self) -> str:
        """`<loss>-<group>-s<seed>`; runs that differ only in the seed share the group."""
        name = self.loss.partition(":")[0]
        return f"{name}-{self.group}-s{self.seed}"

    @property
    def group(self) -> str:
        """8 hex digits of a hash of the configuration without its seed and the path of T."""
        body = asdict(self)
        del body["seed"]
        for names, default in LATER.items():
            *groups, name = names.split(".")
            inner = reduce(dict.__getitem__, groups, body)
            if inner[name] == default:
                del inner[name]
        if self.transition is not None:
            del body["transition"]["file"]
        text = json.dumps(body, sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:8]

    @property
    def feature_columns(self) -> tuple[str, ...] | None:
        """The feature columns to train on, None for all columns or for images."""
        from alfs_cli.text.names import parse_columns

        return parse_columns(self.dataset.get("feature_columns"))

    @property
    def noise_seed(self) -> int | None:
        """The seed that the noise is drawn with, None where none is injected."""
        if self.noise is None:
            return None
        return self.seed if self.noise.seed is None else self.noise.seed

    def settings(self) -> dict[str, Any]:
        """Return the configuration as nested plain values, without those that are None."""
        values: dict[str, Any] = _without_none(asdict(self))
        if self.processes == 1:
            del values["processes"]
        return values

    def save(self, path: Path) -> None:
        """Write config.yaml."""
        import yaml

        text = yaml.safe_dump(self.settings(), sort_keys=False, default_flow_style=None, width=96)
        write_text(path, f"# alfs train --config {path.name}   repeats this run\n{text}")


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return list(value) if isinstance(value, tuple) else value


@dataclass(frozen=True)
class EpochMetrics:
    """One epoch, counted from 1: a line of metrics.jsonl.

    `loss` and `train_accuracy` are means over the epoch's steps, on the labels trained on, in
    training mode; `test_accuracy` is the network's after the epoch.
    """

    epoch: int
    loss: float
    train_accuracy: float
    test_accuracy: float | None
    lr: float
    seconds: float


@dataclass(frozen=True)
class NoiseUsed:
    """The injected noise and its seed; for a T from a file, `rate` is that of T."""

    kind: str
    rate: float
    seed: int


@dataclass(frozen=True)
class TestSummary:
    """The test data of an accuracy; `labels` says whether their labels are the true ones."""

    __test__ = False  # not a test class, whatever pytest thinks of its name

    source: str
    split: str | None
    n: int
    labels: Literal["true", "given"] | None


@dataclass(frozen=True)
class TestAccuracy:
    """Test accuracy of the last epoch and of the best one, which is chosen on the test data."""

    __test__ = False

    last: Number
    best: Number
    best_epoch: int


@dataclass(frozen=True)
class TrainSummary:
    """The training data; `features` and `test` are fingerprints of --features and the test data."""

    n: int
    classes: tuple[str, ...]
    fingerprint: str
    features: str | None = None
    test: str | None = None


@dataclass(frozen=True)
class RunResult:
    """The result of a run: the content of result.json."""

    alfs_version: str
    status: Literal["finished", "interrupted", "failed"]
    loss: str
    dataset: str
    noise: NoiseUsed | None
    model: str
    seed: int
    epochs: int
    test: TestSummary | None
    test_accuracy: TestAccuracy | None
    train_seconds: float
    device: str
    versions: dict[str, str]
    train: TrainSummary | None = None
    correction: Literal["none", "forward"] = "none"
    transition: TransitionConfig | None = None
    nlnl: NlnlConfig | None = None
    elr: ElrConfig | None = None

    def document(self) -> dict[str, Any]:
        """Return the JSON document."""
        return to_document(SCHEMA, self)

    def save(self, path: Path) -> None:
        """Write result.json."""
        write_document(path, self.document())


@dataclass(frozen=True)
class Run:
    """A run directory that holds a result."""

    folder: Path
    result: RunResult

    @property
    def is_finished(self) -> bool:
        """Whether every epoch was trained."""
        return self.result.status == "finished"

    def document(self) -> dict[str, Any]:
        """Return the document of `alfs train -f json`: result.json and where it is."""
        return {**self.result.document(), "run": self.folder.as_posix()}


def find_run(name: str, out: Path) -> Path:
    """Return the folder of a run named by its path, or by its id under `<out>/runs`.

    Raises InputError where there is none.
    """
    candidates = (Path(name), out / "runs" / name)
    for folder in candidates:
        if folder.is_dir() and any((folder / part).exists() for part in (CONFIG, RESULT)):
            return folder
    if candidates[0].is_dir():
        raise InputError(
            f"'{name}' is no run: it holds neither {RESULT} nor {CONFIG}",
            help=f"runs are the folders under {(out / 'runs').as_posix()}",
        )
    from alfs_cli.errors import did_you_mean

    known = sorted(p.name for p in (out / "runs").iterdir()) if (out / "runs").is_dir() else []
    raise InputError(
        f"no such run: '{name}'{did_you_mean(name, known)}",
        help=f"a run is a folder or an id under {(out / 'runs').as_posix()}; "
        "`alfs train` makes one",
    )


def load_run(folder: Path) -> Run:
    """Read a run's result.json; raises InputError where it is missing, broken or newer."""
    path = folder / RESULT
    if folder.is_dir() and not path.exists() and (folder / CONFIG).exists():
        raise InputError(
            f"run '{folder.name}' has not finished: it holds no {RESULT}",
            help=f"alfs train --resume {folder.as_posix()}",
        )
    document = read_document(path, SCHEMA)
    result = from_document(document, RunResult, where=str(path), is_strict=True)
    _check_result(result, where=str(path))
    return Run(folder, result)


def _check_result(result: RunResult, *, where: str) -> None:
    """Raise InputError where a number of a result is impossible."""
    found = result.test_accuracy
    shares = {} if found is None else {"last": found.last, "best": found.best}
    wrong = [f"test_accuracy.{name}" for name, share in shares.items() if not 0 <= share <= 1]
    counts = {"epochs": result.epochs, "train_seconds": result.train_seconds, "seed": result.seed}
    wrong += [name for name, count in counts.items() if not count >= 0]
    if wrong:
        raise InputError(
            f"{where}: {wrong[0]} is out of range",
            help="the file was edited; train the run anew with --overwrite",
        )


def saved_settings(folder: Path) -> dict[str, Any]:
    """Return the settings that repeat a run, with T read from the run's own folder."""
    settings = load_config(folder).settings()
    if "transition" in settings:
        settings["transition"]["file"] = (folder / TRANSITION).as_posix()
    return settings


def load_config(folder: Path) -> TrainConfig:
    """Read a run's config.yaml; raises InputError where it is missing or broken."""
    import yaml

    path = folder / CONFIG
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the quicker one, where it is built
    try:
        text = limit_nesting(as_text_file(path).read_text(encoding="utf-8"))
        values = yaml.load(text, Loader=loader)
    except FileNotFoundError:
        raise InputError(f"no such file: '{path}'", help="a run directory is needed") from None
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        reason = (str(error) or "not valid YAML").splitlines()[0]
        raise InputError(
            f"cannot read '{path}': {reason}",
            help="train the run anew, or name another: alfs compare RUN...",
        ) from None
    return from_document(values, TrainConfig, where=str(path))


def render_metrics(history: Iterable[EpochMetrics]) -> str:
    """Return the text of metrics.jsonl, a JSON object per line."""
    return "".join(json.dumps(asdict(epoch)) + "\n" for epoch in history)


def load_metrics(folder: Path) -> tuple[EpochMetrics, ...]:
    """Read metrics.jsonl; raises InputError where it is missing or broken."""
    path = folder / METRICS
    try:
        lines = as_text_file(path).read_text(encoding="utf-8").splitlines()
        return tuple(
            from_document(json.loads(line), EpochMetrics, where=f"{path}:{number}")
            for number, line in enumerate(lines, start=1)
        )
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(
            f"cannot read '{path}': {error}",
            help="train the run anew, or name another: alfs compare RUN...",
        ) from None


def accuracy_over(history: Iterable[EpochMetrics]) -> TestAccuracy | None:
    """Return the last and the best test accuracy, None where nothing was tested."""
    tested = [(e.test_accuracy, e.epoch) for e in history if e.test_accuracy is not None]
    if not tested:
        return None
    best, best_epoch = max(tested, key=lambda pair: (pair[0], -pair[1]))
    return TestAccuracy(last=tested[-1][0], best=best, best_epoch=best_epoch)


def save_environment(path: Path, *, device: str, precision: str, threads: int) -> None:
    """Write environment.json: versions, device, threads and commit, but no name of the host."""
    import platform

    write_document(
        path,
        {
            "versions": versions(),
            "device": device,
            "precision": precision,
            "threads": threads,
            "system": platform.system(),
            "machine": platform.machine(),
            "commit": _commit(),
        },
    )


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that training uses."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    from alfs_cli import __version__

    found = {"alfs": __version__, "python": platform.python_version()}
    for package in ("torch", "torchvision", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _commit() -> str | None:
    """Return the git commit of the checkout that alfs runs from, None outside of one."""
    import subprocess

    top = Path(__file__).resolve().parents[2]
    if not (top / ".git").exists():
        return None
    try:
        done = subprocess.run(
            ["git", "-C", str(top), "rev-parse", "HEAD"],
            capture_output=True,
            text=True,
            timeout=5,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() or None
