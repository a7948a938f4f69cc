"""What APIs answer, as a program's outputs show it: moments and policy documents as text."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote


def document(answered: Any) -> str:
    """A policy as text: botocore parses the URL-encoded ones, servers may send them plain."""
    return json.dumps(answered) if isinstance(answered, dict) else unquote(str(answered))


def moment(value: Any) -> str | None:
    """A time as AWS's package writes it; None stays None."""
    return str(value.strftime("%Y-%m-%dT%H:%M:%SZ")) if hasattr(value, "strftime") else value
