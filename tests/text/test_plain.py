"""Text that steers nothing, and comes back where it has to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alfs_cli.text.plain import escaped, plain, unescaped

TEXTS = st.text() | st.text("\\xuU5c12e0ab\x1b\u202e\U000e0001\ud800\n\t'=")


@given(text=TEXTS)
def test_every_text_comes_back(text):
    written = escaped(text)
    assert unescaped(written) == text
    assert all(c.isprintable() or c in "\n\t" for c in written)


@given(text=TEXTS)
def test_what_stands_for_the_rest_is_a_mark(text):
    kept = plain(text, keep="\n")
    assert len(kept) == len(text)
    for before, after in zip(text, kept, strict=True):
        assert before == after or (after == "\ufffd" and not before.isprintable())


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("caf\u00e9 \U0001f408", "caf\u00e9 \U0001f408"),
        ("data\\new\\x.png", "data\\new\\x.png"),
        ("C:\\xff", "C:\\xff"),  # a letter: no escape
        ("\\x1b", "\\x5cx1b"),
        ("\\\x1b", "\\\\x1b"),
        ("\\x5c", "\\x5cx5c"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_escapes(text, written):
    assert escaped(text) == written
    assert unescaped(written) == text
