"""Text that is safe to show: without control characters and marks of writing direction.

Characters that Python calls printable are kept. `plain` replaces all others by a mark; `escaped`
writes them as escapes, and `unescaped` restores them.
"""

import re

TAIL = r"(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})"
WRITTEN = re.compile(rf"\\{TAIL}")
NOT_ITSELF = re.compile(rf"\\(?={TAIL})|[^\\ -~]")


def plain(text: str, *, keep: str = "", mark: str = "\ufffd") -> str:
    """Return the text with `mark` for each character that is neither printable nor in `keep`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else mark for c in text)


def escaped(text: str, *, keep: str = "\n\t") -> str:
    r"""Return the text with `\xNN`, `\uNNNN` or `\UNNNNNNNN` for characters not printable.

    A backslash before a text that could be read as such an escape becomes `\x5c`, so that
    `unescaped` restores the exact text. Characters in `keep` are not escaped.

    >>> escaped("a\x1b") == r"a\x1b"
    True
    """
    if text.isascii() and text.isprintable() and "\\" not in text:
        return text

    def written(match: "re.Match[str]") -> str:
        character = match[0]
        if character == "\\":
            return r"\x5c" if _meant(text[match.start() :]) is not None else character
        return character if character.isprintable() or character in keep else _code(character)

    return NOT_ITSELF.sub(written, text)


def unescaped(text: str) -> str:
    """Return the text from which `escaped` made this one."""
    return WRITTEN.sub(lambda match: _meant(match[0]) or match[0], text)


def _meant(text: str) -> str | None:
    """Return the character of an escape at the beginning of a text, None where there is none."""
    match = WRITTEN.match(text)
    code = int(match[0][2:], 16) if match else -1
    character = chr(code) if 0 <= code < 0x110000 else "a"
    return character if character == "\\" or not character.isprintable() else None


def _code(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
