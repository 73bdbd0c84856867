"""Copies on this machine of what lies at addresses: fsspec lists and fetches, readers read copies.

Each time that data are read what lies there is listed, and only what changed since is fetched. So
no copy is of an older version, nothing changes while it is read, and threads, forked processes and
workers open files like any other. A copy holds a digest of its version (the ETag or another digest
that the store keeps, else size and time) as its time of modification: whoever writes to the copy
changes that, and it is fetched anew. What tells no version is fetched each time.
"""

import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass, replace
from fnmatch import translate
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from re import compile as pattern
from typing import Any

from alfs_cli.console import Console
from alfs_cli.errors import AlfsError, InputError, UsageError, brief, did_you_mean
from alfs_cli.text.addresses import (
    FOLDER,
    HTTP,
    Address,
    address_of,
    copies_folder,
    is_address,
    is_plain,
    parsed,
    place_of,
)

EXTRA = "pip install 'alfs-cli[remote]', or 'alfs-audit[remote]' where that is installed"
OFFERED = {
    "s3": "s3fs",
    "gs": "gcsfs",
    "hf": "huggingface_hub",
    "https": "aiohttp",
    "http": "aiohttp",
}
"""The kinds of addresses that the extra brings, and the packages behind them, beside fsspec."""
LOCAL = ("file", "local")  # addresses of this machine
DIGESTS = (
    "ETag", "etag", "sha256", "blob_id", "md5Hash", "content_md5", "Content-MD5", "checksum",
    "Digest", "generation", "CRC",
)  # fmt: skip
TIMES = (
    "LastModified", "Last-Modified", "last_modified", "mtime", "updated", "modified", "created",
    "date_time",
)  # fmt: skip
AT_ONCE = 16  # files that are fetched at a time
THREADED = ("memory", "hf")  # what several threads may ask, beside what asyncio serves
LISTED = 8  # files of one folder from which on the folder is listed, instead of asking for each
TASK = "fetching"
DENIED = (401, 403)
WITHOUT_KEYS = (
    "NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "DefaultCredentialsError",
    "RefreshError", "TokenRetrievalError", "GatedRepoError", "LocalTokenNotFoundError",
)  # fmt: skip
MISSING = ("NoSuchBucket", "NoSuchKey", "RepositoryNotFoundError", "RevisionNotFoundError")
KEYS = {
    "s3": "AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; of a public bucket "
    "FSSPEC_S3_ANON=true",
    "gs": "gcloud auth application-default login, or GOOGLE_APPLICATION_CREDENTIALS=key.json; of a "
    "public bucket FSSPEC_GS_TOKEN=anon",
    "hf": "hf auth login, or HF_TOKEN",
}
"""Where each store takes its credentials from."""

Info = Mapping[str, Any]

_LISTENER: ContextVar[Console | None] = ContextVar("listener", default=None)


@contextmanager
def told_to(console: Console) -> Iterator[None]:
    """Show on a console what is fetched while the context is open."""
    token = _LISTENER.set(console)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def copied(text: str, *, wanted: Callable[[str], bool]) -> str:
    """Return the path of the copies of what lies at an address, fetched where they are not current.

    A text that is no address is a path here, and is returned. An address may name a file, a folder
    or, with a `*`, a pattern of files. Of folders the files whose names are `wanted` are fetched,
    and the others have empty files in their place, since readers count what they pass over.

    Raises:
        UsageError: what fsspec needs for this address is not installed.
        InputError: nothing lies there, it may not be read, or it cannot be kept here.
    """
    if not is_address(text):
        return text
    address = _known(text)
    with reached(address):
        fs, path = _file_system(address)
        place = _place(address)
        if "*" in address.path:
            return _matching(fs, path, address)
        with _alone(place):
            if _is_folder(fs, path, address):
                _fetch_folder(fs, path, address, wanted)
            else:
                _fetch(fs, [(path, fs.info(path), place)], address)
    return str(place)


