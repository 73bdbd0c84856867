"""Encoders of timm, transformers and sentence-transformers: tiny models made here, no network.

Each model is saved by its own library, and its features are those that its own library computes.
"""

import json
import socket

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from alfs_cli.data import ArrayImages
from alfs_cli.data.images.framing import Frame
from alfs_cli.errors import InputError, UsageError
from alfs_cli.evidence.encoders import find_encoder
from alfs_cli.evidence.encoders.encoding import encode, encode_texts
from tests.evidence.pictures import stripes

timm = pytest.importorskip("timm")
transformers = pytest.importorskip("transformers")
sentence_transformers = pytest.importorskip("sentence_transformers")

pytestmark = [
    pytest.mark.interop,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # the libraries' own
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "dog", "sat", "ran", "away")


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Whatever opens a connection fails the test, even where a library tries again without it."""
    opened = []

    def refuse(*words):
        opened.append(words)
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    yield
    assert not opened


@pytest.fixture
def resnet10t(tmp_path):
    """A random resnet10t as timm writes it: config.json and model.safetensors."""
    torch.manual_seed(0)
    network = timm.create_model("resnet10t", pretrained=False, num_classes=7)
    folder = tmp_path / "resnet10t"
    folder.mkdir()
    save_file(network.state_dict(), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({
        "architecture": "resnet10t", "num_classes": 7, "num_features": 512,
        "pretrained_cfg": {
            "input_size": [3, 96, 96], "interpolation": "bilinear", "crop_pct": 0.75,
            "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.25, 0.3], "num_classes": 7,
            "pool_size": [3, 3], "first_conv": "conv1", "classifier": "fc",
        },
    }))  # fmt: skip
    return folder, network.eval()


@pytest.fixture
def dinov2(tmp_path):
    """A random two-layer DINOv2 with its image processor."""
    torch.manual_seed(0)
    config = transformers.Dinov2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=56, patch_size=14
    )
    network = transformers.Dinov2Model(config).eval()
    processor = transformers.BitImageProcessor(
        size={"shortest_edge": 64}, crop_size={"height": 56, "width": 56},
        image_mean=[0.5, 0.4, 0.3], image_std=[0.2, 0.25, 0.3], resample=3,
    )  # fmt: skip
    folder = tmp_path / "dinov2"
    network.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder, network, processor


@pytest.fixture
def bert(tmp_path):
    """A random two-layer BERT with its tokenizer."""
    torch.manual_seed(0)
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS))
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    try:
        tokenizer = transformers.BertTokenizer(str(tmp_path / "vocab.txt"))
        if len(tokenizer) < len(WORDS):
            tokenizer = transformers.BertTokenizer(vocab=vocabulary)
    except TypeError:
        tokenizer = transformers.BertTokenizer(vocab=vocabulary)
    config = transformers.BertConfig(
        vocab_size=len(WORDS), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=40,
    )  # fmt: skip
    network = transformers.BertModel(config).eval()
    folder = tmp_path / "bert"
    network.save_pretrained(folder)
    tokenizer.model_max_length = 40
    tokenizer.save_pretrained(folder)
    return folder, network, tokenizer


def pictures(count=6):
    """Return pictures that are not square, as arrays (N, H, W, 3)."""
    pixels, _ = stripes(count)
    wide = [Image.fromarray(one).resize((150, 100), Image.Resampling.BICUBIC) for one in pixels]
    return np.stack([np.asarray(one) for one in wide])


def encoded(name, pixels, **options):
    X, kept = encode(ArrayImages(pixels), np.arange(len(pixels)), find_encoder(name, **options))
    assert len(kept) == len(pixels)
    return X


def alike(X, reference):
    """Whether features agree but for a grey level of rounding."""
    centred = reference - reference.mean(axis=0)
    return np.abs(X - reference).max() < 0.1 * np.abs(centred).max()


# timm


def test_timm_as_timm_itself(resnet10t):
    folder, network = resnet10t
    pixels = pictures()
    network.reset_classifier(0)
    data = timm.data.resolve_data_config(
        {}, pretrained_cfg=json.loads((folder / "config.json").read_text())["pretrained_cfg"]
    )
    prepare = timm.data.create_transform(**data, is_training=False)
    with torch.inference_mode():
        batch = torch.stack([prepare(Image.fromarray(one)) for one in pixels])
        reference = network(batch).numpy()
    X = encoded(f"timm:{folder}", pixels)
    assert X.shape == (6, 512)
    assert alike(X, reference)
    assert find_encoder(f"timm:{folder}").pictures("cpu").frame == Frame(96, 128, "bilinear")


def test_timm_at_another_size(resnet10t):
    folder, _ = resnet10t
    usual, small = find_encoder(f"timm:{folder}"), find_encoder(f"timm:{folder}", size=48)
    assert small.pictures("cpu").frame == Frame(48, 64, "bilinear")
    assert small.name == f"timm:{folder} at 48 px"
    assert small.digest != usual.digest


def test_timm_weights_of_another_architecture(resnet10t):
    folder, _ = resnet10t
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architecture": "resnet18"}))
    with pytest.raises(InputError, match="cannot be loaded as a network of timm") as caught:
        encoded(f"timm:{folder}", pictures())
    assert "one known architecture" in caught.value.help
    (folder / "config.json").write_text(json.dumps({**config, "architecture": "resnet1018"}))
    with pytest.raises(InputError, match="cannot be loaded as a network of timm"):
        encoded(f"timm:{folder}", pictures())


def test_timm_names(monkeypatch, tmp_path):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UsageError, match=r"'timm/resnet18\.a1_in1k' is neither") as info:
        find_encoder("timm:resnet18")
    assert "--download" in info.value.help
    with pytest.raises(UsageError, match="did you mean 'resnet18'"):
        find_encoder("timm:resnet81")


# transformers


@pytest.mark.parametrize("prefix", ["hf:", ""])
def test_dinov2_as_transformers_itself(dinov2, prefix):
    folder, network, processor = dinov2
    pixels = pictures()
    with torch.inference_mode():
        given = processor(images=list(pixels), return_tensors="pt")
        found = network(**given)
    X = encoded(f"{prefix}{folder}", pixels)
    assert X.shape == (6, 32)
    assert alike(X, found.pooler_output.numpy())
    np.testing.assert_allclose(
        found.pooler_output.numpy(), found.last_hidden_state[:, 0].numpy(), atol=1e-5
    )  # the class token
    assert find_encoder(f"hf:{folder}").pictures("cpu").frame == Frame(56, 64, "bicubic")


def test_dinov2_at_another_size(dinov2):
    assert encoded(f"hf:{dinov2[0]}", pictures(), size=84).shape == (6, 32)


def test_vit_without_a_pooler_gives_its_class_token(tmp_path):
    torch.manual_seed(0)
    config = transformers.ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        image_size=32, patch_size=8,
    )  # fmt: skip
    classifier = transformers.ViTForImageClassification(config).eval()
    processor = transformers.ViTImageProcessor(size={"height": 32, "width": 32})
    classifier.save_pretrained(tmp_path)
    processor.save_pretrained(tmp_path)
    pixels = pictures()
    with torch.inference_mode():
        given = processor(images=list(pixels), return_tensors="pt")
        hidden = classifier.vit(**given).last_hidden_state[:, 0].numpy()
    assert alike(encoded(f"hf:{tmp_path}", pixels), hidden)


def test_clip_takes_pictures_and_texts(tmp_path, bert):
    torch.manual_seed(0)
    small = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
             "intermediate_size": 64}  # fmt: skip
    config = transformers.CLIPConfig(
        text_config={**small, "vocab_size": len(WORDS), "max_position_embeddings": 40,
                     "eos_token_id": 3, "bos_token_id": 2, "pad_token_id": 0},
        vision_config={**small, "image_size": 32, "patch_size": 8},
        projection_dim=16,
    )  # fmt: skip
    folder = tmp_path / "clip"
    transformers.CLIPModel(config).save_pretrained(folder)
    transformers.CLIPImageProcessor(
        size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
    ).save_pretrained(folder)
    bert[2].save_pretrained(folder)
    assert encoded(f"hf:{folder}", pictures()).shape == (6, 16)
    encoder = find_encoder(f"hf:{folder}")
    both = encode_texts(["the cat sat away", "the dog"], encoder)
    assert both.shape == (2, 16)
    np.testing.assert_allclose(both[1:], encode_texts(["the dog"], encoder), atol=1e-5)


def test_bert_is_the_mean_of_its_tokens_whatever_stands_beside(bert):
    folder, network, tokenizer = bert
    texts = ["the cat sat", "the dog ran away the dog ran away", "cat"]
    expected = []
    with torch.inference_mode():
        for text in texts:
            found = network(**tokenizer([text], return_tensors="pt"))
            expected.append(found.last_hidden_state[0].mean(dim=0).numpy())
    X = encode_texts(texts, find_encoder(f"hf:{folder}"))
    np.testing.assert_allclose(X, expected, atol=1e-5)
    assert encode_texts(["cat " * 500], find_encoder(f"hf:{folder}")).shape == (1, 32)
    with pytest.raises(UsageError, match="takes texts, and the data are pictures"):
        encoded(f"hf:{folder}", pictures())


def test_weights_that_are_missing_are_not_random(dinov2):
    folder, network, _ = dinov2
    state = {key: value.clone() for key, value in network.state_dict().items()}
    del state["encoder.layer.1.norm1.weight"]
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(InputError, match="lacks 1 weights of a Dinov2Model"):
        encoded(f"hf:{folder}", pictures())


@pytest.mark.parametrize("changed", [
    {"model_type": "nonesuch"},
    {"model_type": "bert"},
    {"hidden_size": 64},
    {"model_type": "theirs", "auto_map": {"AutoModel": "modeling_theirs.Theirs"}},
])  # fmt: skip
def test_another_architecture(dinov2, changed):
    folder = dinov2[0]
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changed}))
    (folder / "modeling_theirs.py").write_text(
        f"open({str(folder / 'owned')!r}, 'w'); from transformers import BertModel as Theirs"
    )
    with pytest.raises(InputError) as caught:
        encoded(f"hf:{folder}", pictures())
    assert caught.value.help
    assert not (folder / "owned").exists()


def test_a_model_without_a_processor(dinov2):
    folder = dinov2[0]
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(InputError, match="says neither how pictures are prepared"):
        find_encoder(f"hf:{folder}")


def test_a_model_of_the_cache_by_its_name(dinov2, tmp_path, monkeypatch):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    commit = "0123456789abcdef0123456789abcdef01234567"
    kept = tmp_path / "hub" / "models--org--tiny"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs" / "main").write_text(commit)
    (kept / "snapshots").mkdir()
    dinov2[0].rename(kept / "snapshots" / commit)
    assert encoded("org/tiny", pictures()).shape == (6, 32)
    assert find_encoder("org/tiny").digest == find_encoder("hf:org/tiny").digest
    with pytest.raises(UsageError, match="'org/other' is neither a folder nor a model") as caught:
        find_encoder("org/other")
    assert "--download" in caught.value.help


# sentence-transformers


def test_a_sentence_transformer_as_itself(bert):
    """The layout is that of the models on the hub."""
    folder = bert[0]
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")]
    (folder / "modules.json").write_text(json.dumps([
        {"idx": number, "name": str(number), "path": path,
         "type": f"sentence_transformers.models.{name}"}
        for number, (path, name) in enumerate(modules)
    ]))  # fmt: skip
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps({"word_embedding_dimension": 32, "pooling_mode_cls_token": True,
                    "pooling_mode_mean_tokens": False})
    )  # fmt: skip
    made = sentence_transformers.SentenceTransformer(str(folder), device="cpu")
    texts = ["the cat sat", "the dog ran away", "cat"]
    encoder = find_encoder(f"st:{folder}")
    X = encode_texts(texts, encoder)
    np.testing.assert_allclose(X, made.encode(texts), atol=1e-5)
    hidden = bert[1](**bert[2](texts[:1], return_tensors="pt")).last_hidden_state
    np.testing.assert_allclose(X[0], hidden[0, 0].detach().numpy(), atol=1e-5)  # the class token
    assert encoder.pictures is None
    weights = folder / "model.safetensors"
    weights.rename(folder / "pytorch_model.bin")
    with pytest.raises(InputError, match="is a pickle"):
        find_encoder(f"st:{folder}")


def test_a_sentence_transformer_has_no_size(tmp_path):
    with pytest.raises(UsageError, match="of no use to texts"):
        find_encoder(f"st:{tmp_path}", size=96)


# the whole way


def test_estimate_with_a_folder_of_timm(resnet10t, tmp_path, monkeypatch):
    from alfs_cli.cli import main

    folder, _ = resnet10t
    monkeypatch.chdir(tmp_path)
    pixels, labels = stripes(60)
    np.savez("p.npz", images=pixels, labels=labels)
    words = ["estimate", "p.npz", "--encoder", f"timm:{folder}", "--encoder-size", "48", "-q"]
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    evidence = json.loads((tmp_path / "alfs-out" / "estimate.json").read_text())["evidence"]
    assert evidence["encoder"] == f"timm:{folder} at 48 px"
    assert evidence["agreement"] > 0.9


def test_texts_are_judged_by_a_named_encoder(bert, tmp_path, monkeypatch):
    """By the command: a manifest of texts, an encoder of the cache's kind, and TF-IDF beside it."""
    import json

    import pandas as pd

    from alfs_cli.cli import run

    random = np.random.default_rng(0)
    words = [word for word in WORDS if word.isalpha()]
    labels = np.arange(120) % 2
    texts = [" ".join(random.choice(words[label::2], 6)) for label in labels]
    monkeypatch.chdir(tmp_path)
    pd.DataFrame({"text": texts, "label": labels}).to_csv("texts.csv", index=False)
    assert run(["estimate", "texts.csv", "--encoder", f"st:{bert[0]}", "-q"]) == 0
    evidence = json.loads((tmp_path / "alfs-out" / "estimate.json").read_text())["evidence"]
    assert evidence["kind"] == "encoder"
    assert evidence["encoder"].startswith("st:")
    assert evidence["agreement"] > 0.7
