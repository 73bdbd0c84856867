"""Features of texts: TF-IDF counted word by word, against scikit-learn's."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.preprocessing import normalize

from alfs_cli.errors import InputError
from alfs_cli.evidence import texts as module
from alfs_cli.evidence.texts import Vectors, kind_of, letter_counts, text_features, words_of

TEXTS = [
    "A fine film, a very fine film.",
    "The film was not fine!",
    "not a film: a play",
    "plays and films, films and plays",
    "la pi\u00e8ce \u00e9tait tr\u00e8s fine",
    "",
]


def objects(texts):
    found = np.empty(len(texts), dtype=object)
    found[:] = texts
    return found


def many(count, seed=0):
    rng = np.random.default_rng(seed)
    words = np.array([f"w{number}" for number in range(300)])
    return objects([" ".join(rng.choice(words, 12)) for _ in range(count)])


def test_words_and_pairs_are_counted_as_scikit_learn_counts_them():
    words = words_of(objects(TEXTS))
    theirs = CountVectorizer(token_pattern=r"\w+|[^\w\s]+")
    expected = theirs.fit_transform(TEXTS).toarray()
    places = [theirs.vocabulary_[name] for name in words.names]
    assert (module.word_counts(words).toarray() == expected[:, places]).all()
    pairs = CountVectorizer(token_pattern=r"\w+|[^\w\s]+", ngram_range=(2, 2))
    expected = pairs.fit_transform(TEXTS).toarray()
    ours = module.pair_counts(words)
    used = np.unique(ours.indices)
    found = ours[:, used].toarray()
    assert sorted(map(tuple, found.T)) == sorted(map(tuple, expected.T))


def test_letters_are_those_of_each_word_added_up_and_weighed_as_scikit_learn_weighs_them():
    spaced = [" ".join(module.WORD.findall(text.lower())) for text in TEXTS]
    theirs = CountVectorizer(analyzer="char_wb", ngram_range=module.TEXTS.letters, min_df=2)
    expected = TfidfTransformer(sublinear_tf=True).fit_transform(theirs.fit_transform(spaced))
    words = words_of(objects(TEXTS))
    ours = normalize(kind_of(letter_counts(words.names), words).weighed(words))
    assert np.allclose((ours @ ours.T).toarray(), (expected @ expected.T).toarray(), atol=1e-5)


def test_products_of_features_are_cosines_where_every_text_is_a_landmark():
    texts = objects(TEXTS)
    words = words_of(texts)
    X = text_features(texts)
    vectors = Vectors.of(words)(words)
    assert np.allclose(X @ X.T, (vectors @ vectors.T).toarray(), atol=1e-4)
    assert np.allclose(np.linalg.norm(X, axis=1), [1, 1, 1, 1, 1, 0], atol=1e-4)


def test_blocks_and_landmarks_change_little(monkeypatch):
    texts = many(500)
    whole = text_features(texts)
    monkeypatch.setattr(module, "BLOCK", 64)
    assert np.allclose(text_features(texts), whole, atol=1e-5)
    some = module.TEXTS.__class__(landmarks=200, dimensions=150)
    monkeypatch.setattr(module, "TEXTS", some)
    fewer = text_features(texts)
    assert fewer.shape == (500, 150)
    assert np.linalg.norm(fewer, axis=1).max() < 1 + 1e-4  # a projection of vectors of length 1
    near = np.corrcoef((whole @ whole[:50].T).ravel(), (fewer @ fewer[:50].T).ravel())[0, 1]
    assert near > 0.8  # texts of random words, the hardest to compress


def test_texts_without_anything_in_common_are_refused():
    with pytest.raises(InputError, match="no two texts") as caught:
        text_features(objects(["abc", "xyz"]))
    assert "--text-column" in str(caught.value.help)
