"""One case a number: files that are nearly right, and a command line that reads them.

A case is made from its number alone, so that a number is all there is to write down of a failure.
"""

import inspect
import json
import os
import random
import warnings
import zipfile
from collections.abc import Callable
from functools import cache
from typing import get_args

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from alfs_cli.commands import GROUPS, bodies
from tests.fuzz import seeds

WEIRD_NAMES = (
    "", " ", ".", "..", "../x", "a/b", "[red]", "[/]", "=1+1", "%s%n", "\x1b[2J", "\x00",
    "\ud800", "\u202e",
    "NaN", "None", "null", "-1", "1e999", "0", "01", "no", "a,b", '"', "'", "\n", "caf\u00e9",
    "cafe\u0301",
    "\U0001f408", "x" * 300, "x" * 70_000, "CON", "<b>", "{{7*7}}", "$(id)", "`id`", "::error::x",
    "\ufeff",
)  # fmt: skip
WEIRD_NUMBERS = (
    0, -1, 1, 2, 3, 255, 256, 2**31, 2**31 - 1, 2**32, 2**63, 2**63 - 1, -(2**63), 10**30, 0.5,
    -0.0, 1e-320,
    1e308, 1e999, -1e999, float("nan"), True,
)  # fmt: skip
WEIRD_VALUES = (
    *WEIRD_NAMES, *WEIRD_NUMBERS, None, [], {}, [[]], [None], {"a": {}}, [1, "a", None], "inf",
    False,
)  # fmt: skip
DTYPES = (
    "u1", "i1", "<i8", ">i4", "u8", "f2", "f4", "f8", ">f8", "c16", "U5", "S5", "M8[s]", "m8[s]",
    "?", "V4",
    [("a", "i4"), ("b", "f4")],
)  # fmt: skip


def damaged(content: bytes, r: random.Random) -> bytes:
    """Return bytes with a few changes."""
    data = bytearray(content)
    for _ in range(r.choice((1, 1, 1, 1, 2, 8))):
        if not data:
            return bytes(data)
        at = r.randrange(len(data))
        size = r.choice((1, 1, 2, 4, 8, 64, 512))
        match r.randrange(8):
            case 0:
                data[at] ^= 1 << r.randrange(8)
            case 1:
                del data[at:]
            case 2:
                del data[at : at + size]
            case 3:
                data[at:at] = r.randbytes(size)
            case 4:
                data[at : at + size] = r.randbytes(len(data[at : at + size]))
            case 5:
                magic = r.choice(
                    (
                        b"\x00",
                        b"\xff",
                        b"\x7f\xff\xff\xff",
                        b"\xff\xff\xff\x7f",
                        b"\x00\x00\x00\x80",
                    )
                )
                data[at : at + len(magic)] = magic
            case 6:
                start = r.randrange(len(data))
                data[at:at] = data[start : start + size]
            case 7:
                data[at : at + size] = bytes(len(data[at : at + size]))
    return bytes(data)


def odd_text(text: str, r: random.Random) -> bytes:
    """Return text with odd words in it, or damaged, or in another encoding."""
    words = text
    for _ in range(r.choice((0, 1, 1, 3))):
        at = r.randrange(len(words) + 1)
        words = words[:at] + str(r.choice(WEIRD_VALUES)) + words[at + r.choice((0, 0, 1, 5, 40)) :]
    content = words.encode(r.choice(("utf-8",) * 8 + ("utf-16", "latin-1", "utf-8-sig")), "replace")
    if r.random() < 0.3:
        content = damaged(content, r)
    if r.random() < 0.1:
        content = content.replace(b"\n", r.choice((b"\r\n", b"\r", b"\n\n", b"\0")))
    return content


