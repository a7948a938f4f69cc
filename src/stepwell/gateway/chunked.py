"""aws-chunked content: S3 uploads that come in pieces, each signed or not, with trailers at the end.

    1000;chunk-signature=…\\r\\n<4096 bytes>\\r\\n … 0;chunk-signature=…\\r\\nx-amz-checksum-crc32:…\\r\\n

The decoder does no I/O: bytes in, content out. A piece is handed on before its signature is known, so
whoever reads must keep nothing until the end was reached without an error.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Generator, Mapping
from dataclasses import dataclass

from stepwell.errors import AwsError

UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"

_LONGEST_LINE = 4096
_MOST_TRAILERS = 32
_EMPTY_HASH = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkKey:
    """What the chunks' signatures are made with."""

    #: the derived signing key
    key: bytes
    #: the request's time: `20261120T120000Z`
    timestamp: str
    #: the request's credential scope
    scope: str
    #: the request's own signature, the first link of the chain
    seed: str


class ChunkDecoder:
    """Decodes one aws-chunked content; `trailers` are complete once `finish` has returned."""

    def __init__(self, chunk_key: ChunkKey | None, *, with_trailers: bool) -> None:
        self._key = chunk_key
        self._previous = chunk_key.seed if chunk_key else ""
        self._with_trailers = with_trailers
        self._buffer = bytearray()
        self._steps = self._run()
        self._output: list[bytes] = []
        self._done = False
        self._trailers: dict[str, str] = {}
        next(self._steps)

    @property
    def trailers(self) -> Mapping[str, str]:
        """The trailing headers, lower-case names."""
        return self._trailers

    def feed(self, data: bytes) -> list[bytes]:
        """The content that `data` completes. Raises AwsError for wrong framing or signatures."""
        if self._done:
            raise _broken("there is content behind the last chunk")
        self._buffer += data
        next(self._steps, None)
        pieces, self._output = self._output, []
        return pieces

    def finish(self) -> None:
        """Check that the content ended where it should. Raises AwsError."""
        if not self._done:
            raise AwsError("The request body terminated unexpectedly", code="IncompleteBody")

    def _run(self) -> Generator[None, None, None]:
        while True:
            line = yield from self._line()
            size, signature = self._header(line)
            digest = hashlib.sha256() if self._key else None
            left = size
            while left:
                while not self._buffer:
                    yield
                piece = bytes(self._buffer[:left])
                del self._buffer[:left]
                left -= len(piece)
                if digest:
                    digest.update(piece)
                self._output.append(piece)
            if digest:
                self._check_chunk(digest.hexdigest(), signature)
            if size == 0:
                break
            if (yield from self._line()):
                raise _broken("a chunk is longer than it says")
        yield from self._end()
        self._done = True
        if self._buffer:
            raise _broken("there is content behind the last chunk")

    def _end(self) -> Generator[None, None, None]:
        signature = ""
        for _ in range(_MOST_TRAILERS):
            line = yield from self._line()
            if not line:
                break
            name, colon, value = line.partition(":")
            if not colon or not self._with_trailers:
                raise _broken("the last chunk is followed by something that is no trailer")
            if name.strip().lower() == "x-amz-trailer-signature":
                signature = value.strip()
            else:
                self._trailers[name.strip().lower()] = value.strip()
        else:
            raise _broken("there are too many trailers")
        if self._key and self._with_trailers:
            self._check_trailers(signature)

    def _line(self) -> Generator[None, None, str]:
        while (end := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > _LONGEST_LINE:
                raise _broken("a line is too long")
            yield
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        if len(line) > _LONGEST_LINE:
            raise _broken("a line is too long")
        try:
            return line.decode("ascii")
        except UnicodeDecodeError as error:
            raise _broken("a line is not ASCII") from error

    def _header(self, line: str) -> tuple[int, str]:
        digits, _, extension = line.partition(";")
        if not digits or len(digits) > 16 or not all(each in "0123456789abcdefABCDEF" for each in digits):
            raise _broken("a chunk does not begin with its size")
        name, _, value = extension.partition("=")
        if self._key and name.strip() != "chunk-signature":
            raise _broken("a chunk has no signature")
        return int(digits, 16), value.strip()

    def _check_chunk(self, digest: str, signature: str) -> None:
        self._check("AWS4-HMAC-SHA256-PAYLOAD", f"{_EMPTY_HASH}\n{digest}", signature)

    def _check_trailers(self, signature: str) -> None:
        lines = "".join(f"{name}:{value}\n" for name, value in sorted(self._trailers.items()))
        self._check("AWS4-HMAC-SHA256-TRAILER", hashlib.sha256(lines.encode()).hexdigest(), signature)

    def _check(self, kind: str, what: str, signature: str) -> None:
        assert self._key is not None
        text = f"{kind}\n{self._key.timestamp}\n{self._key.scope}\n{self._previous}\n{what}"
        mine = hmac.new(self._key.key, text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(mine.encode(), signature.encode()):
            message = "The signature of a chunk does not match the signature that we calculated."
            raise AwsError(message, code="SignatureDoesNotMatch", status=403)
        self._previous = mine


def _broken(what: str) -> AwsError:
    return AwsError(f"The aws-chunked content is malformed: {what}", code="InvalidRequest")
