"""State machines through the API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from engine.machines import TrainingJobs, branch, fail, single, task, training
from engine.world import ACCOUNT, REGION, ROLE, World

from stepwell.calls import Caller

PASS = json.dumps(single(Type="Pass"))
ARN = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:m"


def create(world: World, **params: Any) -> dict[str, Any]:
    return world.call("CreateStateMachine", **{"name": "m", "definition": PASS, "roleArn": ROLE} | params)


def test_describe_gives_what_create_took(world: World) -> None:
    """The definition comes back as text, byte by byte; no revision before the first update."""
    text = json.dumps(single(Type="Pass"), indent=2)
    created = create(world, definition=text)
    assert created == {"stateMachineArn": ARN, "creationDate": world.clock.now()}
    assert world.call("DescribeStateMachine", stateMachineArn=ARN) == {
        "stateMachineArn": ARN,
        "name": "m",
        "status": "ACTIVE",
        "definition": text,
        "roleArn": ROLE,
        "type": "STANDARD",
        "creationDate": world.clock.now(),
        "loggingConfiguration": {"level": "OFF", "includeExecutionData": False},
        "tracingConfiguration": {"enabled": False},
        "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
    }
    metadata = world.call("DescribeStateMachine", stateMachineArn=ARN, includedData="METADATA_ONLY")
    assert "definition" not in metadata


def test_creating_the_same_again_is_the_same_machine(world: World) -> None:
    """Another role or other tags are not looked at; another text is another machine."""
    first = create(world)
    world.clock.advance(10)
    assert create(world) == first
    again = create(world, tags=[{"key": "a", "value": "b"}])
    assert again == first
    assert world.refused("CreateStateMachine", name="m", definition=PASS + " ", roleArn=ROLE) == (
        "StateMachineAlreadyExists",
        f"State Machine Already Exists: '{ARN}'",
    )


@pytest.mark.parametrize("name", ["a b", "a<b", "a?", 'a"', "a#", "a\\", "a/b", "a:b", "a\x7f", "a\x85"])
def test_names_with_characters_that_aws_refuses(world: World, name: str) -> None:
    """InvalidName says which."""
    assert world.refused("CreateStateMachine", name=name, definition=PASS, roleArn=ROLE) == (
        "InvalidName",
        f"Invalid Name: '{name}'",
    )


def test_all_faults_of_a_definition_are_told_at_once(world: World) -> None:
    """InvalidDefinition lists every diagnostic with its place."""
    definition = {"States": {"A": {"Type": "Pass", "Next": "B"}, "C": {"Type": "Wait", "End": True}}}
    code, message = world.refused(
        "CreateStateMachine", name="m", definition=json.dumps(definition), roleArn=ROLE
    )
    assert code == "InvalidDefinition"
    assert message.startswith("Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: ")
    assert "/States/C" in message
    assert message.count("SCHEMA_VALIDATION_FAILED") + message.count("MISSING_TRANSITION_TARGET") >= 3


@pytest.mark.parametrize(
    ("resource", "fault"),
    [
        ("arn:aws:states:::sagemaker:createTransformJob.sync", "UNSUPPORTED: Stepwell does not support the "
         "operation CreateTransformJob of sagemaker"),
        ("arn:aws:states:::dynamodb:getItem", "UNSUPPORTED: Stepwell does not support the resource"),
        ("arn:aws:states:::dynamodb:scan", "SCHEMA_VALIDATION_FAILED: The resource provided "
         "arn:aws:states:::dynamodb:scan is not recognized."),
        ("arn:aws:states:::aws-sdk:sagemaker:describeNothing", "SCHEMA_VALIDATION_FAILED: The resource "
         "provided arn:aws:states:::aws-sdk:sagemaker:describeNothing is not recognized."),
        ("arn:aws:states:::lambda:invoke.sync", "SCHEMA_VALIDATION_FAILED: The resource provided "
         "arn:aws:states:::lambda:invoke.sync is not recognized."),
    ],
)  # fmt: skip
def test_resources_that_cannot_run_are_refused_by_name(world: World, resource: str, fault: str) -> None:
    """What AWS does not know is its error; what only this server lacks is named as such."""
    TrainingJobs(world)
    definition = single(Type="Parallel", Branches=[branch("Inner", **task(resource))])
    code, message = world.refused(
        "CreateStateMachine", name="m", definition=json.dumps(definition), roleArn=ROLE
    )
    assert code == "InvalidDefinition"
    assert fault in message
    assert message.endswith(" at /States/Only/Branches[0]/States/Inner/Resource'")


@pytest.mark.parametrize(
    ("params", "code", "words"),
    [
        ({"type": "EXPRESS"}, "StateMachineTypeNotSupported", "EXPRESS"),
        (
            {
                "type": "EXPRESS",
                "definition": json.dumps(single(**task("arn:aws:states:::sqs:sendMessage.waitForTaskToken"))),
            },
            "InvalidDefinition",
            "Express state machine does not support '.waitForTaskToken' service integration  at ",
        ),
        (
            {"versionDescription": "v"},
            "ValidationException",
            "Version description can only be set when publish is true",
        ),
        (
            {"loggingConfiguration": {"level": "ALL", "destinations": []}},
            "InvalidLoggingConfiguration",
            "Must specify exactly one Log Destination.",
        ),
        (
            {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/Absent"},
            "AccessDeniedException",
            "Neither the global service principal states.amazonaws.com, nor the regional one is authorized "
            "to assume the provided role.",
        ),
    ],
)
def test_what_create_refuses(world: World, params: Any, code: str, words: str) -> None:
    """Each refusal has AWS's code, or names what this server lacks."""
    found = world.refused("CreateStateMachine", **{"name": "m", "definition": PASS, "roleArn": ROLE} | params)
    assert found[0] == code
    assert words in found[1]


