"""`Stepwell`: what a test holds in its hand."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from stepwell import provision
from stepwell.asl.program import TaskState
from stepwell.clock import ManualClock
from stepwell.config import Config, default_cache
from stepwell.errors import AwsError
from stepwell.provision.cloud import boto3_clients
from stepwell.testing import mock_config
from stepwell.testing.answers import Answer, Answers, Function, by_attempt, in_turn, raises, returns
from stepwell.testing.durations import Duration, Zone, moment, seconds, shown
from stepwell.testing.errors import TestingError, UpFailed
from stepwell.testing.executions import Execution
from stepwell.testing.mocks import Mock
from stepwell.testing.server import InProcess, Thread

#: when a test's clock begins: a Thursday
START: Final = "2026-01-01T00:00"
#: seconds of real time that real work gets
PATIENCE: Final = 300.0
_ABSENT: Final[Any] = object()
_MACHINE = ":stateMachine:"


class Stepwell:
    """A server of a test's own: its data is gone with it, its clock moves when the test says so.

    Everything is as on a server that people run: AWS's own APIs on a loopback port, rights enforced,
    functions and jobs as processes. Only the clock stands still between two calls of `advance`, `advance_to`
    and `Execution.wait`, and mocked tasks make no call.

    Args:
        start: when its clock begins; without an offset it is UTC.
        account, region: what it plays.
        iam: `enforce`, or `report`: what IAM would deny is only logged.
        images: the `images.toml` that says which environments jobs' images stand for.
        cache: where such environments are kept; all servers of a user share one.
        patience: seconds of real time that functions and jobs under way get before StillBusy is raised.
    """

    def __init__(
        self,
        *,
        start: str | datetime = START,
        account: str = "000000000000",
        region: str = "us-east-1",
        iam: str = "enforce",
        images: str | Path | None = None,
        cache: Path | None = None,
        patience: float = PATIENCE,
    ) -> None:
        with ExitStack() as undo:
            folder = Path(tempfile.mkdtemp(prefix="stepwell-"))
            undo.callback(shutil.rmtree, folder, ignore_errors=True)
            if images is not None:
                shutil.copyfile(images, folder / "images.toml")
            config = Config(
                data=folder,
                port=0,
                account=account,
                region=region,
                iam=iam,
                cache=cache or default_cache(),
                durable=False,
            )
            self._thread = Thread(InProcess(config, ManualClock(moment(start)), patience))
            undo.callback(self._thread.close)
            self._undo = undo.pop_all()
        self._clients: dict[str, Any] = {}

    def __enter__(self) -> Stepwell:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the server, its functions, jobs and model servers, and remove its data."""
        self._undo.close()

    # -- reaching it

    @property
    def url(self) -> str:
        """Its endpoint."""
        return self._server.url

    @property
    def data(self) -> Path:
        """Its data folder, gone when it is: what `stepwell` commands take as `--data`."""
        return self._server.folder.root

    @property
    def environment(self) -> dict[str, str]:
        """What a process needs to reach it with any of AWS's SDKs."""
        key = self._server.key
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
            "AWS_REGION": key.region,
            "AWS_DEFAULT_REGION": key.region,
            "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        }

    def client(self, service: str) -> Any:
        """The boto3 client of a service, as the account's root; one a service."""
        if service not in self._clients:
            self._clients[service] = self._factory(service)
        return self._clients[service]

    # -- what runs on it

    def up(
        self, program: str | Path, *, config: Mapping[str, Any] | None = None, stack: str = "test"
    ) -> dict[str, Any]:
        """Run a Pulumi program against it, as `stepwell up` does; gives the outputs, secret ones too.

        `config` goes before the stack's file; a name without a namespace is the project's. Raises UpFailed,
        UsageError when Pulumi's SDK is not installed.
        """
        server = self._server
        request = provision.Request(
            command="up",
            program=Path(program),
            stack=stack,
            endpoint=self.url,
            access_key=server.key.access_key_id,
            secret_key=server.key.secret_access_key,
            region=server.config.region,
            account=server.config.account,
            state=server.config.data / "stacks",
            server=server.key.access_key_id,
            config=config or {},
        )
        outcome = provision.run(request, lambda event: None)
        if not outcome.ok:
            raise UpFailed("\n".join(_told(problem) for problem in outcome.errors))
        return {name: output.value for name, output in outcome.outputs.items()}

    def machine(self, name: str, definition: Mapping[str, Any] | str | Path) -> str:
        """Make a state machine of a definition (an object, JSON text or a file), with a role that may do
        everything; gives its ARN. A program's machine has its own role: `up`.

        Raises AwsError with all that is wrong with the definition.
        """
        if isinstance(definition, Path):
            definition = definition.read_text(encoding="utf-8")
        if not isinstance(definition, str):
            definition = json.dumps(definition)
        role = self.role(f"{name}-states", "states.amazonaws.com")
        given = {"name": name, "roleArn": role, "definition": definition}
        made: str = self._thread.call("stepfunctions", "CreateStateMachine", **given)["stateMachineArn"]
        return made

    def role(self, name: str, service: str) -> str:
        """Make a role that a service (`events.amazonaws.com`) may assume and that may do everything; gives
        its ARN. For what a test makes beside its program."""
        trust = _document(Action="sts:AssumeRole", Principal={"Service": service})
        given = {"RoleName": name, "AssumeRolePolicyDocument": trust}
        made: str = self._thread.call("iam", "CreateRole", **given)["Role"]["Arn"]
        everything = _document(Action="*", Resource="*")
        given = {"RoleName": name, "PolicyName": "everything", "PolicyDocument": everything}
        self._thread.call("iam", "PutRolePolicy", **given)
        return made

    def start(self, machine: str, input: Any = None, *, name: str | None = None) -> Execution:
        """Start an execution of a machine (its ARN or name); `input` is JSON, an empty object by default.

        Raises AwsError as StartExecution does.
        """
        given = {"stateMachineArn": self._arn(machine), "input": json.dumps({} if input is None else input)}
        if name is not None:
            given["name"] = name
        begun = self._thread.call("stepfunctions", "StartExecution", **given)
        return Execution(self._thread, begun["executionArn"])

    def executions(self, machine: str) -> list[Execution]:
        """A machine's executions, whoever started them; the first comes first."""
        return [Execution(self._thread, arn) for arn in reversed(list(self._listed(machine)))]

    # -- time

    @property
    def now(self) -> datetime:
        """What its clock shows, in UTC."""
        return shown(self._server.clock.now())

    def advance(self, span: Duration) -> None:
        """Move the clock by a span (`"7 days"`, `timedelta(days=7)`, seconds), and let all happen that is
        due on the way, in order, each at its own time: schedules, windows, waits, retries, time-outs.

        Real functions and jobs are waited for while the clock stands. Raises StillBusy when they outlast
        the patience.
        """
        self._thread.run(self._server.advance(self._server.clock.now() + seconds(span)))

    def advance_to(self, when: str | datetime, zone: Zone = "UTC") -> None:
        """Move the clock to a moment, as `advance` does; one without an offset is the wall time of `zone`.

        Raises TestingError for a moment that is over.
        """
        target = moment(when, zone)
        if target < self._server.clock.now():
            raise TestingError(f"it is {self.now.isoformat()} already: time only goes on")
        self._thread.run(self._server.advance(target))

    def settle(self) -> None:
        """Let everything happen that can without the clock's moving: what an upload starts, for one."""
        self.advance(0)

    # -- mocks

    def mock(
        self,
        machine: str,
        state: str,
        *answers: Answer | Function | Mapping[str, Answer],
        returns: Any = _ABSENT,
        raises: str | tuple[str, str] | None = None,
        after: Duration = 0,
    ) -> Mock:
        """Answer a Task state of a machine (its ARN or name) instead of doing its work.

        One answer: `returns=` (JSON, or a function of the task's input) or `raises=` (`"Error"` or
        `("Error", "cause")`), with `after=` the span of the server's time that the task takes. Several:
        `returns(…)`, `raises(…)` one after the other, an attempt each, the last one for good; or by attempt,
        `{"0": raises(…), "1-2": raises(…), "3": returns(…)}`. Attempts are counted by execution, and within
        a Map or Parallel state by iteration or branch.

        An earlier mock of the state is replaced. Raises TestingError for a state that is no task, or an
        activity's, which `Execution.send_success` ends.
        """
        name = self._tasks(machine, [state])
        mock = Mock(machine=name, state=state, answers=_chosen(answers, returns, raises, after))
        self._server.mocks.put(mock)
        return mock

    def mock_from(
        self, file: str | Path, machine: str, case: str, *, name: str | None = None
    ) -> dict[str, Mock]:
        """Mock a machine's states by a test case of a MockConfigFile.json of Step Functions Local; gives the
        mocks by state. States that the case does not name do their real work.

        `name` is the machine's in the file, where that is another. Raises MockConfigInvalid, TestingError.
        """
        known = _name(machine)
        found: dict[str, Answers] = mock_config.read(Path(file), name or known, case)
        self._tasks(machine, list(found))
        self.unmock(machine)
        mocks = {state: Mock(machine=known, state=state, answers=answers) for state, answers in found.items()}
        for mock in mocks.values():
            self._server.mocks.put(mock)
        return mocks

    def unmock(self, machine: str, state: str | None = None) -> None:
        """Let a state, or all states of a machine, do their real work again."""
        self._server.mocks.drop(_name(machine), state)

    # -- reading

    @property
    def _server(self) -> InProcess:
        return self._thread.server

    @cached_property
    def _factory(self) -> provision.ClientFactory:
        key = self._server.key
        return boto3_clients(
            endpoint=self.url,
            access_key=key.access_key_id,
            secret_key=key.secret_access_key,
            region=key.region,
        )

    def _arn(self, machine: str) -> str:
        config = self._server.config
        if _MACHINE in machine:
            return machine
        return f"arn:aws:states:{config.region}:{config.account}{_MACHINE}{machine}"

    def _listed(self, machine: str) -> Iterator[str]:
        given = {"stateMachineArn": self._arn(machine)}
        while True:
            page = self._thread.call("stepfunctions", "ListExecutions", **given)
            yield from (each["executionArn"] for each in page["executions"])
            if page.get("nextToken") is None:
                return
            given["nextToken"] = page["nextToken"]

    def _tasks(self, machine: str, states: list[str]) -> str:
        """The machine's name. Raises TestingError unless all of `states` are tasks of it."""
        try:
            found = self._thread.call(
                "stepfunctions", "DescribeStateMachine", stateMachineArn=self._arn(machine)
            )
        except AwsError as error:
            raise TestingError(f"a mock needs its machine first: {error.message}") from error
        program = self._server.engine.programs.machine(found["definition"])
        tasks = {
            name: state.resource for name, state in program.states.items() if isinstance(state, TaskState)
        }
        for state in states:
            if state not in tasks:
                raise TestingError(
                    f"{state!r} is no Task state of {found['name']}: {', '.join(tasks) or 'it has none'}"
                )
            if ":activity:" in tasks[state]:
                raise TestingError(
                    f"{state!r} is an activity's task: send_success or send_failure of its execution end it"
                )
        name: str = found["name"]
        return name


