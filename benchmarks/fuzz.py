"""Fuzz the whole command line: files that are nearly right through the real commands.

    python benchmarks/fuzz.py [--cases 10000] [--first 0] [--add]

Each case must exit with 0, 1 or 2, end within a minute, need less than 2 GB, and touch nothing
outside --out; tests/fuzz/cases.py makes it from its number. Prints what went wrong as it goes, and
writes benchmarks/results/fuzz.json; with --add together with the cases that it holds already.
"""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TOP = Path(__file__).parents[1]
RESULTS = TOP / "benchmarks" / "results" / "fuzz.json"
sys.path.insert(0, str(TOP))

from tests.fuzz.runner import tally  # noqa: E402


def by_kind(codes: Mapping[tuple[str, int | None], int]) -> dict[str, dict[str, int]]:
    """Return how often each kind of case ended with each exit code."""
    found: dict[str, dict[str, int]] = {}
    for (kind, code), count in sorted(codes.items(), key=str):
        found.setdefault(kind, {})[str(code)] = count
    return found


def sum_of(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Return the results of two runs of other cases as those of one."""
    codes: Counter[tuple[str, str]] = Counter()
    for result in (one, other):
        for kind, counts in result["exit_codes"].items():
            codes.update({(kind, code): count for code, count in counts.items()})
    return {
        "cases": one["cases"] + other["cases"],
        "first": min(one["first"], other["first"]),
        "wrong": sorted({*one["wrong"], *other["wrong"]}),
        "slowest_seconds": max(one["slowest_seconds"], other["slowest_seconds"]),
        "most_gigabytes": max(one["most_gigabytes"], other["most_gigabytes"]),
        "minutes": round(one["minutes"] + other["minutes"], 1),
        "exit_codes": by_kind(codes),
    }


def main() -> None:
    """Run the cases, and exit with 1 if any went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--add", action="store_true")
    arguments = parser.parse_args()
    begun = time.time()
    total = tally(range(arguments.first, arguments.first + arguments.cases))
    result = {
        "cases": total.cases,
        "first": arguments.first,
        "wrong": [outcome.number for outcome in total.wrong],
        "slowest_seconds": round(total.slowest, 2),
        "most_gigabytes": round(total.most_bytes / 1e9, 2),
        "minutes": round((time.time() - begun) / 60, 1),
        "exit_codes": by_kind(total.codes),
    }
    if arguments.add:
        result = sum_of(json.loads(RESULTS.read_text(encoding="utf-8")), result)
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
    sys.exit(bool(total.wrong))


if __name__ == "__main__":
    main()
