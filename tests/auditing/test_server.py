"""The page's server, by HTTP: who is let in, what it tells, that an answer is on the disk."""

import json
import socket
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from alfs_cli.auditing.desk import Desk
from alfs_cli.auditing.neighbours import keep
from alfs_cli.auditing.server import application, bound_socket
from alfs_cli.audits.record import resume
from alfs_cli.errors import UsageError

TOKEN = "t0ken"
HERE = f"http://127.0.0.1:8000/{TOKEN}/"


class Client:
    """A page's requests."""

    def __init__(self, desk, page="p1", by=""):
        self.ended, self.desk = [], desk
        app = application(desk, TOKEN, finish=lambda: self.ended.append(True))
        self.http = TestClient(app, base_url=HERE, follow_redirects=False)
        self.page, self.by = page, by

    def post(self, path, **body):
        return self.http.post(HERE + path, json={"page": self.page, "by": self.by, **body})

    def next(self, **body):
        return self.post("next", **body).json()["task"]

    def answer(self, task, label, **body):
        said = self.post("answer", draw=task["draw"], repeat=task["repeat"], answer=label, **body)
        assert said.status_code == 200, said.text
        return said.json()["task"]


@pytest.fixture
def desk(shows, begin):
    return Desk(begin(shows), shows, budget=12)


@pytest.fixture
def client(desk):
    return Client(desk)


def test_an_answer_is_on_the_disk_and_brings_the_next_task(client, desk):
    assert client.post("begin").json()["classes"] == ["bad", "good", "so-so"]
    first, second = client.next(), client.next()
    assert (first["draw"], second["draw"]) == (0, 1)
    third = client.answer(first, 1, seconds=1.5)
    assert third["draw"] == 2
    assert client.answer(second, None, more=False) is None
    again = resume(desk.record.folder)
    assert [again.drawn[n].counts.label for n in (0, 1)] == [1, None]
    assert again.drawn[0].counts.seconds == 1.5
    known = client.http.get(HERE + "known").json()
    assert (known["answers"], known["cannot_tell"], known["over"]) == (2, 1, None)
    assert known["claims"][0]["known"].startswith("between ")
    assert known["claims"][0]["missing"].startswith("about ")


def test_nothing_that_a_page_gets_tells_the_given_label(client, shows):
    client.post("begin")
    for _ in range(4):
        task = client.next()
        assert task["given"] is None
        text = json.dumps([task["cells"], task["picture"]])
        assert not any(name in text for name in shows.dataset.class_names)


def test_the_given_label_is_shown_where_that_was_asked_for(shows, begin):
    record = begin(shows, show_given=True)
    task = Client(Desk(record, shows)).next()
    index = record.task(0).index
    assert task["given"] == shows.dataset.class_names[shows.dataset.labels[index]]


@pytest.mark.parametrize(
    ("address", "headers"),
    [
        ("http://127.0.0.1:8000/", {}),
        ("http://127.0.0.1:8000/wrong/", {}),
        ("http://127.0.0.1:8000/wrong/picture/0", {}),
        (HERE, {"Host": "evil.example"}),
        (HERE, {"Host": "127.0.0.1.evil.example:8000"}),
        (HERE + "known", {"Origin": "http://evil.example"}),
        (HERE + "known", {"Origin": "null"}),
        (HERE + "known", {"Origin": "http://127.0.0.1:9999"}),
        (HERE + "known", {"Origin": "https://127.0.0.1:8000"}),
        (HERE + "picture/0", {"Sec-Fetch-Site": "cross-site"}),
        (HERE + "picture/0", {"Sec-Fetch-Site": "same-site"}),
    ],
)
def test_strangers_get_403_and_nothing_is_read_for_them(client, desk, address, headers):
    def never(*_):
        raise AssertionError("it was read")

    desk.known = desk.task = desk.next_task = never
    for method in ("GET", "POST", "HEAD", "OPTIONS"):
        answer = client.http.request(method, address, headers=headers)
        assert answer.status_code == 403
        assert TOKEN not in answer.text


def test_a_link_from_elsewhere_may_be_followed_but_not_framed(client):
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    for place, code in (("document", 200), ("iframe", 403), ("image", 403)):
        answer = client.http.get(HERE, headers={**link, "Sec-Fetch-Dest": place})
        assert answer.status_code == code
    page = client.http.get(HERE, headers={**link, "Sec-Fetch-Dest": "document"})
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    ["../t.csv", "%2e%2e/t.csv", "..%2ft.csv", "picture/../../t.csv", "page.py", "server.py",
     "picture/-1", "picture/x", "audit.jsonl", "/etc/passwd"],
)  # fmt: skip
def test_no_path_leads_out_of_the_page(client, path):
    answer = client.http.get(HERE + path)
    assert answer.status_code in (400, 403, 404)
    assert "it is" not in answer.text