def _name(machine: str) -> str:
    """A machine's name from its name, its ARN, or the ARN of a version of it."""
    return machine.rpartition(_MACHINE)[2].partition(":")[0]


def _chosen(
    answers: tuple[Any, ...], returning: Any, raising: str | tuple[str, str] | None, after: Duration
) -> Answers:
    """The answers that a call of `mock` means. Raises TestingError."""
    ways = [bool(answers), returning is not _ABSENT, raising is not None]
    if sum(ways) != 1:
        raise TestingError("a mock needs returns=, raises=, or answers")
    if answers:
        if after:
            raise TestingError("answers say after= each for itself")
        if isinstance(answers[0], Mapping):
            if len(answers) > 1:
                raise TestingError("answers by attempt are one object")
            return by_attempt(answers[0])
        return in_turn(answers)
    if raising is None:
        return in_turn((returns(returning, after=after),))
    error, cause = (raising, "") if isinstance(raising, str) else raising
    return in_turn((raises(error, cause, after=after),))


def _document(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def _told(problem: provision.Problem) -> str:
    place = f"{problem.file}:{problem.line}: " if problem.file else ""
    about = [problem.traceback.rstrip(), problem.excerpt, problem.advice, problem.urn]
    return "\n".join([f"{place}{problem.message}", *(f"  {text}" for text in about if text)])
