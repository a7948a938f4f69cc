"""State Manager on a real server: what programs associate acts on this machine, and is found again."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from declaring import Program, code
from running import Running, role, until

pytestmark = pytest.mark.timeout(180)

GREETING = """
word = aws.ssm.Parameter("word", name="/associated/word", type="String", value=WORD)
document = aws.ssm.Document("document", name="Greet", document_type="Command",
    content=word.name.apply(lambda name: json.dumps({
        "schemaVersion": "2.2",
        "parameters": {"greeting": {"type": "String"}},
        "mainSteps": [{
            "action": "aws:runShellScript", "name": "greet",
            "inputs": {"runCommand": [SAY + " {{ greeting }}, {{ ssm:" + name + " }}"]},
        }],
    })))
association = aws.ssm.Association("association", name=document.name, association_name="greet",
    targets=[{"key": "InstanceIds", "values": ["*"]}], parameters={"greeting": GREETING},
    schedule_expression="rate(1 day)", compliance_severity="HIGH", max_errors="0",
    wait_for_success_timeout_seconds=60, tags={"team": "models"})
pulumi.export("id", association.association_id)
"""


def printed(server: Running, id: str) -> str:
    """What the association's last execution printed, once that is over."""
    ssm = server.client("ssm")

    def look() -> Any:
        last = ssm.describe_association_executions(AssociationId=id)["AssociationExecutions"][0]
        return last if last["Status"] != "Pending" else None

    last = until(look)
    assert last["Status"] == "Success"
    [target] = ssm.describe_association_execution_targets(AssociationId=id, ExecutionId=last["ExecutionId"])[
        "AssociationExecutionTargets"
    ]
    found = ssm.get_command_invocation(
        CommandId=target["OutputSource"]["OutputSourceId"], InstanceId=target["ResourceId"]
    )
    text: str = found["StandardOutputContent"]
    return text.strip()


def test_a_program_associates_a_document_with_this_machine(program: Program, server: Running) -> None:
    """Documents, associations and parameters: created by a program, acting, updated and destroyed."""
    ssm = server.client("ssm")

    def source(word: str, greeting: str, say: str = "echo") -> str:
        return f"WORD, GREETING, SAY = {word!r}, {greeting!r}, {say!r}\n{GREETING}"

    made = program.settled(source("world", "hello"))
    assert made["counts"] == {"create": 3}
    id = made["outputs"]["id"]
    assert printed(server, id) == "hello, world"

    changed = program.settled(source("moon", "good night"))
    assert changed["counts"] == {"same": 1, "update": 2}
    assert changed["outputs"]["id"] == id
    assert printed(server, id) == "good night, moon"

    reworded = program.settled(source("moon", "good night", "echo I say"))
    assert reworded["counts"] == {"same": 2, "update": 1}
    assert until(lambda: printed(server, id) == "I say good night, moon")

    shown = ssm.describe_association(AssociationId=id)["AssociationDescription"]
    assert (shown["AssociationVersion"], shown["Overview"]["Status"]) == ("2", "Success")
    assert len(ssm.describe_association_executions(AssociationId=id)["AssociationExecutions"]) == 3
    [item] = [each for each in ssm.list_compliance_items()["ComplianceItems"] if each["Id"] == id]
    assert (item["Status"], item["Severity"], item["Title"]) == ("COMPLIANT", "HIGH", "greet")

    program.destroy()
    assert code(ssm.describe_association, AssociationId=id) == "AssociationDoesNotExist"
    assert code(ssm.describe_document, Name="Greet") == "InvalidDocument"
    assert code(ssm.get_parameter, Name="/associated/word") == "ParameterNotFound"


