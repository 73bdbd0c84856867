"""The page: a server on this machine alone, for whoever has its address.

Every address begins with a token; another one, another host name or another origin gets 403 and
nothing is read for it. The page asks nothing of any other place.
"""

import json
import secrets
import socket
from collections.abc import Callable
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from alfs_cli.auditing.desk import Desk, Known
from alfs_cli.auditing.words import between, is_level, known, missing
from alfs_cli.audits.claims import parse
from alfs_cli.audits.record import Task
from alfs_cli.errors import AlfsError, UsageError
from alfs_cli.text.plain import plain

HOSTS = ("127.0.0.1", "localhost")
SIZES = (768, 2048)  # px, of a picture and of one that is zoomed into
NEAR_SIZE = 256  # px, of one that is shown beside another
MOST_CELLS, MOST_LETTERS = 3, 60  # of a row that is shown beside another
MOST_BODY = 1 << 16  # bytes
MOST_NAME = 60
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
PARTS = {"page.js": "text/javascript", "page.css": "text/css"}


def new_token() -> str:
    """Return a word that nobody guesses, for the address of the page."""
    return secrets.token_urlsafe(18)


def bound_socket(port: int) -> socket.socket:
    """Return a listening socket of this machine alone; port 0 is any that is free.

    It listens from now on: a browser that is faster than the server waits for it, and is not
    refused. Raises UsageError where the port is taken.
    """
    found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((HOSTS[0], port))
        found.listen()
    except OSError as error:
        found.close()
        raise UsageError(
            f"port {port} of this machine cannot be used: {error.strerror or error}",
            help="leave --port out for one that is free",
        ) from None
    return found


def application(desk: Desk, token: str, *, finish: Callable[[], None]) -> ASGIApp:
    """Return the server's application; `finish` is called when somebody says that it is over."""
    pages = Pages(desk, finish)
    routes = [
        Route("/", pages.page, methods=["GET"]),
        Route("/{name:str}.{kind:str}", pages.part, methods=["GET"]),
        Route("/picture/{number:int}", pages.picture, methods=["GET"]),
        Route("/known", pages.known, methods=["GET"]),
        Route("/begin", pages.begin, methods=["POST"]),
        Route("/next", pages.next, methods=["POST"]),
        Route("/answer", pages.answer, methods=["POST"]),
        Route("/undo", pages.undo, methods=["POST"]),
        Route("/given", pages.given, methods=["POST"]),
        Route("/near/{number:int}/{at:int}", pages.near, methods=["GET"]),
        Route("/leave", pages.leave, methods=["POST"]),
        Route("/finish", pages.finish, methods=["POST"]),
    ]
    inner = Starlette(
        routes=[Mount(f"/{token}", routes=routes)],
        exception_handlers={AlfsError: refused},
    )
    return Guarded(inner, token)


async def refused(request: Request, error: Exception) -> Response:
    """Answer with an error's words, which the page shows."""
    code = 500 if isinstance(error, AlfsError) and error.exit_code == 3 else 400
    help = error.help if isinstance(error, AlfsError) else None
    return JSONResponse({"error": plain(str(error)), "help": help}, code)


class Guarded:
    """Lets in who has the token, under this machine's name, from this page or from nowhere."""

    def __init__(self, inner: ASGIApp, token: str) -> None:
        self.inner, self.token = inner, token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 403."""
        if scope["type"] != "http" or not self.is_welcome(scope):
            if scope["type"] == "http":
                await Response("403", 403, dict(HEADERS), "text/plain")(scope, receive, send)
            return

        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                own = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *(
                        (name.lower().encode(), value.encode())
                        for name, value in HEADERS.items()
                        if name.lower().encode() not in own
                    ),
                ]
            await send(message)

        await self.inner(scope, receive, with_headers)

    def is_welcome(self, scope: Scope) -> bool:
        """Say whether a request is of this page: its host, its origin and its token."""
        headers: Headers = {}
        for name, value in scope["headers"]:
            headers.setdefault(name.lower(), []).append(value)
        first = scope["path"].split("/", 2)[1:2]
        has_token = bool(first) and secrets.compare_digest(
            first[0].encode("utf-8", "replace"), self.token.encode()
        )
        hosts = headers.get(b"host", [])
        is_here = len(hosts) == 1 and is_own(hosts[0].decode("latin-1"))
        origins = [value.decode("latin-1") for value in headers.get(b"origin", [])]
        is_same = all(
            origin.startswith("http://") and is_own(origin.removeprefix("http://"))
            and [origin.removeprefix("http://").encode("latin-1")] == hosts
            for origin in origins
        )  # fmt: skip
        return has_token and is_here and is_same and (is_from_here(headers) or is_link(headers))


Headers = dict[bytes, list[bytes]]
OWN_SITES = (b"same-origin", b"none")


def is_from_here(headers: Headers) -> bool:
    """Return whether a browser says that its own page asks, or nobody's."""
    return all(site in OWN_SITES for site in headers.get(b"sec-fetch-site", []))


