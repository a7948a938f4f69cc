"""XML as far as AWS's protocols use it: read safely, found by local name, written by hand.

The standard library's parser (expat) is enough once documents with a DOCTYPE are refused: without one
nobody can declare an entity, so there is nothing to expand, and nothing external to fetch. AWS's
services refuse a DOCTYPE too.
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser

from stepwell.gateway.protocols.scalars import Malformed

# Characters that XML 1.0 cannot carry at all: an answer with one would not parse anywhere.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_SPECIAL = re.compile('[&<>"\r]')
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\r": "&#13;"}


class _PlainTree(TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise Malformed(f"A document type declaration ({name[:60]!r}) is not allowed")


def document(content: bytes) -> Element:
    """The root element. Raises Malformed for what is not well-formed or declares a document type."""
    parser = XMLParser(target=_PlainTree())
    try:
        parser.feed(content)
        root: Element = parser.close()
    except (ParseError, LookupError, ValueError) as error:
        if isinstance(error, Malformed):
            raise
        raise Malformed(f"The XML is not well-formed: {error}") from error
    return root


def local_name(element: Element) -> str:
    """The element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def escape(text: str) -> str:
    """`text` as character data or attribute value; what XML cannot carry becomes U+FFFD."""
    return _SPECIAL.sub(lambda found: _ESCAPES[found[0]], _FORBIDDEN.sub("\ufffd", text))


def leaf(name: str, text: str) -> str:
    """One element that holds only text."""
    return f"<{name}>{escape(text)}</{name}>"