def odd_json(value: object, r: random.Random, changes: int | None = None) -> object:
    """Return a JSON value of which a few parts are replaced, dropped or doubled."""
    value = json.loads(json.dumps(value))
    for _ in range(r.choice((1, 1, 2, 5)) if changes is None else changes):
        node: object = value
        while True:
            keys: list = list(node) if isinstance(node, dict) else list(range(len(node)))  # type: ignore[arg-type,call-overload]
            if not keys:
                break
            key = r.choice(keys)
            child = node[key]  # type: ignore[index]
            if isinstance(child, dict | list) and child and r.random() < 0.7:
                node = child
                continue
            if isinstance(child, int | float) and r.random() < 0.6:
                node[key] = r.choice(
                    (0, 1, -1, 0.5, 0.1, 1e-12, 1e308, 2**40, "inf", None, 1.0000001)
                )  # type: ignore[index]
                break
            match r.randrange(5):
                case 0:
                    del node[key]  # type: ignore[attr-defined]
                case 1 if isinstance(node, dict):
                    node[str(r.choice(WEIRD_NAMES))] = child
                case 2 if isinstance(node, list):
                    node.append(child)
                case _:
                    node[key] = r.choice(WEIRD_VALUES)  # type: ignore[index]
            break
    return value


def json_bytes(value: object, r: random.Random) -> bytes:
    """Return a JSON text, now and then damaged or nested without end."""
    if r.random() < 0.03:
        return b'{"schema": ' + b"[" * 100_000
    text = json.dumps(value, ensure_ascii=r.random() < 0.5)
    content = text.encode("utf-8", "replace")
    return damaged(content, r) if r.random() < 0.25 else content


def odd_array(array: np.ndarray, r: random.Random) -> np.ndarray:
    """Return an array of another type, shape or content."""
    try:
        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _odd_array(array, r)
    except (TypeError, ValueError, IndexError, OverflowError):  # what numpy cannot make is no case
        return array[..., None]


def _odd_array(array: np.ndarray, r: random.Random) -> np.ndarray:
    g = np.random.default_rng(r.randrange(2**32))
    match r.randrange(9):
        case 0:
            with np.errstate(all="ignore"):
                return array.astype(r.choice(DTYPES[:-2]), casting="unsafe")
        case 1:
            return np.zeros(array.shape, r.choice(DTYPES))
        case 2:
            shape = tuple(r.choice((0, 1, 2, 3, s, s + 1)) for s in array.shape)
            return np.resize(array, shape) if np.prod(shape) else np.zeros(shape, array.dtype)
        case 3:
            return array[: r.choice((0, 1, 2, len(array) - 1))]
        case 4:
            return np.asarray(r.choice(WEIRD_NUMBERS[:5]))
        case 5:
            return array[..., None] if r.random() < 0.5 else array.reshape(-1)
        case 6:
            odd = array.astype(r.choice((np.float64, object if r.random() < 0.3 else np.float32)))
            flat = odd.reshape(-1)
            flat[g.integers(0, max(1, flat.size), 3) % max(1, flat.size)] = float(
                r.choice([v for v in WEIRD_NUMBERS if abs(v) < 1e300])
            )
            return odd
        case 7:
            return np.asarray([str(r.choice(WEIRD_NAMES))[:50] for _ in range(len(array))])
        case _:
            return array.astype(np.int64) * r.choice((-1, 0, 1000, 2**40))


def npz_bytes(path: str, arrays: dict, r: random.Random) -> None:
    """Write an .npz whose arrays, names or bytes are odd."""
    arrays = dict(arrays)
    for _ in range(r.choice((0, 1, 1, 1, 2))):
        key = r.choice(list(arrays))
        match r.randrange(6):
            case 0:
                del arrays[key]
            case 1:
                arrays[r.choice(("class_names", "true_labels", "transition", "pred_probs"))] = (
                    odd_array(arrays[key], r)
                )
            case 2:
                arrays["class_names"] = np.asarray(
                    [str(r.choice(WEIRD_NAMES))[:60] for _ in range(r.choice((0, 1, 2, 3, 4)))], "U"
                )
            case _:
                arrays[key] = odd_array(arrays[key], r)
        if not arrays:
            break
    np.savez(path, **arrays)
    if r.random() < 0.15:
        damage_file(path, r)
    elif r.random() < 0.1:
        header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (%d, 9, 9), }" % r.choice(
            (10**6, 10**9, 10**15, -1)
        )
        header += b" " * (63 - len(header) % 64) + b"\n"
        with zipfile.ZipFile(path, "a") as archive:
            raw = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
            archive.writestr("images.npy", raw + bytes(100))


