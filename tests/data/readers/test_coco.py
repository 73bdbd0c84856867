"""COCO files whose images have one category each."""

import copy
import json

import numpy as np
import pytest

from alfs_cli.data import DataSpec, load
from alfs_cli.errors import InputError

NAMES = {7: "zebra", 3: "cat", 90: "dog"}  # COCO's ids have gaps, and no order
ORDER = ("cat", "zebra", "dog")


@pytest.fixture
def document():
    """Return nine images with a category each, one of them annotated twice."""
    images = [{"id": 100 + i, "file_name": f"{i}.png", "width": 8, "height": 8} for i in range(9)]
    ids = list(NAMES)
    annotations = [
        {"id": i, "image_id": 100 + i, "category_id": ids[i % 3], "bbox": [0, 0, 8, 8]}
        for i in range(9)
    ]
    annotations.append({"id": 9, "image_id": 100, "category_id": 7})
    categories = [{"id": i, "name": name, "supercategory": ""} for i, name in NAMES.items()]
    return {"info": {}, "images": images, "annotations": annotations, "categories": categories}


@pytest.fixture
def write(tmp_path, picture):
    """Write a document, and its pictures into `folder`."""

    def written(document, name="coco.json", folder="."):
        for seed in range(9):
            picture(tmp_path / folder / f"{seed}.png", seed)
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(document))
        return DataSpec(str(path))

    return written


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("coco.json", "."),
        ("coco.json", "images"),
        ("annotations/instances_default.json", "images/default"),
        ("annotations/instances_default.json", "images"),
    ],
)
def test_labels_pictures_and_the_order_of_ids(write, document, name, folder):
    dataset = load(write(document, name, folder))
    assert dataset.kind == "coco"
    assert dataset.class_names == ORDER
    assert [dataset.class_names[k] for k in dataset.labels] == list(NAMES.values()) * 3
    assert dataset.images.decode(np.arange(9))[1].all()


def test_images_without_an_annotation_are_left_out(write, document):
    document["annotations"] = document["annotations"][:7]
    dataset = load(write(document))
    assert len(dataset) == 7
    assert "2 of 9 images have no annotation and are left out" in dataset.notes


def test_several_categories_are_refused(write, document):
    document["annotations"][-1]["category_id"] = 3
    with pytest.raises(InputError, match=r"1 of 9 images .* more than one category .*0\.png"):
        load(write(document))


def broken(document, part, key, value):
    found = copy.deepcopy(document)
    found[part][0][key] = value
    return found


@pytest.mark.parametrize(
    ("part", "key", "value", "says"),
    [
        ("annotations", "category_id", 5, "names '5', which is none of its categories"),
        ("annotations", "image_id", 5, "names '5', which is none of its images"),
        ("annotations", "image_id", None, "'annotations' .* has no 'image_id'"),
        ("annotations", "category_id", [1], "has no 'category_id'"),
        ("images", "id", None, "'images' .* has no 'id'"),
        ("images", "file_name", "../x.png", "points outside the root"),
        ("images", "file_name", None, "an empty file_name"),
        ("categories", "name", "dog", "two of one id or name"),
        ("categories", "id", 3, "two of one id or name"),
    ],
)
def test_what_does_not_fit_together_is_refused(write, document, part, key, value, says):
    with pytest.raises(InputError, match=says):
        load(write(broken(document, part, key, value)))


def test_entries_that_are_no_objects(write, document):
    with pytest.raises(InputError, match=r"'images' .* has no 'id'"):
        load(write(document | {"images": [1, 2]}))
    with pytest.raises(InputError, match=r"has no categories"):
        load(write(document | {"categories": []}))


def test_images_without_any_annotation(write, document):
    with pytest.raises(InputError, match=r"no image of .* has an annotation \(9 images\)"):
        load(write(document | {"annotations": []}))
