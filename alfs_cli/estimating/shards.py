"""Probabilities counted in parts on many machines, and the estimate from all parts."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alfs_cli.console import Console
from alfs_cli.data import DataSpec, here
from alfs_cli.data.readers.streaming import open_probabilities
from alfs_cli.errors import InputError, UsageError
from alfs_cli.estimating.estimated import Estimated
from alfs_cli.estimating.in_passes import about_stream, finished, passes
from alfs_cli.estimating.options import EstimateOptions
from alfs_cli.estimators.fitting import check_options
from alfs_cli.estimators.passes.shards import check_about, load_shard, merged, save_shard


def shard_of(text: str) -> tuple[int, int]:
    """Return (I, N) of `I/N`; raises UsageError unless 1 <= I <= N.

    >>> shard_of("2/4")
    (2, 4)
    """
    match = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise UsageError(
            f"--shard is '{text[:100]}', not I/N", help="for example --shard 1/4 to 4/4"
        )
    return int(match[1]), int(match[2])


def write_shard(spec: DataSpec, shard: str, path: Path, console: Console) -> int:
    """Read one shard of DATA, write its statistics, and return its number of rows."""
    part, parts = shard_of(shard)
    spec = here(spec)
    stream = open_probabilities(spec)
    first, last = (stream.count * place // parts for place in (part - 1, part))
    if first == last:
        raise UsageError(
            f"--shard {shard} of {stream.count:,} rows is empty", help="use fewer shards"
        )
    kept = passes(stream, first, last, console, is_whole=False)
    save_shard(path, kept, about_stream(stream, spec, part, parts))
    return last - first


def estimate_shards(
    paths: Sequence[Path], options: EstimateOptions, console: Console, *, started: float
) -> Estimated:
    """Estimate from the statistics of all shards; exactly the result of one read of DATA.

    Raises InputError where shards are missing, given twice, or of different data.
    """
    check_options(method="confident", confidence=options.confidence, resamples=options.resamples)
    read = [load_shard(path) for path in paths]
    for path, (shard, about) in zip(paths, read, strict=True):
        check_about(about, shard, path)
    _refuse_mixed(paths, [about for _, about in read])
    whole = merged([shard for shard, _ in read], where=[str(path) for path in paths])
    if not len(whole.sample.row):
        raise InputError("the shards hold no sample of the examples", help="make them anew")
    return finished(whole, read[0][1], options, console, started=started)


def _refuse_mixed(paths: Sequence[Path], about: Sequence[dict[str, Any]]) -> None:
    for path, one in zip(paths, about, strict=True):
        for key in ("fingerprint", "classes", "parts", "count"):
            if one[key] != about[0][key]:
                raise InputError(
                    f"'{path}' and '{paths[0]}' are shards of different data ({key} differs)",
                    help="make all shards from the same DATA, with the same N",
                )
    have = [one["part"] for one in about]
    missing = sorted(set(range(1, about[0]["parts"] + 1)) - set(have))
    if len(have) != len(set(have)):
        raise InputError("a shard is given twice", help="alfs merge wants each once")
    if missing:
        raise InputError(
            f"shard {missing[0]}/{about[0]['parts']} is missing among the {len(paths)} files",
            help="alfs merge wants all shards",
        )
