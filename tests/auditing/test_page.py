"""The page in a browser, by keyboard, as a person uses it; skipped where there is no Chromium."""

import json
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import httpx
import numpy as np
import pytest

from alfs_cli.auditing.desk import Desk
from alfs_cli.auditing.exhibits import exhibits
from alfs_cli.auditing.neighbours import keep
from alfs_cli.auditing.server import bound_socket
from alfs_cli.auditing.serving import serve
from alfs_cli.audits.record import resume
from alfs_cli.data import DataSpec, load
from tests import accessibility
from tests.forks import forked_alfs

pytestmark = pytest.mark.slow
TOKEN = "t0ken"
OPEN = "noise-rate <= 0.45"  # by answers that are right half the time it stays undecided
SECONDS = 10_000  # ms that a page is waited for
TIMED = """() => {
  addEventListener("keydown", () => { window.since = performance.now(); }, true);
  new MutationObserver(() => { window.took ??= performance.now() - since; })
    .observe(document.getElementById("box"), { attributes: true });
}"""
FOCUSED = """[document.activeElement.id || document.activeElement.textContent,
  getComputedStyle(document.activeElement).outlineStyle]"""


@pytest.fixture
def visit(browser):
    """Return a function that opens an address; nothing may go wrong in any of the pages."""
    contexts, wrong = [], []

    def call(address, **options):
        context = browser.new_context(**{"viewport": {"width": 1000, "height": 800}, **options})
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(SECONDS)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(f"dialog {dialog.message}"))
        page.on("request", lambda request: wrong.append(request.url)
                if not request.url.startswith((address, "data:")) else None)  # fmt: skip
        page.goto(address)
        page.wait_for_selector("#box[data-draw]")
        return page

    yield call
    for context in contexts:
        context.close()
    assert not wrong


@pytest.fixture
def served():
    """Return a function that serves a desk on a thread of its own and returns the address."""
    running = []

    def call(desk, *, grace=60.0):
        listening = bound_socket(0)
        address = f"http://127.0.0.1:{listening.getsockname()[1]}/{TOKEN}/"
        thread = threading.Thread(
            target=serve, args=(desk, TOKEN, listening), kwargs={"grace": grace}, daemon=True
        )
        thread.start()
        running.append((desk, thread))
        return address, thread

    yield call
    for desk, thread in running:
        desk.over_since = lambda: 0
        thread.join(0.1)


def draw_of(page):
    page.wait_for_selector("#box[data-draw]")  # between two draws there is none
    return int(page.get_attribute("#box", "data-draw"))


def looked_at(page):
    """Wait until an answer to the task is taken; return which draw it is."""
    draw = draw_of(page)
    page.wait_for_timeout(140)
    return draw


def press(page, key):
    """Press a key when the task has been looked at, and wait for the next one."""
    before = looked_at(page)
    page.keyboard.press(key)
    page.wait_for_selector(f"#box:not([data-draw='{before}'])")


def answered(page, count):
    page.wait_for_selector(f"#progress:text-matches('^{count} answered')")


def test_answers_by_keyboard_are_in_the_record(pictures, begin, served, visit):
    record = begin(pictures, OPEN)
    address, _ = served(Desk(record, pictures))
    page = visit(address)
    assert page.inner_text("#claims .status") == "\u2026 undecided"
    for key in ("1", "2", "?"):
        press(page, key)
    answered(page, 3)
    page.keyboard.press("u")
    page.wait_for_selector("#box[data-draw='2']")
    assert "Answered before" in page.inner_text("#hint")
    press(page, "2")
    answered(page, 3)
    looked_at(page)
    page.click("#classes button:nth-child(1)")
    answered(page, 4)
    labels = [resume(record.folder).drawn[n].counts.label for n in range(4)]
    assert labels == [0, 1, 1, 0]
    page.reload()
    page.wait_for_selector("#box[data-draw='4']")
    page.keyboard.press("z")
    assert page.evaluate("document.getElementById('large').open")
    page.keyboard.press("z")
    assert not page.evaluate("document.getElementById('large').open")


def test_the_next_picture_does_not_wait_for_the_disk(pictures, begin, served, visit):
    address, _ = served(Desk(begin(pictures, OPEN), pictures))
    page = visit(address)
    page.wait_for_timeout(200)

    def late(route):
        time.sleep(0.6)
        route.continue_()

    page.route("**/answer", late)
    page.evaluate(TIMED)
    press(page, "1")
    assert page.evaluate("window.took") < 100
    answered(page, 1)


