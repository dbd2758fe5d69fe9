"""A stand-in of GitHub's REST API: the comments of one pull request, over HTTP."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

ISSUE = "/repos/owner/name/issues/7/comments"
ONE = re.compile(r"/repos/owner/name/issues/comments/(\d+)")
TOKEN = "Bearer of-the-test"


class GitHub(ThreadingHTTPServer):
    """Holds the comments; answers as the documentation of the API says.

    Attributes:
        comments: by number, oldest first.
        asked: method and path of every request.
        read_only: the token may not write.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.comments: dict[int, str] = {}
        self.asked: list[tuple[str, str]] = []
        self.read_only = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    """The three requests there are."""

    server: GitHub

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        if not self._allowed() or parts.path != ISSUE:
            return self._answer(404, {"message": "Not Found"})
        query = parse_qs(parts.query)
        size, page = (int(query.get(key, [usual])[0]) for key, usual in SIZES)
        shown = [*self.server.comments.items()][(page - 1) * size : page * size]
        return self._answer(200, [{"id": number, "body": body} for number, body in shown])

    def do_POST(self) -> None:
        if not self._allowed() or self.path != ISSUE:
            return self._answer(404, {"message": "Not Found"})
        return self._write(201, max(self.server.comments, default=0) + 1)

    def do_PATCH(self) -> None:
        match = ONE.fullmatch(self.path)
        if not self._allowed() or not match or int(match[1]) not in self.server.comments:
            return self._answer(404, {"message": "Not Found"})
        return self._write(200, int(match[1]))

    def _write(self, status: int, number: int) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]
        if self.server.read_only:
            return self._answer(403, {"message": "Resource not accessible by integration"})
        self.server.comments[number] = body
        return self._answer(status, {"id": number, "body": body})

    def _allowed(self) -> bool:
        self.server.asked.append((self.command, self.path))
        return self.headers.get("Authorization") == TOKEN

    def _answer(self, status: int, value: Any) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Nothing: a test's own output is enough."""


SIZES = (("per_page", "30"), ("page", "1"))


@contextmanager
def github() -> Iterator[GitHub]:
    """One that answers while the block runs."""
    server = GitHub()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
