"""The rows: every one names rights that exist and fields that its operation has."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepwell.api.authorise import rights
from stepwell.api.models import operation_model
from stepwell.api.operations import Operation, Site
from stepwell.clock import ManualClock
from stepwell.services import logs

SITE = Site(account="000000000000", region="us-east-1")
GROUP = "arn:aws:logs:us-east-1:000000000000:log-group:g"
ROWS = logs.service(
    logs.Segments(Path("unused"), clock=ManualClock(), submit=lambda decision: None, permits=lambda *_: True)
).operations


@pytest.mark.parametrize("row", ROWS.values(), ids=lambda row: row.name)
def test_a_row_needs_rights_and_classifies_fields_of_the_model(row: Operation) -> None:
    shape = operation_model("logs", row.name).input_shape
    assert row.rights and set(row.honoured).isdisjoint(row.recorded)
    assert set(row.honoured + row.recorded) <= set(shape.members)
    assert set(shape.required_members) <= set(row.honoured)


@pytest.mark.parametrize(
    ("operation", "params", "resource"),
    [
        ("PutLogEvents", {"logGroupName": "g", "logStreamName": "s"}, "log-group:g:log-stream:s"),
        ("CreateLogGroup", {"logGroupName": "g"}, "log-group:g:log-stream:"),
        ("DescribeLogGroups", {}, "log-group::log-stream:"),
        (
            "FilterLogEvents",
            {"logGroupIdentifier": "arn:aws:logs:r:1:log-group:g"},
            "log-group:g:log-stream:",
        ),
    ],
)
def test_the_resource_is_spelled_as_in_awss_denials(operation: str, params: dict, resource: str) -> None:
    ((_, found),) = rights(ROWS[operation].rights, params, SITE)
    assert found == f"arn:aws:logs:us-east-1:000000000000:{resource}"
