"""From pictures and texts to features: whole, in order, on threads of their own."""

import threading

import numpy as np
import pytest
import torch
from PIL import Image

from alfs_cli.data import ArrayImages
from alfs_cli.data.images.framing import Frame
from alfs_cli.data.images.kinds import FileImages
from alfs_cli.errors import InputError, UsageError
from alfs_cli.evidence.encoders import find_encoder, spellings
from alfs_cli.evidence.encoders.encoding import encode, encode_texts
from alfs_cli.evidence.encoders.interface import Encoder, PictureNetwork
from tests.evidence.pictures import stripes

THREADS = set()


def means(side=8):
    """Return an encoder of the mean of each channel."""

    def features(x):
        THREADS.add((threading.get_ident(), torch.get_num_threads()))
        return x.mean(dim=(2, 3))

    network = PictureNetwork(features, Frame(side, side), (0.0,), (255.0,))
    return Encoder("means", "1", pictures=lambda device: network)


def lengths():
    """Return an encoder of texts: how long each is, and how long the longest beside it."""

    def network(texts):
        longest = max(map(len, texts))
        return torch.tensor([[float(len(text)), float(longest)] for text in texts])

    return Encoder("lengths", "1", texts=lambda device: network)


def test_features_are_in_the_order_of_the_pictures():
    pixels, _ = stripes(70)
    done = []
    X, kept = encode(ArrayImages(pixels), np.arange(70)[::-1], means(32), progress=done.append)
    np.testing.assert_allclose(X, pixels.mean(axis=(1, 2))[::-1] / 255, atol=1e-5)
    assert X.dtype == np.float32
    assert kept.tolist() == list(range(70))
    assert done == [16, 32, 48, 64, 70]


def test_torch_takes_one_thread_in_each_of_ours_and_its_own_again_afterwards():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    THREADS.clear()
    try:
        encode(ArrayImages(stripes(70)[0]), np.arange(70), means())
        assert torch.get_num_threads() == 2
        assert {count for _, count in THREADS} == {1}
    finally:
        torch.set_num_threads(before)


def test_unreadable_pictures_are_left_out(tmp_path):
    paths = []
    for index, pixels in enumerate(stripes(40)[0]):
        paths.append(str(tmp_path / f"{index:02d}.png"))
        Image.fromarray(pixels).save(paths[-1])
    for index in (0, *range(16, 32), 39):  # a whole batch among them
        (tmp_path / f"{index:02d}.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    X, kept = encode(FileImages(tuple(paths), tuple(paths)), np.arange(40), means())
    assert kept.tolist() == [*range(1, 16), *range(32, 39)]
    assert len(X) == 22
    broken = np.arange(16, 32)
    with pytest.raises(InputError, match="none of the 16 images can be read"):
        encode(FileImages(tuple(paths), tuple(paths)), broken, means())


def test_grey_pictures_are_three_equal_channels():
    pixels = np.full((3, 12, 12), 51, dtype=np.uint8)
    X, _ = encode(ArrayImages(pixels), np.arange(3), means())
    np.testing.assert_allclose(X, 0.2, atol=1e-6)


def test_texts_come_back_in_their_order_though_similar_lengths_stand_together():
    texts = ["x" * (7 * index % 90 + 1) for index in range(90)]
    X = encode_texts(texts, lengths())
    assert X[:, 0].tolist() == [len(text) for text in texts]
    assert X.dtype == np.float32
    short = X[X[:, 0] <= 20]
    assert short[:, 1].max() < 30  # beside no text of 90


def test_each_takes_what_it_is_for():
    with pytest.raises(UsageError, match="'lengths' takes texts, and the data are pictures"):
        encode(ArrayImages(stripes(2)[0]), np.arange(2), lengths())
    with pytest.raises(UsageError, match="'means' takes pictures, and the data are texts"):
        encode_texts(["a"], means())
    with pytest.raises(InputError, match="no texts"):
        encode_texts([], lengths())


def test_every_spelling_is_listed():
    assert spellings() == [
        "efficientnet-lite0", "efficientnet-lite2", "torchvision:NAME", "timm:NAME|DIR",
        "hf:ORG/NAME|DIR", "st:NAME|DIR",
    ]  # fmt: skip


@pytest.mark.parametrize(("name", "said"), [
    ("resnet81", "did you mean 'resnet18'"),
    ("efficientnet-lite1", "unknown encoder 'efficientnet-lite1'"),
    ("torchvision:", "unknown encoder 'torchvision:'"),
])  # fmt: skip
def test_an_encoder_that_is_none(name, said):
    with pytest.raises(UsageError, match=said):
        find_encoder(name)
