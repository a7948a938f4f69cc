"""Intrinsic functions (`States.Format(...)`): the calls' grammar, and one table of functions.

AWS has frozen the set: it exists for JSONPath states only.
"""

from __future__ import annotations

from stepwell.asl.intrinsics.call import Call, parse

__all__ = ["Call", "parse"]
