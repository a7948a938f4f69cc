"""A `get` knows an id and nothing else: every type reads by it, or says what more it needs."""

from __future__ import annotations

from typing import Any

import pytest

from stepwell.provision.aws import TYPES
from stepwell.provision.cloud import Cloud
from stepwell.provision.problems import ResourceFailed

#: types whose ids don't say where to look
NEEDS = {
    "aws:iam/groupMembership:GroupMembership": "Give `group` as well",
    "aws:iam/policyAttachment:PolicyAttachment": "Give `policy_arn` as well",
    "aws:lambda/permission:Permission": "Give `function` as well",
}
#: ids that are spelled in a way of their own
SPELLED = {
    "Policy": "arn:aws:iam::000000000000:policy/path/name",
    **dict.fromkeys(("RolePolicy", "UserPolicy", "GroupPolicy", "LogStream"), "owner:name"),
}
ID = "mw-0123456789abcdef0/01234567-89ab-cdef-0123-456789abcdef"


#: lists that are empty where nothing is
EMPTY = {"DescribeLogGroups": {"logGroups": []}, "DescribeResourcePolicies": {"resourcePolicies": []}}


class Nothing(dict[str, Any]):
    """Answers every operation that there is no such thing."""

    def get(self, operation: str, default: Any = None) -> Any:
        return EMPTY.get(operation, "ResourceNotFoundException")


@pytest.mark.parametrize("token", sorted(set(TYPES) - set(NEEDS)))
def test_a_type_reads_by_its_id_alone(token: str, cloud: Cloud, script: Any) -> None:
    """What is not there is None, and asking changes nothing."""
    script.answers = Nothing()
    assert TYPES[token].read(cloud, SPELLED.get(token.rsplit(":", 1)[-1], ID), {}) is None
    assert script.calls
    assert script.writes() == []


@pytest.mark.parametrize("token", sorted(NEEDS))
def test_a_type_that_needs_more_says_what(token: str, cloud: Cloud) -> None:
    """By the property's name in the program."""
    with pytest.raises(ResourceFailed, match=NEEDS[token]):
        TYPES[token].read(cloud, "id", {})