def test_an_update_is_for_new_executions(world: World) -> None:
    """A running execution goes on with the definition it began with; a new one takes the new."""
    machine = world.create(
        {
            "StartAt": "Wait",
            "States": {
                "Wait": {"Type": "Wait", "Seconds": 5, "Next": "Old"},
                "Old": {"Type": "Pass", "Result": "old", "End": True},
            },
        }
    )
    old = world.start(machine)
    world.run()
    changed = json.dumps(single(Type="Pass", Result="new"))
    updated = world.call("UpdateStateMachine", stateMachineArn=machine, definition=changed)
    new = world.start(machine)
    world.engine.programs._machines.clear()
    world.advance(5)
    assert (world.output(old), world.output(new)) == ("old", "new")
    described = world.call("DescribeStateMachineForExecution", executionArn=new)
    assert described["revisionId"] == updated["revisionId"]
    before = world.call("DescribeStateMachineForExecution", executionArn=old)
    assert "revisionId" not in before
    assert '"Old"' in before["definition"]


def test_an_update_needs_something_to_update(world: World) -> None:
    """MissingRequiredParameter; and the machine must exist."""
    create(world)
    assert world.refused("UpdateStateMachine", stateMachineArn=ARN)[0] == "MissingRequiredParameter"
    absent = ARN + "x"
    assert world.refused("UpdateStateMachine", stateMachineArn=absent, roleArn=ROLE) == (
        "StateMachineDoesNotExist",
        f"State Machine Does Not Exist: '{absent}'",
    )


def test_deleting_aborts_what_runs_and_is_silent_about_nothing(world: World) -> None:
    """Running executions are aborted and can still be described a while; a second delete is no error."""
    machine = world.create(single(Type="Wait", Seconds=50))
    execution = world.start(machine)
    world.advance(1)
    for _ in range(2):
        world.call("DeleteStateMachine", stateMachineArn=machine)
    world.run()
    assert world.describe(execution)["status"] == "ABORTED"
    world.advance(61)
    assert world.refused("DescribeExecution", executionArn=execution)[0] == "ExecutionDoesNotExist"
    assert world.refused("StartExecution", stateMachineArn=machine)[0] == "StateMachineDoesNotExist"


