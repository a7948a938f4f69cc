"""Operations as rows: who handles a call, which rights it needs, and what becomes of each field.

Exactly one of three handlers serves an operation:

* `read(call, view)` answers from a snapshot, on a reader's thread; never writes;
* `decide(call, draft)` (or `decide(call, draft, prepared)` where `prepare` is given) is pure and quick,
  runs on the loop, and is answered after the commit;
* `act(call, context)` is asynchronous and may do several things: wait, stream, make further calls,
  submit decisions through `context.decide`.

Handlers return the operation's output as a mapping, or a whole `Reply`, and raise `AwsError`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stepwell.api.context import Context
from stepwell.calls import Call, Reply
from stepwell.durable.ports import View
from stepwell.errors import AwsError

Answer = Mapping[str, Any] | Reply | None
Read = Callable[[Call, View], Answer]
Prepare = Callable[[Call, Context], Awaitable[Any]]
Decide = Callable[..., Answer]
Act = Callable[[Call, Context], Awaitable[Answer]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Which account and region a server plays: what ARN templates need."""

    account: str
    region: str
    #: the store's state, for ARNs that only a record tells: an IAM role's has its path
    view: View | None = None
    #: the ARN of whoever calls, for operations that mean their caller where they name nobody
    caller: str = ""


#: the ARN that a right is about: a template over `{region}`, `{account}` and the call's top-level
#: parameters, or a function of the parameters, which may give several
Resource = str | Callable[[Mapping[str, Any], Site], str | tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """An IAM action that a call needs on a resource (AWS's Service Authorization Reference)."""

    #: `s3:GetObject`
    action: str
    resource: Resource = "*"
    #: condition keys and how the call gives them: `{"s3:prefix": "Prefix"}` names a parameter,
    #: `{"iam:PassedToService": "=sagemaker.amazonaws.com"}` is a constant, a function reads the parameters;
    #: where it gives a mapping, each of its names is a key of its own: `s3:RequestObjectTag/NAME`
    keys: Mapping[str, str | Callable[[Mapping[str, Any]], Any]] = field(default_factory=dict)
    #: whether this call needs the right at all: CopyObject with tags, PassRole with a role, ...
    when: Callable[[Mapping[str, Any]], bool] = lambda params: True
    #: the handler asks for it item by item and answers each refusal beside the rest (`Context.denied`)
    itemwise: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Disclosure:
    """Errors that tell what exists: whoever lacks the right hears of the lack instead."""

    #: `NoSuchKey`
    codes: frozenset[str]
    right: Right


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One row: an operation that this server answers."""

    #: botocore's name: `CreateStateMachine`
    name: str
    #: empty only for operations that need no permission (GetCallerIdentity)
    rights: tuple[Right, ...]
    #: fields that act as on AWS. A dotted path classifies a member of a structure (lists and maps are
    #: looked through); a path without deeper entries speaks for all below it
    honoured: tuple[str, ...] = ()
    #: fields that are stored and given back, and have no effect on this machine
    recorded: tuple[str, ...] = ()
    read: Read | None = None
    prepare: Prepare | None = None
    decide: Decide | None = None
    act: Act | None = None
    #: the most bytes of a streamed or blob body, where AWS sets a limit
    body_limit: int | None = None
    #: what only some callers may learn from this operation's errors
    disclosure: Disclosure | None = None

    def __post_init__(self) -> None:
        handlers = [handler for handler in (self.read, self.decide, self.act) if handler is not None]
        if len(handlers) != 1 or (self.prepare is not None and self.decide is None):
            raise TypeError(f"{self.name}: exactly one of read, decide and act handles an operation")


class Service:
    """One AWS service: its name in botocore and its operations."""

    def __init__(
        self,
        name: str,
        operations: Iterable[Operation],
        *,
        invalid: str = "ValidationException",
        missing: Callable[[str], AwsError] | None = None,
    ) -> None:
        #: botocore's name, `stepfunctions`
        self.name = name
        #: the code of an error about parameters that break the model's constraints
        self.invalid = invalid
        #: the error about a required parameter that is not there, for services that have one of their own
        self.missing = missing
        self.operations: Mapping[str, Operation] = {operation.name: operation for operation in operations}


def words(text: str) -> tuple[str, ...]:
    """Field names written in one string, for tables: `words("name definition roleArn")`."""
    return tuple(text.split())
