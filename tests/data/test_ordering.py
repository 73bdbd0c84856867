"""Class names that hold numbers may stand in two orders; then the order of columns is asked for."""

import numpy as np
import pytest

from alfs_cli.data import DataSpec, load
from alfs_cli.data.ordering import natural_order, sorts_two_ways
from alfs_cli.data.readers.streaming import open_probabilities
from alfs_cli.errors import InputError

TWO = [
    ("class2", "class10"),
    ("-2", "-1", "0"),
    ("-1", "+1"),
    ("\u22121", "1"),
    ("1.0", "2.0", "10.0"),
    ("2e0", "1e1"),
    ("1", "2", "10", "other"),
    ("1st", "2nd", "10th"),
    ("a1b2", "a1b10"),
    ("9" * 5000, "10" * 5000),
]
ONE = [
    ("cat", "dog"),
    ("-1", "0", "1"),
    ("01", "02", "10"),
    ("0.25", "0.5"),
    ("a-b", "a1"),
    ("n01440764", "n02000000"),
    ("nan", "inf"),
]


@pytest.mark.parametrize("names", TWO)
def test_names_in_two_orders(names):
    assert sorts_two_ways(names)
    assert natural_order(tuple(reversed(names))) == names


@pytest.mark.parametrize("names", ONE)
def test_names_in_one_order(names):
    assert not sorts_two_ways(names)


def labelled(tmp_path, names, *, named=False, suffix=".csv"):
    """Write probabilities in the natural order of the names, and right labels."""
    labels = np.arange(60) % len(names)
    probs = np.full((60, len(names)), 0.02)
    probs[np.arange(60), labels] = 1 - 0.02 * (len(names) - 1)
    np.save(tmp_path / "p.npy", probs)
    np.savez(tmp_path / "p.npz", pred_probs=probs, class_names=np.array(names))
    text = np.array(names)[labels]
    if suffix == ".csv":
        (tmp_path / "y.csv").write_text("label\n" + "\n".join(text) + "\n")
    else:
        np.save(tmp_path / "y.npy", text)
    return {
        "pred_probs": str(tmp_path / ("p.npz" if named else "p.npy")),
        "labels": str(tmp_path / f"y{suffix}"),
    }


@pytest.mark.parametrize("names", [names for names in TWO if len(names[0]) < 100])
@pytest.mark.parametrize("suffix", [".csv", ".npy"])
def test_columns_without_names_are_refused(tmp_path, names, suffix):
    files = labelled(tmp_path, names, suffix=suffix)
    with pytest.raises(InputError, match="sort in two ways") as caught:
        load(DataSpec(None, **files))
    assert caught.value.help.startswith(f"--classes {','.join(names)},")
    assert "p_<class>" in caught.value.help
    dataset = load(DataSpec(None, **files, classes=",".join(names)))
    assert dataset.class_names == names
    assert (dataset.pred_probs.argmax(axis=1) == dataset.labels).all()


@pytest.mark.parametrize("names", [names for names in TWO if len(names[0]) < 100])
def test_columns_with_names_are_matched_by_name(tmp_path, names):
    dataset = load(DataSpec(None, **labelled(tmp_path, names, named=True)))
    assert (dataset.pred_probs.argmax(axis=1) == dataset.labels).all()


def test_a_stream_asks_likewise(tmp_path):
    names = tuple(str(place) for place in range(11))
    files = labelled(tmp_path, names)
    with pytest.raises(InputError, match="sort in two ways"):
        open_probabilities(DataSpec(None, **files))
    stream = open_probabilities(DataSpec(None, **files, classes=",".join(names)))
    block = next(stream.blocks())
    assert (block.probs.argmax(axis=1) == block.labels).all()


def test_folders_of_numbered_classes_with_columns_without_names(tmp_path, picture):
    for place, name in enumerate(("class2", "class10")):
        for number in range(3):
            picture(tmp_path / "d" / name / f"{number}.png", 10 * place + number)
    np.save(tmp_path / "p.npy", np.full((6, 2), 0.5))
    with pytest.raises(InputError, match="sort in two ways"):
        load(DataSpec(str(tmp_path / "d"), pred_probs=str(tmp_path / "p.npy")))
    assert load(DataSpec(str(tmp_path / "d"))).class_names == ("class10", "class2")
