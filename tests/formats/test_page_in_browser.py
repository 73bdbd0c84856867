"""Pages of every kind in a browser: axe-core finds nothing, on narrow screens, in both modes."""

import json
from pathlib import Path

import numpy as np
import pytest

from alfs_cli.certificate import certify
from alfs_cli.cli import run
from alfs_cli.comparing import compare, courses, find_runs
from alfs_cli.formats import render
from alfs_cli.formats.charts import LINE_COLORS
from alfs_cli.losses import parse_loss
from alfs_cli.reports.comparison import comparison_report
from alfs_cli.reports.losses import certificate_report
from tests import accessibility
from tests.formats.test_formats import full_report

PAPERS = {"light": ("#ffffff", "#f5f7f9"), "dark": ("#14171a", "#1d2226")}
KINDS = ("all blocks", "estimate", "check", "recommend", "certificate", "run", "compare", "audit")
NARROW = {"width": 360, "height": 740}


def luminance(color):
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (v / 12.92 if v <= 0.03928 else ((v + 0.055) / 1.055) ** 2.4 for v in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(*colors):
    dark, light = sorted(map(luminance, colors))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("color", LINE_COLORS)
def test_lines_stand_out_from_the_page_in_both_modes(color):
    for paper, _ in PAPERS.values():
        assert contrast(color, paper) >= 3


def command(*words):
    assert run([*words, "-q"]) in (0, 1)


def saved_pages(folder):
    """Write what commands write on a small table into `folder`, a page a kind."""
    rng = np.random.default_rng(0)
    true = rng.integers(0, 3, 240)
    given = np.where(rng.random(240) < 0.2, (true + 1) % 3, true)
    features = 4 * np.eye(3)[true] + rng.normal(size=(240, 3))
    names = np.array(["cat", "a class with a rather long name", "<b>"])
    np.savez("d.npz", features=features, labels=given, class_names=names, true_labels=true)
    command("estimate", "d.npz", "--method", "confident")
    command("recommend", "-o", "html=recommend.html")
    gates = ("--max-noise-rate", "0.05", "--max-class-noise-rate", "0.3")
    command("check", "alfs-out/estimate.json", *gates, "-o", "html=check.html")
    command("report", "-o", "html=estimate.html")
    command("train", "d.npz", "--loss", "ce", "--epochs", "3", "--holdout", "0.3")
    (trained,) = Path("alfs-out/runs").iterdir()
    command("report", trained.name, "-o", "html=run.html")
    runs = find_runs([trained.as_posix()], Path("alfs-out"))
    page = render(comparison_report(compare(runs), courses(runs)), "html")
    Path("compare.html").write_text(page, encoding="utf-8")
    audit(true, names)
    T = json.loads(Path("alfs-out/estimate.json").read_text())["transition"]
    certified = certify(parse_loss("nce+aul"), T)
    Path("certificate.html").write_text(render(certificate_report(certified), "html"))
    Path("all blocks.html").write_text(render(full_report(), "html"), encoding="utf-8")


def audit(true, names):
    sheet = Path("sheet.csv")
    words = ("audit", "d.npz", "--claim", "noise-rate <= 0.4", "--sheet", str(sheet))
    command(*words, "--batch", "30")
    lines = sheet.read_text().splitlines()
    answered = [f"{line}{names[true[int(line.split(',')[0])]]}" for line in lines[1:]]
    sheet.write_text("\n".join([lines[0], *answered]) + "\n")
    command("audit", "d.npz", "--claim", "noise-rate <= 0.4", "--read", str(sheet))
    command("report", "alfs-out/audit.json", "-o", "html=audit.html")


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A folder with a page of each kind."""
    folder = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        saved_pages(folder)
    return folder


@pytest.fixture(scope="module")
def screen(browser):
    """A narrow page of the browser, whose policy lets axe-core in."""
    context = browser.new_context(viewport=NARROW, bypass_csp=True)
    yield context.new_page()
    context.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_axe_finds_nothing_and_numbers_stay_whole(pages, screen, kind):
    screen.emulate_media(color_scheme="light")
    screen.goto((pages / f"{kind}.html").as_uri())
    assert accessibility.overflow(screen) <= 0
    assert not accessibility.split_numbers(screen)
    assert not accessibility.violations(screen)
    screen.emulate_media(color_scheme="dark")
    assert not accessibility.violations(screen)


@pytest.mark.slow
def test_boxes_that_scroll_are_reached_and_scrolled_by_keyboard(pages, screen):
    screen.goto((pages / "all blocks.html").as_uri())
    wide = "e => e.scrollWidth > e.clientWidth"
    boxes = [box for box in screen.query_selector_all(".scroll") if box.evaluate(wide)]
    assert boxes
    reached = []
    for _ in range(30):
        screen.keyboard.press("Tab")
        if screen.evaluate("document.activeElement.className") == "scroll":
            screen.keyboard.press("ArrowRight")
            reached.append(screen.evaluate("document.activeElement.getAttribute('aria-label')"))
    assert len(reached) >= len(boxes)
    screen.wait_for_function("document.querySelector('.scroll').scrollLeft > 0")


@pytest.mark.slow
def test_a_heading_is_a_link_to_itself(pages, screen):
    screen.goto((pages / "estimate.html").as_uri())
    links = screen.eval_on_selector_all(
        "h2 a", "all => all.map(e => [e.hash.slice(1), e.closest('h2').id])"
    )
    assert len(links) > 3
    assert all(to == own for to, own in links)
    assert len({own for _, own in links}) == len(links)
