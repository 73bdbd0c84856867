"""The part of a data set to train on, and the part to test on."""

from dataclasses import replace

from alfs_cli.data.classes import numbered
from alfs_cli.data.content import fingerprint_of
from alfs_cli.data.dataset import DataSpec, LabelledDataset, TestLabels, TrainTest
from alfs_cli.data.labels import text_labels
from alfs_cli.data.located import here
from alfs_cli.data.readers.builtin import stratified_split
from alfs_cli.data.reading import load, splits_of, without_files
from alfs_cli.errors import InputError, UsageError

TEST_SPLITS = ("test", "val")


def train_and_test(
    spec: DataSpec,
    *,
    test: DataSpec | None = None,
    holdout: float = 0.2,
    test_labels_are_true: bool = False,
) -> TrainTest:
    """Read DATA to train on, and the data to test on.

    The test part is the first of these: the data that `test` names; the split `test`, else `val`,
    of DATA; a share `holdout` of each class, drawn with seed 0 (none if it is 0). Where the true
    labels of the test part are known, they become its labels. Otherwise its given labels count as
    true only with `test_labels_are_true`.

    Raises UsageError for a `holdout` outside 0 .. 1, and InputError where the test part has other
    classes or would be empty.
    """
    if not 0 <= holdout < 1:
        raise UsageError(
            f"--holdout is {holdout}, not between 0 and 1", help="for example --holdout 0.2"
        )
    spec, test = here(spec), None if test is None else here(test)
    dataset = load(spec)
    columns = None if dataset.columns is None else dataset.columns.features
    if test is not None:
        split = test.split or _first(TEST_SPLITS, splits_of(test), but=None)
        held = load(replace(test, split=split), class_names=dataset.class_names, columns=columns)
    else:
        split = _first(TEST_SPLITS, splits_of(spec), but=dataset.split)
        if split is None or spec.features is not None:
            return _held_out(dataset, holdout, labels_are_true=test_labels_are_true)
        held = load(
            without_files(spec, split=split), class_names=dataset.class_names, columns=columns
        )
    held = same_classes(held, dataset)
    if dataset.images is not None:
        held = held.scaled(dataset.images.scale)
    return _with_truth(dataset, held, held.split, labels_are_true=test_labels_are_true)


def same_classes(dataset: LabelledDataset, other: LabelledDataset) -> LabelledDataset:
    """Return `dataset` with the class names, and so the numbers of classes, of `other`.

    Raises InputError for a class that `other` does not have.
    """
    if dataset.class_names == other.class_names:
        return dataset
    places = numbered(
        text_labels(dataset.class_names), other.class_names, where=f"'{dataset.name}'"
    )
    true = dataset.true_labels
    return replace(
        dataset,
        labels=places[dataset.labels],
        true_labels=None if true is None else places[true],
        class_names=other.class_names,
    )


def _first(names: tuple[str, ...], splits: tuple[str, ...], *, but: str | None) -> str | None:
    return next((name for name in names if name in splits and name != but), None)


def _held_out(dataset: LabelledDataset, holdout: float, *, labels_are_true: bool) -> TrainTest:
    if holdout == 0:
        return TrainTest(dataset, None, None)
    train, test = stratified_split(dataset.labels, holdout)
    if not len(train) or not len(test):
        raise InputError(
            f"'{dataset.name}' has too few examples ({len(dataset)}) to hold {holdout:.0%} out",
            help="--test DATA2 names what to test on; --holdout 0 tests on nothing",
        )
    return _with_truth(
        dataset.subset(train), dataset.subset(test), "holdout", labels_are_true=labels_are_true
    )


def _with_truth(
    train: LabelledDataset, test: LabelledDataset, split: str | None, *, labels_are_true: bool
) -> TrainTest:
    if test.true_labels is not None:
        test = test.with_labels(test.true_labels)
    known = test.true_labels is not None or labels_are_true
    about = TestLabels(
        source=test.name,
        split=split,
        n=len(test),
        labels="true" if known else "given",
        fingerprint=fingerprint_of(test.fingerprint, test.labels, test.class_names),
    )
    return TrainTest(train, test, about)