def kept_at(text: str) -> str:
    """Return the path at which what lies at an address is kept, without fetching it; paths stay.

    Raises InputError for an address that no path can stand for.
    """
    if not is_address(text):
        return text
    return str(_place(_known(text)))


def fetch_listed(paths: Sequence[str]) -> None:
    """Fetch files, given by the paths of their copies; other paths, and missing files, are ignored.

    Raises UsageError and InputError as `copied` does.
    """
    stores: dict[Address, dict[str, Address]] = {}
    for path in paths:
        if (address := address_of(path)) is not None:
            stores.setdefault(replace(address, path=""), {})[path] = address
    for store, files in stores.items():
        with reached(store), _alone(Path(next(iter(files)))):
            fs = _file_system(store)[0]
            wanted = {path: _name_in(fs, address) for path, address in files.items()}
            infos = _infos(fs, list(wanted.values()), store)
            there = [(name, infos[name], Path(p)) for p, name in wanted.items() if name in infos]
            for path, name in wanted.items():
                if name not in infos:
                    Path(path).unlink(missing_ok=True)
            _fetch(fs, there, store)


def is_there(path: Path) -> bool:
    """Say whether a file is at a path or, of a path of copies, at the address of it."""
    address = address_of(path)
    if address is None:
        return path.is_file()
    with reached(address):
        fs, name = _file_system(address)
        return bool(fs.isfile(name))


def _known(text: str) -> Address:
    address = parsed(text)
    if address.scheme in LOCAL:
        raise UsageError(
            f"'{address.shown}' is on this machine", help=f"name it by its path: /{address.path}"
        )
    return address


def _place(address: Address) -> Path:
    found = place_of(address)
    if found is None:
        raise InputError(
            f"'{address.shown}' has a part that no file here can be called: an empty one, '..', or "
            "one that is too long",
            help="rename it there, or fetch it yourself and name the copy",
        )
    return found


# What fsspec is asked.


def _file_system(address: Address) -> tuple[Any, str]:
    """Return the file system of an address and the path in it; nothing is known from earlier."""
    from fsspec.core import url_to_fs

    more = {"skip_instance_cache": True} if address.rest else {}
    fs, path = url_to_fs(address.url, **more)
    fs.invalidate_cache()
    return fs, path


def _name_in(fs: Any, address: Address) -> str:
    """Return the path of an address in its file system."""
    return str(fs._strip_protocol(replace(address, rest="").url))


def _is_folder(fs: Any, path: str, address: Address) -> bool:
    if address.scheme in HTTP:  # where a folder is a page of links
        return address.path.endswith("/") or not PurePosixPath(address.path).suffix
    return bool(fs.info(path)["type"] == "directory")


def _infos(fs: Any, names: Sequence[str], store: Address) -> dict[str, Info]:
    """Return what is known of the files that exist, by name."""
    folders: dict[str, list[str]] = {}
    for name in names:
        folders.setdefault(name.rpartition("/")[0], []).append(name)
    found: dict[str, Info] = {}
    singly: list[str] = []
    for folder, inside in folders.items():
        if len(inside) < LISTED or store.scheme in HTTP:
            singly += inside
            continue
        with suppress(FileNotFoundError):
            listed = {info["name"]: info for info in fs.ls(folder, detail=True)}
            found |= {name: listed[name] for name in inside if name in listed}
    for name, info in zip(singly, _each(fs, store, _info_in(fs), singly), strict=True):
        if info is not None:
            found[name] = info
    return {name: info for name, info in found.items() if info["type"] != "directory"}


def _info_in(fs: Any) -> Callable[[str], Info | None]:
    def info(name: str) -> Info | None:
        try:
            return dict(fs.info(name))
        except FileNotFoundError as error:
            if _is_missing(error):
                return None
            raise

    return info


def _each(
    fs: Any, address: Address, work: Callable[[Any], Any], items: Sequence[Any]
) -> Iterable[Any]:
    """Yield work(item) for each item, several at a time where the file system bears it."""
    if len(items) < 2 or not (fs.async_impl or address.scheme in THREADED):
        yield from map(work, items)
        return
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(work, items)


