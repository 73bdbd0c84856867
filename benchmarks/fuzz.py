"""Fuzz the whole command line: files that are nearly right through the real commands.

    python benchmarks/fuzz.py [--cases 10000] [--first 0]

Each case must exit with 0, 1 or 2, end within a minute, need less than 2 GB, and touch nothing
outside --out; tests/fuzz/cases.py makes it from its number. Prints what went wrong as it goes, and
writes benchmarks/results/fuzz.json.
"""

import argparse
import json
import sys
import time
from pathlib import Path

TOP = Path(__file__).parents[1]
RESULTS = TOP / "benchmarks" / "results" / "fuzz.json"
sys.path.insert(0, str(TOP))

from tests.fuzz.runner import tally  # noqa: E402


def main() -> None:
    """Run the cases, and exit with 1 if any went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    arguments = parser.parse_args()
    begun = time.time()
    total = tally(range(arguments.first, arguments.first + arguments.cases))
    kinds = sorted({kind for kind, _ in total.codes})
    result = {
        "cases": total.cases,
        "first": arguments.first,
        "wrong": [outcome.number for outcome in total.wrong],
        "slowest_seconds": round(total.slowest, 2),
        "most_gigabytes": round(total.most_bytes / 1e9, 2),
        "minutes": round((time.time() - begun) / 60, 1),
        "exit_codes": {
            kind: {
                str(code): n for (of, code), n in sorted(total.codes.items(), key=str) if of == kind
            }
            for kind in kinds
        },
    }
    RESULTS.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))
    sys.exit(bool(total.wrong))


if __name__ == "__main__":
    main()
