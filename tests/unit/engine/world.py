"""Executions without a server: a real store, a loop ticked by hand, a manual clock, and a toy cloud."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from stepwell.api.bells import Bells
from stepwell.api.callers import root
from stepwell.api.context import Context
from stepwell.api.dispatch import once, reply_of
from stepwell.api.fields import refuse_unknown
from stepwell.api.models import operation_model
from stepwell.api.validate import validate
from stepwell.calls import Call, Caller, Reply
from stepwell.clock import ManualClock
from stepwell.config import Config
from stepwell.durable import Draft, Effect, Loop, Outcome, Timer, View
from stepwell.durable.effects import complete
from stepwell.engine import Engine
from stepwell.errors import AwsError, UnsupportedOperation
from stepwell.services.stepfunctions import service
from stepwell.store.sqlite import SqliteStore

ACCOUNT = "000000000000"
REGION = "us-east-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/Machine"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"

Handler = Callable[[Call], Mapping[str, Any]]
_TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


class World:
    """What tests drive: `call` the API, `run` until all is quiet, `advance` the clock, `crash`."""

    def __init__(self, path: Path, *, seed: int = 1) -> None:
        self._path = path
        self._seed = seed
        self.clock = ManualClock(1_700_000_000.0)
        #: what the toy cloud answers, by (service, operation)
        self.cloud: dict[tuple[str, str], Handler] = {("iam", "GetRole"): _role}
        #: the toy cloud's functions, by name
        self.functions: dict[str, Callable[[Any], Any]] = {}
        #: whether a role has a right that Step Functions needs
        self.may: Callable[[Caller, str, str], bool] = lambda caller, action, resource: True
        #: the calls that tasks made
        self.calls: list[Call] = []
        self._pending: dict[str, Effect] = {}
        self._open()

    def _open(self) -> None:
        self.store = SqliteStore(self._path, account=ACCOUNT, region=REGION, durable=False)
        self.engine = Engine(dispatch=self._dispatch, serves=self._serves)
        self.bells = Bells()
        # polls do not wait: they find what there is
        self.bells.close()
        self.service = service(self.engine, self.clock.now, self.bells)
        self._kinds = {kind.name: kind for kind in self.engine.effects()}
        self.events: list[Mapping[str, Any]] = []
        self.loop = Loop(
            store=self.store,
            clock=self.clock,
            timers={**self.engine.timers(), "event": self._event},
            started=self._started,
            settled=self._settled,
            discarded=self.engine.discard,
            ask=self._ask,
            seed=self._seed,
        )
        self._pending = {effect.token: effect for effect in self.store.effects()}

    def crash(self) -> None:
        """Forget all memory; effects that were under way begin again."""
        self.store.close()
        self._open()

    def close(self) -> None:
        self.store.close()

    # -- driving

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        """Call Step Functions as root. Raises AwsError."""
        caller = root(ACCOUNT)
        call = Call(service="stepfunctions", operation=operation, params=params, caller=caller)
        return dict(self._serve(call).output)

    def refused(self, operation: str, **params: Any) -> tuple[str, str]:
        """Code and message of the error that a call is answered with."""
        try:
            answer = self.call(operation, **params)
        except AwsError as error:
            return error.error_code, error.message
        raise AssertionError(f"{operation} was answered: {answer}")

    def create(self, definition: Mapping[str, Any], name: str = "machine") -> str:
        """Create a machine and return its ARN."""
        text = json.dumps(definition)
        created = self.call("CreateStateMachine", name=name, definition=text, roleArn=ROLE)
        return str(created["stateMachineArn"])

    def start(self, machine: str, value: Any = None, **params: Any) -> str:
        """Start an execution and return its ARN."""
        text = json.dumps({} if value is None else value)
        started = self.call("StartExecution", stateMachineArn=machine, input=text, **params)
        return str(started["executionArn"])

    def execute(self, definition: Mapping[str, Any], value: Any = None) -> str:
        """Create, start, run until quiet; returns the execution's ARN."""
        execution = self.start(self.create(definition), value)
        self.run()
        return execution

    def tick(self) -> int:
        """One pass of the loop."""
        return self.loop.tick(self.clock.now())

    def run(self, *, effects: bool = True) -> None:
        """Tick, and perform effects, until nothing is left to do now."""
        while True:
            if self.tick():
                continue
            if not effects or not self._pending:
                return
            self.perform()

    def perform(self, token: str | None = None) -> None:
        """Perform one pending effect: the oldest, or the one with this token."""
        token = token or next(iter(self._pending))
        effect = self._pending.pop(token)
        kind = self._kinds[effect.kind]
        try:
            outcome = Outcome(value=asyncio.run(kind.perform(effect)))
        except AwsError as error:
            outcome = Outcome(error=error)
        self.loop.submit(lambda draft: complete(kind, effect, outcome, draft))

    def advance(self, seconds: float) -> None:
        """Let time pass, waking what is due, and run until quiet."""
        end = self.clock.now() + seconds
        while (due := self.loop.next_due()) is not None and due <= end:
            self.clock.advance(max(0.0, due - self.clock.now()))
            self.run()
        self.clock.advance(end - self.clock.now())
        self.run()

    def send_event(self, source: str, resources: list[str], detail: Mapping[str, Any]) -> None:
        """Let a service tell of a change."""
        body = {"source": source, "detail-type": "", "resources": resources, "detail": detail}
        self.loop.submit(lambda draft: draft.send("event", body))

    @property
    def pending(self) -> list[Effect]:
        """Effects that wait to be performed."""
        return list(self._pending.values())

    # -- looking

    def describe(self, execution: str) -> dict[str, Any]:
        return self.call("DescribeExecution", executionArn=execution)

    def output(self, execution: str) -> Any:
        """The output of an execution, which must have succeeded."""
        found = self.describe(execution)
        assert found["status"] == "SUCCEEDED", found
        return json.loads(found["output"])

    def history(self, execution: str) -> list[dict[str, Any]]:
        found = self.call("GetExecutionHistory", executionArn=execution, maxResults=1000)
        events: list[dict[str, Any]] = found["events"]
        return events

    def types(self, execution: str) -> list[str]:
        return [event["type"] for event in self.history(execution)]

    # -- the server's other parts

    def function(self, name: str, handler: Callable[[Any], Any]) -> str:
        """Put a function into the cloud; what it raises becomes a FunctionError. Returns its ARN."""
        self.functions[name] = handler
        self.cloud[("lambda", "Invoke")] = lambda call: _invoke(self.functions, call)
        return FUNCTION + name

    def _serves(self, name: str, operation: str) -> bool:
        if name == "stepfunctions":
            return operation in self.service.operations
        return (name, operation) in self.cloud

    async def _dispatch(self, call: Call) -> Reply:
        self.calls.append(call)
        return self._serve(call)

    def _ask(self, call: Call, view: View) -> Reply:
        return self._serve(call, view)

    def _serve(self, call: Call, view: View | None = None) -> Reply:
        if call.service != "stepfunctions":
            handler = self.cloud.get((call.service, call.operation))
            if handler is None:
                raise UnsupportedOperation(f"{call.service} has no {call.operation}")
            return Reply(output=handler(call))
        row = self.service.operations.get(call.operation)
        if row is None:
            raise UnsupportedOperation(f"no {call.operation}")
        shape = operation_model(call.service, call.operation).input_shape
        validate(shape, call.params)
        refuse_unknown(row, shape, call.params)
        if row.read is not None:
            return reply_of(row.read(call, view or self.store.writer()))
        if row.act is not None:
            return reply_of(asyncio.run(_awaited(row.act(call, self._context()))))
        assert row.decide is not None
        decide = row.decide
        prepared: tuple[Any, ...] = ()
        if row.prepare is not None:
            prepared = (_finish(row.prepare(call, self._context())),)
        value = self._decided(lambda draft: once(call, draft, lambda: decide(call, draft, *prepared)))
        assert isinstance(value, Reply)
        return value

    def _decided(self, decision: Callable[[Draft], Any]) -> Any:
        answers: list[tuple[Any, BaseException | None]] = []
        self.loop.submit(decision, lambda value, problem: answers.append((value, problem)))
        self.tick()
        value, problem = answers[0]
        if problem is not None:
            raise problem
        return value

    def _context(self) -> Context:
        async def read(look: Callable[[View], Any]) -> Any:
            return look(self.store.writer())

        async def decide(decision: Callable[[Draft], Any]) -> Any:
            return self._decided(decision)

        unused: Any = None
        return Context(
            config=Config(data=self._path.parent),
            clock=self.clock,
            blobs=unused,
            dispatch=self._dispatch,
            decide=decide,
            read=read,
            permits=lambda caller, action, resource, view, keys=None, /: self.may(caller, action, resource),
            denied=unused,
        )

    def _event(self, timer: Timer, draft: Draft) -> None:
        self.events.append(timer.body)
        self.engine.on_event(timer.body, draft)

    def _started(self, effects: list[Effect]) -> None:
        self._pending.update((effect.token, effect) for effect in effects)

    def _settled(self, settled: set[str]) -> None:
        for token in settled:
            self._pending.pop(token, None)


