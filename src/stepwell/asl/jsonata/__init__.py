"""JSONata, as Step Functions runs it: one expression at a time, behind one adapter.

`parse` takes an expression's text once, `Query.evaluate` computes it; everything that is particular to the
library underneath is in `engine`.
"""

from __future__ import annotations

from stepwell.asl.jsonata.query import (
    ALONE,
    Query,
    QueryFailed,
    QuerySyntaxError,
    Question,
    Unfinished,
    answer,
    parse,
)
from stepwell.asl.jsonata.scan import UNDEFINED

__all__ = [
    "ALONE",
    "UNDEFINED",
    "Query",
    "QueryFailed",
    "QuerySyntaxError",
    "Question",
    "Unfinished",
    "answer",
    "parse",
]
