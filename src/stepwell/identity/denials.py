"""What a denial means to whoever has to mend it: who lacked what on which resource, and what to add where.

AWS's message is kept as AWS writes it, for programs compare it; commands, runs and the server's log read
it with this and say the rest beside it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

IDENTITY = "identity-based policy"
RESOURCE = "resource-based policy"
TRUST = "role trust policy"

_DENIAL = re.compile(
    r"User: (?P<caller>\S+) is not authorized to perform: (?P<action>[\w-]+:\w+)"
    r'(?: on resource: "?(?P<resource>[^"\s]+)"?)?'
    r"(?: (?P<because>because no|with an explicit deny in (?:an?|the))"
    rf" (?P<policy>{IDENTITY}|{RESOURCE}|{TRUST}|permissions boundary|session policy))?"
)
_MANAGED_RULE = re.compile(
    r"'(?P<role>arn:[\w-]+:iam::(?P<account>\d+):role/[^']+)' is not authorized to create managed-rule"
)
_SESSION = re.compile(r"arn:(?P<partition>[\w-]+):sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/.+")
_RULE_ACTIONS = ["events:PutTargets", "events:PutRule", "events:DescribeRule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """One right that somebody lacked."""

    #: the caller's ARN, or a service principal
    caller: str
    #: `s3:GetObject`
    action: str
    #: the resource's ARN, or `*`
    resource: str
    #: whether a statement denies it: then adding one that allows changes nothing
    explicit: bool = False
    #: the type of policy that decided: `identity-based policy`, `permissions boundary`, ...
    policy: str = IDENTITY

    @property
    def principal(self) -> str:
        """The caller as a policy names it: a role for its sessions, whose ARNs leave the path out."""
        session = _SESSION.fullmatch(self.caller)
        if session is None:
            return self.caller
        return f"arn:{session['partition']}:iam::{session['account']}:role/{session['role']}"

    @property
    def holder(self) -> str:
        """Whose policies are to change, for people: `role NAME`, `user NAME`, a service principal."""
        kind, _, name = self.principal.rpartition(":")[2].partition("/")
        return f"{kind} {name.rpartition('/')[2]}" if name else self.principal

    @property
    def statement(self) -> dict[str, Any] | None:
        """The statement that gives the right; None under an explicit deny, which is to be taken away."""
        if self.explicit:
            return None
        wanted = statement_for(self.action, self.resource)
        if self.policy not in (RESOURCE, TRUST):
            return wanted
        kind = "AWS" if self.principal.startswith("arn:") else "Service"
        named = {"Effect": "Allow", "Principal": {kind: self.principal}, "Action": self.action}
        return named if self.policy == TRUST else {**named, "Resource": wanted["Resource"]}

    @property
    def place(self) -> str:
        """Which policy the statement belongs in."""
        if self.policy == RESOURCE:
            return "the resource's own policy"
        if self.policy == TRUST:
            return "the role's trust policy"
        return f"a policy of {self.holder}" if self.policy == IDENTITY else f"its {self.policy}"

    @property
    def line(self) -> str:
        """Who lacked what on which resource, in one line."""
        if self.explicit:
            # AWS's message does not tell whether it is a user's own policy or a group's
            group = " or of a group" if self.policy == IDENTITY and self.holder.startswith("user ") else ""
            return (
                f"{self.holder} is denied {self.action} on {self.resource} by a Deny in {self.place}{group}"
            )
        return f"{self.holder} lacks {self.action} on {self.resource}"


def statement_for(action: str, resource: str) -> dict[str, Any]:
    """The least statement that allows `action` on `resource`.

    The log-stream form of ARN that CloudWatch Logs asks for is written as policies write it: `GROUP:*`.
    """
    if action.startswith("logs:") and ":log-stream:" in resource:
        resource = f"{resource.partition(':log-stream:')[0]}:*"
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def parse(text: str) -> Denial | None:
    """The denial that AWS's message, or a text that quotes it, tells of; None where it tells of none."""
    found = _DENIAL.search(text)
    if found is None:
        return None
    because = found["because"]
    unexplained = TRUST if found["action"] == "sts:AssumeRole" else IDENTITY
    return Denial(
        caller=found["caller"],
        action=found["action"],
        resource=found["resource"] or "*",
        explicit=because is not None and because.startswith("with"),
        policy=found["policy"] or unexplained,
    )


def advice(text: str) -> str | None:
    """What to do about the denial that a text tells of, in one line; None where it tells of none."""
    rule = _MANAGED_RULE.search(text)
    if rule is not None:
        statement = {
            "Effect": "Allow",
            "Action": _RULE_ACTIONS,
            "Resource": f"arn:aws:events:*:{rule['account']}:rule/StepFunctionsGetEvents*",
        }
        role = rule["role"].rpartition("/")[2]
        return f"role {role} lacks the rights on the rule of a .sync task: add {json.dumps(statement)}"
    found = parse(text)
    if found is None:
        return None
    if found.statement is None:
        return found.line
    return f"{found.line}: add {json.dumps(found.statement)} to {found.place}"
