"""Plays a recorded case against a server, and says what of it came out as recorded."""

from __future__ import annotations

import base64
import io
import json
import re
import time
import uuid
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ParamValidationError
from masks import ACCOUNT, CONNECTION, Masks
from scope import needs

ROLE = "recorded-cases"
#: executions that take longer have failed
PATIENCE_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Score:
    """What became of one case."""

    case: Mapping[str, Any]
    #: what the case needs and the server lacks; nothing was played where there is any
    needs: tuple[str, ...] = ()
    #: by the names in CHECKS, those that the recording can tell
    checks: Mapping[str, bool] = field(default_factory=dict)
    #: what was said where it was not right
    misses: tuple[str, ...] = ()

    @property
    def group(self) -> str:
        """`execution/lambda`, `trace/s3`."""
        group = str(self.case["group"]).removeprefix(f"{self.case['kind']}:")
        return f"{self.case['kind']}/{group}"


class Unplayable(Exception):
    """The server refused the preparations of a case."""


class Player:
    """Plays recordings against the server that boto3 finds, or that the settings name."""

    def __init__(self, recorded_at: str, **settings: Any) -> None:
        self._settings = settings
        self._clients: dict[str, Any] = {}
        self._recorded_at = datetime.fromisoformat(recorded_at)
        for service in ("iam", "lambda", "logs", "s3", "stepfunctions", "sts"):
            # clients are made by one thread and used by many
            self.client(service)
        self.account = self.client("sts").get_caller_identity()["Account"]
        self.role = self._make_role()

    def client(self, service: str) -> Any:
        """A boto3 client."""
        if service not in self._clients:
            config = Config(
                inject_host_prefix=False,
                retries={"total_max_attempts": 1},
                max_pool_connections=32,
                s3={"addressing_style": "path"},
            )
            self._clients[service] = boto3.client(service, config=config, **self._settings)
        return self._clients[service]

    def _make_role(self) -> str:
        """One role for all cases, which may do anything."""
        iam = self.client("iam")
        principals = {"Service": ["states.amazonaws.com", "lambda.amazonaws.com"]}
        trust = {"Effect": "Allow", "Principal": principals, "Action": "sts:AssumeRole"}
        rights = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        try:
            iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=_policy(trust))
        except iam.exceptions.EntityAlreadyExistsException:
            return f"arn:aws:iam::{self.account}:role/{ROLE}"
        iam.put_role_policy(RoleName=ROLE, PolicyName="all", PolicyDocument=_policy(rights))
        return str(iam.get_role(RoleName=ROLE)["Role"]["Arn"])

    def play(self, case: Mapping[str, Any]) -> Score:
        """Play one case, unless it needs what the server lacks."""
        lacking = needs(case)
        if lacking:
            return Score(case=case, needs=tuple(lacking))
        stage = _Stage(self, case, datetime.now(UTC) - self._recorded_at)
        try:
            return _PLAYS[case["kind"]](stage)
        except Unplayable as refusal:
            return Score(case=case, checks={"status": False, "result": False}, misses=(str(refusal),))


