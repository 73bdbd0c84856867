"""CVAT for images: annotations.xml, with a tag for each image.

The file is read as a stream. A document type is refused, since nothing but it can define entities,
which may grow without bound or name other files.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np
import pandas as pd

from alfs_cli.data.content import Content
from alfs_cli.data.dataset import DataSpec
from alfs_cli.data.declared import Declared
from alfs_cli.data.labels import same_text
from alfs_cli.data.readers.delimited import THERE
from alfs_cli.data.readers.listing import Listing, folder_of, left_out
from alfs_cli.data.readers.manifest import content_of
from alfs_cli.data.readers.tables import Table
from alfs_cli.errors import InputError, brief
from alfs_cli.storage.files import as_text_file

EXPORT = "export the task from CVAT as 'CVAT for images 1.1', with tags"


@dataclass
class Found:
    """What was read so far: names of images, their tags, names of labels, and other shapes."""

    path: Path
    names: list[str] = field(default_factory=list)
    tags: list[list[str]] = field(default_factory=list)
    labels: dict[str, None] = field(default_factory=dict)
    shapes: int = 0
    open: list[str] = field(default_factory=list)
    text: str = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take the start of an element."""
        if not self.open and name != "annotations":
            raise InputError(f"'{self.path}' is XML of another kind: <{brief(name)}>", help=EXPORT)
        if self.open[-1:] == ["image"]:
            if name == "tag":
                self.tags[-1].append(same_text(attributes.get("label", "")))
            else:
                self.shapes += 1
        elif name == "image":
            self.names.append(attributes.get("name", ""))
            self.tags.append([])
        self.open.append(name)
        self.text = ""

    def characters(self, text: str) -> None:
        """Take a piece of text."""
        if self.open[-2:] == ["label", "name"]:
            self.text += text

    def end(self, _name: str) -> None:
        """Take the end of an element."""
        if self.open[-3:] == ["labels", "label", "name"]:
            self.labels[same_text(self.text)] = None
        self.open.pop()


def read_cvat(path: Path) -> Table:
    """Return the images of a CVAT file with their tags as a table."""
    return cvat_listing(path).table


def read_cvat_data(path: Path, spec: DataSpec) -> Content:
    """Return the content of a CVAT file: its images, labelled by their tags."""
    return content_of(cvat_listing(path), spec)


def cvat_listing(path: Path) -> Listing:
    """Return the images of a CVAT file, each with the label of its tag.

    Images without a tag are left out, with a note. Raises InputError where an image has several
    labels, where there are shapes but no tags, and where the file is no such XML.
    """
    found = _parsed(path)
    rows = [place for place, tags in enumerate(found.tags) if tags]
    if not rows:
        what = f"{found.shapes:,} shapes and no tag" if found.shapes else "no tag on any image"
        raise InputError(
            f"'{path}' has {what}: what is judged is one label for each image",
            help="label the images with tags, or cut each object out as a picture of its own",
        )
    several = [place for place in rows if len(set(found.tags[place])) > 1]
    if several:
        raise InputError(
            f"{len(several):,} of {len(found.names):,} images of '{path}' have more than one tag "
            f"(first: '{brief(found.names[several[0]])}'): each example has one label here "
            "(single-label data)",
            help="keep the images with one tag, or audit a column 0/1 for each class at a time",
        )
    columns = {
        "file_name": [found.names[place] for place in rows],
        "label": [found.tags[place][0] for place in rows],
    }
    frame = pd.DataFrame(columns, index=np.asarray(rows, dtype=np.int64), dtype=object)
    declared = tuple(found.labels)
    is_whole = set(declared) >= set(columns["label"])
    orders = {"label": Declared(declared)} if is_whole else {}
    base = folder_of(path, columns["file_name"][0])
    table = Table(path, frame, None, orders=orders, is_as_written=False, base=base)
    notes = left_out(len(found.names) - len(rows), len(found.names), "images have no tag")
    return Listing(table, kind="cvat", notes=notes)


def _parsed(path: Path) -> Found:
    found = Found(path)
    parser: Any = expat.ParserCreate()
    parser.StartElementHandler = found.start
    parser.EndElementHandler = found.end
    parser.CharacterDataHandler = found.characters
    parser.StartDoctypeDeclHandler = lambda *_: _refuse_document_type(path)
    try:
        with as_text_file(path).open("rb") as file:
            parser.ParseFile(file)
    except OSError as error:
        raise InputError(f"cannot read '{path}': {error.strerror or error}", help=THERE) from None
    except (expat.ExpatError, ValueError) as error:
        raise InputError(f"'{path}' is no XML: {brief(error)}", help=EXPORT) from None
    return found


def _refuse_document_type(path: Path) -> None:
    raise InputError(
        f"'{path}' has a document type, which may define entities that grow without bound",
        help="remove the line <!DOCTYPE ...>: CVAT writes none",
    )
