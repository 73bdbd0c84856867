"""Former spellings of commands, which are understood for one more version."""

from collections.abc import Callable, Sequence

SHARD, MERGE = ("--shard", "--stats"), "--merge"


def renamed(words: Sequence[str], *, note: Callable[[str], None]) -> list[str]:
    """Return the command line with former spellings replaced; `note` is told of each.

    `shard` and `merge` were options of `estimate`: --shard I/N --stats FILE, and --merge A B.

    >>> renamed(["estimate", "--merge", "1.npz", "2.npz"], note=lambda text: None)
    ['merge', '1.npz', '2.npz']
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
    """Return the words without `--merge`; a value given as --merge=FILE stays, as a word."""
    kept = []
    for word in words:
        name, equals, value = word.partition("=")
        if name == MERGE:
            kept += [value] if equals else []
        else:
            kept.append(word)
    return kept
