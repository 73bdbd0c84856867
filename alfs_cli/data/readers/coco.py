"""COCO files whose images have one category each, as labels of images."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from alfs_cli.data.declared import Declared
from alfs_cli.data.labels import same_text
from alfs_cli.data.readers.listing import Listing, folder_of, left_out
from alfs_cli.data.readers.tables import Table
from alfs_cli.errors import InputError, brief

LISTS = ("images", "annotations", "categories")


def is_coco(document: dict[str, Any]) -> bool:
    """Say whether a JSON document has the three lists of COCO."""
    return all(isinstance(document.get(name), list) for name in LISTS)


def coco_listing(path: Path, document: dict[str, Any]) -> Listing:
    """Return the images of a COCO file, each with the name of its category.

    Images without an annotation are left out, with a note. Raises InputError where an image has
    several categories, and where an annotation names an image or a category that is not there.
    """
    names = _categories(path, document["categories"])
    images = {_key(path, image, "id", "images"): image for image in document["images"]}
    found = _categories_of(path, document["annotations"], images, names)
    if not found:
        raise InputError(
            f"no image of '{path}' has an annotation ({len(images):,} images)",
            help="export annotations with the images: what is judged is the category of each",
        )
    rows = [place for place, image in enumerate(images) if image in found]
    keys = list(images)
    chosen = [images[keys[place]] for place in rows]
    columns = {
        "file_name": [image.get("file_name") for image in chosen],
        "label": [names[next(iter(found[keys[place]]))] for place in rows],
    }
    frame = pd.DataFrame(columns, index=np.asarray(rows, dtype=np.int64), dtype=object)
    orders = {"label": Declared(tuple(names.values()))}
    base = folder_of(path, next(iter(columns["file_name"]), ""))
    table = Table(path, frame, None, orders=orders, is_as_written=False, base=base)
    notes = left_out(len(images) - len(rows), len(images), "images have no annotation")
    return Listing(table, kind="coco", notes=notes)


def _categories_of(
    path: Path, annotations: list[Any], images: dict[Any, Any], names: dict[Any, str]
) -> dict[Any, set[Any]]:
    """Return the category of each annotated image; raises InputError where one has several."""
    found: dict[Any, set[Any]] = defaultdict(set)
    for annotation in annotations:
        image = _key(path, annotation, "image_id", "annotations")
        category = _key(path, annotation, "category_id", "annotations")
        for key, known, what in ((image, images, "images"), (category, names, "categories")):
            if key not in known:
                raise InputError(
                    f"an annotation of '{path}' names '{brief(key)}', which is none of its {what}",
                    help="is the file whole? export it again",
                )
        found[image].add(category)
    several = [image for image, categories in found.items() if len(categories) > 1]
    if several:
        first = images[several[0]].get("file_name", several[0])
        raise InputError(
            f"{len(several):,} of {len(images):,} images of '{path}' have more than one category "
            f"(first: '{brief(first)}'): each example has one label here (single-label data)",
            help="keep the images with one category, or cut each object out as a picture",
        )
    return found


def _categories(path: Path, categories: list[Any]) -> dict[Any, str]:
    """Return the names of categories by id, in the order of their ids."""
    found = {_key(path, c, "id", "categories"): same_text(str(c.get("name"))) for c in categories}
    if len(set(found.values())) < len(categories) or not found:
        raise InputError(
            f"'{path}' has no categories, or two of one id or name",
            help="give each category an id and a name of its own",
        )
    return {key: found[key] for key in sorted(found, key=lambda key: (str(type(key)), key))}


def _key(path: Path, entry: Any, name: str, where: str) -> Any:
    key = entry.get(name) if isinstance(entry, dict) else None
    if not isinstance(key, int | str):
        raise InputError(
            f"an entry of '{where}' in '{path}' has no '{name}'",
            help="images, annotations and categories are read, as COCO describes them",
        )
    return key
