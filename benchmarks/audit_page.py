"""The audit's page with 10,000 pictures in headless Chromium: from a key to the next picture.

    python benchmarks/audit_page.py [--pictures 10000] [--answers 200] [--to FILE]

Pictures are random, 32 x 32, in ten class folders; a tenth of the labels is wrong, and every answer
is right. Times are taken in the page, in ms: from the key to the next picture (what a person waits
for), and to the server's word that the answer is on the disk and what is known was counted anew.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

CLAIMS = ("noise-rate <= 0.105", "clean-level >= 8", "given-noise:c3 <= 0.12")  # close ones
TIMED = """() => {
  window.times = { picture: [], disk: [], known: [] };
  let since = 0;
  addEventListener("keydown", () => { since = performance.now(); }, true);
  new MutationObserver(() => {
    if (since) { times.picture.push(performance.now() - since); since = 0; }
  }).observe(document.getElementById("box"), { attributes: true });
  new PerformanceObserver((list) => {
    for (const one of list.getEntries()) {
      if (one.name.endsWith("/answer")) times.disk.push(one.duration);
      if (one.name.includes("/known")) times.known.push(one.duration);
    }
  }).observe({ type: "resource" });
  performance.setResourceTimingBufferSize(100000);
}"""


def write_pictures(folder: Path, count: int) -> dict[int, int]:
    """Write pictures into folders of their given class; return the true class by picture."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, 10, count)
    given = np.where(rng.random(count) < 0.1, (true + 1) % 10, true)
    means = rng.integers(60, 200, (10, 32, 32, 3))
    for label in range(10):
        (folder / f"c{label}").mkdir(parents=True)
    for i in range(count):
        pixels = np.clip(means[true[i]] + rng.normal(0, 40, (32, 32, 3)), 0, 255)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"c{given[i]}" / f"{i:05d}.png")
    order = [(int(given[i]), i) for i in range(count)]
    return {place: int(true[i]) for place, (_, i) in enumerate(sorted(order))}


def quantiles(values: list[float]) -> dict[str, float]:
    """Return the median, the 95th percentile and the most."""
    names = {"p50": 0.5, "p95": 0.95, "max": 1.0}
    return {name: round(float(np.quantile(values, q)), 1) for name, q in names.items()}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--answers", type=int, default=200)
    parser.add_argument("--to", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        top = Path(place)
        true = write_pictures(top / "data", options.pictures)
        words = [word for claim in CLAIMS for word in ("--claim", claim)]
        program = subprocess.Popen(
            [sys.executable, "-m", "alfs_cli", "audit", "data", *words, "--evidence", "pixels",
             "--no-browser"],
            cwd=top, stderr=subprocess.PIPE, text=True, env=dict(os.environ),
        )  # fmt: skip
        address = None
        for line in program.stderr or ():
            print(line, end="", file=sys.stderr)
            if found := re.search(r"http://127\S+", line):
                address = found[0]
                break
        times = answered(str(address), top, true, options.answers)
        program.kill()
    result = {
        "pictures": options.pictures,
        "claims": len(CLAIMS),
        "answers": len(times["picture"]),
        "key_to_next_picture_ms": quantiles(times["picture"]),
        "answer_on_disk_ms": quantiles(times["disk"]),
        "known_counted_anew_ms": quantiles(times["known"]),
    }
    text = json.dumps(result, indent=2)
    print(text)
    if options.to is not None:
        options.to.write_text(text + "\n")


def answered(address: str, top: Path, true: dict[int, int], count: int) -> dict[str, list[float]]:
    """Answer by keyboard, and return what the page measured."""
    from alfs_cli.audits.record import resume

    order = resume(top / "alfs-out").draws.order
    chromium = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1100, "height": 850})
        page.goto(address)
        page.wait_for_selector("#box[data-draw]")
        page.evaluate(TIMED)
        for _ in range(count):
            draw = int(page.get_attribute("#box", "data-draw") or 0)
            page.wait_for_timeout(250)
            page.keyboard.press("1234567890"[true[int(order[draw])]])
            page.wait_for_selector(f"#box:not([data-draw='{draw}'])")
        page.wait_for_timeout(1000)
        found: dict[str, list[float]] = page.evaluate("window.times")
        browser.close()
    return found


if __name__ == "__main__":
    main()
