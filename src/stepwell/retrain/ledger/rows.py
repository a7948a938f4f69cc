"""Counting the rows of raw objects before anything has read them: for "when so many rows have arrived".

Lines are counted, less one for each object's line of names: a field that spans lines counts as several rows,
and an object that only the user's function can read has no sensible count. Counts are kept by content, so
that an object is read once however often is asked.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

from .objects import Listed, at_once
from .workflow import Workflow

#: counts of pending objects: [[key, etag, rows], ...]
KEY = "ledger/rows.json"
GZIP = b"\x1f\x8b"
PIECE = 1 << 20


def count(workflow: Workflow, pending: list[Listed]) -> int:
    """Rows in all pending objects. Called under the claim: its document has one writer."""
    kept = {(key, etag): rows for key, etag, rows in workflow.read(KEY) or ()}
    new = [each for each in pending if (each.key, each.etag) not in kept]
    counted = zip(new, at_once(lambda each: _rows(workflow, each), new), strict=True)
    known = {**kept, **{(each.key, each.etag): rows for each, rows in counted}}
    now = {(each.key, each.etag): known[each.key, each.etag] for each in pending}
    if now != kept:
        workflow.write(KEY, [[*content, rows] for content, rows in now.items()])
    return sum(now.values())


def lines(pieces: Iterable[bytes]) -> int:
    """Lines that have something in them, of a text in pieces, compressed or not. Raises zlib.error."""
    found, begun = 0, False
    for piece in _text(pieces):
        *ended, last = piece.replace(b"\r", b"\n").split(b"\n")
        for each in ended:
            found += begun or bool(each)
            begun = False
        begun = begun or bool(last)
    return found + begun


def _text(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The text, also of a gzip file, in pieces: a megabyte of it may hold a gigabyte."""
    unpack = None
    for number, piece in enumerate(pieces):
        if number == 0 and piece.startswith(GZIP):
            unpack = zlib.decompressobj(wbits=31)
        if unpack is None:
            yield piece
            continue
        while piece:
            yield unpack.decompress(piece, PIECE)
            piece = unpack.unconsumed_tail
            if unpack.eof:
                piece, unpack = unpack.unused_data.lstrip(b"\0"), zlib.decompressobj(wbits=31)


def _rows(workflow: Workflow, each: Listed) -> int:
    body = workflow.s3.get_object(Bucket=workflow.bucket, Key=each.key)["Body"]
    try:
        found = lines(body.iter_chunks(PIECE))
    except zlib.error:
        # what is damaged has no rows that could be waited for; Prepare will say so
        return 0
    return max(0, found - workflow.settings.header)
