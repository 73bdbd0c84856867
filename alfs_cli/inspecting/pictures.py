"""Which picture files cannot be read to their end, whatever their labels."""

import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from alfs_cli.data.images.kinds import FileImages
from alfs_cli.data.located import is_wanted
from alfs_cli.data.readers import READERS
from alfs_cli.data.readers.folder import images_below, shown
from alfs_cli.errors import InputError
from alfs_cli.findings.finding import Finding
from alfs_cli.findings.rules import RULES
from alfs_cli.storage.documents import to_document
from alfs_cli.storage.files import as_file
from alfs_cli.storage.memory import threads
from alfs_cli.storage.remote import copied

SCHEMA = "alfs.inspect/1"
DATA_SETS = tuple(READERS)


@dataclass(frozen=True)
class Inspection:
    """The number of files that were read, and a finding for each that cannot be decoded.

    Findings are of the rules ALFS401, ALFS402 and ALFS407.
    """

    passed: bool
    files: int
    findings: tuple[Finding, ...]

    def document(self) -> dict[str, object]:
        """Return the inspection as a JSON document."""
        return to_document(SCHEMA, self)


def inspect_pictures(paths: Iterable[str]) -> Inspection:
    """Decode files, and the images in folders and below, and return which cannot be decoded.

    Raises InputError for a path that does not exist, a data set, and a folder without images.
    """
    files: dict[str, None] = {}
    for path in map(_here, paths):
        if not os.path.lexists(path):
            raise InputError(f"no such file or directory: '{path}'", help="name images or folders")
        if path.lower().endswith(DATA_SETS):
            raise InputError(
                f"'{path}' is a data set, no image",
                help=f"alfs check {shown(path)} looks at its labels and its images",
            )
        found = images_below(path) if os.path.isdir(path) else [str(as_file(path))]
        if not found:
            raise InputError(f"no images under '{path}'", help="name images or folders of them")
        files |= dict.fromkeys(found)
    images = FileImages(tuple(files), tuple(shown(path) for path in files))
    with ThreadPoolExecutor(threads()) as pool:
        problems = [found for found in pool.map(images.problem, range(len(images))) if found]
    findings = tuple(
        Finding(problem.rule, RULES[problem.rule].level, problem.message, problem.path)
        for problem in problems
    )
    return Inspection(not findings, len(images), findings)


def _here(path: str) -> str:
    return copied(path, wanted=is_wanted)