def _matching(fs: Any, path: str, address: Address) -> str:
    """Fetch the files of a pattern, and return the same pattern of copies."""
    import glob

    folder, _, name = address.path.rpartition("/")
    if "*" in folder:
        raise UsageError(f"'{address.shown}' has a * in a folder", help="only names may have one")
    top = replace(address, path=folder)
    known = fs.ls(path.rpartition("/")[0], detail=True)
    matches = pattern(translate(name))
    found = {PurePosixPath(info["name"]).name: info for info in known if info["type"] == "file"}
    found = {own: info for own, info in found.items() if matches.match(own) and is_plain(own)}
    place = _place(top)
    with _alone(place):
        for other in place.iterdir() if place.is_dir() else ():
            if matches.match(other.name) and other.name not in found:
                _remove(other)
        _fetch(fs, [(info["name"], info, place / own) for own, info in found.items()], top)
    return os.path.join(glob.escape(str(place)), name)


def _fetch_folder(fs: Any, path: str, address: Address, wanted: Callable[[str], bool]) -> None:
    """Make the folder of copies one of what lies there now: files, empty files, and folders."""
    place = _place(address)
    top = fs._strip_protocol(path).rstrip("/")
    files: dict[str, tuple[str, Info]] = {}
    folders: set[str] = set()
    for name, info in fs.find(path, withdirs=True, detail=True).items():
        if not name.startswith(f"{top}/"):  # a link of a page that leads elsewhere
            continue
        below = _below(name, top, address)
        if not below or any(part.startswith(".") for part in below.split("/")):
            continue
        if info["type"] == "directory":
            folders.add(below)
        else:
            files[below] = (name, info)
    if not files and not folders and not fs.isdir(path):
        raise FileNotFoundError(path)
    folders |= {str(above) for below in files for above in PurePosixPath(below).parents}
    _remove_others(place, files, folders)
    place.mkdir(parents=True, exist_ok=True)
    for below in sorted(folders):
        (place / below).mkdir(parents=True, exist_ok=True)
    asked = [below for below in files if wanted(below)]
    if address.scheme in HTTP:  # whose lists tell nothing but names
        infos = _infos(fs, [files[below][0] for below in asked], address)
        files |= {below: (files[below][0], infos.get(files[below][0], {})) for below in asked}
    _fetch(fs, [(*files[below], place / below) for below in asked], address)
    for below in files.keys() - set(asked):
        if not (place / below).exists():
            (place / below).touch()


def _below(name: str, top: str, address: Address) -> str:
    """Return the path of a file below the folder that was listed, "" for the folder itself.

    Raises InputError where it leads out of it or cannot be the name of a file.
    """
    below = name[len(top) + 1 :].rstrip("/")
    if address.scheme in HTTP:
        below = parsed(f"http://host/{below}").path
    if below and not all(map(is_plain, below.split("/"))):
        raise InputError(
            f"'{brief(below)}' in '{address.shown}' is no name that a file here can have",
            help="rename it there",
        )
    return below


def _remove_others(place: Path, files: Mapping[str, Any], folders: set[str]) -> None:
    """Remove copies of what lies there no longer, and files where folders are now."""
    for top, inner, names in os.walk(place, topdown=False):
        for name in names:
            path = Path(top, name)
            if path.relative_to(place).as_posix() not in files:
                path.unlink()
        for name in inner:
            path = Path(top, name)
            if path.relative_to(place).as_posix() not in folders:
                _remove(path)
    if place.is_file():
        place.unlink()


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


# Copies and their versions.


@dataclass(frozen=True)
class _Fetch:
    """A file to fetch: its path there, its copy's path here, and its version, None if not known."""

    name: str
    place: Path
    version: str | None
    size: int | None


