"""Problems in words: each says where it is, once."""

from alfs_cli.data import in_words
from alfs_cli.data.dataset import MOST_TOLD, Problem


def test_each_says_where_it_is_once():
    missing = "the label is missing"
    assert in_words(
        [
            Problem("ALFS406", missing, "a.png", 3),
            Problem("ALFS406", missing, None, 3),
            Problem("ALFS406", f"row 3: {missing}", None, None, row=3),
            Problem("ALFS401", "'a.png' cannot be read as an image", "a.png", 7),
            Problem("ALFS403", "class 'cat' has 1 example"),
        ]
    ) == [
        "'a.png': the label is missing (ALFS406)",
        "line 3: the label is missing (ALFS406)",
        "row 3: the label is missing (ALFS406)",
        "'a.png' cannot be read as an image (ALFS401)",
        "class 'cat' has 1 example (ALFS403)",
    ]


def test_of_many_the_first_few_are_told():
    said = in_words([Problem("ALFS406", "no label", None, line) for line in range(2, 10)])
    assert len(said) == MOST_TOLD + 1
    assert said[-1] == "and 3 more; `alfs check` lists them"
