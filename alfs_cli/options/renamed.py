"""Words that have another name now, and are understood for one version more."""

from collections.abc import Callable, Sequence

SHARD, MERGE = ("--shard", "--stats"), "--merge"


def renamed(words: Sequence[str], *, note: Callable[[str], None]) -> list[str]:
    """Return a command line in today's words; says which were of yesterday.

    Shards and their merging were options of `estimate`: --shard I/N --stats FILE, and --merge A B.
    """
    if not words or words[0] != "estimate":
        return list(words)
    options = [word.partition("=")[0] for word in words if word.startswith("--")]
    if MERGE in options:
        note("--merge of 'alfs estimate' is a command of its own now: alfs merge FILE...")
        return ["merge", *_without_merge(words[1:])]
    if any(name in options for name in SHARD):
        note("--shard of 'alfs estimate' is a command of its own now: alfs shard")
        return ["shard", *words[1:]]
    return list(words)


def _without_merge(words: Sequence[str]) -> list[str]:
    """Return the words after `--merge` as arguments: its own value, and those that follow it."""
    kept = []
    for word in words:
        name, equals, value = word.partition("=")
        if name == MERGE:
            kept += [value] if equals else []
        else:
            kept.append(word)
    return kept