def _fetch(fs: Any, files: Iterable[tuple[str, Info, Path]], address: Address) -> None:
    """Fetch the files whose copies are of another version."""
    asked = [_Fetch(name, place, _version(info), info.get("size")) for name, info, place in files]
    asked = [one for one in asked if not _is_current(one)]
    if not asked:
        return
    total = sum(one.size or 0 for one in asked)
    _refuse_no_room(total, address)
    listener = _LISTENER.get()
    if listener is not None:
        number = f"{len(asked):,} file{'s' if len(asked) > 1 else ''}"
        size = f", {total / 1e6:,.1f} MB," if total else ""
        what = f"'{address.shown}' to '{copies_folder()}'"
        listener.note(f"note: fetching {number}{size} from {what}")
    done = 0
    with nullcontext() if listener is None else listener.progress() as progress:
        for _ in _each(fs, address, lambda one: _fetch_one(fs, one, address), asked):
            done += 1
            if progress is not None:
                progress(TASK, done, len(asked))


def _fetch_one(fs: Any, one: _Fetch, address: Address) -> None:
    partial = copies_folder() / f".{_host(one.place)}.partial-{secrets.token_hex(8)}"
    one.place.parent.mkdir(parents=True, exist_ok=True)
    try:
        fs.get_file(one.name, str(partial))
        if not partial.exists():  # of an empty file some make none
            partial.touch()
        if (
            one.size is not None
            and address.scheme not in HTTP
            and partial.stat().st_size != one.size
        ):
            raise ConnectionError("a file did not arrive whole")
        if one.version is not None:
            os.utime(partial, ns=(_stamp(one.version), _stamp(one.version)))
        if one.place.is_dir():
            shutil.rmtree(one.place)
        partial.replace(one.place)
    finally:
        partial.unlink(missing_ok=True)


def _is_current(one: _Fetch) -> bool:
    try:
        found = one.place.stat()
    except OSError:
        return False
    return one.version is not None and found.st_mtime_ns == _stamp(one.version)


def _version(info: Info) -> str | None:
    """Return what tells the version of a file, None where nothing does.

    >>> _version({"size": 3, "ETag": "'x'", "LastModified": 5}), _version({"size": 3})
    ("3 ETag 'x'", None)
    """
    for key in (*DIGESTS, *TIMES):
        if info.get(key):
            return f"{info.get('size')} {key} {info[key]}"
    return None


def _stamp(version: str) -> int:
    """Return a version as a time in ns: 50 bits of us, which most file systems keep."""
    return int.from_bytes(sha256(version.encode()).digest()[:8], "big") % 2**50 * 1000


def _made_folder() -> Path:
    """Return the folder of all copies, which is there then; raises InputError where none can be."""
    top = copies_folder()
    try:
        top.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"no copies can be kept in '{top.parent}': {error.strerror}",
            help=f"the variable {FOLDER} names another folder",
        ) from None
    return top


