"""The MD5 sums by which SDKs verify that a message came as it was sent (SQS developer guide).

Of attributes, sorted by name: each name, data type, kind of transport (1 text, 2 bytes) and value, with the
lengths of all but the kind before them, as four bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from stepwell.services.sqs.records import Attribute


def of_body(body: str) -> str:
    """Hexadecimal."""
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def of_attributes(attributes: Mapping[str, Attribute]) -> str | None:
    """Hexadecimal; None where there are no attributes."""
    if not attributes:
        return None
    found = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        attribute = attributes[name]
        for part in (name.encode(), attribute.type.encode()):
            found.update(len(part).to_bytes(4, "big") + part)
        found.update(b"\x01" if attribute.text is not None else b"\x02")
        value = attribute.text.encode() if attribute.text is not None else attribute.data or b""
        found.update(len(value).to_bytes(4, "big") + value)
    return found.hexdigest()
