"""The audit's page with 10,000 pictures in headless Chromium: from a key to the next picture.

    python benchmarks/audit_page.py [--pictures 10000] [--answers 1000] [--kills 5] [--to FILE]

Pictures are random, 32 x 32, in ten class folders; a tenth of the labels is wrong, and every answer
is right. Times are taken in the page, in ms: from the key to the next picture (what a person waits
for), and to the server's word that the answer is on the disk and what is known was counted anew.

The server is killed (SIGKILL) at random moments, each a few ms after some key, and started again by
the same command. After each kill every answer of which the page had the server's word must be on
the disk, and the next draw asked must be the first one open.
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Page, Response, sync_playwright

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


@dataclass
class Session:
    """One audit over several lives of its server, and what was found in it."""

    top: Path
    true: dict[int, int]
    goal: int
    rng: random.Random
    acknowledged: dict[int, int] = field(default_factory=dict)  # by draw, by the server's word
    lost: int = 0
    asked_first_wrongly: int = 0
    times: dict[str, list[float]] = field(
        default_factory=lambda: {"picture": [], "disk": [], "known": []}
    )

    def heard(self, response: Response) -> None:
        """Note an answer of which the server says that it is on the disk."""
        if response.url.endswith("/answer") and response.status == 200:
            said = response.request.post_data_json
            if not said["repeat"]:
                self.acknowledged[said["draw"]] = said["answer"]

    def life(self, browser: Browser, until: int, *, is_killed: bool) -> None:
        """Answer by keyboard up to so many answers, then kill the server, or let it be."""
        from alfs_cli.audits.record import resume

        program, address = served(self.top)
        order = resume(self.top / "alfs-out").draws.order
        page = browser.new_page(viewport={"width": 1100, "height": 850})
        page.on("response", self.heard)
        page.goto(address)
        page.wait_for_selector("#box[data-draw]")
        page.evaluate(TIMED)
        first = int(page.get_attribute("#box", "data-draw") or 0)
        task = resume(self.top / "alfs-out").next_task()
        self.asked_first_wrongly += task is None or task.number != first
        while len(self.acknowledged) < until:
            answer_one(page, order, self.true)
        if is_killed:
            self.kill(page, program, order)
        else:
            page.wait_for_timeout(1000)
        for name, values in page.evaluate("window.times").items():
            self.times[name] += values
        page.close()
        program.kill()
        program.communicate()
        written = {n: d.counts.label for n, d in resume(self.top / "alfs-out").drawn.items()
                   if d.counts is not None}  # fmt: skip
        self.lost += sum(written.get(n) != label for n, label in self.acknowledged.items())
        self.acknowledged = written

    def kill(self, page: Page, program: "subprocess.Popen[str]", order: np.ndarray) -> None:
        """Press one more key, and kill the server while it is at the answer."""
        draw = int(page.get_attribute("#box", "data-draw") or 0)
        page.wait_for_timeout(250)
        page.keyboard.press("1234567890"[self.true[int(order[draw])]])
        page.wait_for_timeout(self.rng.uniform(0, 60))
        program.kill()
        program.wait()
        page.wait_for_timeout(300)


def answer_one(page: Page, order: np.ndarray, true: dict[int, int]) -> None:
    """Answer what is asked, rightly, by its key, and wait for the next one."""
    page.wait_for_selector("#box[data-draw]")
    draw = int(page.get_attribute("#box", "data-draw") or 0)
    page.wait_for_timeout(150)
    page.keyboard.press("1234567890"[true[int(order[draw])]])
    page.wait_for_selector(f"#box:not([data-draw='{draw}'])")


def served(top: Path) -> "tuple[subprocess.Popen[str], str]":
    """Start the command, and return it with the address of its page."""
    words = [word for claim in CLAIMS for word in ("--claim", claim)]
    program = subprocess.Popen(
        [sys.executable, "-m", "alfs_cli", "audit", "data", *words, "--evidence", "pixels",
         "--no-browser"],
        cwd=top, stderr=subprocess.PIPE, text=True, env=dict(os.environ),
    )  # fmt: skip
    for line in program.stderr or ():
        if found := re.search(r"http://127\S+", line):
            return program, found[0]
    raise RuntimeError("the page was not served")


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--answers", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--to", type=Path)
    options = parser.parse_args()
    chromium = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))))
    with tempfile.TemporaryDirectory() as place, sync_playwright() as playwright:
        top = Path(place)
        true = write_pictures(top / "data", options.pictures)
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        session = Session(top, true, options.answers, random.Random(0))
        stops = sorted(session.rng.sample(range(1, options.answers), options.kills))
        for until in stops:
            session.life(browser, until, is_killed=True)
            print(f"killed after {until}, lost {session.lost}", file=sys.stderr, flush=True)
        session.life(browser, options.answers, is_killed=False)
        browser.close()
    times = session.times
    result = {
        "pictures": options.pictures,
        "claims": len(CLAIMS),
        "answers": len(session.acknowledged),
        "kills": options.kills,
        "lost": session.lost,
        "asked_first_wrongly": session.asked_first_wrongly,
        "key_to_next_picture_ms": quantiles(times["picture"]),
        "answer_on_disk_ms": quantiles(times["disk"]),
        "known_counted_anew_ms": quantiles(times["known"]),
    }
    text = json.dumps(result, indent=2)
    print(text)
    if options.to is not None:
        options.to.write_text(text + "\n")
    raise SystemExit(session.lost > 0 or session.asked_first_wrongly > 0)


if __name__ == "__main__":
    main()