def test_an_association_that_fails_tells_a_rule_and_does_not_comply(server: Running) -> None:
    ssm, events, logs = server.client("ssm"), server.client("events"), server.client("logs")
    logs.create_log_group(logGroupName="/aws/events/associations")
    kind = "EC2 State Manager Association State Change"
    pattern = {"detail-type": [kind], "detail": {"status": ["Failed"]}}
    events.put_rule(Name="associations", EventPattern=json.dumps(pattern))
    group = logs.describe_log_groups(logGroupNamePrefix="/aws/events/associations")["logGroups"][0]["arn"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        "Resource": "arn:aws:logs:*:*:log-group:/aws/events/*:*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    logs.put_resource_policy(policyName="associations", policyDocument=document)
    events.put_targets(Rule="associations", Targets=[{"Id": "logs", "Arn": group.removesuffix(":*")}])
    id = ssm.create_association(
        Name="AWS-RunShellScript",
        Parameters={"commands": ["exit 3"]},
        Targets=[{"Key": "InstanceIds", "Values": ["*"]}],
    )["AssociationDescription"]["AssociationId"]

    def heard() -> Any:
        return logs.filter_log_events(logGroupName="/aws/events/associations")["events"]

    [event] = until(heard)
    assert json.loads(event["message"])["detail"]["association-id"] == id
    [item] = [each for each in ssm.list_compliance_items()["ComplianceItems"] if each["Id"] == id]
    assert item["Status"] == "NON_COMPLIANT"
    ssm.delete_association(AssociationId=id)
    events.remove_targets(Rule="associations", Ids=["logs"])
    events.delete_rule(Name="associations")


def test_an_association_has_the_rights_of_its_role_and_no_others(server: Running) -> None:
    ssm = server.client("ssm")
    arn = role(server, "associator", "ssm.amazonaws.com")
    wish = {
        "Name": "AWS-RunShellScript",
        "Parameters": {"commands": ["true"]},
        "Targets": [{"Key": "InstanceIds", "Values": ["*"]}],
        "AssociationDispatchAssumeRole": arn,
    }
    id = ssm.create_association(**wish)["AssociationDescription"]["AssociationId"]

    def over() -> Any:
        found = ssm.describe_association(AssociationId=id)["AssociationDescription"]["Overview"]["Status"]
        return found if found != "Pending" else None

    assert until(over) == "Failed"
    [target] = ssm.describe_association_execution_targets(
        AssociationId=id,
        ExecutionId=ssm.describe_association_executions(AssociationId=id)["AssociationExecutions"][0][
            "ExecutionId"
        ],
    )["AssociationExecutionTargets"]
    [status] = [
        each
        for each in ssm.describe_instance_associations_status(InstanceId=target["ResourceId"])[
            "InstanceAssociationStatusInfos"
        ]
        if each["AssociationId"] == id
    ]
    assert status["ErrorCode"] == "AccessDeniedException"
    assert "not authorized to perform: ssm:SendCommand" in status["ExecutionSummary"]

    statement = {"Effect": "Allow", "Action": "ssm:SendCommand", "Resource": "*"}
    server.client("iam").put_role_policy(
        RoleName="associator",
        PolicyName="send",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    ssm.start_associations_once(AssociationIds=[id])
    assert until(lambda: over() == "Success")
    ssm.delete_association(AssociationId=id)


@pytest.mark.faults
def test_a_killed_server_makes_up_once_for_the_start_that_it_missed(own_server: Running) -> None:
    due = datetime.now(UTC) + timedelta(seconds=3)
    id = own_server.client("ssm").create_association(
        Name="AWS-RunShellScript",
        Parameters={"commands": ["echo late"]},
        Targets=[{"Key": "InstanceIds", "Values": ["*"]}],
        ScheduleExpression=f"at({due:%Y-%m-%dT%H:%M:%S})",
        ApplyOnlyAtCronInterval=True,
    )["AssociationDescription"]["AssociationId"]
    own_server.kill()
    until(lambda: datetime.now(UTC) > due)
    own_server.start()
    ssm = own_server.client("ssm")
    until(lambda: ssm.describe_association_executions(AssociationId=id)["AssociationExecutions"])
    assert printed(own_server, id) == "late"
    assert len(ssm.describe_association_executions(AssociationId=id)["AssociationExecutions"]) == 1
