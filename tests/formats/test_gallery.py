"""A gallery on a page: how many of how many, filters without a script, links, breakable names."""

import re

import pytest

from alfs_cli.formats import render
from alfs_cli.formats.blocks import Gallery, Picture, Report
from alfs_cli.formats.html import breakable, filters

HOSTILE = 'a"]{}</style><script>'


def pictures(*pairs):
    return tuple(
        Picture(
            b"x", f"given {given}", place=f"data/{place}_b.png", href="data/x%20y.png",
            given=given, suggested=suggested, reasons=("T: 1.5 % of it",),
        )
        for place, (given, suggested) in enumerate(pairs)
    )  # fmt: skip


def page(gallery):
    return render(Report("t", (gallery,), {}), "html")


def test_every_filter_keeps_the_figures_it_counts():
    pairs = [("cat", "dog"), (HOSTILE, "dog"), ("cat", "owl"), ("cat", "dog")]
    found = page(Gallery("G", pictures(*pairs), total=692))
    figures = re.findall(r'<figure class="([^"]*)">', found)
    options = dict(re.findall(r'<option value="([gp]\d+)">[^<]*\((\d+)\)</option>', found))
    rules = re.findall(r'option\[value="(\w+)"\]:checked\) figure:not\(\.(\w+)\)', found)
    assert len(figures) == 4
    assert len(options) == 5  # two given classes, three pairs
    assert sorted(rules) == sorted((key, key) for key in options)
    for key, count in options.items():
        assert sum(key in classes.split() for classes in figures) == int(count)
    assert "4 of 692; the others are in issues.csv. In brackets: the probability" in found
    assert HOSTILE not in found


@pytest.mark.parametrize("pairs", [[("cat", "dog")] * 3, [("", "")] * 2], ids=["one pair", "none"])
def test_what_cannot_be_filtered_has_no_filter(pairs):
    found = page(Gallery("G", pictures(*pairs)))
    assert "<select>" not in found
    assert filters(Gallery("G", pictures(*pairs)))["of"] == [""] * len(pairs)


def test_a_picture_links_its_file_and_says_why():
    found = page(Gallery("G", pictures(("cat", "dog"))))
    assert '<a href="data/x%20y.png">data/<wbr>0_<wbr>b.<wbr>png</a>' in found
    assert "<small>T: 1.5 % of it</small>" in found
    assert " of 692" not in found


@pytest.mark.parametrize("text", ["0.25", "cat", "", "a b", "..", "-"])
def test_words_and_numbers_stay_whole(text):
    assert breakable(text) == text