def test_two_tabs_with_two_names(pictures, begin, served, visit):
    record = begin(pictures, OPEN)
    address, _ = served(Desk(record, pictures))
    pages = []
    for name in ("ann", "bob"):
        page = visit(address)
        page.fill("#by", name)
        page.press("#by", "Enter")
        page.wait_for_timeout(150)
        pages.append(page)
    for _ in range(3):
        for page in pages:
            press(page, "1")
    answered(pages[1], 6)
    again = resume(record.folder)
    people = [again.drawn[number].counts.by for number in sorted(again.drawn)]
    assert sorted(people) == ["ann"] * 3 + ["bob"] * 3


def test_several_answers_are_taken_back_and_one_is_left_as_it_is(pictures, begin, served, visit):
    record = begin(pictures, OPEN)
    address, _ = served(Desk(record, pictures))
    page = visit(address)
    for key in ("1", "2", "1"):
        press(page, key)
    answered(page, 3)
    for draw in (2, 1, 0):
        assert page.is_visible("#keep") == (draw < 2)
        page.keyboard.press("u")
        page.wait_for_selector(f"#box[data-draw='{draw}']")
    page.keyboard.press("u")
    page.wait_for_selector("#hint:text-matches('It was the first')")
    press(page, "2")
    assert draw_of(page) == 1
    page.keyboard.press("Escape")
    page.wait_for_selector("#box[data-draw='2']")
    page.click("#keep")
    page.wait_for_selector("#box[data-draw='3']")
    assert not page.is_visible("#keep")
    answered(page, 3)
    assert [resume(record.folder).drawn[n].counts.label for n in range(3)] == [1, 1, 0]
    press(page, "1")
    answered(page, 4)


