"""Text that cannot steer what shows it: no control characters, no marks that turn its direction.

What a text may hold is what Python calls printable. `plain` puts a mark for the rest; `escaped`
writes it out, and `unescaped` gives the text back.
"""

import re

TAIL = r"(?:x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8})"
WRITTEN = re.compile(rf"\\{TAIL}")
NOT_ITSELF = re.compile(rf"\\(?={TAIL})|[^\\ -~]")


def plain(text: str, *, keep: str = "", mark: str = "\ufffd") -> str:
    """Return text with `mark` for each character that is neither printable nor one of `keep`."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else mark for c in text)


def escaped(text: str, *, keep: str = "\n\t") -> str:
    r"""Return text with `\xNN`, `\uNNNN` or `\UNNNNNNNN` for what is not printable.

    A backslash before what would read as one of these becomes `\x5c`, so that `unescaped` gives
    back the very same text.
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
    """Return the text that `escaped` made this from."""
    return WRITTEN.sub(lambda match: _meant(match[0]) or match[0], text)


def _meant(text: str) -> str | None:
    """Return the character that an escape at the beginning of a text stands for, if it is one."""
    match = WRITTEN.match(text)
    code = int(match[0][2:], 16) if match else -1
    character = chr(code) if 0 <= code < 0x110000 else "a"
    return character if character == "\\" or not character.isprintable() else None


def _code(character: str) -> str:
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
