"""Files that are nearly right: each once ended in a traceback, and now says what is wrong."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import make_estimate

LABELS = np.arange(36) % 3
FEATURES = np.random.default_rng(0).normal(size=(36, 4)) + 2 * LABELS[:, None]


def refused(done, *says):
    assert (done.code, done.out) == (2, ""), done.err
    assert done.err.startswith("error: "), done.err
    assert "\nhelp: " in done.err
    for text in says:
        assert text in done.err


def test_class_numbers_that_are_infinite(alfs):
    for name in ("cat", "dog"):
        Path("data", name).mkdir(parents=True)
        Image.new("L", (8, 8)).save(f"data/{name}/1.png")
    Path("data/class_to_idx.json").write_text('{"cat": 1e999, "dog": 1}')
    refused(alfs("estimate", "data"), "class_to_idx.json")
    Path("data/class_to_idx.json").write_text("[" * 100_000)
    refused(alfs("estimate", "data"), "class_to_idx.json")


def test_a_single_value_where_an_array_belongs(alfs):
    for key in ("images", "features", "pred_probs"):
        np.savez("a.npz", **{key: np.uint8(1)}, labels=LABELS)
        refused(alfs("estimate", "a.npz"), f"{key} of 'a.npz'")


@pytest.mark.parametrize("shape", [(), (36, 1)])
def test_labels_of_another_shape_beside_probabilities(alfs, shape):
    np.save("p.npy", np.full((36, 3), 1 / 3))
    np.save("l.npy", np.zeros(shape, int))
    done = alfs("estimate", "--pred-probs", "p.npy", "--labels", "l.npy")
    refused(done, f"'l.npy' has shape {shape}, not (N,)")


@pytest.mark.parametrize("kind", ["datetime64[s]", "complex128", "U5", "S5", "V4"])
@pytest.mark.parametrize("key", ["images", "features", "pred_probs", "labels"])
def test_arrays_of_another_type(alfs, key, kind):
    arrays = {"features": FEATURES, "labels": LABELS}
    if key in ("images", "pred_probs"):
        del arrays["features"]
    shape = {"labels": (36,), "images": (36, 8, 8)}.get(key, (36, 3))
    np.savez("a.npz", **(arrays | {key: np.zeros(shape, kind)}))
    refused(alfs("estimate", "a.npz"))
    refused(alfs("inject", "a.npz", "--rate", "0.1", "--to", "b.npz"))


@pytest.mark.parametrize("kind", [str, complex, "datetime64[s]"])
def test_a_transition_that_is_none_is_passed_over(alfs, kind):
    odd = np.eye(3).astype(int).astype(kind)
    np.savez("a.npz", features=FEATURES, labels=LABELS, transition=odd)
    assert alfs("estimate", "a.npz", "-q").code == 0


@pytest.mark.parametrize(
    "names",
    [
        np.array(["a\ud800", "b", "c"]),
        np.array([b"\xff\xfe", b"b", b"c"]),
        np.frombuffer(np.array([0x7FFFFFFF, 98, 99], "<u4").tobytes(), "<U1"),
    ],
    ids=["half a character", "no UTF-8", "no character"],
)
def test_names_that_no_encoding_holds(alfs, names):
    np.savez("a.npz", features=FEATURES, labels=names[LABELS])
    done = alfs("check", "a.npz", "-f", "sarif", "-o", "junit=j.xml", "-o", "csv=c.csv", "-q")
    assert done.code in (0, 2), done.err
    assert alfs("estimate", "a.npz", "-q").code == done.code
    Path("a.jsonl").write_text(
        "".join(
            json.dumps({"x": float(x), "label": ["a\ud800", "b", "c"][i]}) + "\n"
            for x, i in zip(FEATURES[:, 0], LABELS, strict=True)
        )
    )
    assert alfs("estimate", "a.jsonl", "-q").code == 0


@pytest.mark.parametrize("data", ["x", [], {"classes": 3}, {"classes": "abc"}, None])
@pytest.mark.parametrize("option", ["--transition", "--estimate"])
def test_an_estimate_with_parts_of_another_kind(alfs, data, option):
    document = make_estimate().document() | {"data": data, "transition": [[1, 0], ["x", {}]]}
    Path("e.json").write_text(json.dumps(document))
    refused(alfs("losses", "check", "ce", option, "e.json"))


@pytest.mark.parametrize("key", ["[" * 20_000, "{a: " * 20_000, "- " * 20_000])
def test_yaml_nested_without_end(alfs, key):
    Path("r.yaml").write_text(f"loss: {key}\n")
    refused(alfs("recipes", "validate", "r.yaml"), "r.yaml")
    refused(alfs("train", "digits", "--loss", "ce", "--set", f"holdout={key}"))


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.system ['touch owned']", "!!python/name:os.system", "!x 1"]
)
def test_yaml_tags_are_refused(alfs, tag):
    np.savez("a.npz", features=FEATURES, labels=LABELS)
    Path("r.yaml").write_text(f"dataset: a.npz\nmodel: linear\nloss: {tag}\nepochs: 1\n")
    refused(alfs("train", "--recipe", "r.yaml"))
    Path("alfs.yaml").write_text(f"check:\n  max-noise-rate: {tag}\n")
    refused(alfs("check", "a.npz"))
    Path("run").mkdir()
    Path("run/result.json").write_text("{}")
    Path("run/config.yaml").write_text(f"loss: {tag}\n")
    refused(alfs("train", "--config", "run/config.yaml"))
    assert not Path("owned").exists()


def test_yaml_aliases_that_would_grow_without_end(alfs):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 30)]
    Path("r.yaml").write_text("\n".join(lines))
    refused(alfs("recipes", "validate", "r.yaml"))
    Path("alfs.yaml").write_text("check:\n" + "\n".join(f"  {line}" for line in lines))
    np.savez("a.npz", features=FEATURES, labels=LABELS)
    refused(alfs("check", "a.npz"))


def damage(archived: Path) -> bytes:
    """Give the first file of an archive a compression that nobody knows; return the bytes."""
    content = bytearray(archived.read_bytes())
    with zipfile.ZipFile(archived) as archive:
        first = archive.infolist()[0]
    for place in (content.index(b"PK\1\2") + 10, first.header_offset + 8):
        content[place] = 99
    archived.write_bytes(content)
    return bytes(content)


def test_cached_evidence_that_is_damaged_is_made_anew(alfs):
    np.savez("a.npz", features=FEATURES, labels=LABELS)
    assert alfs("estimate", "a.npz", "-q").code == 0
    (kept,) = Path("alfs-out/cache").glob("*.npz")
    damage(kept)
    assert alfs("estimate", "a.npz", "-q").code == 0


def test_cached_features_that_are_damaged_are_made_anew(alfs):
    """Those of pictures, behind the evidence."""
    pixels = np.random.default_rng(0).integers(0, 256, (len(LABELS), 8, 8)).astype(np.uint8)
    np.savez("a.npz", images=pixels, labels=LABELS)
    assert alfs("estimate", "a.npz", "-q").code == 0
    (kept,) = Path("alfs-out/cache").glob("features-*.npz")
    damaged = damage(kept)
    assert alfs("estimate", "a.npz", "-q").code == 0
    assert kept.read_bytes() != damaged


def test_an_array_whose_header_is_broken(alfs):
    """A bracket that is opened and never closed."""
    np.save("T.npy", np.eye(3))
    content = Path("T.npy").read_bytes()
    Path("T.npy").write_bytes(content.replace(b": False", b":(False"))
    done = alfs("losses", "check", "ce", "--transition", "T.npy")
    assert (done.code, done.out) == (2, "")
    assert "error: cannot read 'T.npy'" in done.err


def test_a_network_whose_weights_are_broken(alfs):
    import torch
    from safetensors.torch import load_file, save_file

    np.savez("a.npz", features=FEATURES, labels=LABELS)
    words = ("train", "a.npz", "--loss", "ce", "--epochs", "1", "--model", "linear", "-q")
    assert alfs(*words).code == 0
    (path,) = Path("alfs-out/runs").glob("*/model.safetensors")
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        about = file.metadata()
    whole = load_file(path)
    broken = {name: torch.full_like(value, torch.nan) for name, value in whole.items()}
    inputs = {name: value for name, value in whole.items() if name.startswith("input.")}
    save_file(broken | inputs, path, metadata=about)
    refused(alfs("evaluate", str(path.parent), "a.npz"), "the network predicts NaN")
    save_file(broken, path, metadata=about)
    told = "holds values that no input can be normalised by"
    refused(alfs("evaluate", str(path.parent), "a.npz"), told)


def test_paths_that_the_system_refuses(alfs):
    np.savez("a.npz", features=FEATURES, labels=LABELS)
    long = "x" * 5000
    for words in [
        ("compare", long), ("evaluate", long), ("estimate", long), ("check", f"{long}.json"),
        ("recommend", long), ("estimate", "a.npz", "--labels", long), ("losses", "check", "ce",
        "--transition", long), ("train", "a.npz", "--config", long), ("estimate", "a.npz/x.npz"),
        ("check", "a.npz", "--baseline", long), ("recipes", "validate", f"{long}.yaml"),
    ]:  # fmt: skip
        refused(alfs(*words))


def test_too_few_examples_to_hold_any_out(alfs):
    np.savez("a.npz", features=FEATURES[:3], labels=LABELS[:3])
    words = ("train", "a.npz", "--loss", "ce", "--epochs", "1")
    refused(alfs(*words), "too few examples (3) to hold 20% out")
    assert alfs(*words, "--holdout", "0").code == 0
