"""The managed rules that AWS would make for a machine's `.sync` tasks.

AWS hears of a job's end by a rule of EventBridge that Step Functions makes with the execution role's rights,
when the machine is created or updated. Here the engine hears of it without a rule; the rights are asked for
all the same, so that what is accepted here is accepted there.
"""

from __future__ import annotations

import json

from stepwell.api.callers import role_session
from stepwell.api.context import Context
from stepwell.durable import View
from stepwell.engine import integrations
from stepwell.services.stepfunctions.definitions import resources
from stepwell.services.stepfunctions.roles import SERVICE

ACTIONS = ("events:PutTargets", "events:PutRule", "events:DescribeRule")
#: the session's name; AWS's refusal names the role alone
SESSION = "StepFunctions"


def rules(definition: str) -> set[str]:
    """The names of the rules that a valid definition's tasks need."""
    found = (integrations.parse(resource) for _, resource in resources(json.loads(definition)))
    return {resource.job.rule for resource in found if resource is not None and resource.job is not None}


def permitted(context: Context, view: View, role: str, definition: str) -> bool:
    """Whether the role may make all the rules of the definition."""
    caller = role_session(role, SESSION)
    return all(
        context.permits(
            caller,
            action,
            f"arn:aws:events:{view.region}:{view.account}:rule/{rule}",
            view,
            {"events:ManagedBy": SERVICE},
        )
        for rule in sorted(rules(definition))
        for action in ACTIONS
    )
