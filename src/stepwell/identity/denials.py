"""What a denial means to whoever has to mend it: who lacked what on which resource, and what to add.

AWS's message is kept as AWS writes it, for programs compare it; commands, runs and the server's log read
it with this and say the rest beside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_DENIAL = re.compile(
    r"User: (?P<caller>\S+) is not authorized to perform: (?P<action>[\w-]+:\w+)"
    r'(?: on resource: "?(?P<resource>[^"\s]+)"?)?'
    r"(?: (?P<because>because no|with an explicit deny in an?|with an explicit deny in the)"
    r" (?P<policy>[a-z -]+?)(?: allows| \(|[.]?$|\b))?"
)
_MANAGED_RULE = re.compile(r"'(?P<role>arn:[^']+)' is not authorized to create managed-rule")
_SESSION = re.compile(r"arn:(?P<partition>[\w-]+):sts::(?P<account>\d+):assumed-role/(?P<role>[^/]+)/.+")


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
    policy: str = "identity-based policy"

    @property
    def holder(self) -> str:
        """Whose policies are to change: a role for its sessions, else the caller."""
        session = _SESSION.fullmatch(self.caller)
        return f"role {session['role']}" if session is not None else self.caller

    @property
    def mendable(self) -> bool:
        """Whether adding `statement` to a policy of the holder mends it."""
        return not self.explicit and self.policy != "role trust policy"

    @property
    def statement(self) -> dict[str, Any]:
        """The statement that gives the right."""
        return statement_for(self.action, self.resource)

    @property
    def line(self) -> str:
        """Who lacked what on which resource, in one line."""
        lacked = f"is denied {self.action}" if self.explicit else f"lacks {self.action}"
        by = f" (an explicit deny in its {self.policy})" if self.explicit else ""
        return f"{self.holder} {lacked} on {self.resource}{by}"


def statement_for(action: str, resource: str) -> dict[str, Any]:
    """The least statement that allows `action` on `resource`, to add to a policy.

    A role is passed to one service only, so AWS's own advice has PassRole bound to it; the log-stream form
    that CloudWatch Logs asks for is written as policies write it.
    """
    if action.startswith("logs:") and ":log-stream:" in resource:
        resource = f"{resource.partition(':log-stream:')[0]}:*"
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def parse(message: str) -> Denial | None:
    """The denial that an AWS message tells of, also within a longer text; None where it tells of none."""
    found = _DENIAL.search(message)
    if found is None:
        return None
    because = found["because"] or ""
    trust = found["action"] == "sts:AssumeRole" and not because
    return Denial(
        caller=found["caller"],
        action=found["action"],
        resource=found["resource"] or "*",
        explicit=because.startswith("with"),
        policy="role trust policy" if trust else (found["policy"] or "identity-based policy"),
    )


def managed_rule(message: str) -> str | None:
    """The role without the rights on a managed rule that CreateStateMachine's refusal names."""
    found = _MANAGED_RULE.search(message)
    return found["role"] if found is not None else None