def test_what_was_given_is_shown_after_the_answer_and_a_later_change_is_kept_beside_it(
    pictures, begin, served, visit
):
    record = begin(pictures, OPEN)
    keep(record.folder, record.plan.examples, np.arange(80, dtype=np.float32)[:, None])
    address, _ = served(Desk(record, pictures))
    page = visit(address)
    assert page.inner_text("#said") == "None yet."
    page.keyboard.press("g")  # nothing is answered, and nothing is told
    press(page, "1")
    assert page.inner_text("#said") == "You said: cat"
    assert page.inner_text("#told") == ""
    answered(page, 1)
    page.keyboard.press("g")
    page.wait_for_selector("#told .near img")
    index = record.task(0).index
    name = pictures.dataset.class_names[pictures.dataset.labels[index]]
    assert page.inner_text("#told .told").endswith(f": {name}")
    assert page.locator("#told .near img").count() == 5
    seen = "[...document.querySelectorAll('#told img')].every((i) => i.naturalWidth > 0)"
    for _ in range(SECONDS // 50):  # the page's policy forbids the eval of wait_for_function
        if page.evaluate(seen):
            break
        page.wait_for_timeout(50)
    assert page.evaluate(seen)
    names = [pictures.dataset.class_names[pictures.dataset.labels[i]]
             for i in resume(record.folder).drawn[0].beside]  # fmt: skip
    assert page.locator("#told .near li").all_inner_texts() == names
    assert page.is_disabled("#look")
    page.keyboard.press("u")
    page.wait_for_selector("#box[data-draw='0']")
    assert "enters no bound" in page.inner_text("#hint")
    press(page, "2")
    page.wait_for_selector("#progress:text-matches('1 changed after')")
    drawn = resume(record.folder).drawn[0]
    assert (drawn.counts.label, drawn.changed.label) == (0, 1)
    page.check("#always")
    page.wait_for_selector("#told .told")
    press(page, "2")
    page.wait_for_selector("#said:text-matches('You said: dog')")
    page.wait_for_selector("#told .told")
    assert resume(record.folder).drawn[1].shown_to == {""}


def test_it_ends_with_a_summary_and_lets_the_last_answer_be_taken_back(
    pictures, begin, served, visit
):
    record = begin(pictures, OPEN)
    address, thread = served(Desk(record, pictures, budget=3))
    page = visit(address)
    for _ in range(2):
        press(page, "1")
    page.wait_for_timeout(140)
    page.keyboard.press("1")
    page.wait_for_selector("#end:not([hidden])")
    assert page.inner_text("#end-title") == "The budget is spent"
    assert not accessibility.violations(page)
    page.keyboard.press("u")
    page.wait_for_selector("#box[data-draw='2']")
    page.wait_for_timeout(140)
    page.keyboard.press("2")
    page.wait_for_selector("#end:not([hidden])")
    page.keyboard.press("Enter")
    page.wait_for_selector("#end-title:text('Finished')")
    thread.join(10)
    assert not thread.is_alive()
    assert resume(record.folder).drawn[2].counts.label == 1


def test_it_ends_by_itself(pictures, begin, served):
    desk = Desk(begin(pictures, OPEN), pictures, budget=1)
    address, thread = served(desk, grace=0.2)
    assert httpx.get(address + "known").json()["over"] is None
    told = {"page": "p", "by": ""}
    task = httpx.post(address + "next", json=told).json()["task"]
    httpx.post(address + "answer", json={**told, "draw": task["draw"], "answer": 0})
    assert httpx.get(address + "known").json()["over"] == "budget"
    thread.join(10)
    assert not thread.is_alive()


def hostile(count=120):
    names = ["<img src=x onerror=alert(1)>", "'\"><script>alert(2)</script>", "\u202eevil", "uncle"]
    names += [f"class {chr(97 + i)}" for i in range(20)]
    rows = [
        {"text": f"<script>alert({i})</script>", "note": "a\nb", "label": names[i % len(names)]}
        for i in range(count)
    ]
    Path("h.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    return names


def test_hostile_names_are_text_and_letters_find_a_class(
    tmp_path, monkeypatch, begin, served, visit
):
    monkeypatch.chdir(tmp_path)
    names = hostile()
    shows = exhibits(load(DataSpec("h.jsonl", labels_alone=True)))
    record = begin(shows)
    address, _ = served(Desk(record, shows))
    page = visit(address)
    assert "<script>alert(" in page.inner_text("#box dd")
    assert page.locator("#classes img, #classes script, #box script").count() == 0
    assert page.locator(f"#classes button:has-text({json.dumps(names[0])})").count() == 1
    assert not accessibility.violations(page)
    page.wait_for_timeout(140)
    page.keyboard.type("/uncle")
    assert page.locator("#classes button:visible").count() == 1
    page.keyboard.press("Enter")
    page.wait_for_selector("#box[data-draw='1']")
    answered(page, 1)
    label = resume(record.folder).drawn[0].counts.label
    assert record.examples.classes[label] == "uncle"
    assert page.locator("#classes button:visible").count() == len(names)


def test_it_can_be_read_on_a_narrow_screen_in_light_and_dark(shows, begin, served, visit):
    address, _ = served(Desk(begin(shows), shows))
    page = visit(address, viewport={"width": 360, "height": 740}, reduced_motion="reduce")
    page.wait_for_selector("#claims .claim")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    papers = set()
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.wait_for_timeout(200)
        papers.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        assert not accessibility.violations(page)
    assert len(papers) == 2
    seen = []
    for _ in range(8):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(FOCUSED))
    assert all(style == "solid" for _, style in seen[:7])
    assert len({name for name, _ in seen}) >= 7
    heights = [page.evaluate("document.getElementById('classes').offsetTop")]
    for key in ("1", "2", "3"):
        page.evaluate("document.activeElement.blur()")
        press(page, key)
        heights.append(page.evaluate("document.getElementById('classes').offsetTop"))
    assert len(set(heights)) == 1


class Program:
    """`alfs audit` as a process of its own."""

    def __init__(self, *words):
        self.process = forked_alfs(
            "audit", *words, "--no-browser",
            stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.address = None
        for line in self.process.stderr:
            if found := re.search(r"http://127\S+", line):
                self.address = found[0]
                break

    def end(self, number):
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


def test_killed_in_the_middle_nothing_is_lost(shows, visit):
    words = ("t.csv", "--claim", "noise-rate <= 0.21", "--out", "o")
    program = Program(*words)
    page = visit(program.address)
    for number in range(7):
        press(page, str(1 + number % 3))
    answered(page, 7)
    at = draw_of(page)
    program.end(signal.SIGKILL)
    page.wait_for_timeout(140)
    page.keyboard.press("1")
    page.wait_for_selector("#trouble:not([hidden])")
    assert "give the same command again" in page.inner_text("#trouble")
    again = Program(*words)
    other = visit(again.address)
    answered(other, 7)
    assert draw_of(other) == at == 7
    press(other, "2")
    answered(other, 8)
    code, _, err = again.end(signal.SIGINT)
    assert code == 130, err
    assert "stopped after 8 answers, all of them saved" in err
    labels = [resume(Path("o")).drawn[n].counts.label for n in range(8)]
    assert labels == [0, 1, 2, 0, 1, 2, 0, 1]
    assert json.loads(Path("o/audit.json").read_text())["answers"] == 8
