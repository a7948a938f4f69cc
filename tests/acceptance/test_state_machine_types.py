"""Versions and aliases of state machines, and activities, as Pulumi programs declare them."""

from __future__ import annotations

import json

import pytest
from declaring import Program, code
from running import Running, ended

pytestmark = pytest.mark.timeout(180)

PROGRAM = """
role = aws.iam.Role("role", assume_role_policy=trust("states.amazonaws.com"))
activity = aws.sfn.Activity("activity", name=NAME, tags=TAGS)
machine = aws.sfn.StateMachine(
    "machine", name=NAME, role_arn=role.arn, publish=True,
    definition=json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": RESULT, "End": True}}}),
)
alias = aws.sfn.Alias("alias", name="PROD", description=f"gives {RESULT}", routing_configurations=[
    {"state_machine_version_arn": machine.state_machine_version_arn, "weight": 100},
])
pulumi.export("alias", alias.arn)
pulumi.export("version", machine.state_machine_version_arn)
pulumi.export("activity", activity.arn)
"""


def test_an_alias_follows_what_is_published(program: Program, server: Running) -> None:
    """Another definition is another version, to which the alias moves; the first one can still be started."""
    states = server.client("stepfunctions")

    def source(result: int, tags: dict[str, str]) -> str:
        return f"NAME, RESULT, TAGS = 'published', {result}, {tags!r}\n{PROGRAM}"

    made = program.settled(source(1, {"a": "1"}))
    assert made["counts"] == {"create": 4}
    first, alias = made["outputs"]["version"], made["outputs"]["alias"]
    assert (first[-12:], alias[-15:]) == (":published:1", ":published:PROD")

    changed = program.settled(source(2, {"b": "2"}))
    assert changed["counts"] == {"same": 1, "update": 3}
    assert changed["outputs"]["version"] == first[:-1] + "2"
    described = states.describe_state_machine_alias(stateMachineAliasArn=alias)
    assert described["description"] == "gives 2"
    activity = changed["outputs"]["activity"]
    assert states.list_tags_for_resource(resourceArn=activity)["tags"] == [{"key": "b", "value": "2"}]
    for arn, result in ((alias, 2), (first, 1)):
        execution = states.start_execution(stateMachineArn=arn)["executionArn"]
        assert json.loads(ended(server, execution)["output"]) == result

    program.destroy()
    assert code(states.describe_activity, activityArn=activity) == "ActivityDoesNotExist"
    assert code(states.describe_state_machine_alias, stateMachineAliasArn=alias) == "ResourceNotFound"