def _refuse_no_room(size: int, address: Address) -> None:
    top = copies_folder()
    free = shutil.disk_usage(top).free
    if size > free:
        raise InputError(
            f"'{address.shown}' has {size / 1e9:,.1f} GB to fetch, and '{top.parent}' has room for "
            f"{free / 1e9:,.1f} GB",
            help=f"the variable {FOLDER} names a folder on a larger disk",
        )


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Let one process at a time fetch from a host; others wait, and find the copies then.

    On file systems without locks several may fetch the same.
    """
    from filelock import FileLock

    top = _made_folder()
    host = _host(place)
    lock = FileLock(top / f".{host}.lock")
    try:
        lock.acquire()
    except (OSError, NotImplementedError):
        yield
        return
    try:
        for partial in top.glob(f".{host}.partial-*"):  # of a process that was killed
            partial.unlink(missing_ok=True)
        yield
    finally:
        lock.release()


def _host(place: Path) -> str:
    return "-".join(place.relative_to(copies_folder()).parts[:2])


# What went wrong, in words.


@contextmanager
def reached(address: Address) -> Iterator[None]:
    """Turn the errors of fsspec and of the libraries behind it into errors for the user."""
    try:
        yield
    except AlfsError:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise _said(error, address) from None


def _said(error: Exception, address: Address) -> AlfsError:
    scheme, where = address.scheme, address.shown
    if isinstance(error, ImportError):
        return _not_installed(scheme)
    if isinstance(error, ValueError) and "rotocol not known" in str(error):
        return _unknown_scheme(scheme)
    kind, status = _kinds(error), _status(error)
    if status in DENIED or kind & set(WITHOUT_KEYS) or isinstance(error, PermissionError):
        why = "no credentials were found" if kind & set(WITHOUT_KEYS) else "it may not be read"
        usual = f"~/.config/fsspec/*.json or variables FSSPEC_{scheme.upper()}_..., read by fsspec"
        return InputError(
            f"cannot read '{where}': {why}", help=f"credentials: {KEYS.get(scheme, usual)}"
        )
    if _is_missing(error):
        return InputError(
            f"no such file or folder: '{where}'",
            help="is it spelled so, bucket and all, and is it in that store?",
        )
    first = list(_chain(error))[-1]  # what the others are about
    text = _without_secrets(" ".join(str(first).split()), address)
    return InputError(
        f"cannot reach '{where}': {type(first).__name__}{': ' if text else ''}{brief(text)}",
        help="try again when it can be reached; what has arrived already is kept",
    )


def _is_missing(error: Exception) -> bool:
    """Say whether an error means that nothing lies at an address.

    Some file systems say so too where the store could not be reached, with that as the cause.
    """
    if _status(error) == 404 or _kinds(error) & set(MISSING):
        return True
    is_cause = error.__cause__ is None or isinstance(error.__cause__, (KeyError, FileNotFoundError))
    return isinstance(error, FileNotFoundError) and _status(error) is None and is_cause


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _kinds(error: Exception) -> set[str]:
    """Return the names of an error's types and of its causes', and the code of a store's answer."""
    names: set[str] = set()
    for one in _chain(error):
        names |= {kind.__name__ for kind in type(one).__mro__}
        answer = getattr(one, "response", None)
        if isinstance(answer, dict):
            names.add(str(answer.get("Error", {}).get("Code")))
    return names


def _status(error: Exception) -> int | None:
    """Return the HTTP status of an error or of its causes, None without one."""
    for one in _chain(error):
        answer = getattr(one, "response", None)
        if isinstance(answer, dict):
            answer = answer.get("ResponseMetadata", {}).get("HTTPStatusCode")
        own = getattr(one, "status" if hasattr(one, "status") else "code", None)
        for status in (own, answer):
            found = getattr(status, "status_code", status)
            if isinstance(found, int) or (isinstance(found, str) and found.isdecimal()):
                return int(found)
    return None


def _without_secrets(text: str, address: Address) -> str:
    inner = parsed(address.rest) if address.rest else address
    parts = (address.url, address.rest, *(x for a in (address, inner) for x in (a.login, a.query)))
    for secret in parts:
        text = text.replace(secret, "...") if secret else text
    return text


def _not_installed(scheme: str) -> UsageError:
    try:
        from fsspec.registry import known_implementations
    except ImportError:
        return UsageError(f"'{scheme}://' needs fsspec, which is not installed", help=EXTRA)
    if scheme in OFFERED:
        needed = OFFERED[scheme]
        return UsageError(f"'{scheme}://' needs {needed}, which is not installed", help=EXTRA)
    why = known_implementations.get(scheme, {}).get("err", "see the list of fsspec's file systems")
    return UsageError(f"'{scheme}://' needs a package that is not installed", help=brief(why))


def kinds() -> tuple[str, ...]:
    """Return the kinds of addresses that can be read here, of those that the extra brings."""
    return tuple(scheme for scheme, package in OFFERED.items() if find_spec(package) is not None)


def _unknown_scheme(scheme: str) -> UsageError:
    from fsspec import available_protocols

    return UsageError(
        f"unknown kind of address '{scheme}://'{did_you_mean(scheme, available_protocols())}",
        help="for example s3://, gs://, hf:// or https://; any that fsspec knows will do",
    )
