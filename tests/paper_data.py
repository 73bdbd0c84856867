"""MNIST and CIFAR as torchvision lays them out, made small: random pictures of every class."""

import pickle

import numpy as np


def idx(array):
    """Return an array in MNIST's format."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.tobytes()


def small_mnist(root, num_train=200, num_test=40):
    """Write MNIST under `root`, and return the root."""
    draws = np.random.default_rng(0)
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for stem, count in (("train", num_train), ("t10k", num_test)):
        labels = (np.arange(count) % 10).astype(np.uint8)
        images = draws.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        (raw / f"{stem}-images-idx3-ubyte").write_bytes(idx(images))
        (raw / f"{stem}-labels-idx1-ubyte").write_bytes(idx(labels))
    return root


def small_cifar(root, num_classes, num_train, num_test):
    """Write CIFAR-10 or CIFAR-100 under `root`, and return the root."""
    draws = np.random.default_rng(0)

    def batch(count):
        key = b"labels" if num_classes == 10 else b"fine_labels"
        labels = (np.arange(count) % num_classes).tolist()
        return {b"data": draws.integers(0, 256, (count, 3072), dtype=np.uint8), key: labels}

    if num_classes == 10:
        place = root / "cifar-10-batches-py"
        parts = {f"data_batch_{i}": num_train // 5 for i in range(1, 6)} | {"test_batch": num_test}
    else:
        place = root / "cifar-100-python"
        parts = {"train": num_train, "test": num_test}
    place.mkdir(parents=True)
    for name, count in parts.items():
        (place / name).write_bytes(pickle.dumps(batch(count)))
    return root