class _Stage:
    """One case being played: its own names, and what stands for the recording's."""

    def __init__(self, player: Player, case: Mapping[str, Any], age: Any) -> None:
        self.case = case
        self.player = player
        self.states = player.client("stepfunctions")
        self._age = age if "time-relative" in case["tags"] else None
        told = json.dumps([case.get(name) for name in ("definition", "input", "setup", "calls", "args")])
        #: recorded text → its text here; recordings share names, which end in `0f` and six digits
        self.here = {
            name: f"0f{uuid.uuid4().hex[:6]}" for name in re.findall(r"0f[0-9a-f]{6}(?![0-9a-f])", told)
        }
        self.here[ACCOUNT] = player.account

    def fill(self, value: Any) -> Any:
        """A recorded value with this run's names, account, role and times."""
        if isinstance(value, str):
            value = re.sub(rf"arn:aws:iam::{ACCOUNT}:role/[\w-]+", self.player.role, value)
            for old in sorted(self.here, key=len, reverse=True):
                value = value.replace(old, self.here[old])
            return (
                value if self._age is None else re.sub(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d", self._later, value)
            )
        if isinstance(value, Mapping):
            if value.keys() == {"$bytes"}:
                return base64.b64decode(value["$bytes"])
            return {self.fill(name): self.fill(item) for name, item in value.items()}
        return [self.fill(item) for item in value] if isinstance(value, list) else value

    def _later(self, found: re.Match[str]) -> str:
        """A time that the recording's author reckoned from then, reckoned from now."""
        then = datetime.fromisoformat(found[0] + "+00:00")
        return found[0] if then.year < 2026 else (then + self._age).strftime("%Y-%m-%dT%H:%M:%S")

    def learn(self, call: Mapping[str, Any], answer: Mapping[str, Any]) -> None:
        """From here on, what the recording was answered means what this server answered."""
        for name, old in (call.get("fake") or {}).items():
            new = answer.get(name)
            if isinstance(new, str) and isinstance(old, str) and len(old) > 6:
                self.here[old] = new

    def call(self, call: Mapping[str, Any]) -> Any:
        """Make a recorded call. Raises ClientError."""
        arguments = self.fill(call["args"])
        client = self.player.client(call["svc"])
        if call["op"] == "create_bucket" and client.meta.region_name == "us-east-1":
            arguments.pop("CreateBucketConfiguration", None)
        answer = getattr(client, call["op"])(**arguments)
        self.learn(call, answer)
        return answer

    def prepare(self) -> None:
        """Make what the case takes for granted. Raises Unplayable."""
        for call in self.case["setup"]:
            if call["op"] == "$lambda":
                self._make_function(call)
            elif not call["op"].startswith("$") and call["svc"] not in ("iam", "sts"):
                try:
                    self.call(call)
                except ClientError as refusal:
                    if not call.get("poll"):
                        raise Unplayable(str(refusal)) from refusal

    def _make_function(self, call: Mapping[str, Any]) -> None:
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("handler.py", call["code"])
        self.player.client("lambda").create_function(
            FunctionName=self.fill(call["name"]),
            Runtime=call.get("runtime") or "python3.12",
            Handler="handler.handler",
            Role=self.player.role,
            Code={"ZipFile": packed.getvalue()},
            Timeout=60,
        )

    def ended(self, execution: str) -> dict[str, Any]:
        """The execution's description, once it is over or has taken too long."""
        deadline, pause = time.monotonic() + PATIENCE_S, 0.02
        while True:
            found: dict[str, Any] = self.states.describe_execution(executionArn=execution)
            if found["status"] != "RUNNING" or time.monotonic() > deadline:
                return found
            time.sleep(pause)
            pause = min(pause * 1.4, 0.5)


def _execution(stage: _Stage) -> Score:
    case, masks, wanted = stage.case, Masks.of(stage.case), stage.case["expected"]
    stage.prepare()
    try:
        machine = stage.states.create_state_machine(
            name=f"case-{uuid.uuid4().hex[:12]}",
            definition=stage.fill(case["definition"]),
            roleArn=stage.player.role,
        )
        given = {} if case["input"] is None else {"input": stage.fill(case["input"])}
        begun = stage.states.start_execution(stateMachineArn=machine["stateMachineArn"], **given)
    except ClientError as refusal:
        raise Unplayable(str(refusal)) from refusal
    found = stage.ended(begun["executionArn"])
    events = None
    if wanted.get("events") and not wanted.get("events_truncated"):
        asked = {"executionArn": begun["executionArn"], **(wanted.get("history_args") or {})}
        events = _timeless(stage.states.get_execution_history(**asked)["events"])
    told = {name: found.get(name) for name in ("status", "output", "error", "cause")}
    checks = dict(_checks(case, masks, told, events))
    if all(checks.values()):
        return Score(case=case, checks=checks)
    recorded = {name: wanted.get(name) for name in told}
    misses = masks.differences([recorded, _timeless(wanted.get("events") or ())], [told, events or []])
    return Score(case=case, checks=checks, misses=tuple(misses))


def _timeless(events: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in event.items() if name != "timestamp"} for event in events]


