"""A compiled definition: what the engine runs.

Every part of the language that computes something is a closure, made once by `compile`. A closure
takes JSON values and an `Environment`, returns a JSON value, and raises `StateError`; it never
changes a value that it was given. Positions are names: a program holds no state of an execution.

The uniform flow of a state that succeeds is

    raw → effective_input(raw) → (its work) → result → output(raw, result) → next

Pass, Wait, Choice and Succeed have no work: their result is `state.result(effective_input)`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from stepwell.asl.faults import catches
from stepwell.asl.limits import MAX_SECONDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """What an evaluation may see beside its input."""

    #: the context object (`$$`): `Execution`, `State`, `StateMachine`, `Task`, `Map`
    context: Mapping[str, Any]
    #: the variables in scope, as they are when the state is entered
    variables: Mapping[str, Any] = field(default_factory=dict)
    #: source for States.UUID and States.MathRandom. Whoever decides seeds it, from something that
    #: the journal keeps, and evaluates each state once per decision.
    random: random.Random = field(default_factory=lambda: random.Random(0))
    #: seconds since the epoch, for JSONata's $now and $millis
    now: float = 0.0
    #: JSONata's compiled expressions by their text. They belong to the thread that made them, and so to
    #: whoever evaluates; of no use to anybody else.
    compiled: MutableMapping[str, Any] = field(default_factory=dict)
    #: milliseconds for one JSONata expression
    time_limit: int = 150
    #: what an evaluator elsewhere found for expressions that take longer or may grow, by their question's
    #: key; None where there is no such evaluator
    answers: Mapping[str, Any] | None = None


#: value, environment → value
Expression = Callable[[Any, Environment], Any]
#: raw input, result, environment → raw input with the result placed
Placement = Callable[[Any, Any, Environment], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrier:
    """One entry of `Retry`. Each counts its own attempts, per visit of its state."""

    error_equals: tuple[str, ...]
    #: seconds before the first retry
    interval_seconds: int = 1
    #: retries, not counting the first try; 0 is never
    max_attempts: int = 3
    backoff_rate: float = 2.0
    #: upper bound of the grown interval, in seconds
    max_delay_seconds: int | None = None
    #: `FULL` or `NONE`
    jitter_strategy: str = "NONE"

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Retrier:
        """The retrier of an entry without faults."""
        limit = entry.get("MaxDelaySeconds")
        return cls(
            error_equals=tuple(entry["ErrorEquals"]),
            interval_seconds=int(entry.get("IntervalSeconds", 1)),
            max_attempts=int(entry.get("MaxAttempts", 3)),
            backoff_rate=float(entry.get("BackoffRate", 2.0)),
            max_delay_seconds=None if limit is None else int(limit),
            jitter_strategy=entry.get("JitterStrategy", "NONE"),
        )

    def matches(self, error: str) -> bool:
        return catches(self.error_equals, error)

    def delay(self, attempt: int, random: float) -> float:
        """Seconds to wait before retry `attempt` (1 is the first).

        `random` in [0, 1) is where FULL jitter falls between nothing and the whole interval.
        """
        limit = self.max_delay_seconds
        try:
            seconds = self.interval_seconds * self.backoff_rate ** (attempt - 1)
        except OverflowError:
            seconds = float("inf")
        seconds = min(seconds, MAX_SECONDS if limit is None else limit)
        return seconds * random if self.jitter_strategy == "FULL" else seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Catcher:
    """One entry of `Catch`."""

    error_equals: tuple[str, ...]
    next: str
    #: ResultPath, or JSONata's Output, on the raw input and the error output
    result_path: Placement
    #: Assign on the same; None where there is none
    assign: Placement | None = None

    def matches(self, error: str) -> bool:
        return catches(self.error_equals, error)

    def output(self, raw: Any, error_output: Any, env: Environment) -> Any:
        """The next state's input. `error_output` is `{"Error": …, "Cause": …}`."""
        return self.result_path(raw, error_output, env)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What all states have. `type` tells which of the classes below it is."""

    type: ClassVar[str]

    name: str
    #: JSON pointer into the definition: `/States/Train`
    pointer: str
    #: where to go on success; None for Choice, Fail, Succeed and states that `end`
    next: str | None = None
    #: whether success here ends the block
    end: bool = False
    #: InputPath alone
    input_path: Expression
    #: Parameters alone, on the value after InputPath
    parameters: Expression
    #: ResultSelector alone
    result_selector: Expression
    #: ResultPath alone
    result_path: Placement
    #: OutputPath alone
    output_path: Expression
    #: JSONata's Output on the raw input and the result, in place of the last three; None where there is none
    query_output: Placement | None = None
    #: Assign on the raw input and the result: the variables that the state sets; None where there is none
    assign: Placement | None = None

    def effective_input(self, raw: Any, env: Environment) -> Any:
        """What the state works on: InputPath, then Parameters."""
        return self.parameters(self.input_path(raw, env), env)

    def result(self, effective_input: Any) -> Any:
        """The result of a state that has no work to do."""
        return effective_input

    def output(self, raw: Any, result: Any, env: Environment) -> Any:
        """The next state's input: ResultSelector, ResultPath into the raw input, OutputPath; or Output."""
        if self.query_output is not None:
            return self.query_output(raw, result, env)
        return self.output_path(self.result_path(raw, self.result_selector(result, env), env), env)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlingState(State):
    """A state that may fail and handle it: Task, Parallel, Map."""

    retriers: tuple[Retrier, ...] = ()
    catchers: tuple[Catcher, ...] = ()

    def retrier(self, error: str) -> int | None:
        """The index of the first retrier that sees `error`. Exhausted, it hands over to `catcher`."""
        return _first(self.retriers, error)

    def catcher(self, error: str) -> int | None:
        """The index of the first catcher that sees `error`."""
        return _first(self.catchers, error)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskState(HandlingState):
    """Work done by a service, a function, an activity."""

    type = "Task"

    #: the resource's ARN as written
    resource: str
    #: raw input, environment → seconds, or None where the definition sets none
    timeout: Callable[[Any, Environment], int | None]
    heartbeat: Callable[[Any, Environment], int | None]
    #: raw input, environment → `{"RoleArn": …}`, or None
    credentials: Callable[[Any, Environment], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PassState(State):
    """Hands on its input, or a fixed result."""

    type = "Pass"

    #: whether the definition has a `Result`
    has_result: bool = False
    fixed_result: Any = None

    def result(self, effective_input: Any) -> Any:
        return self.fixed_result if self.has_result else effective_input


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitState(State):
    """Lets time pass."""

    type = "Wait"

    #: raw input, environment, now (seconds since the epoch) → when it is over, on the same scale
    until: Callable[[Any, Environment, float], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Where a Choice state goes, and what it does on the way."""

    #: name of the next state
    next: str
    #: the rule's own Output and Assign, or the state's where no rule holds; None where there are none
    output: Placement | None = None
    assign: Placement | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceState(State):
    """Decides where to go."""

    type = "Choice"

    #: raw input, environment → the rule that holds, or the default; StateError(States.NoChoiceMatched)
    choose: Callable[[Any, Environment], Rule]
    #: every state that it may choose
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SucceedState(State):
    """Ends its block."""

    type = "Succeed"


@dataclass(frozen=True, slots=True, kw_only=True)
class FailState(State):
    """Fails its block."""

    type = "Fail"

    #: raw input, environment → (error, cause), either None
    failure: Callable[[Any, Environment], tuple[str | None, str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Where to start, and the states: a machine, a branch, a Map's processor."""

    start_at: str
    states: Mapping[str, State]

    def walk(self) -> Iterator[State]:
        """Every state in here, nested blocks' included."""
        for state in self.states.values():
            yield state
            for block in blocks(state):
                yield from block.walk()


@dataclass(frozen=True, slots=True, kw_only=True)
class ParallelState(HandlingState):
    """Runs all its branches; its result is the array of their outputs, in their order."""

    type = "Parallel"

    branches: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MapState(HandlingState):
    """Runs its processor once per item; its result is the array of outputs, in the items' order."""

    type = "Map"

    #: raw input, environment → the array to iterate over (InputPath, then ItemsPath)
    items: Callable[[Any, Environment], Sequence[Any]]
    #: raw input, environment → how many iterations may run at once; 0 is no bound of the author's
    max_concurrency: Callable[[Any, Environment], int]
    #: ItemSelector alone, on the value after InputPath; None where items go in as they are
    item_selector: Expression | None
    processor: Block

    def item_input(self, raw: Any, item: Any, index: int, env: Environment) -> Any:
        """The input of iteration `index`."""
        if self.item_selector is None:
            return item
        return self.item_selector(self.input_path(raw, env), item_environment(env, item, index))


def item_environment(env: Environment, item: Any, index: int) -> Environment:
    """The environment of one iteration: the context object gains `Map.Item`."""
    return replace(env, context={**env.context, "Map": {"Item": {"Index": index, "Value": item}}})


@dataclass(frozen=True, slots=True, kw_only=True)
class Program(Block):
    """A whole machine."""

    #: the execution's time limit, or None
    timeout_seconds: int | None = None
    comment: str | None = None
    version: str | None = None


def blocks(state: State) -> tuple[Block, ...]:
    """The blocks inside a state."""
    if isinstance(state, ParallelState):
        return state.branches
    if isinstance(state, MapState):
        return (state.processor,)
    return ()


def integrations(program: Block) -> Iterator[TaskState]:
    """Every Task state, nested ones included."""
    return (state for state in program.walk() if isinstance(state, TaskState))


def _first(handlers: Sequence[Retrier | Catcher], error: str) -> int | None:
    return next((index for index, handler in enumerate(handlers) if handler.matches(error)), None)