async def _awaited(answer: Any) -> Any:
    return await answer


def _finish(coroutine: Any) -> Any:
    """Run a coroutine that never really waits, whether or not an event loop is running."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waited")


def _role(call: Call) -> dict[str, Any]:
    name = call.params["RoleName"]
    if name != "Machine":
        raise AwsError(f"The role with name {name} cannot be found.", code="NoSuchEntity", status=404)
    return {"Role": {"Arn": ROLE, "AssumeRolePolicyDocument": json.dumps(_TRUST)}}


def _invoke(functions: Mapping[str, Callable[[Any], Any]], call: Call) -> dict[str, Any]:
    name = call.params["FunctionName"].rpartition(":")[2]
    if name not in functions:
        arn = f"{FUNCTION}{name}:$LATEST"
        raise AwsError(f"Function not found: {arn}", code="ResourceNotFoundException", status=404)
    found: dict[str, Any] = {"StatusCode": 200, "ExecutedVersion": "$LATEST"}
    try:
        result = functions[name](json.loads(call.params["Payload"].data))
    except Exception as error:
        problem = {"errorMessage": str(error), "errorType": type(error).__name__}
        return {**found, "FunctionError": "Unhandled", "Payload": json.dumps(problem).encode()}
    return {**found, "Payload": json.dumps(result).encode()}