def test_executions_go_with_their_machine_and_leave_a_later_one_alone(world: World) -> None:
    """However many have ended; a machine of the same name has executions of its own."""
    definition = single(Type="Pass")
    machine = world.create(definition)
    ended = [world.start(machine, name=f"run-{number}") for number in range(205)]
    world.run()
    world.advance(1)
    world.call("DeleteStateMachine", stateMachineArn=machine)
    world.create(definition)
    world.advance(1)
    later = world.start(machine, name="run-0")
    world.run()
    assert world.describe(later)["status"] == "SUCCEEDED"
    listed = world.call("ListExecutions", stateMachineArn=machine)["executions"]
    assert [each["name"] for each in listed] == ["run-0"]
    assert world.refused("GetExecutionHistory", executionArn=ended[1])[0] == "ExecutionDoesNotExist"


@pytest.mark.parametrize(
    ("arn", "why"),
    [
        ("nonsense", "Invalid ARN prefix: nonsense"),
        ("arn:aws:states:r:0:execution:m:e", "Resource type not valid in this context: execution"),
        ("arn:aws:sns:r:0:stateMachine:m", "Invalid ARN: arn:aws:sns:r:0:stateMachine:m"),
    ],
)
def test_arns_of_something_else(world: World, arn: str, why: str) -> None:
    """InvalidArn says what is wrong with it."""
    found = world.refused("DescribeStateMachine", stateMachineArn=arn)
    assert found == ("InvalidArn", f"Invalid Arn: '{why}'")


def test_a_version_that_was_never_published_is_no_machine(world: World) -> None:
    """Its ARN names nothing."""
    create(world)
    found = world.refused("StartExecution", stateMachineArn=ARN + ":1")
    assert found == ("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{ARN}:1'")
    assert world.call("ListStateMachineVersions", stateMachineArn=ARN) == {"stateMachineVersions": []}


def test_machines_are_listed_in_pages(world: World) -> None:
    """Every machine once, and a token is of use to its own query only."""
    for index in range(5):
        create(world, name=f"m{index}")
    found: list[str] = []
    params: dict[str, Any] = {"maxResults": 2}
    while True:
        page = world.call("ListStateMachines", **params)
        found += [machine["name"] for machine in page["stateMachines"]]
        if "nextToken" not in page:
            break
        params["nextToken"] = page["nextToken"]
    assert found == ["m0", "m1", "m2", "m3", "m4"]
    arn = ARN.replace(":m", ":m0")
    for token in (params["nextToken"], "x", "é"):
        assert world.refused("ListExecutions", stateMachineArn=arn, nextToken=token)[0] == "InvalidToken"


