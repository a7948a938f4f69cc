"""A worker's output is kept under its role's own rights: to write, and to make what is missing."""

from __future__ import annotations

from typing import Any

import pytest
from harness import Harness

from stepwell.api.callers import role_session
from stepwell.services.logs import Segments

WORKER = role_session("arn:aws:iam::000000000000:role/job", "SageMaker")
GROUP = "arn:aws:logs:us-east-1:000000000000:log-group:/g:log-stream:"
PUT = ("logs:PutLogEvents", f"{GROUP}s")
STREAM = ("logs:CreateLogStream", f"{GROUP}s")
NEW = ("logs:CreateLogGroup", GROUP)


@pytest.mark.parametrize(
    ("made", "needed"),
    [
        ([], {PUT, STREAM, NEW}),
        ([("CreateLogGroup", {})], {PUT, STREAM}),
        ([("CreateLogGroup", {}), ("CreateLogStream", {"logStreamName": "s"})], {PUT}),
    ],
    ids=["nothing is there", "the group is there", "the stream is there"],
)
def test_what_is_missing_needs_the_right_to_make_it(
    server: Harness, segments: Segments, made: list[tuple[str, dict[str, Any]]], needed: set[tuple[str, str]]
) -> None:
    for operation, params in made:
        server.call("logs", operation, logGroupName="/g", **params)
    given = set(needed)
    server.may = lambda caller, action, resource: caller is WORKER and (action, resource) in given

    def writable() -> bool:
        return server.read(lambda view: segments.writable(view, WORKER, "/g", "s"))

    assert writable()
    for each in needed:
        given = needed - {each}
        assert not writable(), each