def test_the_page_asks_nothing_of_any_other_place(client):
    page = client.http.get(HERE)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    for name in ("", "page.js", "page.css"):
        text = client.http.get(HERE + name).text
        addresses = [part for part in text.split('"') if part.startswith(("http:", "https:", "//"))]
        assert addresses in ([], ["http://www.w3.org/2000/svg"]), name
        assert "innerHTML" not in text


def test_what_is_no_request_of_the_page_is_refused(client, desk):
    client.post("begin")
    for body in (b"", b"[]", b"{}", b'{"page": 1}', b"[" * 70_000, b"x" * 70_000):
        assert client.http.post(HERE + "next", content=body).status_code == 400
    for draw in (-1, 10**9, "0", None, True, 1.5):
        assert client.post("answer", draw=draw, answer=0).status_code == 400
    for label in (-1, 3, "good", True):
        assert client.post("answer", draw=0, answer=label).status_code == 400
    assert desk.record.answers == 0


def test_undo_asks_the_last_draw_again_and_the_new_answer_counts(client, desk):
    client.post("begin")
    assert client.post("undo").json()["task"] is None
    second = client.answer(client.next(), 1)
    again = client.post("undo").json()["task"]
    assert again["draw"] == 0
    client.answer(again, 2, more=False)
    assert desk.record.drawn[0].counts.label == 2
    assert client.answer(second, 0)["draw"] == 2


def test_undo_goes_back_further_and_frees_what_is_left_as_it_is(client, desk):
    client.post("begin")
    task = client.next()
    for label in (1, 2, 0):
        task = client.answer(task, label)
    drawn = [client.post("undo").json()["task"]["draw"]]
    for _ in range(2):
        drawn.append(client.post("undo", before=drawn[-1]).json()["task"]["draw"])
    assert drawn == [2, 1, 0]
    assert client.post("undo", before=0).json()["task"] is None
    assert client.post("undo", before="0").status_code == 400
    client.answer(task, 1, more=False)
    assert desk.visitors["p1"].holds == []
    assert [desk.record.drawn[n].counts.label for n in range(3)] == [1, 2, 0]


def near_file(record):
    """Keep features in which the examples lie in their order, on a line."""
    count = len(record.examples)
    keep(record.folder, record.plan.examples, np.arange(count, dtype=np.float32)[:, None])


def test_what_was_given_is_told_once_it_is_answered(shows, begin):
    record = begin(shows)
    near_file(record)
    client = Client(Desk(record, shows))
    task = client.next()
    assert client.post("given", draw=0).status_code == 400  # that would tell
    assert Client(client.desk, by="bob").post("given", draw=0).status_code == 400
    client.answer(task, 1)
    assert Client(client.desk, by="bob").post("given", draw=0).status_code == 400
    told = client.post("given", draw=0).json()
    names = shows.dataset.class_names
    index = record.task(0).index
    assert told["answer"] == names[1]
    assert told["given"] == names[shows.dataset.labels[index]]
    beside = record.drawn[0].beside
    soon = {record.task(number).index for number in range(1, 31)}
    free = [i for i in range(60) if i != index and i not in soon]
    assert sorted(abs(i - index) for i in beside) == sorted(abs(i - index) for i in free)[:5]
    assert [one["given"] for one in told["near"]] == [
        names[shows.dataset.labels[i]] for i in beside
    ]
    assert told["near"][0]["text"].startswith(f"r{beside[0]} ")
    assert client.post("given", draw=0).json() == told  # the same ones again
    again = Client(Desk(resume(record.folder), shows))
    assert again.post("given", draw=0).json() == told


def test_an_answer_changed_after_that_enters_no_bound(client, desk):
    client.answer(client.next(), 1)
    before = desk.known().now.claims
    client.post("given", draw=0)
    again = client.post("undo").json()["task"]
    assert (again["draw"], again["seen"]) == (0, True)
    client.answer(again, 2, more=False)
    drawn = desk.record.drawn[0]
    assert (drawn.counts.label, drawn.changed.label) == (1, 2)
    assert [replace(c, forecast=None) for c in desk.known().now.claims] == [
        replace(c, forecast=None) for c in before
    ]
    assert client.http.get(HERE + "known").json()["changed"] == 1
    assert client.post("given", draw=0).json()["answer"] == "so-so"


