"""The values of the page on scale: what passes cost, and what that makes of 10^6 to 10^9 rows."""

from statistics import median
from typing import Any

from pages.writing import document, table

PRICE = 0.05  # dollars for an hour of one core
PICTURE = 100_000  # bytes of a stored picture
PATH = 133  # bytes of an example in the list of a program: path, label, place, position
COUNTS = (10**6, 10**8, 10**9)
NAMES = {"local": "one thread", "ray-1": "Ray, 1 worker", "ray-2": "Ray, 2 workers"}


def scale() -> dict[str, Any]:
    """Return the values of the page on scale."""
    found = document("passes")
    runs = [one for one in found["runs"] if not one["took"]["kills"]]
    killed = [one for one in found["runs"] if one["took"]["kills"]]
    sizes = sorted({one["rows"] for one in runs})
    by_batch = {(one["rows"], one["batch"]): set[str]() for one in found["runs"]}
    for one in found["runs"]:
        by_batch[one["rows"], one["batch"]].add(one["took"]["digest"])
    equal = {rows: all(len(digests) == 1 for (its, _), digests in by_batch.items() if its == rows)
             for rows in sizes}  # fmt: skip
    return {
        "features": found["features"],
        "classes": found["classes"],
        "repeats": min(_count(runs, rows, how) for rows in sizes for how in NAMES
                       if _count(runs, rows, how)),
        "loads": " to ".join(f"{at(one['load'] for one in runs):.0f}" for at in (min, max)),
        "runs": table(
            ("rows", "by", "runs", "seconds", "pass 1", "pass 2", "CPU seconds", "driver, peak",
             "worker, peak", "results"),
            (_row(runs, rows, how, is_equal=equal[rows]) for rows in sizes for how in NAMES
             if _count(runs, rows, how)),
        ),
        "gains": table(
            ("rows", "one worker for one thread", "two workers for one", "both passes"),
            (_gain(runs, rows) for rows in sizes if all(_count(runs, rows, how) for how in NAMES)),
        ),
        "encoding": _encoding(found["encoding"]),
        "is_equal": all(equal.values()),
        "kills": sum(one["took"]["kills"] for one in killed),
        "killed_equal": all(equal[one["rows"]] for one in killed) and bool(killed),
        "price": f"{PRICE:.2f}",
        "picture": f"{PICTURE // 1000}",
        "path": PATH,
        "wide": found["wide"],
        "moments": f"{found['wide']['bytes_of_moments'] / 1e6:.0f}",
        "costs": table(
            ("what", "count", "core hours", "GB read", "GB written", "GB of sums", "dollars"),
            (*(_of_rows(found, runs, count) for count in COUNTS),
             *(_of_pictures(found, count) for count in COUNTS)),
        ),
        "listing": table(
            ("count", "list of the examples, GB", "files"),
            ((f"{count:,}", f"{PATH * count / 1e9:,.1f}", f"{-(-count // 4096):,}")
             for count in COUNTS),
        ),
    }  # fmt: skip


def _count(runs: list[Any], rows: int, how: str) -> int:
    return sum(one["rows"] == rows and one["how"] == how for one in runs)


def _row(runs: list[Any], rows: int, how: str, *, is_equal: bool) -> tuple[object, ...]:
    took = [one["took"] for one in runs if one["rows"] == rows and one["how"] == how]

    def middle(*names: str) -> float:
        return median(sum(one[name] for name in names) for one in took)

    worker = middle("peak_worker")
    return (
        f"{rows:,}",
        NAMES[how],
        len(took),
        f"{middle('seconds'):.0f}",
        f"{middle('pass_1'):.1f}",
        f"{middle('pass_2'):.1f}",
        f"{middle('cpu_driver', 'cpu_workers'):.0f}",
        f"{middle('peak_driver') / 1e9:.2f} GB",
        f"{worker / 1e9:.2f} GB" if worker else "-",
        "equal" if is_equal else "differ",
    )


def _gain(runs: list[Any], rows: int) -> tuple[object, ...]:
    """Return how well workers are used in both passes: the start and the fit of T left out."""
    took = {how: [one["took"]["pass_1"] + one["took"]["pass_2"] for one in runs
                  if one["rows"] == rows and one["how"] == how] for how in NAMES}  # fmt: skip
    local, one, two = (median(took[how]) for how in NAMES)
    seconds = f"{local:.1f}, {one:.1f}, {two:.1f} s"
    return f"{rows:,}", f"{local / one:.2f}", f"{one / (2 * two):.2f}", seconds


def _encoding(runs: list[Any]) -> dict[str, Any]:
    """Return what features of pictures took."""
    took = {how: [one["took"] for one in runs if one["how"] == how] for how in NAMES}
    seconds = {how: median(one["seconds"] for one in some) for how, some in took.items() if some}

    def peak(how: str, name: str) -> str:
        most = max(one[name] for one in took[how])
        return f"{most / 1e9:.2f} GB" if most else "-"

    count = runs[0]["rows"]
    return {
        "count": count,
        "runs": table(
            ("by", "runs", "seconds", "pictures a second", "driver, peak", "worker, peak"),
            ((NAMES[how], len(took[how]), f"{one:.0f}", f"{count / one:.0f}",
              peak(how, "peak_driver"), peak(how, "peak_worker")) for how, one in seconds.items()),
        ),
        "efficiency": f"{seconds['local'] / (2 * seconds['ray-2']):.2f}",
        "is_equal": len({one["took"]["digest"] for one in runs}) == 1,
    }  # fmt: skip


def seconds_each(runs: list[Any]) -> tuple[float, float]:
    """Return the CPU seconds of a row, and those that any number of rows takes."""
    used: dict[int, list[float]] = {}
    for one in runs:
        if one["how"] == "local":
            used.setdefault(one["rows"], []).append(one["took"]["cpu_driver"])
    low, high = min(used), max(used)
    least, most = median(used[low]), median(used[high])
    each = (most - least) / (high - low)
    return each, least - each * low


def _of_rows(found: Any, runs: list[Any], count: int) -> tuple[object, ...]:
    each, fixed = seconds_each(runs)
    width, classes = found["features"], found["classes"]
    stored = 2 * width + 30  # float16, and index, label and digest
    sums = 64 * 8 * 5 * (width**2 + width * classes) / 1e9
    return _costs(f"rows of {width}", count, fixed + each * count, 2 * stored, 0, sums)


def _of_pictures(found: Any, count: int) -> tuple[object, ...]:
    wide = found["wide"]
    each, fixed = seconds_each([one for one in found["runs"] if not one["took"]["kills"]])
    width = wide["features"]
    passes = wide["first_pass_each"] + wide["scores_each"] + each
    stored = 2 * width + 30
    encoded = [one["took"]["seconds"] for one in found["encoding"] if one["how"] == "local"]
    each_picture = median(encoded) / found["encoding"][0]["rows"]  # on one core, with the start
    seconds = fixed + count * (each_picture + passes)
    sums = 64 * wide["bytes_of_moments"] / 1e9
    return _costs("pictures", count, seconds, PICTURE + 2 * stored, stored, sums)


def _costs(
    what: str, count: int, seconds: float, read: float, written: float, sums: float
) -> tuple[object, ...]:
    hours = seconds / 3600
    return (
        what,
        f"{count:,}",
        f"{hours:,.2f}" if hours < 10 else f"{hours:,.0f}",
        f"{read * count / 1e9:,.1f}",
        f"{written * count / 1e9:,.1f}",
        f"{sums:,.2f}",
        f"{hours * PRICE:,.2f}" if hours * PRICE < 10 else f"{hours * PRICE:,.0f}",
    )
