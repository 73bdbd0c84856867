"""Words that tell the given label: found and not judged by; words of the subject stay."""

import numpy as np
import pandas as pd
import pytest

from alfs_cli.data import DataSpec, load
from alfs_cli.data.telling import telling_words, without_words
from alfs_cli.evidence.representations import representation

NAMES = np.array(["cat", "dog", "owl"])


@pytest.fixture
def reviews():
    """Texts (120,) about animals, and the labels, a fifth of them wrong."""
    rng = np.random.default_rng(0)
    words = (["purr", "meow", "whisker"], ["bark", "fetch", "leash"], ["hoot", "wing", "night"])
    true = np.arange(120) % 3
    labels = np.where(rng.random(120) < 0.2, (true + 1) % 3, true)
    texts = [" ".join([*rng.choice(words[i], 2), "and the", f"no{n}"]) for n, i in enumerate(true)]
    return np.array(texts, dtype=object), labels


EVERY = np.ones(120, dtype=bool)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("{name}: {text}", ("cat", "dog", "owl")),
        ("{text} [{NAME}]", ("cat", "dog", "owl")),
        ("__label__{label} {text}", ("__label__0", "__label__1", "__label__2")),
        ("{text}", ()),
    ],
)
def test_words_that_tell_the_label(reviews, before, expected):
    texts, labels = reviews
    made = [
        before.format(name=NAMES[i], NAME=NAMES[i].upper(), label=i, text=text)
        for text, i in zip(texts, labels, strict=True)
    ]
    assert telling_words(np.array(made, dtype=object), labels, EVERY) == expected


def test_of_two_labels_one_may_have_no_word(reviews):
    texts, labels = reviews
    is_spam = (labels == 0).astype(np.int64)
    cells = np.where(is_spam == 1, "Spam " + texts, texts)
    assert telling_words(cells, is_spam, EVERY) == ("spam",)
    assert telling_words(cells, labels, EVERY) == ()  # of three, a word of one tells a part only


def test_few_texts_share_a_word_by_chance():
    cells = np.array(["a cat", "a dog"] * 12, dtype=object)
    assert telling_words(cells, np.arange(24) % 2, np.ones(24, dtype=bool)) == ()


def test_evidence_is_made_without_the_words(reviews, tmp_path):
    texts, labels = reviews
    cells = np.array([f"{NAMES[i]} {text}" for text, i in zip(texts, labels, strict=True)], object)
    pd.DataFrame({"text": cells, "label": NAMES[labels]}).to_csv(tmp_path / "m.csv", index=False)
    dataset = load(DataSpec(str(tmp_path / "m.csv")))
    assert dataset.telling_words == ("cat", "dog", "owl")
    assert dataset.texts.tolist() == cells.tolist()  # what a person sees stays whole
    assert any("'cat', 'dog', 'owl' stand where the label says" in note for note in dataset.notes)
    told, _ = representation(dataset, "text")
    pd.DataFrame({"text": without_words(cells, NAMES.tolist()), "label": NAMES[labels]}).to_csv(
        tmp_path / "bare.csv", index=False
    )
    bare, _ = representation(load(DataSpec(str(tmp_path / "bare.csv"))), "text")
    np.testing.assert_array_equal(told, bare)