def test_tags_are_added_replaced_and_removed(world: World) -> None:
    """Tags of a machine; those of nothing are ResourceNotFound."""
    create(world, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
    world.call("TagResource", resourceArn=ARN, tags=[{"key": "b", "value": "3"}])
    world.call("UntagResource", resourceArn=ARN, tagKeys=["a", "absent"])
    assert world.call("ListTagsForResource", resourceArn=ARN) == {"tags": [{"key": "b", "value": "3"}]}
    assert world.refused("ListTagsForResource", resourceArn=ARN + "x")[0] == "ResourceNotFound"
    many = [{"key": str(index), "value": ""} for index in range(50)]
    assert world.refused("TagResource", resourceArn=ARN, tags=many)[0] == "TooManyTags"


def test_validation_tells_severity_code_and_place(world: World) -> None:
    """ValidateStateMachineDefinition answers OK or FAIL, with what is wrong."""
    assert world.call("ValidateStateMachineDefinition", definition=PASS) == {
        "result": "OK",
        "diagnostics": [],
        "truncated": False,
    }
    found = world.call("ValidateStateMachineDefinition", definition='{"States":{}}', maxResults=1)
    assert (found["result"], len(found["diagnostics"])) == ("FAIL", 1)
    assert found["diagnostics"][0]["severity"] == "ERROR"
    assert found["diagnostics"][0]["code"] == "SCHEMA_VALIDATION_FAILED"


@pytest.mark.parametrize(("pattern", "blank"), [("sync", ""), ("waitForTaskToken", " ")])
def test_express_machines_have_no_waiting_integrations(world: World, pattern: str, blank: str) -> None:
    """AWS's words, with its blank."""
    definition = single(**task(f"arn:aws:states:::states:startExecution.{pattern}"))
    found = world.call("ValidateStateMachineDefinition", definition=json.dumps(definition), type="EXPRESS")
    assert found["diagnostics"] == [
        {
            "severity": "ERROR",
            "code": "SCHEMA_VALIDATION_FAILED",
            "message": f"Express state machine does not support '.{pattern}' service integration{blank}",
            "location": "/States/Only/Resource",
        }
    ]


def test_a_training_machine_is_taken(world: World) -> None:
    """Operations that the server has make valid resources."""
    TrainingJobs(world)
    world.create(single(**training()))
    world.create(fail("E", "C"), "other")


def test_text_that_no_store_could_write_is_refused(world: World) -> None:
    """Half a surrogate pair in a state's name, or in any parameter, is told; nothing else is harmed."""
    text = '{"StartAt":"\\ud800","States":{"\\ud800":{"Type":"Pass","End":true}}}'
    code, message = world.refused("CreateStateMachine", name="m", definition=text, roleArn=ROLE)
    assert (code, "INVALID_STATE_NAME" in message) == ("InvalidDefinition", True)
    tags = [{"key": "\ud800", "value": ""}]
    code, message = world.refused("CreateStateMachine", name="m", definition=PASS, roleArn=ROLE, tags=tags)
    assert (code, "UTF-8" in message) == ("ValidationException", True)
    message.encode()


def _rules_allowed(world: World, *rules: str) -> list[tuple[str, str]]:
    """Give the role the rights on these rules only; what is asked for is noted in the list."""
    asked: list[tuple[str, str]] = []

    def may(caller: Caller, action: str, resource: str) -> bool:
        assert caller.role == ROLE
        asked.append((action, resource))
        return resource.rpartition("/")[2] in rules

    world.may = may
    return asked


RULE = "StepFunctionsGetEventsForSageMakerTrainingJobsRule"


def test_a_sync_task_needs_the_rights_on_its_managed_rule(world: World) -> None:
    """Also one within a branch; the refusal names the role, and nothing is made."""
    TrainingJobs(world)
    inner = {"Type": "Parallel", "Branches": [branch("B", **training())]}
    text = json.dumps(single(**inner))
    asked = _rules_allowed(world)
    refusal = ("AccessDeniedException", f"'{ROLE}' is not authorized to create managed-rule.")
    assert world.refused("CreateStateMachine", name="m", definition=text, roleArn=ROLE) == refusal
    assert asked == [("events:PutTargets", f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{RULE}")]
    assert world.call("ListStateMachines")["stateMachines"] == []
    asked = _rules_allowed(world, RULE)
    create(world, definition=text)
    assert [action for action, _ in asked] == ["events:PutTargets", "events:PutRule", "events:DescribeRule"]


def test_without_sync_no_rule_is_asked_for(world: World) -> None:
    TrainingJobs(world)
    asked = _rules_allowed(world)
    create(world, definition=json.dumps(single(**training(""))))
    assert asked == []


def test_an_update_asks_for_the_rules_of_what_the_machine_becomes(world: World) -> None:
    """A new definition with the old role, a new role with the old definition."""
    TrainingJobs(world)
    create(world)
    _rules_allowed(world)
    text = json.dumps(single(**training()))
    code, _ = world.refused("UpdateStateMachine", stateMachineArn=ARN, definition=text)
    assert code == "AccessDeniedException"
    _rules_allowed(world, RULE)
    world.call("UpdateStateMachine", stateMachineArn=ARN, definition=text)
    _rules_allowed(world)
    assert world.refused("UpdateStateMachine", stateMachineArn=ARN, roleArn=ROLE)[0] == code
    world.call("UpdateStateMachine", stateMachineArn=ARN, tracingConfiguration={"enabled": False})
