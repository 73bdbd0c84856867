"""Which representation of pictures is taken, and that what was made is kept."""

from dataclasses import replace

import numpy as np
import pytest

from alfs_cli.data import ArrayImages
from alfs_cli.errors import UsageError
from alfs_cli.evidence import encoders
from alfs_cli.evidence.encoders.interface import Encoder
from alfs_cli.evidence.gathering import gather
from alfs_cli.evidence.representations import EncoderChoice, side_by_side
from alfs_cli.evidence.tuning import GATHERING
from tests.evidence.pictures import dataset

CALLS = "alfs_cli.evidence.representations.encode"


@pytest.fixture
def known(monkeypatch):
    """Encoders that need no network: of one row of pixels, of one column, of nothing."""
    shown = {
        "row": lambda images, at: images.decode(at)[0][:, 0, :, 0].astype(np.float32),
        "column": lambda images, at: images.decode(at)[0][:, :, 0, 0].astype(np.float32),
        "blank": lambda images, at: np.zeros((len(at), 4), dtype=np.float32),
    }
    calls = []

    def encode(images, indices, encoder, **options):
        calls.append((encoder.name, len(indices)))
        return shown[encoder.name](images, indices), indices

    def find(text=None, *, size=None, download=False):
        return Encoder(str(text), f"{text}-{size}", pictures=lambda device: None)

    monkeypatch.setattr(CALLS, encode)
    monkeypatch.setattr(encoders, "find_encoder", find)
    return calls


@pytest.mark.slow
def test_auto_takes_what_agrees_better_and_says_so_and_the_choice_is_cached(tmp_path, monkeypatch):
    evidence = gather(dataset(80), cache=tmp_path)
    assert evidence.kind == "encoder"
    assert "efficientnet-lite0" in evidence.name
    assert evidence.agreement > 0.95
    assert any("out-of-fold agreement on 80 examples" in note for note in evidence.notes)
    monkeypatch.setattr(CALLS, None)
    again = gather(dataset(80), cache=tmp_path)
    assert again.kind == "encoder"
    np.testing.assert_array_equal(again.probs, evidence.probs)


def test_without_the_extra_pixels_are_taken_and_the_extra_is_named(monkeypatch):
    monkeypatch.setattr("alfs_cli.evidence.choosing.has_encoder", lambda: False)
    monkeypatch.setattr("alfs_cli.evidence.kept.has_encoder", lambda: False)
    evidence = gather(dataset(40))
    assert evidence.kind == "pixels"
    assert any("alfs-cli[encoder]" in note for note in evidence.notes)


def test_of_several_encoders_the_best_is_taken_and_all_are_told(known):
    found = gather(dataset(80), encoder=EncoderChoice(("blank", "row")))
    assert found.kind == "encoder"
    assert found.encoder == "row"
    (note,) = found.notes
    assert note.startswith("row taken: out-of-fold agreement on 80 examples: blank ")
    assert "row 100.0 % (" in note
    assert "blank + row 100.0 % (" in note
    assert sorted(known) == [("blank", 80), ("row", 80)]


def test_encoders_that_each_tell_a_part_are_taken_side_by_side(known):
    """Rows tell one half of the classes and columns the other; side by side they tell all."""
    whole = dataset(160)
    generator = np.random.default_rng(1)
    halves = generator.integers(0, 2, (2, 160))
    pixels = generator.integers(0, 50, whole.images.pixels.shape).astype(np.uint8)
    pixels[:, 0, 1:] += (200 * halves[0][:, None, None]).astype(np.uint8)
    pixels[:, 1:, 0] += (200 * halves[1][:, None, None]).astype(np.uint8)
    quarters = replace(
        whole.with_labels(2 * halves[0] + halves[1]), images=ArrayImages(pixels),
        class_names=("a", "b", "c", "d"), fingerprint="q",
    )  # fmt: skip
    alone = [gather(quarters, encoder=EncoderChoice((n,))).agreement for n in ("row", "column")]
    both = gather(quarters, encoder=EncoderChoice(("row", "column")))
    assert max(alone) < 0.8
    assert both.agreement == 1
    assert both.encoder == "row + column"
    assert both.features.shape == (160, 64)