def _checks(
    case: Mapping[str, Any], masks: Masks, told: Mapping[str, Any], events: list[dict[str, Any]] | None
) -> Iterator[tuple[str, bool]]:
    wanted = case["expected"]
    status = told["status"] == wanted["status"]
    yield "status", status
    if wanted["status"] == "SUCCEEDED":
        output = json.loads(told["output"] or "null")
        yield "result", status and ("output" not in wanted or masks.same(wanted["output"], output, api=False))
    else:
        yield "result", status and masks.same(wanted.get("error") or "", told["error"] or "")
    if wanted["status"] == "FAILED":
        yield "cause", status and masks.same(wanted.get("cause") or "", told["cause"] or "")
    if events is not None:
        old, new = ([event["type"] for event in history] for history in (wanted["events"], events))
        if case["parallel_sorted"]:
            # the recorder lost the order of the branches' events, and the event behind them
            new.remove("ParallelStateSucceeded")
            yield "types", Counter(old) == Counter(new)
        else:
            yield "types", old == new
            yield "events", masks.same(_timeless(wanted["events"]), events)


def _create_error(stage: _Stage) -> Score:
    masks, wanted = Masks.of(stage.case), stage.case["expected"]
    stage.prepare()
    try:
        stage.states.create_state_machine(**stage.fill(stage.case["args"]))
        told = {"Code": None, "Message": None}
    except ClientError as refusal:
        told = refusal.response["Error"]
    recorded = {"Code": wanted["code"], "Message": wanted["message"]}
    checks = {
        "status": told["Code"] is not None,
        "result": told["Code"] == wanted["code"],
        "cause": masks.same(recorded, told),
    }
    return Score(case=stage.case, checks=checks, misses=tuple(masks.differences(recorded, told)))


def _validate(stage: _Stage) -> Score:
    masks, wanted = Masks.of(stage.case), stage.case["expected"]["response"]
    told = stage.states.validate_state_machine_definition(**stage.fill(stage.case["args"]))
    checks = {"status": True, "result": told["result"] == wanted["result"], "cause": masks.same(wanted, told)}
    return Score(case=stage.case, checks=checks, misses=tuple(masks.differences(wanted, told)))


def _trace(stage: _Stage) -> Score:
    """A whole conversation: right when every answer that was recorded is."""
    answers: dict[int, Any] = {}
    for call in stage.case["calls"]:
        if call["op"] == "$wait":
            execution = call["args"].get("execution_arn")
            if execution and "started" not in call["name"]:
                stage.ended(stage.fill(execution))
        elif not call["op"].startswith("$") and not call.get("poll"):
            try:
                answers[call["i"]] = _read(stage.call(call))
            except (ClientError, ParamValidationError) as problem:
                answers[call["i"]] = problem
    masks = Masks.of(stage.case, newer=True, without=CONNECTION | {"message", "timestamp"})
    misses: list[str] = []
    for expectation in stage.case["expect"]:
        try:
            told = _referred(expectation["val"], answers)
        except _NotRecorded:
            continue
        misses += masks.differences(expectation["expected"], told, place=expectation["key"])
    return Score(case=stage.case, checks={"status": True, "result": not misses}, misses=tuple(misses))


def _read(answer: dict[str, Any]) -> dict[str, Any]:
    """An answer with its body as text."""
    return {name: each.read().decode() if hasattr(each, "read") else each for name, each in answer.items()}


class _NotRecorded(Exception):
    """The recording looked at an answer that it asked for again and again."""


def _referred(value: Any, answers: Mapping[int, Any]) -> Any:
    """A recorded expression: values, with references to answers in them."""
    if isinstance(value, list):
        return [_referred(item, answers) for item in value]
    if not isinstance(value, Mapping):
        return value
    if "$ref" in value:
        index, path = value["$ref"]
        if index not in answers:
            raise _NotRecorded
        found = answers[index]
        if path == ["$exception"]:
            return _message(found)
        if isinstance(found, Exception):
            found = found.response if isinstance(found, ClientError) else {"exception": str(found)}
        for step in path:
            if isinstance(step, int):
                found = found[step] if step < len(found) else None
            else:
                found = found.get(step)
        return found
    if value.keys() == {"exception_typename", "exception_value"}:
        found = answers[value["exception_value"]["$ref"][0]]
        return {"exception_typename": type(found).__name__, "exception_value": _message(found)}
    return {name: _referred(item, answers) for name, item in value.items()}


def _message(problem: object) -> str:
    """An exception's text, without what boto3 says of its tries."""
    return str(problem).replace(" (reached max retries: 0)", "")


_PLAYS: Mapping[str, Callable[[_Stage], Score]] = {
    "execution": _execution,
    "create_error": _create_error,
    "validate": _validate,
    "trace": _trace,
}


def _policy(statement: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
