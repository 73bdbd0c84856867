"""Data sets made on the spot."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


def save_picture(path: Path, seed: int = 0, size: tuple[int, int] = (8, 8)) -> Path:
    """Write a picture of noise in the format of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def picture() -> Callable[..., Path]:
    """Write a picture of noise in the format of its suffix."""
    return save_picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of three pictures."""
    root = tmp_path / "data"
    for seed, name in enumerate(("cat/1.png", "cat/2.jpg", "cat/10.PNG")):
        save_picture(root / name, seed)
    for seed, name in enumerate(("dog/a.png", "dog/deep/b.png", "dog/deep/c.bmp"), start=3):
        save_picture(root / name, seed)
    return root
