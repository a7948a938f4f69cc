"""Rights that are missing: of services at functions, and of roles at what their users do."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stepwell.check.functions import FUNCTION, handlers
from stepwell.check.handlers import uses
from stepwell.check.json_values import ACCOUNT, REGION, arn, document, name, plain
from stepwell.check.machine_rights import lacking, told
from stepwell.check.policies import statements, texts
from stepwell.check.program import Program
from stepwell.check.resources import Declared, referred
from stepwell.check.roles import LOG_POLICY, USERS, Document, compiled_leniently, documents, roles
from stepwell.check.rules import Fault, Rule
from stepwell.check.values import Literal, get, items, text, walk
from stepwell.check.windows import TASK
from stepwell.identity import policy, trust
from stepwell.identity.derive import target_role, window_role
from stepwell.identity.match import Names

PERMISSION = "aws:lambda/permission:Permission"
_S3 = "s3.amazonaws.com"
_LOG_GROUP = "aws:cloudwatch/logGroup:LogGroup"
_EVENTS = "events.amazonaws.com"
#: what a function needs to be heard
LOGS = ("logs:CreateLogStream", "logs:PutLogEvents")

#: actions whose request must name a role, and the service that it is for (IAM User Guide, "Grant a user
#: permissions to pass a role to an AWS service")
PASSING = {
    "sagemaker:CreateTrainingJob": "sagemaker.amazonaws.com",
    "sagemaker:CreateProcessingJob": "sagemaker.amazonaws.com",
    "sagemaker:CreateAutoMLJob": "sagemaker.amazonaws.com",
    "sagemaker:CreateNotebookInstance": "sagemaker.amazonaws.com",
    "states:CreateStateMachine": "states.amazonaws.com",
    "lambda:CreateFunction": "lambda.amazonaws.com",
}


def _permitting(program: Program, function: Declared, service: str) -> tuple[list[Declared], bool]:
    """The permissions that let a service invoke the function, and whether there may be others."""
    found, unsure = [], program.cut
    names = {name(function), str(arn(function))}
    for permission in program.of(PERMISSION):
        target, principal = permission.get("function"), permission.text("principal")
        same = referred(target) is function or text(target) in names
        if same and principal == service:
            found.append(permission)
        elif (same and principal is None) or (target is None) or (not same and plain(target).untold):
            unsure = True
    return found, unsure


def notified(program: Program) -> Iterator[tuple[Declared, Declared]]:
    """The notifications of buckets and the functions of the program that they go to."""
    for notification in program.of("aws:s3/bucketNotification:BucketNotification"):
        for block in items(notification.get("lambdaFunctions")):
            function = referred(get(block, "lambdaFunctionArn"))
            if function is not None and function.type == FUNCTION:
                yield notification, function


def _notification(program: Program) -> Iterator[Fault]:
    for notification, function in notified(program):
        found, unsure = _permitting(program, function, _S3)
        if not found and not unsure:
            variable = function.variable or "function"
            yield Fault(
                place=notification.at("lambdaFunctions"),
                message=f"S3 may not invoke {function.label}: the notification is refused",
                mend=f'Declare `aws.lambda_.Permission("...", action="lambda:InvokeFunction", '
                f'function={variable}.name, principal="{_S3}", source_arn=BUCKET.arn)`, and let the '
                "notification depend on it.",
            )


def _order(program: Program) -> Iterator[Fault]:
    for notification, function in notified(program):
        found, unsure = _permitting(program, function, _S3)
        before = {*notification.depends_on(), *notification.refers_to()}
        if found and not unsure and not before & set(found):
            yield Fault(
                place=notification.place,
                message=f"{notification.label} doesn't wait for {found[0].label}, which S3 asks for",
                mend=f"Add `opts=pulumi.ResourceOptions(depends_on=[{found[0].variable or 'permission'}])`.",
            )


def _rules(program: Program) -> Iterator[Fault]:
    for target in program.of("aws:cloudwatch/eventTarget:EventTarget"):
        function = referred(target.get("arn"))
        if function is None or function.type != FUNCTION:
            continue
        found, unsure = _permitting(program, function, _EVENTS)
        if not found and not unsure:
            yield Fault(
                place=target.at("arn"),
                message=f"EventBridge may not invoke {function.label}: its events are lost",
                mend=f'Declare an `aws.lambda_.Permission` for `principal="{_EVENTS}"`.',
            )


def _trust(program: Program) -> Iterator[Fault]:
    found = roles(program)
    written = {each.resource: each for each in documents(program) if each.kind == "trust"}
    for kind, prop, service in USERS:
        for user in program.of(kind):
            role = found.get(referred(user.get(prop)) or user)
            trusting = written.get(role.resource) if role is not None else None
            if role is None or role.resource.open or trusting is None:
                continue
            compiled = compiled_leniently(trusting)
            if compiled is None or _may_trust(trusting, compiled, service):
                continue
            caller, context = trust.service(service, ACCOUNT), {"aws:SourceAccount": ACCOUNT}
            if not trust.may_assume(compiled, caller, str(arn(role.resource)), context=context).allowed:
                yield Fault(
                    place=role.resource.at("assumeRolePolicy"),
                    message=f"{role.resource.label} doesn't let {service} take it on, for {user.label}",
                    mend=f'Name `"Principal": {{"Service": "{service}"}}` in its assume_role_policy.',
                )


def _may_trust(trusting: Document, compiled: policy.Policy, service: str) -> bool:
    """Whether a trust policy may hold for a service for all that is known of it: it isn't known to its last
    part, has conditions, or names the service as it was once called, with the region."""
    value = document(trusting.value)
    older = re.compile(rf"{service.partition('.')[0]}\.[\w-]+\.amazonaws\.com")
    return (
        bool(plain(value).untold)
        or any(statement.conditions for statement in compiled.allows)
        or any(isinstance(part, Literal) and older.fullmatch(str(part.value)) for _, part in walk(value))
    )


def _passing(program: Program) -> Iterator[Fault]:
    owners = {id(each.value): role for role in roles(program).values() for each in role.documents}
    for written in documents(program):
        if written.kind != "inline" and id(written.value) not in owners:
            continue
        role = owners.get(id(written.value))
        if role is not None and role.may_somewhere("iam:PassRole"):
            continue
        alone = compiled_leniently(written)
        if alone is None or _mentions(alone, "iam:passrole"):
            continue
        for statement in statements(written):
            if text(getattr(statement, "entries", {}).get("Effect")) != "Allow":
                continue
            for value, action in texts(statement, "Action"):
                needing = [each for each in PASSING if Names.of([action.lower()]).match(each.lower())]
                if needing and not action.startswith("*"):
                    yield Fault(
                        place=value.place,
                        message=f"`{action}` is granted without iam:PassRole: {needing[0].partition(':')[2]} "
                        "names a role, and is refused",
                        mend="Grant `iam:PassRole` on that role's ARN, with the condition "
                        f'`{{"StringEquals": {{"iam:PassedToService": "{PASSING[needing[0]]}"}}}}`.',
                    )


def _mentions(found: policy.Policy, action: str) -> bool:
    return any(each.actions.match(action) is not each.actions_inverted for each in found.allows)


def _logs(program: Program) -> Iterator[Fault]:
    for role in roles(program).values():
        if not any(user.type == FUNCTION for user in role.users):
            continue
        missing = [each for each in LOGS if not role.may_somewhere(each)]
        if missing:
            yield Fault(
                place=role.place,
                message=f"{role.resource.label} lacks {' and '.join(missing)}: its function's logs are lost",
            )


def _calls(program: Program) -> Iterator[Fault]:
    found = roles(program)
    for function, package, file, _ in handlers(program):
        role = found.get(referred(function.get("role")) or function)
        if role is None:
            continue
        missing: dict[str, str] = {}
        for use in uses(package, file):
            needed = [use.action, *(["iam:PassRole"] if use.action in PASSING else [])]
            for action in needed:
                if not role.may_somewhere(action):
                    missing.setdefault(action, f"{use.file}:{use.line}")
        for action, where in missing.items():
            yield Fault(
                place=role.place,
                message=f"{role.resource.label} lacks {action}, which {function.label} needs at {where}",
                mend=f"Grant `{action}` on the resource that the function works on.",
            )


def _window(program: Program) -> Iterator[Fault]:
    found = roles(program)
    for task in program.of(TASK):
        role = found.get(referred(task.get("serviceRoleArn")) or task)
        kind = task.text("taskType")
        if role is None or kind is None:
            continue
        described = {
            "TaskType": kind,
            "TaskArn": plain(task.get("taskArn"), untold="*").value,
            "Name": task.label,
        }
        missing = lacking(role, window_role([described], account=ACCOUNT, region=REGION))
        if missing:
            shown, statement = told(missing)
            yield Fault(
                place=role.place,
                message=f"{role.resource.label} lacks {shown}, which {task.label} needs",
                mend=f"Add to the role's policy: {statement}",
            )


def _sender(program: Program) -> Iterator[Fault]:
    """Rules' targets that a role delivers to (state machines, buses, Run Command), and log groups."""
    found = roles(program)
    for target in program.of("aws:cloudwatch/eventTarget:EventTarget"):
        group = referred(target.get("arn"))
        if group is not None and group.type == _LOG_GROUP and not any(program.of(LOG_POLICY)):
            yield Fault(
                place=target.at("arn"),
                message=f"no policy lets EventBridge write to {group.label}",
                mend="Declare an `aws.cloudwatch.LogResourcePolicy` that allows events.amazonaws.com and "
                "delivery.logs.amazonaws.com logs:CreateLogStream and logs:PutLogEvents on the group.",
            )
        named = plain(target.get("arn"), untold="*").value
        needed = target_role([{"Arn": named, "Id": target.label}], account=ACCOUNT, region=REGION)
        role = found.get(referred(target.get("roleArn")) or target)
        if not needed:
            continue
        if role is None:
            if not target.given("roleArn") and not target.open:
                yield Fault(
                    place=target.place,
                    message=f"{target.label} names no role with which EventBridge may {needed[0].action}",
                    mend=f"Name a role that {_EVENTS} takes on and that may {needed[0].action}.",
                )
        elif missing := lacking(role, needed):
            shown, statement = told(missing)
            yield Fault(
                place=role.place,
                message=f"{role.resource.label} lacks {shown}, which {target.label} needs",
                mend=f"Add to the role's policy: {statement}",
            )


