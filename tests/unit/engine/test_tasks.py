"""Tasks: what is called, as whom, and what becomes of every way it can end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from engine.machines import branch, fails, single, task
from engine.world import FUNCTION, REGION, ROLE, World

from stepwell.calls import Call
from stepwell.errors import AwsError, ValidationException

INVOKE = "arn:aws:states:::lambda:invoke"


def test_a_function_arn_gets_the_input_and_gives_its_payload(world: World) -> None:
    """The direct form has the payload alone as its result, and LambdaFunction events."""
    arn = world.function("double", lambda event: event["n"] * 2)
    execution = world.execute(single(**task(arn)), {"n": 21})
    assert world.output(execution) == 42
    assert world.types(execution) == [
        "ExecutionStarted",
        "TaskStateEntered",
        "LambdaFunctionScheduled",
        "LambdaFunctionStarted",
        "LambdaFunctionSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]


def test_lambda_invoke_shapes_its_output(world: World) -> None:
    """The optimised form parses the payload and adds version, status and SDK metadata."""
    world.function("f", lambda event: {"got": event})
    parameters = {"FunctionName": "f", "Payload": "text"}
    execution = world.execute(single(**task(INVOKE, Parameters=parameters)))
    output = world.output(execution)
    assert output["Payload"] == {"got": "text"}
    assert output["ExecutedVersion"] == "$LATEST"
    assert output["StatusCode"] == output["SdkHttpMetadata"]["HttpStatusCode"] == 200


def test_a_task_calls_as_the_machines_role(world: World) -> None:
    """The caller is a session of the execution role; the token names execution and event."""
    arn = world.function("f", lambda event: event)
    world.execute(single(**task(arn)))
    call = world.calls[0]
    assert (call.caller.kind, call.caller.role) == ("role", ROLE)
    assert call.token is not None and call.token.endswith("/3")


def test_credentials_assume_the_tasks_own_role(world: World) -> None:
    """Credentials.RoleArn is assumed by the machine's role, then calls; the history names it."""
    other = "arn:aws:iam::000000000000:role/Task"
    world.cloud[("sts", "AssumeRole")] = lambda call: {}
    arn = world.function("f", lambda event: event)
    execution = world.execute(single(**task(arn, Credentials={"RoleArn": other})))
    assume, invoke = world.calls
    assert (assume.caller.role, assume.params["RoleArn"]) == (ROLE, other)
    assert invoke.caller.role == other
    details = world.history(execution)[2]["lambdaFunctionScheduledEventDetails"]
    assert details["taskCredentials"] == {"roleArn": other}


@pytest.mark.parametrize(
    ("resource", "error", "expected", "cause"),
    [
        (
            INVOKE,
            AwsError("Function not found: x", code="ResourceNotFoundException", status=404),
            "Lambda.ResourceNotFoundException",
            "Function not found: x (Service: AWSLambda; Status Code: 404; Error Code: "
            "ResourceNotFoundException; Request ID: {id}; Proxy: null)",
        ),
        (
            INVOKE,
            AwsError("no right", code="AccessDeniedException", status=403),
            "Lambda.AWSLambdaException",
            "no right (Service: AWSLambda; Status Code: 403; Error Code: AccessDeniedException; "
            "Request ID: {id}; Proxy: null)",
        ),
        (
            "arn:aws:states:::aws-sdk:lambda:invoke",
            AwsError("Function not found: x", code="ResourceNotFoundException", status=404),
            "Lambda.ResourceNotFoundException",
            "Function not found: x (Service: Lambda, Status Code: 404, Request ID: {id}) "
            "(SDK Attempt Count: 1)",
        ),
        (
            "arn:aws:states:::aws-sdk:lambda:invoke",
            ValidationException("odd"),
            "Lambda.LambdaException",
            "odd (Service: Lambda, Status Code: 400, Request ID: {id}) (SDK Attempt Count: 1)",
        ),
    ],
)
def test_errors_are_named_as_awss_sdks_name_them(
    world: World, resource: str, error: AwsError, expected: str, cause: str
) -> None:
    """Modelled errors keep their names, all others become the service's generic one."""

    def refuse(call: Call) -> Any:
        raise error

    world.cloud[("lambda", "Invoke")] = refuse
    execution = world.execute(single(**task(resource, Parameters={"FunctionName": "x"})))
    found = world.describe(execution)
    assert found["status"] == "FAILED"
    assert found["error"] == expected
    assert found["cause"] == cause.format(id=world.calls[0].request_id)