def parquet_file(path: str, header: list[str], rows: list[list], r: random.Random) -> None:
    """Write Parquet with columns of odd types or damaged bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns: dict = {}
    for index, name in enumerate(header):
        values = [row[index] for row in rows]
        n = len(values)
        odd: list[Callable[[], object]] = [
            lambda n=n: pa.nulls(n),
            lambda n=n: pa.array([[1, 2]] * n),
            lambda n=n: pa.array([{"a": 1}] * n),
            lambda n=n: pa.array([b"\xff\xfe"] * n),
            lambda n=n: pa.array(list(range(n)), pa.timestamp("ns")),
            lambda n=n: pa.array([True, None] * (n // 2) + [False] * (n % 2)),
            lambda v=values: pa.array([str(x) for x in v]).dictionary_encode(),
            lambda n=n: pa.array([float("nan")] * n),
            lambda n=n: pa.array([2**63] * n, pa.uint64()),
            lambda n=n: pa.array(list(range(n)), pa.duration("s")),
            lambda n=n: pa.array(["1.5"] * n).cast(pa.decimal128(5, 2)),
            lambda n=n: pa.array([None, "a"] * (n // 2) + ["b"] * (n % 2)),
        ]
        columns[name] = r.choice(odd)() if r.random() < 0.12 else pa.array(values)
    if r.random() < 0.15:
        columns[str(r.choice(WEIRD_NAMES)).encode("utf-8", "replace").decode()] = pa.nulls(
            len(rows)
        )
    pq.write_table(pa.table(columns), path)
    if r.random() < 0.2:
        damage_file(path, r)


def odd_rows(header: list[str], rows: list[list], r: random.Random) -> tuple[list[str], list[list]]:
    """Return a table with odd cells, missing cells, other columns or names."""
    header, rows = list(header), [list(row) for row in rows]
    for _ in range(r.choice((0, 1, 1, 2, 5))):
        match r.randrange(7):
            case 0 | 1 | 2:
                row = r.choice(rows)
                row[r.randrange(len(row))] = r.choice(WEIRD_VALUES)
            case 3:
                header[r.randrange(len(header))] = str(r.choice(WEIRD_NAMES))
            case 4:
                header[r.randrange(len(header))] = r.choice(header)
            case 5:
                header.append(r.choice(("true_label", "split", "path", "file_name", "index")))
                word = r.choice(
                    ("cat", "train", "test", "data/cat/000.png", "../secret.png", "/etc/passwd", 1)
                )
                rows = [[*row, word] for row in rows]
            case 6:
                rows = rows[: r.choice((0, 1, 2, 10))] or rows[:1]
    return header, rows


def hostile_folder(root: str, r: random.Random) -> None:
    """Put odd things into data/: names, links, pipes, empty and damaged files."""
    top = os.path.join(root, "data")
    classes = sorted(os.listdir(top))
    for _ in range(r.choice((1, 1, 2, 4))):
        inside = os.path.join(top, r.choice(classes))
        name = str(r.choice(WEIRD_NAMES)).replace("/", "_").replace("\0", "_")[:60]
        name = os.fsdecode(name.encode("utf-8", "replace")) or "x"
        suffix = r.choice((".png", ".PNG", ".jpg", "", ".gif", ".tiff", ".npz"))
        target = os.path.join(r.choice((top, inside)), name + suffix)
        if os.path.lexists(target):  # to open a pipe would wait for its other end
            continue
        try:
            match r.randrange(12):
                case 0:
                    os.symlink(
                        r.choice(("..", ".", top, "/", "nowhere", "/dev/zero", "/dev/stdin")),
                        target,
                    )
                case 1:
                    os.mkfifo(target)
                case 2:
                    open(target, "wb").close()
                case 3:
                    os.makedirs(target)
                case 4:
                    with open(target, "wb") as file:
                        file.write(r.randbytes(r.choice((1, 100, 5000))))
                case 5:
                    for i in range(3):
                        folder = os.path.join(top, name + str(i % r.choice((1, 2, 3))))
                        os.makedirs(folder, exist_ok=True)
                        with open(os.path.join(folder, f"{i}.png"), "wb") as file:
                            file.write(seeds.image("PNG", i))
                case 6:
                    broken = os.fsdecode(b"\xff\xfe" + name.encode("utf-8", "replace")[:20])
                    os.makedirs(os.path.join(top, broken))
                    with open(os.path.join(top, broken, "a.png"), "wb") as file:
                        file.write(seeds.image("PNG", 1))
                case 7:
                    with open(os.path.join(top, "classes.txt"), "wb") as file:
                        file.write(odd_text("cat\ndog\neel\n", r))
                case 8:
                    with open(os.path.join(top, "class_to_idx.json"), "wb") as file:
                        file.write(json_bytes(odd_json({"cat": 0, "dog": 1, "eel": 2}, r), r))
                case 9:
                    os.rename(inside, os.path.join(top, r.choice(("train", "test", name))))
                case 10:
                    with open(os.path.join(top, "metadata.csv"), "wb") as file:
                        file.write(odd_text("file_name,label\nx.png,cat\n", r))
                case _:
                    for file_name in sorted(os.listdir(inside))[: r.choice((1, 1, 12))]:
                        if os.path.isfile(os.path.join(inside, file_name)):
                            damage_file(os.path.join(inside, file_name), r)
        except OSError:
            continue


def damage_file(path: str, r: random.Random) -> None:
    """Change some bytes of a file."""
    with open(path, "rb") as file:
        content = file.read()
    with open(path, "wb") as file:
        file.write(damaged(content, r))


# Command lines.


def reading(data: str, r: random.Random, extra: list[str] | None = None) -> list[str]:
    """Return a command that reads DATA."""
    words = r.choice(
        (
            ["estimate", data], ["estimate", data], ["check", data], ["check", data],
            ["inject", data, "--rate", "0.2", "--to", f"out/m.{r.choice(('npz', 'csv', 'tsv'))}"],
            ["train", data, "--loss", "ce", "--epochs", "1", "--model", "linear"],
        )
    )  # fmt: skip
    return [*words, *(extra or [])]


def folder_case(root, r):
    """A folder of images with odd things in it."""
    seeds.folder(root, r.choice(tuple(seeds.IMAGE_KINDS)))
    if r.random() < 0.2:
        for split in ("train", "test"):
            os.makedirs(root / "moved" / split)
        os.rename(root / "data", root / "moved" / "train" / "x")
        os.rename(root / "moved" / "train" / "x", root / "data")
    hostile_folder(str(root), r)
    return reading("data", r)


def image_case(root, r):
    """One folder in which some pictures of one format are damaged."""
    kind = r.choice(tuple(seeds.IMAGE_KINDS))
    seeds.folder(root, kind, copies=4)
    paths = sorted((root / "data").rglob(f"*{kind}"))
    for path in r.sample(paths, r.choice((1, 1, 1, 36))):
        damage_file(path, r)
    return r.choice(
        (["estimate", "data"], ["check", "data", "-o", "html=out/p.html"], ["inspect", "data"])
    )


def table_case(root, r):
    """A manifest in text, JSON lines or Parquet."""
    kind = r.choice(("images", "features", "probabilities"))
    if kind == "images":
        seeds.folder(root)
    header, rows = odd_rows(*seeds.table_rows(kind), r)
    suffix = r.choice((".csv", ".csv", ".tsv", ".jsonl", ".parquet"))
    path = root / f"t{suffix}"
    if suffix == ".parquet":
        try:
            parquet_file(str(path), header, rows, r)
        except Exception:  # what Parquet cannot hold is no case
            path.write_bytes(b"PAR1")
    elif suffix == ".jsonl":
        text = seeds.jsonl_text(header[: len(rows[0])], [row[: len(header)] for row in rows])
        path.write_bytes(odd_text(text, r) if r.random() < 0.3 else text.encode("utf-8", "replace"))
    else:
        text = seeds.csv_text(header, rows, "\t" if suffix == ".tsv" else ",")
        path.write_bytes(odd_text(text, r) if r.random() < 0.3 else text.encode("utf-8", "replace"))
    if kind == "probabilities":
        return [r.choice(("estimate", "check")), "--pred-probs", path.name]
    return reading(path.name, r)


def npz_case(root, r):
    """An .npz as DATA, or as a file laid over one."""
    kind = r.choice(("images", "features", "probabilities"))
    npz_bytes(str(root / "data.npz"), seeds.npz_arrays(kind), r)
    match r.randrange(5):
        case 0:
            return ["estimate", "--pred-probs", "data.npz", "--labels", "data.npz"]
        case 1:
            np.savez(root / "good.npz", **seeds.npz_arrays("images"))
            option = r.choice(("--labels", "--true-labels", "--pred-probs", "--features"))
            return ["estimate", "good.npz", option, "data.npz"]
        case _:
            return reading("data.npz", r)


def npy_case(root, r):
    """Files of single arrays, whole or in shards."""
    for name, array in (("p", seeds.probabilities()), ("l", seeds.labels())):
        np.save(root / f"{name}.npy", odd_array(array, r) if r.random() < 0.35 else array)
        if r.random() < 0.15:
            damage_file(root / f"{name}.npy", r)
    if r.random() < 0.2:
        os.makedirs(root / "shards")
        for i in range(3):
            np.save(root / "shards" / f"{i}.npy", seeds.probabilities()[i::3])
            if r.random() < 0.3:
                damage_file(root / "shards" / f"{i}.npy", r)
        return ["estimate", "--pred-probs", "shards", "--labels", "l.npy"]
    return ["estimate", "--pred-probs", "p.npy", "--labels", "l.npy"]


def document_case(root, r):
    """A saved result that was edited."""
    path = root / "estimate.json"
    path.write_bytes(json_bytes(odd_json(seeds.estimate_document(), r), r))
    return r.choice(
        (
            ["check", "estimate.json", "--min-clean-level", "2", "--max-pair-rate", "0.1"],
            ["check", "estimate.json", "-f", r.choice(("sarif", "junit", "github", "html"))],
            ["recommend", "estimate.json"],
            ["recommend", "estimate.json", "--explain", "-f", "html"],
            ["losses", "check", "nce+agce", "--estimate", "estimate.json"],
            ["losses", "check", "nce+agce", "--transition", "estimate.json"],
        )
    )


BASELINE = {
    "schema": "alfs.baseline/1",
    "accepted": {"0123456789abcdef:cat": {"rules": ["ALFS101"], "reason": "known"}},
    "borderline": ["0123456789abcdee:dog"],
    "ceilings": {
        "noise_rate": 0.1,
        "class_clean_level": {"cat": 3.0, "dog": 2.5},
        "pair": {"cat": {"dog": 0.1, "eel": 0.05}},
    },
}
SETTINGS = """check:
  max-noise-rate: 0.05
  max-new-issues: 0
  gate-on: sure
  select: [ALFS1, ALFS3]
  ignore: [ALFS102]
  per-path-ignores:
    "data/**": [ALFS101]
