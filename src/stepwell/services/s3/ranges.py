"""Which bytes of an object a request is about (RFC 9110 §14, as far as S3 honours it)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stepwell.services.s3 import errors

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_COPY_RANGE = re.compile(r"bytes=(\d+)-(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Some bytes of a whole."""

    offset: int
    length: int
    #: bytes of the object
    total: int

    @property
    def header(self) -> str:
        """`Content-Range`."""
        return f"bytes {self.offset}-{self.offset + self.length - 1}/{self.total}"


def of_header(text: str | None, total: int) -> Span | None:
    """The span that a Range header asks for.

    None when it asks for no range, for several, or in a unit that S3 does not know: then all bytes are
    answered. Raises InvalidRange.
    """
    match = _RANGE.fullmatch(text.replace(" ", "")) if text is not None else None
    if text is None or match is None or match[0] == "bytes=-":
        return None
    first, last = match[1], match[2]
    if not first:
        length = min(int(last), total)
        offset = total - length
    else:
        offset = int(first)
        end = min(int(last), total - 1) if last else total - 1
        if last and int(last) < offset:
            return None
        length = end - offset + 1
    if length <= 0:
        raise errors.InvalidRange(text, total)
    return Span(offset=offset, length=length, total=total)


def of_copy(text: str | None, total: int) -> Span:
    """The span of x-amz-copy-source-range; all bytes where there is none. Raises InvalidArgument."""
    if text is None:
        return Span(offset=0, length=total, total=total)
    match = _COPY_RANGE.fullmatch(text)
    if match is None or int(match[2]) < int(match[1]):
        raise errors.InvalidArgument(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last "
            "are the zero-based offsets of the first and last bytes to copy",
            "x-amz-copy-source-range",
            text,
        )
    if int(match[2]) >= total:
        raise errors.InvalidArgument(
            f"Range specified is not valid for source object of size: {total}",
            "x-amz-copy-source-range",
            text,
        )
    return Span(offset=int(match[1]), length=int(match[2]) - int(match[1]) + 1, total=total)


def of_part(number: int, sizes: tuple[int, ...], total: int) -> Span:
    """The span of one part; an object that was put whole is its own only part. Raises InvalidPartNumber."""
    sizes = sizes or (total,)
    if not 1 <= number <= len(sizes):
        raise errors.InvalidPartNumber(number, len(sizes))
    return Span(offset=sum(sizes[: number - 1]), length=sizes[number - 1], total=total)