def test_aws_sdk_speaks_pascal_case_and_iso_times(world: World) -> None:
    """Parameters in PascalCase reach camelCase APIs; replies come back in PascalCase, times as text."""
    seen: list[Any] = []

    def describe(call: Call) -> Any:
        seen.append(dict(call.params))
        return {"Contents": [{"Key": "a", "LastModified": 1_700_000_000.25}], "IsTruncated": False}

    world.cloud[("s3", "ListObjectsV2")] = describe
    resource = "arn:aws:states:::aws-sdk:s3:listObjectsV2"
    execution = world.execute(single(**task(resource, Parameters={"Bucket": "b", "MaxKeys": 1})))
    assert seen == [{"Bucket": "b", "MaxKeys": 1}]
    assert world.output(execution) == {
        "Contents": [{"Key": "a", "LastModified": "2023-11-14T22:13:20.250Z"}],
        "IsTruncated": False,
    }


def test_parameters_that_fit_no_api_fail_before_any_call(world: World) -> None:
    """A parameter of the wrong type is a States.Runtime, which nothing can catch."""
    world.cloud[("s3", "ListObjectsV2")] = lambda call: {}
    resource = "arn:aws:states:::aws-sdk:s3:listObjectsV2"
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    definition = single(**task(resource, Parameters={"Bucket": 7}, Catch=catch))
    definition["States"]["Caught"] = {"Type": "Pass", "End": True}
    execution = world.execute(definition)
    found = world.describe(execution)
    assert found["error"] == "States.Runtime"
    assert "The value for the field 'Bucket' must be a STRING" in found["cause"]
    assert world.calls == []


def test_a_retry_waits_by_its_rule_and_keeps_its_own_count(world: World) -> None:
    """Intervals grow by the backoff rate up to the maximum; another error has another counter."""
    arn = world.function("f", fails("A", "A", "B", "A"))
    retry = [
        {"ErrorEquals": ["A"], "IntervalSeconds": 10, "BackoffRate": 3, "MaxDelaySeconds": 40},
        {"ErrorEquals": ["B"], "IntervalSeconds": 5},
    ]
    execution = world.execute(single(**task(arn, Retry=retry)))
    begun = world.clock.now()
    waits = []
    while world.describe(execution)["status"] == "RUNNING":
        due = world.loop.next_due()
        assert due is not None
        waits.append(due - world.clock.now())
        world.advance(due - world.clock.now())
    assert waits == [10, 30, 5, 40]
    assert world.output(execution) == "fine"
    assert world.clock.now() - begun == 85


def test_full_jitter_falls_within_the_interval(world: World) -> None:
    """JitterStrategy FULL draws from nothing to the whole interval."""
    arn = world.function("f", fails(*(["A"] * 20)))
    retry = [
        {
            "ErrorEquals": ["A"],
            "IntervalSeconds": 100,
            "BackoffRate": 1.0,
            "JitterStrategy": "FULL",
            "MaxAttempts": 20,
        }
    ]
    world.execute(single(**task(arn, Retry=retry)))
    waits = []
    for _ in range(20):
        due = world.loop.next_due()
        assert due is not None
        waits.append(due - world.clock.now())
        world.advance(waits[-1])
    assert all(0 <= wait < 100 for wait in waits)
    assert len(set(waits)) > 10


