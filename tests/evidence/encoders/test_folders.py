"""Folders of models: safetensors alone, no code, nothing fetched, the cause and the remedy."""

import json
from types import SimpleNamespace

import pytest

from alfs_cli.data.images.framing import Frame
from alfs_cli.errors import InputError, UsageError
from alfs_cli.evidence.encoders import find_encoder, folders, hf, st


def model(folder, *names, config=None):
    """Write a folder with files of these names."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"0")
    (folder / "config.json").write_text(json.dumps(config or {"model_type": "dinov2"}))
    return folder


@pytest.mark.parametrize(("names", "said", "remedy"), [
    ((), "holds no weights", "fetch the whole model"),
    (("pytorch_model.bin",), "pytorch_model.bin' is a pickle, which can run any code",
     "save_pretrained"),
    (("model.safetensors", "2_Dense/pytorch_model.bin"), "2_Dense/pytorch_model.bin' is a pickle",
     "save_pretrained"),
])  # fmt: skip
def test_weights_that_are_not_read(tmp_path, names, said, remedy):
    with pytest.raises(InputError, match=said) as caught:
        folders.model_folder(str(model(tmp_path / "m", *names)), download=False)
    assert remedy in caught.value.help


def test_pickles_beside_safetensors_are_left_alone(tmp_path):
    folder = model(tmp_path / "m", "model.safetensors", "pytorch_model.bin")
    assert folders.model_folder(str(folder), download=False) == folder


def test_a_folder_of_something_else(tmp_path):
    (tmp_path / "notes.txt").write_text("no model")
    with pytest.raises(InputError, match=r"holds no model: no config\.json"):
        folders.model_folder(str(tmp_path), download=False)


@pytest.mark.parametrize("name", ["./nowhere", "/no/where", "a/b/c", "nowhere"])
def test_a_folder_that_is_not_there(name):
    with pytest.raises(UsageError, match="no such folder"):
        folders.model_folder(name, download=False)


def test_the_digest_is_of_the_weights_and_of_what_configures_them(tmp_path):
    folder = model(
        tmp_path / "m", "model.safetensors", "preprocessor_config.json", "1_Pooling/config.json"
    )
    seen = {folders.folder_digest(folder)}
    for name in ("model.safetensors", "preprocessor_config.json", "1_Pooling/config.json"):
        (folder / name).write_bytes(b"1")
        seen.add(folders.folder_digest(folder))
    assert len(seen) == 4
    (folder / "README.md").write_text("says nothing of the model")
    (folder.parent / "moved").symlink_to(folder)
    assert folders.folder_digest(folder.parent / "moved") in seen


@pytest.mark.parametrize("text", ["{", "[1]", "9" * 5000, "[" * 100_000])
def test_a_broken_configuration(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError, match=r"config\.json' cannot be read"):
        folders.read_json(tmp_path / "config.json")


@pytest.mark.parametrize(("name", "package", "extra"), [
    ("timm:resnet18", "timm", "timm"),
    ("hf:org/name", "transformers", "hf"),
    ("org/name", "transformers", "hf"),
    ("st:all-MiniLM-L6-v2", "sentence-transformers", "text"),
])  # fmt: skip
def test_a_library_that_is_not_installed(monkeypatch, name, package, extra):
    monkeypatch.setattr(folders, "find_spec", lambda module: None)
    with pytest.raises(UsageError, match=f"'{package}' is not installed") as caught:
        find_encoder(name)
    assert caught.value.help == f"pip install 'alfs-cli[{extra}]'"


def test_what_a_library_cannot_load_is_bad_input(tmp_path):
    said = "cannot be loaded as a model: size mismatch"
    with pytest.raises(InputError, match=said) as caught, folders.loading("a model", tmp_path):
        raise RuntimeError("size mismatch\nfor weight: ...")
    assert "one known architecture" in caught.value.help


def test_modules_of_their_own_are_not_run(tmp_path):
    folder = model(tmp_path / "m", "model.safetensors")
    (folder / "modules.json").write_text(json.dumps([{"type": "theirs.Transformer", "path": ""}]))
    with pytest.raises(InputError, match=r"needs code of its own \('theirs\.Transformer'\)"):
        st._check_modules(folder)
    (folder / "modules.json").write_text(
        json.dumps([{"type": "sentence_transformers.models.Transformer", "path": ""}])
    )
    st._check_modules(folder)


def processor(**values):
    return SimpleNamespace(**values)


@pytest.mark.parametrize(("made", "size", "frame"), [
    # DINOv2: the shorter side, then the middle
    (processor(size={"shortest_edge": 256}, crop_size={"height": 224, "width": 224},
               do_center_crop=True, resample=3), None, Frame(224, 256, "bicubic")),
    (processor(size={"shortest_edge": 256}, crop_size={"height": 224, "width": 224},
               do_center_crop=True, resample=3), 112, Frame(112, 128, "bicubic")),
    # ViT and SigLIP: the whole picture, stretched
    (processor(size={"height": 224, "width": 224}, resample=2), None, Frame(224, None)),
    (processor(size={"height": 224, "width": 224}, resample=2), 448, Frame(448, None)),
    # the shorter side alone
    (processor(size={"shortest_edge": 384}, do_center_crop=False, crop_size=None, resample=1),
     None, Frame(384, 384, "lanczos")),
    (processor(size=224, resample=None), None, Frame(224, None)),
])  # fmt: skip
def test_pictures_are_cut_as_the_processor_says(made, size, frame):
    assert hf.frame_of(made, size) == frame


def test_a_processor_of_no_one_size():
    with pytest.raises(InputError, match="no one size") as caught:
        hf.frame_of(processor(size={"height": 224, "width": 448}), None)
    assert "--encoder-size" in caught.value.help
    with_size = hf.frame_of(processor(size={"height": 224, "width": 448}), 96)
    assert with_size == Frame(96, None)


def test_pictures_are_scaled_as_the_processor_says():
    usual = processor(image_mean=[0.5] * 3, image_std=[0.25] * 3, rescale_factor=1 / 255)
    (mean, spread) = hf.scaling_of(usual)
    assert mean == pytest.approx([127.5] * 3)
    assert spread == pytest.approx([63.75] * 3)
    assert hf.scaling_of(processor(do_normalize=False, rescale_factor=0.5)) == ((0.0,), (2.0,))
    raw = processor(do_rescale=False, image_mean=[120.0], image_std=[60.0])
    assert hf.scaling_of(raw) == ((120.0,), (60.0,))