def test_pictures_are_shown_beside_a_draw_that_was_answered_only(pictures, begin):
    record = begin(pictures)
    near_file(record)
    client = Client(Desk(record, pictures))
    task = client.next()
    assert client.http.get(HERE + "near/0/0").status_code == 400
    client.answer(task, 0)
    near = client.post("given", draw=0).json()["near"]
    assert len(near) == 5
    for one in near:
        assert client.http.get(HERE + one["picture"]).content.startswith(b"\x89PNG")
    for path in ("near/0/5", "near/1/0", "near/99999/0", "near/-1/0"):
        assert client.http.get(HERE + path).status_code in (400, 404)
    for draw in ("0", None, -1, 10**9):
        assert client.post("given", draw=draw).status_code == 400


def test_two_people_answer_different_draws_and_compare(desk):
    ann, bob = Client(desk, "p1", "ann"), Client(desk, "p2", "bob")
    first, other = ann.next(), bob.next()
    assert (first["draw"], other["draw"]) == (0, 1)
    ann.answer(first, 1)
    bob.answer(other, 0)
    both = bob.next(second=True)
    assert both["draw"] == 0
    bob.answer(both, 2)
    assert desk.record.drawn[0].others["bob"].label == 2
    assert desk.known().now.people.both == 1


def test_what_a_page_held_is_free_when_it_is_gone(desk):
    hours = [0.0]
    desk.clock = lambda: hours[0]
    ann, bob = Client(desk, "p1", "ann"), Client(desk, "p2", "bob")
    assert ann.next()["draw"] == 0
    assert bob.next()["draw"] == 1
    ann.post("leave")
    assert bob.next()["draw"] == 0
    assert ann.next()["draw"] == 2
    hours[0] = 1000.0
    assert Client(desk, "p3", "cat").next()["draw"] == 0


def test_reloading_a_page_asks_the_same_again(client):
    client.post("begin")
    assert [client.next()["draw"] for _ in range(2)] == [0, 1]
    client.post("begin")
    assert [client.next()["draw"] for _ in range(2)] == [0, 1]


def test_it_ends_when_the_budget_is_spent(client, desk):
    client.post("begin")
    assert client.post("finish").status_code == 409
    task = client.next()
    for k in range(12):
        assert task is not None, k
        index = desk.record.task(task["draw"]).index
        task = client.answer(task, int(desk.shows.dataset.labels[index]))
    assert task is None
    known = client.http.get(HERE + "known").json()
    assert (known["answers"], known["over"]) == (12, "budget")
    assert desk.over_since() == known["events"]
    assert client.post("finish").status_code == 204
    assert client.ended == [True]


def test_a_picture_is_given_and_a_broken_one_is_not(pictures, begin):
    record = begin(pictures, "noise-rate <= 0.3")
    client = Client(Desk(record, pictures))
    task = client.next()
    assert client.http.get(HERE + task["picture"]).content.startswith(b"\x89PNG")
    assert task["cells"] == []
    Path(pictures.dataset.paths[record.task(0).index]).write_bytes(b"no picture")
    assert client.http.get(HERE + task["picture"] + "?large=1").status_code == 404


def test_hostile_names_stay_text(tmp_path, monkeypatch, begin):
    from alfs_cli.auditing.exhibits import exhibits
    from alfs_cli.data import DataSpec, load

    monkeypatch.chdir(tmp_path)
    names = ["<img src=x onerror=alert(1)>", "\u202eevil"]
    rows = [{"text": f"</script> {i}", "label": names[i % 2]} for i in range(30)]
    Path("h.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")
    shows = exhibits(load(DataSpec("h.jsonl", labels_alone=True)))
    client = Client(Desk(begin(shows), shows))
    answer = client.post("begin")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "\u202e" not in answer.json()["classes"][1]
    assert names[0] in answer.json()["classes"]


def test_a_port_that_is_taken_is_named():
    first = bound_socket(0)
    with pytest.raises(UsageError, match=f"port {first.getsockname()[1]} of this machine"):
        bound_socket(first.getsockname()[1])
    first.close()


def test_a_browser_that_comes_before_the_server_is_not_refused():
    listening = bound_socket(0)
    with socket.create_connection(listening.getsockname(), timeout=5):
        pass
    listening.close()