def test_an_exhausted_retrier_hands_over_to_catch(world: World) -> None:
    """Not to a later retrier; the error output goes where ResultPath says."""
    arn = world.function("f", fails("A", "A", "A"))
    retry = [
        {"ErrorEquals": ["A"], "MaxAttempts": 1},
        {"ErrorEquals": ["States.ALL"], "MaxAttempts": 5},
    ]
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught", "ResultPath": "$.error"}]
    definition = single(**task(arn, Retry=retry, Catch=catch))
    definition["States"]["Caught"] = {"Type": "Pass", "End": True}
    execution = world.execute(definition, {"kept": 1})
    world.advance(10)
    output = world.output(execution)
    assert output["kept"] == 1
    assert output["error"]["Error"] == "A"
    assert json.loads(output["error"]["Cause"])["errorMessage"] == "no luck"
    assert world.types(execution).count("LambdaFunctionFailed") == 2


def test_a_task_that_takes_too_long_times_out_and_its_late_result_is_dropped(world: World) -> None:
    """States.Timeout after TimeoutSeconds; what the function says afterwards changes nothing."""
    arn = world.function("slow", lambda event: "late")
    execution = world.start(world.create(single(**task(arn, TimeoutSeconds=5))))
    world.run(effects=False)
    late = world.pending
    world.clock.advance(5)
    world.run(effects=False)
    found = world.describe(execution)
    assert (found["status"], found["error"]) == ("FAILED", "States.Timeout")
    history = world.types(execution)
    assert history[-2:] == ["LambdaFunctionTimedOut", "ExecutionFailed"]
    assert world.pending == []
    world._pending = {effect.token: effect for effect in late}
    world.run()
    assert world.types(execution) == history


def test_a_task_token_completes_a_task_once(world: World) -> None:
    """SendTaskSuccess wakes the task; the same token again finds nobody."""
    tokens: list[str] = []
    world.function("f", lambda event: tokens.append(event["token"]))
    parameters = {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}}
    resource = INVOKE + ".waitForTaskToken"
    execution = world.execute(single(**task(resource, Parameters=parameters)))
    assert world.types(execution)[-1] == "TaskSubmitted"
    world.call("SendTaskSuccess", taskToken=tokens[0], output='{"a":1}')
    world.run()
    assert world.output(execution) == {"a": 1}
    with pytest.raises(AwsError) as caught:
        world.call("SendTaskSuccess", taskToken=tokens[0], output="{}")
    assert caught.value.error_code == "TaskTimedOut"


def test_a_task_token_may_come_back_before_the_call_does(world: World) -> None:
    """A function that reports success before it returns completes its task; its reply is dropped."""
    tokens: list[str] = []
    world.function("f", lambda event: tokens.append(event["token"]))
    parameters = {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}}
    machine = world.create(single(**task(INVOKE + ".waitForTaskToken", Parameters=parameters)))
    execution = world.start(machine)
    world.run(effects=False)
    token = json.loads(world.history(execution)[2]["taskScheduledEventDetails"]["parameters"])
    world.call("SendTaskSuccess", taskToken=token["Payload"]["token"], output="7")
    world.run()
    assert world.output(execution) == 7


def test_send_task_failure_fails_the_task(world: World) -> None:
    """Its error meets retriers and catchers; without one it is null, as on AWS."""
    tokens: list[str] = []
    world.function("f", lambda event: tokens.append(event["token"]))
    parameters = {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}}
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    definition = single(**task(INVOKE + ".waitForTaskToken", Parameters=parameters, Catch=catch))
    definition["States"]["Caught"] = {"Type": "Pass", "End": True}
    execution = world.execute(definition)
    world.call("SendTaskFailure", taskToken=tokens[0])
    world.run()
    assert world.output(execution) == {"Error": None, "Cause": None}


