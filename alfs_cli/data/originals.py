"""Whether a built-in data set is the published one, to which a paper's accuracies refer."""

import hashlib
from functools import cache
from pathlib import Path

from alfs_cli.data.dataset import DataSpec
from alfs_cli.data.readers.builtin import DEFAULT_ROOT
from alfs_cli.data.reading import load
from alfs_cli.errors import AlfsError

FINGERPRINTS = {"mnist": "5e585ad3dd790e9c"}  # the fingerprint of the training split
MD5 = {  # the digests of the files that torchvision's datasets.CIFAR10 and CIFAR100 list
    "cifar10": {
        "cifar-10-batches-py/data_batch_1": "c99cafc152244af753f735de768cd75f",
        "cifar-10-batches-py/data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
        "cifar-10-batches-py/data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
        "cifar-10-batches-py/data_batch_4": "634d18415352ddfa80567beed471001a",
        "cifar-10-batches-py/data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
        "cifar-10-batches-py/test_batch": "40351d587109b95175f43aff81a1287e",
    },
    "cifar100": {
        "cifar-100-python/train": "16019d7e3df5f24257cddd939b257f8d",
        "cifar-100-python/test": "f0ef6b0ae62326f3e7ffdfab6717acfc",
    },
}


@cache
def is_original(name: str, root: str | None, fingerprint: str) -> bool:
    """Say whether a built-in data set of this fingerprint is the published one.

    MNIST is recognised by its fingerprint. CIFAR is recognised by the digests of its files, which
    must lie under `root` and have this fingerprint when read. False where the files cannot be read.
    """
    if name in FINGERPRINTS:
        return fingerprint == FINGERPRINTS[name]
    files = MD5.get(name, {})
    top = Path(root if root is not None else DEFAULT_ROOT)
    try:
        if not files or any(
            hashlib.md5((top / file).read_bytes(), usedforsecurity=False).hexdigest() != digest
            for file, digest in files.items()
        ):
            return False
        return load(DataSpec(name, root=root)).fingerprint == fingerprint
    except (OSError, AlfsError):
        return False