"""
IGNORED = """id_or_path,rule,reason,expires
data.npz,ALFS101,known,2100-01-01
0123456789abcdef:cat,ALFS1,"a, b",
old/**,ALFS4,,2001-01-01
"""


def gate_case(root, r):
    """Good data, and an odd baseline, configuration or list of what to ignore."""
    np.savez(root / "data.npz", **seeds.npz_arrays("features"))
    words = ["check", "data.npz"]
    match r.randrange(3):
        case 0:
            (root / "b.json").write_bytes(json_bytes(odd_json(BASELINE, r), r))
            words += ["--baseline", "b.json", *r.choice(([], ["--strict-baseline"]))]
        case 1:
            name = r.choice(("alfs.yaml", ".alfs.yaml"))
            (root / name).write_bytes(odd_text(SETTINGS, r))
        case _:
            (root / "alfs-ignore.csv").write_bytes(odd_text(IGNORED, r))
    return [*words, *r.choice(([], ["-f", "sarif"], ["-f", "junit"], ["-f", "github"]))]


def fix_case(root, r):
    """A list of suspects that somebody edited."""
    np.savez(root / "data.npz", **seeds.npz_arrays("images"))
    for name, content in seeds.results().items():
        path = root / "out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    rows = (root / "out" / "issues.csv").read_text(encoding="utf-8").splitlines()
    decisions = (
        "keep",
        "drop",
        "0",
        "1",
        "",
        *([str(r.choice(WEIRD_NAMES))] if r.random() < 0.3 else []),
    )
    lines = [rows[0] + ",decision", *(f"{row},{r.choice(decisions)}" for row in rows[1:])]
    text = "\n".join(lines) + "\n"
    content = odd_text(text, r) if r.random() < 0.6 else text.encode("utf-8", "replace")
    (root / "out" / "issues.csv").write_bytes(content)
    how = r.choice(("--drop", "--relabel", "--review"))
    return ["fix", "data.npz", how, "--to", f"out/c.{r.choice(('npz',) * 9 + ('csv',))}"]


def transition_case(root, r):
    """A file with T."""
    text = "0.9,0.1,0\n0.1,0.8,0.1\n0,0,1\n"
    if r.random() < 0.5:
        text = "true,cat,dog,eel\ncat,0.9,0.1,0\ndog,0.1,0.8,0.1\neel,0,0,1\n"
    match r.randrange(3):
        case 0:
            (root / "T.csv").write_bytes(odd_text(text, r))
            name = "T.csv"
        case 1:
            np.save(root / "T.npy", odd_array(np.eye(3) * 0.7 + 0.1, r))
            name = "T.npy"
        case _:
            (root / "T.json").write_bytes(json_bytes(odd_json(seeds.estimate_document(), r), r))
            name = "T.json"
    if r.random() < 0.5:
        return ["losses", "check", "aul:a=3,p=2", "--transition", name]
    np.savez(root / "data.npz", **seeds.npz_arrays("features"))
    return ["inject", "data.npz", "--noise", name, "--to", "out/made.npz"]


def recipe_case(root, r):
    """A recipe with odd YAML."""
    np.savez(root / "data.npz", **seeds.npz_arrays("images"))
    if r.random() < 0.5:
        content = odd_text(seeds.RECIPE, r)
    else:
        lines = seeds.RECIPE.splitlines()
        for _ in range(r.choice((1, 1, 3))):
            at = r.randrange(len(lines))
            key = lines[at].partition(":")[0]
            value = r.choice(
                (
                    "!!python/object/apply:os.system ['touch owned']", "!!python/name:os.system",
                    "&a [*a]",
                    "*missing", "{a: {b: {c: 1}}}", "[" * 5000, "!!binary x",
                    "!!timestamp 2001-99-99", "!!set {a}",
                    "2001-01-01", "0x10", "1_000", "1:30:30", ".inf", ".nan", "~", "yes",
                    "!!int x", "!!float y",
                    "? a", "- 1", "'", "<<: 1", "&x {<<: *x}", "!!omap [a: 1]", "!!str",
                    json.dumps(r.choice(WEIRD_VALUES[:20])),
                )
            )  # fmt: skip
            lines[at] = f"{key}: {value}"
        content = "\n".join(lines).encode("utf-8", "replace")
    (root / "recipe.yaml").write_bytes(content)
    # a changed recipe may ask for a million epochs, and would get them
    return r.choice(
        (
            ["recipes", "validate", "recipe.yaml"],
            ["train", "--recipe", "recipe.yaml", "--epochs", "1"],
        )
    )


def trained_case(root, r):
    """A run of which one file was changed."""
    run = seeds.trained_run(root)
    name = r.choice(
        ("config.yaml", "metrics.jsonl", "result.json", "checkpoints/last.pt", "model.safetensors")
    )
    path = root / run / name
    content = path.read_bytes()
    match r.randrange(3):
        case 0 if name == "result.json":
            path.write_bytes(json_bytes(odd_json(json.loads(content), r), r))
        case 1 if name in ("config.yaml", "metrics.jsonl"):
            path.write_bytes(odd_text(content.decode(), r))
        case 2 if r.random() < 0.3:
            path.unlink()
        case _:
            path.write_bytes(damaged(content, r))
    return r.choice(
        (
            ["evaluate", run], ["evaluate", run, "data.npz"], ["compare", run],
            ["train", "--resume", run],
            ["predict", run, "data.npz", "--to", "out/p.npz"],
        )
    )  # fmt: skip


def cache_case(root, r):
    """A folder of results in which the cached evidence was changed."""
    np.savez(root / "data.npz", **seeds.npz_arrays("images"))
    for name, content in seeds.results().items():
        path = root / "out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(damaged(content, r) if r.random() < 0.5 else content)
    return r.choice(
        (["estimate", "data.npz"], ["check", "data.npz"], ["recommend"], ["train", "--epochs", "1"])
    )


def options_case(root, r):
    """Good data, and odd words on the command line."""
    np.savez(root / "data.npz", **seeds.npz_arrays("images"))
    seeds_path = root / "estimate.json"
    seeds_path.write_text(json.dumps(seeds.estimate_document()))
    command, options = r.choice(tuple(OPTIONS.items()))
    words = [*command]
    kinds = option_kinds(command)
    for _ in range(r.choice((1, 1, 2, 3))):
        option = r.choice(options)
        values = r.choice((GOOD_VALUES, WEIRD_VALUES, kinds.get(option, GOOD_VALUES)))
        value = str(r.choice(values)).replace("\0", "")[:2000]
        words += [option, value.encode("utf-8", "replace").decode()]
    return words


@cache
def option_kinds(words):
    """Return values of the type of each number that a command takes."""
    body = bodies(words[0])[words[1] if words[0] in GROUPS else ""]
    kinds = {}
    for parameter in inspect.signature(body).parameters.values():
        kind, *facts = get_args(parameter.annotation) or (parameter.annotation,)
        for name in (name for fact in facts for name in getattr(fact, "param_decls", None) or ()):
            if "float" in str(kind):
                kinds[name] = (0, 0.01, 0.3, 0.5, 0.99, 1, 2, 1e-300)
            elif "int" in str(kind):
                kinds[name] = (0, 1, 2, 5, 7, -1, 1000)
    return kinds


GOOD_VALUES = (
    "json", "html", "data.npz", "estimate.json", "0.1", "1", "5", "sure", "strict", "ce",
    "gce:q=0.7",
    "nce+agce:a=6,q=1.5,alpha=1,beta=4", "symmetric", "cpu", "cnn4", "mlp", "a,b,c", "label",
    "train", "auto",
    "confident", "joint-ml", "anchor", "pixels", "features", "forward", "json=out/x.json",
    "sarif=out/x.sarif",
)  # fmt: skip
_DATA = (
    "--split",
    "--labels",
    "--true-labels",
    "--features",
    "--label-column",
    "--classes",
    "--root",
)
_SHARED = ("-f", "-o", "--seed", "--device", "--color")
OPTIONS = {
    ("estimate", "data.npz"): (
        *_DATA, *_SHARED, "--evidence", "--method", "--folds", "--confidence", "--bootstrap",
        "--issue-threshold",
        "--pred-probs",
    ),
    ("check", "data.npz"): (
        *_DATA, *_SHARED, "--max-noise-rate", "--gate-on", "--min-trust", "--folds", "--sarif-max",
        "--max-findings", "--evidence",
    ),
    ("check", "estimate.json"): (
        *_SHARED, "--max-noise-rate", "--max-pair-rate", "--min-clean-level",
        "--max-class-noise-rate", "--gate-on",
    ),
    ("recommend", "estimate.json"): (*_SHARED, "--safety", "--lr", "--prefer", "--losses"),
    ("inject", "data.npz", "--to", "out/x.npz", "--rate", "0.1"): (*_DATA, *_SHARED, "--noise",
    "--rate", "--draw"),
    ("losses", "check", "ce", "--noise", "symmetric", "--rate", "0.3", "--classes", "3"): (
        *_SHARED, "--rate", "--classes", "--noise", "--transition", "--estimate",
    ),
    ("losses", "show"): ("ce", "gce:q=0.5", "nce+aul:a=2,p=1", "aul:a=1e308", "-f"),
    ("train", "data.npz", "--epochs", "1", "--model", "linear"): (
        *_DATA, *_SHARED, "--loss", "--lr", "--batch-size", "--noise", "--noise-rate",
        "--weight-decay", "--set",
        "--test", "--from", "--config",
    ),
    ("compare",): ("data.npz", "estimate.json", ".", "-f", "--sort"),
}  # fmt: skip


def merge_case(root, r):
    """The statistics of two shards, arrays or description of one of them changed."""
    for name, content in seeds.shard_files().items():
        (root / name).write_bytes(content)
    if r.random() < 0.2:
        damage_file(root / "1.npz", r)
        return ["merge", "1.npz", "2.npz"]
    with np.load(root / "1.npz") as file:
        arrays = dict(file)
    key = r.choice(sorted(arrays))
    if key == "about":
        arrays[key] = np.array(json.dumps(odd_json(json.loads(str(arrays[key])), r)))
    else:
        arrays[key] = odd_array(arrays[key], r)
    if r.random() < 0.1:
        del arrays[key]
    np.savez(root / "1.npz", **arrays)
    return ["merge", "1.npz", r.choice(("2.npz", "2.npz", "1.npz"))]


def checkpoint_case(root, r):
    """A checkpoint, or the weights of a network, of which one part is changed."""
    run = seeds.trained_run(root)
    state_of, weights_of = root / run / "checkpoints/last.pt", root / run / "model.safetensors"
    if r.random() < 0.5:
        (root / run / "result.json").unlink()
        state = torch.load(state_of, weights_only=True)
        state[r.choice(sorted(state))] = odd_value(r)
        torch.save(state, state_of)
        return ["train", "--resume", run]
    with safe_open(weights_of, "pt") as file:
        about = json.loads(file.metadata()["alfs"])
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if r.random() < 0.5:
        about = odd_json(about, r)
    else:
        odd = np.ascontiguousarray(odd_array(weights[name := r.choice(sorted(weights))].numpy(), r))
        if odd.dtype.kind in "fiu" and odd.dtype.isnative and odd.dtype != np.uint64:
            weights[name] = torch.from_numpy(odd.copy())
    save_file(weights, weights_of, metadata={"alfs": json.dumps(about)})
    return [r.choice(("evaluate", "predict")), run, "data.npz"]


def odd_value(r):
    """Return a plain value or a tensor."""
    return r.choice((None, -1, 0.5, "x", [], {}, [1], {"a": 1}, 2**70, True, float("nan"),
                     torch.zeros(0), torch.zeros(3, 3), torch.tensor(2.0)))  # fmt: skip


def saved_case(root, r):
    """An estimate of which some numbers are changed, under gates that a user set."""
    document = odd_json(seeds.estimate_document(), r)
    (root / "e.json").write_text(json.dumps(document))
    gates = ["--max-noise-rate", "0.5", "--min-clean-level", "1", "--max-pair-rate", "0.5"]
    on = r.choice(("sure", "point", "strict"))
    return r.choice((["check", "e.json", *gates, "--gate-on", on], ["recommend", "e.json"]))


CASES = (
    folder_case, image_case, table_case, table_case, npz_case, npz_case, npy_case, document_case,
    transition_case, recipe_case, options_case, trained_case, cache_case, gate_case, fix_case,
    merge_case, checkpoint_case, saved_case,
)  # fmt: skip


def make_case(number, root):
    """Write the files of a case under `root` and return its kind and its command line."""
    r = random.Random(number)
    maker = CASES[number % len(CASES)]
    return maker.__name__.removesuffix("_case"), [*maker(root, r), "--out", "out"]
