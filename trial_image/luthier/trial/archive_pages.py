"""The archive's pages: `/ledger?after=BYTES` and `/checkpoint?path=PATH`, for whoever has the experiment's token.

A checkpoint's length is not known before it is read, so it goes out in chunks: one that breaks off lacks the last
chunk, and its reader notices.
"""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler

from luthier.trial.archive import Archive, NotInArchive, OutOfStep

LEDGER_PAGE = "/ledger"
CHECKPOINT_PAGE = "/checkpoint"
PAGES = (LEDGER_PAGE, CHECKPOINT_PAGE)


class Chunks:
    """Writes what it is given as chunks of an HTTP/1.1 body."""

    def __init__(self, handler: BaseHTTPRequestHandler) -> None:
        self._out = handler.wfile

    def write(self, data: bytes) -> int:
        """Send some."""
        if data:
            self._out.write(b"%x\r\n%b\r\n" % (len(data), data))
        return len(data)

    def end(self) -> None:
        """Say that this was all."""
        self._out.write(b"0\r\n\r\n")


def answer(handler: BaseHTTPRequestHandler, archive: Archive | None, path: str, query: dict[str, list[str]]) -> None:
    """Answer a reader who may read."""
    if archive is None:
        _say(handler, 503, "the storage is not open yet")
    elif path == LEDGER_PAGE:
        _send_ledger(handler, archive, query.get("after", ["0"])[0])
    else:
        _send_checkpoint(handler, archive, query.get("path", [""])[0])


def _send_ledger(handler: BaseHTTPRequestHandler, archive: Archive, after: str) -> None:
    if not (after.isascii() and after.isdigit() and len(after) < 18):
        _say(handler, 400, "after must be a number of bytes")
        return
    try:
        excerpt = archive.ledger(int(after))
    except OutOfStep as error:
        _say(handler, 416, str(error))
        return
    handler.send_response(200)
    handler.send_header("Content-Type", "application/jsonl")
    handler.send_header("Content-Length", str(excerpt.length))
    handler.end_headers()
    for chunk in excerpt.chunks():
        handler.wfile.write(chunk)


def _send_checkpoint(handler: BaseHTTPRequestHandler, archive: Archive, path: str) -> None:
    try:
        folder = archive.find(path)
    except NotInArchive as error:
        _say(handler, 404, str(error))
        return
    handler.send_response(200)
    handler.send_header("Content-Type", "application/x-tar")
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    body = Chunks(handler)
    try:
        archive.pack(folder, body)
    except OSError:
        handler.close_connection = True  # without a last chunk: whoever reads knows that it broke off
    else:
        body.end()


def _say(handler: BaseHTTPRequestHandler, code: int, sentence: str) -> None:
    body = f"{sentence}\n".encode()
    handler.send_response(code)
    handler.send_header("Content-Type", "text/plain; charset=utf-8")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
