"""An experiment: the data to train and test on, and the complete configuration of a run.

`plan` completes settings by rules that depend on the data only: the same settings on the same data
give the same run.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from alfs_cli.data import DataSpec, LabelledDataset, TrainTest, train_and_test
from alfs_cli.data.content import array_digest
from alfs_cli.data.feature_columns import nothing_left
from alfs_cli.data.images.decoding import instance_features
from alfs_cli.data.names import known_as
from alfs_cli.errors import InputError, UsageError
from alfs_cli.losses import parse_loss
from alfs_cli.losses.public_code import is_other_in_public_code, with_clamp_of_public_code
from alfs_cli.noise import (
    INSTANCE,
    TransitionMatrix,
    inject,
    inject_as_public_code,
    inject_by_instance,
    read_transition,
    transition_of,
)
from alfs_cli.results.like import expanded
from alfs_cli.results.run import NoiseConfig, NoiseUsed, TestSummary, TrainConfig, TransitionConfig
from alfs_cli.storage.documents import from_document
from alfs_cli.text.names import joined
from alfs_cli.training.batches import Examples, gather, has_features
from alfs_cli.training.models import InputShape, check_name, default_model
from alfs_cli.training.tuning import TUNING


@dataclass(frozen=True, eq=False)
class Experiment:
    """A complete configuration and its data, with noise injected if that is configured.

    `transition` is the T of forward correction, None without it.
    """

    config: TrainConfig
    parts: TrainTest
    shape: InputShape
    noise: NoiseUsed | None = None
    transition: TransitionMatrix | None = None

    @property
    def class_names(self) -> tuple[str, ...]:
        """The K classes."""
        return self.parts.train.class_names

    @property
    def features(self) -> str | None:
        """The digest of features given beside the data, which its fingerprint does not cover."""
        train = self.parts.train
        is_laid_over = train.spec.features is not None and train.features is not None
        return array_digest(train.features)[:16] if is_laid_over else None

    @property
    def test(self) -> TestSummary | None:
        """The description of the test part, None without one."""
        about = self.parts.about
        if about is None:
            return None
        return TestSummary(about.source, about.split, about.n, about.labels)

    @property
    def test_fingerprint(self) -> str | None:
        """The fingerprint of the test examples and their labels, None without a test part."""
        return None if self.parts.about is None else self.parts.about.fingerprint

    def train_examples(self, **options: Any) -> Examples:
        """Return the examples to train on; `options` are passed to `gather`.

        Raises InputError where fewer than two remain.
        """
        examples = gather(self.parts.train, shape=self.shape, **options)
        if len(examples) < 2:
            raise InputError(
                f"'{self.parts.train.name}' has {len(examples)} examples to train on",
                help="give two or more, or hold none out: --holdout 0",
            )
        return examples

    def test_examples(self, **options: Any) -> Examples | None:
        """Return the examples to test on, None without a test part."""
        test = self.parts.test
        return None if test is None else gather(test, shape=self.shape, **options)


def plan(settings: dict[str, Any]) -> Experiment:
    """Read the data that the settings name, and return the experiment with all settings completed.

    `settings` are nested as in TrainConfig, with `dataset` at least. Raises InputError where the
    settings have a `fingerprint` and the data another, UsageError where settings contradict each
    other.
    """
    spec = data_spec(settings["dataset"])
    test = data_spec(settings["test"]) if settings.get("test") else None
    parts = train_and_test(
        spec,
        test=test,
        holdout=settings.get("holdout", TUNING.holdout),
        test_labels_are_true=settings.get("test_labels_are_true", False),
    )
    expected = settings.get("fingerprint")
    if expected is not None and expected != parts.train.fingerprint:
        raise InputError(
            f"the data are not those of the configuration: their fingerprint is "
            f"{parts.train.fingerprint}, not {expected}",
            help="start a new run with `alfs train DATA`",
        )
    shape = input_shape(parts.train, settings.get("image_size"))
    T, said = corrected_by(settings, parts.train)
    said = {**said, "dataset": _with_columns(settings["dataset"], parts.train)}
    config = complete({**settings, **said}, parts.train, shape)
    parts, noise = with_noise(parts, config)
    if T is not None:
        _check_given(T, parts.train, config)
    return Experiment(config, parts, shape, noise, T)


def _with_columns(fields: dict[str, Any], dataset: LabelledDataset) -> dict[str, Any]:
    """Return the saved fields of a data set, with the feature columns if only some are used."""
    columns = dataset.columns
    if columns is None or not columns.is_chosen:
        return fields
    return {**fields, "feature_columns": joined(columns.used)}


def data_spec(fields: dict[str, Any]) -> DataSpec:
    """Return the DataSpec that was saved as `fields`."""
    named: dict[str, Any] = {key: str(value) for key, value in fields.items()}
    return DataSpec(**{"source": None, **named})


def spec_fields(spec: DataSpec) -> dict[str, str]:
    """Return the fields of a DataSpec that were given, as they are saved."""
    return {key: value for key, value in spec.given().items() if value is not None}


def input_shape(dataset: LabelledDataset, image_size: int | None) -> InputShape:
    """Return the input shape of a network for this data; images are resized to `image_size`.

    Raises InputError where the data have neither images nor features.
    """
    if dataset.features is not None and has_features(dataset):
        return InputShape(num_features=dataset.features.shape[1])
    if dataset.texts is not None:
        raise InputError(
            f"'{dataset.name}' holds texts, which no network of alfs reads",
            help="--features FILE trains on numbers that stand for them, such as an encoder's",
        )
    if dataset.images is None and dataset.columns is not None:
        raise nothing_left(dataset.columns, where=f"'{dataset.name}'")
    if dataset.images is None:
        raise InputError(
            f"'{dataset.name}' holds neither images nor features to train on",
            help="give an image folder, a manifest, or an .npz with images or features",
        )
    height, width, channels = dataset.images.shape
    if image_size is None and max(height, width) > TUNING.largest_native_size:
        image_size = TUNING.resized_size
    if image_size is not None:
        height = width = image_size
    return InputShape(channels=channels, height=height, width=width)


def corrected_by(
    settings: dict[str, Any], train: LabelledDataset
) -> tuple[TransitionMatrix | None, dict[str, Any]]:
    """Return the T of forward correction, None without correction, and its completed settings.

    Raises UsageError where T is named without correction or correction without T, InputError where
    the file is not a T of these classes or does not match the `fingerprint` in the settings.
    """
    named = settings.get("transition") or {}
    if settings.get("correction", "none") == "none":
        if "least_level" in named and "file" not in named:
            raise UsageError(
                "transition.least_level is set and the loss is not corrected",
                help="--correction forward",
            )
        if named:
            raise UsageError(
                f"a transition matrix is named ('{named['file']}') and the loss is not corrected",
                help="--correction forward",
            )
        return None, {}
    if "file" not in named:
        raise UsageError(
            "forward correction needs T", help="--transition FILE, or `alfs estimate DATA` first"
        )
    T = read_transition(named["file"], class_names=train.class_names)
    file = str(named["file"])
    fingerprint = fingerprint_of(T, file, named.get("fingerprint"))
    used = TransitionConfig(file, fingerprint, float(named.get("least_level", 0.0)))
    return T, {"transition": asdict(used)}


def _check_given(T: TransitionMatrix, train: LabelledDataset, config: TrainConfig) -> None:
    """Raise InputError where a label occurs whose column of T is zero."""
    counts = np.bincount(train.labels, minlength=T.num_classes)
    for label in np.flatnonzero((counts > 0) & ~T.array.any(axis=0)):
        raise InputError(
            f"'{config.transition.file if config.transition else 'T'}' says that "
            f"'{train.class_names[label]}' is never given, and {counts[label]:,} labels are",
            help="that column is zero; estimate T anew with `alfs estimate DATA`, or mend it",
        )


def complete(settings: dict[str, Any], train: LabelledDataset, shape: InputShape) -> TrainConfig:
    """Return the configuration with every missing setting filled in.

    The defaults are the paper's (Zhou et al., ICML 2021, Appendix D.1): learning rate 0.01 with
    cosine decay, momentum 0.9, gradient norm clipped at 5 (in its code alone), batch 128; weight
    decay 1e-3 for its MNIST network and 1e-4 otherwise; 120 epochs for colour images from 32 px and
    50 otherwise. `like` is replaced by what it stands for.

    Raises UsageError where settings do not fit together or the data.
    """
    if not settings.get("loss"):
        raise UsageError("no loss is named", help="--loss nce+aul, or `alfs recommend` first")
    if settings.get("like") is not None:
        settings = _as_public_code(settings, known_as(train))
    model = settings.get("model") or default_model(shape)
    check_name(model, shape)
    least = TUNING.least_augmented_size
    is_colour = shape.channels == 3 and min(shape.height, shape.width) >= least
    crop = round(min(shape.height, shape.width) * TUNING.crop_share) if is_colour else 0
    sizes = (shape.height, shape.width)
    native = shape.num_features or train.images is None or train.images.shape[:2] == sizes
    values = {
        "epochs": 120 if is_colour else 50,
        "batch_size": 128,
        "seed": 0,
        **settings,
        "model": model,
        "loss": str(parse_loss(settings["loss"])),
        "fingerprint": train.fingerprint,
        "image_size": None if native else shape.height,
        "optimizer": {
            "weight_decay": 1e-3 if model == "cnn4" else 1e-4,
            **settings.get("optimizer", {}),
        },
        "augmentation": (
            {}
            if shape.num_features
            else {"crop": crop, "flip": is_colour, **settings.get("augmentation", {})}
        ),
    }
    config = from_document(values, TrainConfig, where="the configuration")
    _check(config, train, shape)
    noise = config.noise
    if noise is None or noise.rate is not None:
        return config
    fingerprint = fingerprint_of(transition(noise, train), noise.kind, noise.fingerprint)
    return replace(config, noise=replace(noise, fingerprint=fingerprint))


def _as_public_code(settings: dict[str, Any], data: str) -> dict[str, Any]:
    """Return settings with what `like: public-code` stands for in its place."""
    loss = with_clamp_of_public_code(parse_loss(settings["loss"]))
    gradient = "public-code" if is_other_in_public_code(loss) else "formula"
    return {**expanded(settings, data), "loss": str(loss), "loss_gradient": gradient}


def _check(config: TrainConfig, train: LabelledDataset, shape: InputShape) -> None:
    if config.normalisation is not None:
        channels = len(config.normalisation.mean)
        if shape.num_features or channels != shape.channels:
            raise UsageError(
                f"normalisation has {channels} channels, and the data are {shape}",
                help="give one mean and one std for each channel, or leave normalisation out",
            )
    if config.noise is not None and config.noise.kind != INSTANCE:
        transition(config.noise, train)
    if config.nlnl is not None:
        stages = config.nlnl
        if (config.loss, config.correction, config.elr) != ("nlnl", "none", None):
            raise UsageError(
                "the stages of nlnl need its own loss, without correction and elr",
                help="--loss nlnl --correction none",
            )
        if stages.nl + stages.selnl > config.epochs:
            raise UsageError(
                f"nlnl has {stages.nl} epochs of NL and {stages.selnl} of SelNL, "
                f"and the run has {config.epochs}",
                help="--set nlnl.nl=N and --set nlnl.selnl=N, or more --epochs",
            )
    if train.num_classes < 2:
        raise InputError(
            f"'{train.name}' has one class; there is nothing to learn",
            help="give data of two classes or more",
        )


def with_noise(parts: TrainTest, config: TrainConfig) -> tuple[TrainTest, NoiseUsed | None]:
    """Return the parts with the configured noise in the training labels, and the noise used."""
    noise, train = config.noise, parts.train
    if noise is None or config.noise_seed is None:
        return parts, None
    generator = np.random.default_rng(config.noise_seed)
    if noise.kind == INSTANCE:
        features, rate = instance_features(train), noise.rate or 0.0
        given, _ = inject_by_instance(train.labels, features, rate, train.num_classes, generator)
    else:
        T = transition(noise, train)
        if noise.draw == "multinomial":
            given = inject_as_public_code(train.labels, T, config.noise_seed)
        else:
            given = inject(train.labels, T, generator, draw=noise.draw)
        flipped = float(1 - np.diag(T.array)[train.labels].mean())
        rate = flipped if noise.rate is None else noise.rate
    used = NoiseUsed(noise.kind, rate, config.noise_seed)
    return replace(parts, train=train.with_labels(given)), used


def transition(noise: NoiseConfig, train: LabelledDataset) -> TransitionMatrix:
    """Return the T that the configured noise draws the labels of this data from."""
    if noise.rate is None:
        return read_transition(noise.kind, class_names=train.class_names)
    return transition_of(
        noise.kind,
        noise.rate,
        train.num_classes,
        dataset=known_as(train),
        sequential=noise.sequential,
        blocks_of_five=noise.blocks_of_five,
    )


def fingerprint_of(T: TransitionMatrix, file: str, expected: str | None) -> str:
    """Return the fingerprint of a T; raises InputError where `expected` is another.

    `file` names T in the message.
    """
    fingerprint = array_digest(T.array)[:16]
    if expected is not None and expected != fingerprint:
        raise InputError(
            f"'{file}' is not the T of the configuration: its fingerprint is {fingerprint}, "
            f"not {expected}",
            help="start a new run with the T that is meant",
        )
    return fingerprint
