"""Addresses such as s3://bucket/labels.csv, and the places on this machine of what lies there.

`place_of` gives the path at which a copy is kept, and `address_of` the address of such a path. The
two are inverse to each other, so that readers know paths alone, and people read addresses alone:
`shown` puts addresses in the place of paths. What is secret in an address, a password or what
follows the question mark, is in none of them: it is remembered in this process, and in no file.
"""

import os
import re
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from urllib.parse import quote, unquote

NO_ADDRESS = (
    "name a file or folder here: only DATA and files of labels, probabilities and features may be "
    "addresses"
)
FOLDER = "ALFS_CACHE_DIR"  # the variable that names the folder of copies
HTTP = ("http", "https")  # whose paths are written with %20 for a space
NO_HOST = ("memory", "zip", "tar")  # addresses whose path begins after the slashes
NO_LOGIN = ("github",)  # where user:name@ is a repository
CACHES = re.compile(r"(?:(?:simple|file|block)cache::)+")  # links of fsspec that keep copies
ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://")  # a drive has one letter
COLLAPSED = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/(?!/)")  # an address that was taken for a path


@dataclass(frozen=True)
class Address:
    """The parts of an address; `rest` is the address of the archive that the path lies in, if any.

    `login` (user:password) and `query` are secret, and so are those of `rest`.
    """

    scheme: str
    host: str
    path: str
    login: str = ""
    query: str = ""
    rest: str = ""

    @property
    def url(self) -> str:
        """The whole address, as fsspec takes it; it may hold secrets."""
        path = quote(self.path, safe="/~!$&'()*+,;=:@") if self.scheme in HTTP else self.path
        login = f"{self.login}@" if self.login else ""
        query = f"?{self.query}" if self.query else ""
        host = f"{login}{self.host}" + ("/" if self.scheme not in NO_HOST else "")
        return f"{self.scheme}://{host}{path}{query}" + (f"::{self.rest}" if self.rest else "")

    @property
    def shown(self) -> str:
        """The address without its secrets, and with spaces as they are."""
        host = self.host + ("/" if self.scheme not in NO_HOST else "")
        rest = f"::{parsed(self.rest).shown}" if self.rest else ""
        return f"{self.scheme}://{host}{self.path}{rest}"

    @property
    def is_secret(self) -> bool:
        """Whether the address holds a password or a query, which no file may keep."""
        own = bool(self.login or self.query)
        return own or (bool(self.rest) and is_address(self.rest) and parsed(self.rest).is_secret)


def is_address(text: object) -> bool:
    """Say whether a text is an address, and no path.

    >>> is_address("s3://bucket/labels.csv"), is_address("C:/labels.csv"), is_address("a/b.csv")
    (True, False, False)
    """
    if not isinstance(text, str):
        return False
    cached = CACHES.match(text)
    return ADDRESS.match(text, cached.end() if cached else 0) is not None


def parsed(text: str) -> Address:
    """Return the parts of an address.

    >>> parsed("https://me:secret@host:8000/a%20b.csv?token=x").shown
    'https://host:8000/a b.csv'
    """
    head, _, rest = CACHES.sub("", text, count=1).partition("::")
    scheme, _, after = head.partition("://")
    scheme = scheme.lower()
    if scheme in NO_HOST:
        return Address(scheme, "", after.lstrip("/"), rest=rest)
    host, _, path = after.partition("/")
    login, _, bare = host.rpartition("@")
    if ":" not in login or scheme in NO_LOGIN:
        login, bare = "", host
    query = ""
    if scheme in HTTP:
        path, _, query = path.partition("?")
        path = unquote(path.partition("#")[0])
    return Address(scheme, bare, path, login, query, rest)


def store_of(text: str) -> str:
    """Return the address of all that lies at the host of an address, without secrets.

    >>> store_of("https://me:secret@host/photos/a.png?token=x"), store_of("memory://a.png")
    ('https://host/', 'memory://')
    """
    return replace(parsed(text), path="", rest="").shown


def copies_folder() -> Path:
    """Return the folder of the copies: $ALFS_CACHE_DIR, else in the user's folder of caches."""
    own = os.environ.get(FOLDER)
    if own:
        return Path(own).absolute() / "remote"
    usual = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(usual).absolute() / "alfs" / "remote"


_SECRETS: dict[str, Address] = {}  # addresses by the folder of their host, where they have secrets


def place_of(address: Address) -> Path | None:
    """Return the path of the copy of what lies at an address; None where no path can be so called.

    Addresses with other secrets have copies of their own.
    """
    folder = quote(address.host, safe="") or "-"
    hidden = "\0".join((address.login, address.query, address.rest))
    if hidden.strip("\0"):
        from hashlib import sha256  # loads OpenSSL

        folder += f"~{sha256(hidden.encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"
    parts = address.path.rstrip("/").split("/") if address.path.rstrip("/") else []
    if not all(map(is_plain, (folder, *parts))):
        return None
    top = copies_folder() / address.scheme / folder
    if hidden.strip("\0"):
        _SECRETS[str(top)] = address
    return top.joinpath(*parts)


def is_plain(name: str) -> bool:
    """Say whether a name can be that of a file in a folder, and leads nowhere else."""
    if name in ("", ".", "..") or set(name) & {"\0", "/", os.sep}:
        return False
    return len(name.encode("utf-8", "surrogateescape")) <= 255


def address_of(path: str | Path) -> Address | None:
    """Return the address that a path holds the copy of, None for any other path."""
    top = os.path.join(copies_folder(), "")
    text = os.path.normpath(path) if "\0" not in str(path) else ""
    if not text.startswith(top):
        return None
    scheme, _, below = text[len(top) :].replace(os.sep, "/").partition("/")
    folder, _, inside = below.partition("/")
    if not folder:
        return None
    if known := _SECRETS.get(os.path.join(top, scheme, folder)):
        return replace(known, path=inside)
    host = unquote(folder.partition("~")[0])
    return Address(scheme, "" if host == "-" else host, inside)


def shown(text: str) -> str:
    """Return a path or an address as people read it: as an address without secrets, else as it is.

    >>> shown("data/labels.csv"), shown("https://host/labels.csv?signature=secret")
    ('data/labels.csv', 'https://host/labels.csv')
    """
    if is_address(text):
        return parsed(text).shown
    address = address_of(text)
    return text if address is None else address.shown


def with_addresses(message: str) -> str:
    """Return a message in which addresses stand for the paths of copies."""
    top = os.path.join(copies_folder(), "")
    if top not in message:
        return message
    return _copies_below(top).sub(_as_address, message)


@cache
def _copies_below(top: str) -> re.Pattern[str]:
    return re.compile(
        re.escape(top) + r"(?P<scheme>[a-z0-9+.-]+)/(?P<folder>[^/\s']+)(?P<slash>/?)"
    )


def _as_address(found: re.Match[str]) -> str:
    host = unquote(found["folder"].partition("~")[0])
    slash = "" if found["scheme"] in NO_HOST else found["slash"]
    return f"{found['scheme']}://{'' if host == '-' else host}{slash}"


def address_taken(path: str | Path) -> str | None:
    """Return the address that a path was made of, as Path("s3://x") is, None for any other path.

    >>> address_taken(Path("s3://bucket/a")), address_taken(Path("a/b"))
    ('s3://bucket/a', None)
    """
    text = str(path)
    return None if COLLAPSED.match(text) is None else text.replace(":/", "://", 1)