def test_heartbeats_keep_a_task_alive_and_their_absence_ends_it(world: World) -> None:
    """Each heartbeat begins the interval anew; a missed one is caught as States.HeartbeatTimeout."""
    tokens: list[str] = []
    world.function("f", lambda event: tokens.append(event["token"]))
    parameters = {"FunctionName": "f", "Payload": {"token.$": "$$.Task.Token"}}
    resource = INVOKE + ".waitForTaskToken"
    catch = [{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "Caught"}]
    state = task(resource, Parameters=parameters, HeartbeatSeconds=10, TimeoutSeconds=100, Catch=catch)
    definition = single(**state)
    definition["States"]["Caught"] = {"Type": "Pass", "End": True}
    execution = world.execute(definition)
    for _ in range(3):
        world.advance(8)
        world.call("SendTaskHeartbeat", taskToken=tokens[0])
    assert world.describe(execution)["status"] == "RUNNING"
    world.advance(10)
    assert world.output(execution) == {"Error": "States.Timeout", "Cause": None}
    assert "TaskTimedOut" in world.types(execution)


def test_a_result_that_is_too_large_can_be_caught(world: World) -> None:
    """States.DataLimitExceeded of a task's result meets its catchers (recorded on AWS)."""
    arn = world.function("f", lambda event: "x" * 262_145)
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    definition = single(**task(arn, Catch=catch))
    definition["States"]["Caught"] = {"Type": "Pass", "End": True}
    assert world.output(world.execute(definition))["Error"] == "States.DataLimitExceeded"


def test_a_failing_branch_aborts_its_siblings(world: World) -> None:
    """What they wait for is given up: timers are cancelled, effects settled."""
    arn = world.function("bad", fails("Boom"))
    slow = world.function("slow", lambda event: event)
    definition = single(
        Type="Parallel",
        Branches=[
            branch("Bad", **task(arn)),
            branch("Waits", Type="Wait", Seconds=1000),
            branch("Slow", **task(slow)),
        ],
    )
    execution = world.start(world.create(definition))
    world.run(effects=False)
    world.perform()
    world.run(effects=False)
    assert world.describe(execution)["error"] == "Boom"
    types = world.types(execution)
    assert types.count("TaskStateAborted") == 2
    assert "WaitStateAborted" in types
    assert types[-2:] == ["ParallelStateFailed", "ExecutionFailed"]
    assert world.pending == []
    assert world.loop.next_due() is None


def test_the_task_is_scheduled_before_it_is_done(world: World) -> None:
    """TaskScheduled and TaskStarted are committed before the effect goes out."""
    world.function("f", lambda event: event)
    machine = world.create(single(**task(INVOKE, Parameters={"FunctionName": FUNCTION + "f"})))
    execution = world.start(machine)
    world.run(effects=False)
    assert world.types(execution)[-2:] == ["TaskScheduled", "TaskStarted"]
    assert world.calls == []
    details = world.history(execution)[2]["taskScheduledEventDetails"]
    assert (details["region"], details["resource"], details["resourceType"]) == (REGION, "invoke", "lambda")


@pytest.mark.parametrize("body", ["text", {"a": 1}, [1], True, 0])
def test_blobs_of_aws_sdk_calls_are_json(world: World, body: Any) -> None:
    """Text is put with its quotes (recorded on AWS)."""
    seen: list[bytes] = []

    def put(call: Call) -> Any:
        seen.append(call.params["Body"].data)
        return {"ETag": '"e"'}

    world.cloud[("s3", "PutObject")] = put
    parameters = {"Bucket": "bucket", "Key": "k", "Body": body}
    resource = "arn:aws:states:::aws-sdk:s3:putObject"
    execution = world.execute(single(**task(resource, Parameters=parameters)))
    assert world.output(execution) == {"ETag": '"e"'}
    assert [json.loads(data) for data in seen] == [body]


@pytest.mark.parametrize("parameters", [{}, {"Payload": None}])
def test_a_function_without_a_payload_gets_an_empty_object(world: World, parameters: Any) -> None:
    """Null is no payload either (recorded on AWS)."""
    world.function("f", lambda event: event)
    resource = task(INVOKE, Parameters={"FunctionName": "f", **parameters})
    assert world.output(world.execute(single(**resource)))["Payload"] == {}