RULES = (
    Rule(
        code="SW401",
        title="S3 may not invoke the function",
        severity="error",
        why="PutBucketNotificationConfiguration answers InvalidArgument: Unable to validate the destination.",
        mend="Declare an `aws.lambda_.Permission` for S3.",
        find=_notification,
    ),
    Rule(
        code="SW402",
        title="notification before its permission",
        severity="warning",
        why="Pulumi makes both at once, and S3 refuses the notification where it comes first.",
        mend="Let the notification depend on the permission.",
        find=_order,
    ),
    Rule(
        code="SW403",
        title="EventBridge may not invoke the function",
        severity="error",
        why="The rule matches, and every delivery is refused.",
        mend="Declare an `aws.lambda_.Permission` for EventBridge.",
        find=_rules,
    ),
    Rule(
        code="SW404",
        title="role that its service can't take on",
        severity="error",
        why="The service answers that it can't assume the role.",
        mend="Name the service as Principal in the role's trust policy.",
        find=_trust,
    ),
    Rule(
        code="SW405",
        title="iam:PassRole missing",
        severity="error",
        why="An operation that names a role needs iam:PassRole on it besides its own action.",
        mend="Grant `iam:PassRole` on the role that is named.",
        find=_passing,
    ),
    Rule(
        code="SW406",
        title="function without logs",
        severity="warning",
        why="The function runs, and nobody can see what it said.",
        mend="Attach `arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole`.",
        find=_logs,
    ),
    Rule(
        code="SW407",
        title="function that may not do what it does",
        severity="error",
        why="The call fails with AccessDenied.",
        mend="Grant the action.",
        find=_calls,
    ),
    Rule(
        code="SW408",
        title="window's role that may not do its task",
        severity="error",
        why="The task's invocation fails with AccessDenied.",
        mend="Grant the action.",
        find=_window,
    ),
    Rule(
        code="SW409",
        title="rule whose target it may not reach",
        severity="error",
        why="The rule matches, and every delivery is refused.",
        mend="Give the target a role that may do it.",
        find=_sender,
    ),
)
