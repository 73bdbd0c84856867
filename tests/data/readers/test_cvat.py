"""CVAT for images 1.1: tags, the order of labels, and what is refused."""

from xml.sax.saxutils import quoteattr

import numpy as np
import pytest

from alfs_cli.data import DataSpec, load
from alfs_cli.errors import InputError

LABELS = ("zebra", "cat", "d & g")


def document(tags, *, labels=LABELS, within="", names=None):
    declared = "".join(
        f"<label><name>{name.replace('&', '&amp;')}</name><type>tag</type>"
        "<attributes><attribute><name>colour</name></attribute></attributes></label>"
        for name in labels
    )
    images = "".join(
        f'<image id="{i}" name={quoteattr(names[i] if names else f"{i}.png")} width="8" height="8">'
        + "".join(f'<tag label={quoteattr(tag)} source="manual"></tag>' for tag in own)
        + f"{within}</image>"
        for i, own in enumerate(tags)
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><annotations><version>1.1</version><meta><task>'
        f"<name>a task</name><labels>{declared}</labels></task></meta>{images}</annotations>"
    )


@pytest.fixture
def write(tmp_path, picture):
    """Write annotations.xml, and nine pictures into `folder`."""

    def written(text, folder="."):
        for seed in range(9):
            picture(tmp_path / folder / f"{seed}.png", seed)
        (tmp_path / "annotations.xml").write_text(text, encoding="utf-8")
        return DataSpec(str(tmp_path / "annotations.xml"))

    return written


TAGS = [[LABELS[i % 3]] for i in range(9)]


@pytest.mark.parametrize("folder", [".", "images"])
def test_tags_and_the_order_of_labels(write, folder):
    dataset = load(write(document(TAGS), folder))
    assert dataset.kind == "cvat"
    assert dataset.class_names == LABELS
    assert dataset.labels.tolist() == [0, 1, 2] * 3
    assert dataset.images.decode(np.arange(9))[1].all()


def test_images_without_a_tag_are_left_out(write):
    dataset = load(write(document([*TAGS[:7], [], []])))
    assert len(dataset) == 7
    assert "2 of 9 images have no tag and are left out" in dataset.notes


def test_labels_that_the_file_does_not_list_are_in_the_order_of_text(write):
    assert load(write(document(TAGS, labels=()))).class_names == ("cat", "d & g", "zebra")


SHAPES = '<box label="cat" xtl="1" ytl="1" xbr="2" ybr="2"><attribute name="a">b</attribute></box>'
BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>'
FILE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (document([["cat", "zebra"], *TAGS[1:]]), "1 of 9 images .* more than one tag"),
        (document([[]] * 9, within=SHAPES), "9 shapes and no tag"),
        (document([[]] * 9), "no tag on any image"),
        (document(TAGS, names=["../x.png"] * 9), "points outside the root"),
        (document(TAGS).replace("<annotations>", f"{BOMB}<annotations>"), "a document type"),
        (document(TAGS).replace("<annotations>", f"{FILE}<annotations>"), "a document type"),
        ("<html><body/></html>", "XML of another kind: <html>"),
        (document(TAGS)[:-30], "is no XML"),
        ("", "is no XML"),
        ("no xml", "is no XML"),
        ("<annotations>" + "<a>" * 10**6, "is no XML"),
    ],
)
def test_what_is_refused(write, text, says):
    with pytest.raises(InputError, match=says) as caught:
        load(write(text))
    assert caught.value.help


def test_two_tags_of_one_label_are_one(write):
    assert len(load(write(document([tag * 2 for tag in TAGS])))) == 9