def test_large_data_are_compared_on_a_sample(known, monkeypatch):
    monkeypatch.setitem(GATHERING.__dict__, "compared_on", 40)
    found = gather(dataset(80), encoder=EncoderChoice(("blank", "row")))
    assert "on 40 examples" in found.notes[0]
    assert known == [("blank", 40), ("row", 40), ("row", 80)]


def test_an_encoder_twice(known):
    with pytest.raises(UsageError, match="'row' is given twice"):
        gather(dataset(20), encoder=EncoderChoice(("row", "row")))


@pytest.mark.parametrize("size", [-1, 0, 15, 1025])
def test_a_size_out_of_range(known, size):
    with pytest.raises(UsageError, match=f"--encoder-size is {size}, not between 16 and 1024"):
        gather(dataset(20), encoder=EncoderChoice(("row",), size=size))


def test_what_stands_side_by_side_weighs_the_same():
    generator = np.random.default_rng(0)
    loud, quiet = generator.normal(0, 100, (50, 3)), generator.normal(0, 0.1, (50, 300))
    kept = np.arange(50)
    X, same = side_by_side([(loud, kept), (quiet, kept), (np.zeros((50, 2)), kept)])
    spread = ((X - X.mean(axis=0)) ** 2).sum(axis=1).mean
    assert X.shape == (50, 305)
    assert same is kept
    parts = [X[:, :3], X[:, 3:303]]
    spreads = [((part - part.mean(axis=0)) ** 2).sum(axis=1).mean() for part in parts]
    assert spreads == pytest.approx([1, 1])
    assert spread() == pytest.approx(2)


@pytest.mark.slow
def test_features_are_kept_by_content_whatever_the_labels(tmp_path, known):
    """Other labels of the same pictures take the features that are there."""
    whole, chosen = dataset(60), EncoderChoice(("row",))
    first = gather(whole, encoder=chosen, cache=tmp_path)
    flipped = replace(whole.with_labels(1 - whole.labels), fingerprint="f")
    other = gather(flipped, encoder=chosen, cache=tmp_path)
    assert known == [("row", 60)]
    np.testing.assert_array_equal(first.features, other.features)
    gather(whole.subset(np.arange(30)), encoder=chosen, cache=tmp_path)
    assert known == [("row", 60), ("row", 30)]
    for stored in tmp_path.glob("features-*.npz"):
        stored.write_bytes(b"broken")
    gather(replace(flipped, fingerprint="g"), encoder=chosen, cache=tmp_path)
    assert known == [("row", 60), ("row", 30), ("row", 60)]


def test_other_weights_or_another_size_take_nothing_from_the_cache(tmp_path, known, monkeypatch):
    """The digest of weights and preparation is in the names of both kinds of kept files."""
    whole = dataset(40)
    gather(whole, encoder=EncoderChoice(("row",)), cache=tmp_path)
    gather(whole, encoder=EncoderChoice(("row",)), cache=tmp_path)
    assert len(known) == 1
    gather(whole, encoder=EncoderChoice(("row",), size=64), cache=tmp_path)
    assert len(known) == 2

    def retrained(text=None, *, size=None, download=False):
        return Encoder(text, "other weights", pictures=lambda device: None)

    monkeypatch.setattr(encoders, "find_encoder", retrained)
    gather(whole, encoder=EncoderChoice(("row",)), cache=tmp_path)
    assert len(known) == 3


def test_evidence_of_several_encoders_is_kept_with_its_features(tmp_path, known):
    names = EncoderChoice(("blank", "row"))
    first = gather(dataset(40), encoder=names, cache=tmp_path)
    again = gather(dataset(40), encoder=names, cache=tmp_path)
    assert again.encoder == first.encoder == "row"
    np.testing.assert_array_equal(again.features, first.features)
    assert len(known) == 2