def is_link(headers: Headers) -> bool:
    """Return whether somebody follows a link to the page, as from a terminal in a browser."""
    mode, place = headers.get(b"sec-fetch-mode"), headers.get(b"sec-fetch-dest")
    return mode == [b"navigate"] and place == [b"document"] and b"origin" not in headers


def is_own(host: str) -> bool:
    """Return whether a host, with or without a port, is this machine's own name."""
    name, _, port = host.partition(":")
    return name in HOSTS and (port == "" or port.isdigit())


class Pages:
    """What the addresses answer; a page has a name of its own, `page`, and a person, `by`."""

    def __init__(self, desk: Desk, end: Callable[[], None]) -> None:
        self.desk, self.end = desk, end

    async def page(self, request: Request) -> Response:
        """Answer with the page itself."""
        return Response(part("page.html"), media_type="text/html")

    async def part(self, request: Request) -> Response:
        """Answer with the page's script or its style."""
        name = f"{request.path_params['name']}.{request.path_params['kind']}"
        if name not in PARTS:
            return Response("404", 404, media_type="text/plain")
        return Response(part(name), media_type=PARTS[name])

    async def picture(self, request: Request) -> Response:
        """Answer with a draw's picture, as the page may keep it."""
        is_large = request.query_params.get("large") == "1"
        task = self.desk.task(request.path_params["number"], is_repeat=False)
        return await self._png(task.index, SIZES[is_large])

    async def near(self, request: Request) -> Response:
        """Answer with the picture of an example that was shown beside a draw."""
        place = self.desk.neighbour(request.path_params["number"], request.path_params["at"])
        return await self._png(place, NEAR_SIZE)

    async def _png(self, place: int, size: int) -> Response:
        png = await run_in_threadpool(self.desk.shows.picture, place, size)
        if png is None:
            return Response("404", 404, media_type="text/plain")
        return Response(png, headers={"Cache-Control": "private, max-age=3600"},
                        media_type="image/png")  # fmt: skip

    async def begin(self, request: Request) -> Response:
        """Answer with what the page needs to know once, and free what it held."""
        body = await body_of(request)
        await run_in_threadpool(self.desk.begin, body["page"], body["by"])
        record = self.desk.record
        return JSONResponse(
            {
                "classes": [plain(name) for name in record.examples.classes],
                "shows": "picture" if self.desk.shows.are_pictures else "row",
                "hidden": [plain(name) for name, _ in self.desk.shows.hidden],
                "name": plain(self.desk.shows.dataset.name),
                "examples": len(record.examples),
                "budget": self.desk.budget,
                "risk": record.plan.risk,
                "show_given": record.plan.show_given,
            }
        )

    async def next(self, request: Request) -> Response:
        """Answer with the next task."""
        body = await body_of(request)
        return await self._next(body)

    async def _next(self, body: "Body") -> Response:
        task = await run_in_threadpool(
            self.desk.next_task, body["page"], body["by"], second=body.get("second") is True
        )
        return JSONResponse({"task": None if task is None else self.told(task, body["by"])})

    async def answer(self, request: Request) -> Response:
        """Write an answer down, and answer with the next task if the page wants one."""
        body = await body_of(request)
        task = self.desk.task(whole(body, "draw"), is_repeat=body.get("repeat") is True)
        label = None if body.get("answer") is None else whole(body, "answer")
        seconds = body.get("seconds")
        seconds = float(seconds) if isinstance(seconds, int | float) else None
        await run_in_threadpool(self.desk.answer, body["page"], body["by"], task, label, seconds)
        return JSONResponse({"task": None}) if body.get("more") is False else await self._next(body)

    async def undo(self, request: Request) -> Response:
        """Answer with the last task that this person answered, or the one before `before`."""
        body = await body_of(request)
        before = None if body.get("before") is None else whole(body, "before")
        task = await run_in_threadpool(self.desk.undo, body["page"], body["by"], before=before)
        return JSONResponse({"task": None if task is None else self.told(task, body["by"])})

    async def given(self, request: Request) -> Response:
        """Answer with what a draw was given and with its neighbours, once it is answered."""
        body = await body_of(request)
        found = await run_in_threadpool(self.desk.reveal, whole(body, "draw"), body["by"])
        number, label = found.task.number, found.label
        return JSONResponse(
            {
                "draw": number,
                "answer": None
                if label is None
                else plain(self.desk.record.examples.classes[label]),
                "given": self._given(found.task.index),
                "near": [
                    {
                        "given": self._given(place),
                        "picture": f"near/{number}/{at}" if self.desk.shows.are_pictures else None,
                        "text": self._short(place),
                    }
                    for at, place in enumerate(found.near)
                ],
            }
        )

    def _given(self, place: int) -> str:
        dataset = self.desk.shows.dataset
        return plain(dataset.class_names[dataset.labels[place]])

    def _short(self, place: int) -> str:
        """Return the first cells of a row in a line."""
        cells = [plain(cell) for _, cell in self.desk.shows.cells(place)[:MOST_CELLS]]
        return " \u00b7 ".join(cell[:MOST_LETTERS] for cell in cells)

    async def leave(self, request: Request) -> Response:
        """Free what a page held."""
        body = await body_of(request)
        await run_in_threadpool(self.desk.leave, body["page"])
        return Response(status_code=204)

    async def known(self, request: Request) -> Response:
        """Answer with what is known now."""
        page = request.query_params.get("page", "")
        self.desk.heard(page)
        found = await run_in_threadpool(self.desk.known)
        return JSONResponse(self.said(found))

    async def finish(self, request: Request) -> Response:
        """End, where all is decided or nothing may be asked any more."""
        await body_of(request)
        found = await run_in_threadpool(self.desk.known)
        if found.over is None:
            return JSONResponse({"error": "not all is decided"}, 409)
        self.end()
        return Response(status_code=204)

    def told(self, task: Task, by: str) -> dict[str, Any]:
        """Return a task as the page shows it to somebody: nothing in it tells the given label."""
        desk = self.desk
        cells = [
            [plain(name), plain(cell, keep="\n\t")] for name, cell in desk.shows.cells(task.index)
        ]
        row = [] if desk.shows.are_pictures or cells else [["row", str(desk.shows.row(task.index))]]
        return {
            "draw": task.number,
            "repeat": task.is_repeat,
            "picture": f"picture/{task.number}" if desk.shows.are_pictures else None,
            "cells": cells or row,
            "given": self._given(task.index) if desk.record.plan.show_given else None,
            "seen": desk.record.has_seen(task.number, by),
        }

    def said(self, found: Known) -> dict[str, Any]:
        """Return what is known, in words and as numbers for the bars."""
        now = found.now
        claims = [
            {
                "text": plain(claim.text),
                "status": claim.status,
                "known": known(claim),
                "missing": missing(claim.forecast),
                "answers": claim.answers,
                "bar": None if is_level(claim.text) else bar(claim.text, claim.low, claim.high),
            }
            for claim in now.claims
        ]
        return {
            "events": found.events,
            "answers": now.answers,
            "cannot_tell": now.cannot_tell,
            "changed": now.changed,
            "people": len(self.desk.visitors),
            "noise_rate": between(now.noise_rate.low, now.noise_rate.high),
            "claims": claims,
            "over": found.over,
        }


def bar(text: str, low: float, high: float | None) -> dict[str, float] | None:
    """Return where an interval of shares and the claim's limit lie between 0 and 1."""
    claim = parse(text)
    if claim.is_comparison or high is None or claim.number is None:
        return None
    return {"low": low, "high": high, "limit": claim.number}


def part(name: str) -> bytes:
    """Return a file of the page."""
    return files("alfs_cli.auditing").joinpath(name).read_bytes()


Body = dict[str, Any]


async def body_of(request: Request) -> Body:
    """Return what a page sent: an object with `page` and `by`.

    Raises UsageError where it is anything else.
    """
    parts, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MOST_BODY:
            raise UsageError("a request is too long", help="reload the page")
        parts.append(chunk)
    try:
        body = json.loads(b"".join(parts))
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict) or not isinstance(body.get("page"), str):
        raise UsageError("a request is not one of this page's", help="reload the page")
    by = body.get("by")
    body["by"] = plain(by)[:MOST_NAME].strip() if isinstance(by, str) else ""
    return body


def whole(body: Body, name: str) -> int:
    """Return a whole number of what the page sent; raises UsageError where it is none."""
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise UsageError(f"'{name}' is no whole number", help="reload the page")
    return value
