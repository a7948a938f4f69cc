"""Policies: ARNs of managed ones that don't exist, documents that IAM refuses, grants without bounds."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from stepwell.check import packages
from stepwell.check.json_values import document, plain
from stepwell.check.machine_rights import useless
from stepwell.check.program import Program
from stepwell.check.roles import Document, documents, managed_arns
from stepwell.check.rules import Fault, Rule
from stepwell.check.sources import Edit
from stepwell.check.values import Literal, Value, get, items, known, text
from stepwell.identity import managed, policy

_MANAGED = re.compile(r"arn:aws[\w-]*:iam::aws:policy/(?:[\w+=,.@-]+/)*([\w+=,.@-]+)")
#: actions on objects: all have Object in their names, or are of multipart uploads
_OBJECT_ACTION = re.compile(r"s3:(\w*Object\w*|AbortMultipartUpload|ListMultipartUploadParts)\*?$")
_NOT_OF_OBJECTS = re.compile(r"s3:(\w*ObjectLockConfiguration)$")
_BUCKET_ACTION = re.compile(
    r"s3:(ListBucket\w*|GetBucket\w+|PutBucket\w+|DeleteBucket\w*|CreateBucket|GetEncryptionConfiguration)$"
)


def _absent(program: Program) -> Iterator[Fault]:
    listed = packages.managed_policies() | set(managed.arns())
    for value, arn in managed_arns(program):
        if not _MANAGED.fullmatch(arn) or managed.find(arn) is not None:
            continue
        name = arn.rpartition("/")[2]
        same = sorted(each for each in listed if each.rpartition("/")[2] == name)
        if arn in same:
            yield Fault(
                place=value.place,
                message=f"the server doesn't have AWS's policy {name}",
                mend="Declare an `aws.iam.Policy` with the statements that are needed.",
            )
        elif same:
            yield Fault(
                place=value.place,
                message=f"there is no {arn}",
                mend=f"It is `{same[0]}`.",
                edits=_rewritten(program, value, arn, same[0]),
            )
        else:
            near = difflib.get_close_matches(name, [each.rpartition("/")[2] for each in listed], n=1)
            meant = f" Is `{next(e for e in listed if e.endswith('/' + near[0]))}` meant?" if near else ""
            yield Fault(
                place=value.place,
                message=f"AWS manages no policy {name} that is known",
                mend=f"Name one that exists, or declare an `aws.iam.Policy`.{meant}",
            )


def _rewritten(program: Program, value: Value, old: str, new: str) -> tuple[Edit, ...]:
    source = program.source(value.place.file)
    if source is None or not isinstance(value, Literal) or value.verbatim is None or value.value != old:
        return ()
    start = source.at(value.place) + value.verbatim
    return (Edit(file=source.file, start=start, end=start + len(old), text=new),)


def _malformed(program: Program) -> Iterator[Fault]:
    for found in documents(program):
        value = document(found.value)
        if value is None:
            if isinstance(found.value, Literal) and isinstance(found.value.value, str):
                yield Fault(place=found.value.place, message=f"the {found.property} is no JSON")
            continue
        rendered = plain(value)
        if rendered.untold:
            continue
        try:
            policy.parse(rendered.value, kind=found.kind)
        except policy.MalformedPolicyDocument as error:
            yield Fault(place=value.place, message=f"IAM refuses this policy: {error}")


def statements(found: Document) -> Iterator[Value]:
    """The statements of a policy, as values."""
    yield from items(get(document(found.value), "Statement"))


def texts(statement: Value, element: str) -> list[tuple[Value, str]]:
    """The known strings of a statement's element."""
    entries = getattr(known(statement), "entries", {})
    return [(each, found) for each in items(entries.get(element)) if (found := text(each)) is not None]


def allowing(found: Document) -> Iterator[Value]:
    """The statements that allow something unconditionally."""
    for statement in statements(found):
        entries = getattr(known(statement), "entries", {})
        if text(entries.get("Effect")) == "Allow" and "Condition" not in entries:
            yield statement


def _everything(program: Program) -> Iterator[Fault]:
    for found in documents(program):
        if found.kind in ("trust", "resource"):
            continue
        for statement in allowing(found):
            for value, action in texts(statement, "Action"):
                if action in ("*", "*:*") and any(each == "*" for _, each in texts(statement, "Resource")):
                    yield Fault(place=value.place, message="the policy grants every action on everything")
    for value, arn in managed_arns(program):
        if arn.rpartition("/")[2] in ("AdministratorAccess", "PowerUserAccess"):
            yield Fault(place=value.place, message=f"{arn.rpartition('/')[2]} grants nearly everything")


def _whole_services(program: Program) -> Iterator[Fault]:
    for found in documents(program):
        if found.kind in ("trust", "resource"):
            continue
        for statement in allowing(found):
            anything = any(each == "*" for _, each in texts(statement, "Resource"))
            for value, action in texts(statement, "Action"):
                if anything and re.fullmatch(r"[\w-]+:\*", action):
                    yield Fault(
                        place=value.place,
                        message=f"`{action}` on `*` grants every action of a service on everything in it",
                    )


def _levels(program: Program) -> Iterator[Fault]:
    """S3's actions are on buckets or on objects; granted on the other kind of ARN they grant nothing."""
    for found in documents(program):
        for statement in statements(found):
            resources = [
                plain(each).value for each in items(getattr(known(statement), "entries", {}).get("Resource"))
            ]
            named = [each for each in resources if isinstance(each, str)]
            if not named or any(not each.startswith("arn:aws:s3:::") for each in named):
                continue
            objects = [each for each in named if "/" in each or each.endswith("*")]
            buckets = [each for each in named if "/" not in each]
            for value, action in texts(statement, "Action"):
                if _NOT_OF_OBJECTS.match(action):
                    continue
                if _OBJECT_ACTION.match(action) and not objects:
                    yield Fault(
                        place=value.place,
                        message=f"`{action}` is an action on objects, and is granted on the bucket alone",
                        mend="Grant it on the bucket's ARN with `/*` behind it.",
                    )
                if _BUCKET_ACTION.match(action) and not buckets:
                    yield Fault(
                        place=value.place,
                        message=f"`{action}` is an action on the bucket, and is granted on its objects alone",
                        mend="Grant it on the bucket's ARN, in a statement of its own.",
                    )


RULES = (
    Rule(
        code="SW301",
        title="no such managed policy",
        severity="error",
        why="Attaching a policy that doesn't exist answers NoSuchEntity.",
        mend="Name a policy that exists.",
        find=_absent,
    ),
    Rule(
        code="SW302",
        title="malformed policy",
        severity="error",
        why="IAM answers MalformedPolicyDocument.",
        mend="Correct the document.",
        find=_malformed,
    ),
    Rule(
        code="SW303",
        title="everything granted",
        severity="warning",
        why="Whoever gets at the role's credentials gets at the whole account.",
        mend="Grant the actions that are needed, on the resources that are needed.",
        find=_everything,
    ),
    Rule(
        code="SW304",
        title="a whole service granted",
        severity="warning",
        why="The role can do far more than its job.",
        mend="Grant the actions that are needed, on the resources that are needed.",
        find=_whole_services,
    ),
    Rule(
        code="SW305",
        title="S3 action on the wrong kind of resource",
        severity="error",
        why="The statement grants nothing: S3 asks for the action on the other kind of ARN.",
        mend="Grant bucket actions on the bucket's ARN and object actions on the ARN with `/*`.",
        find=_levels,
    ),
    Rule(
        code="SW306",
        title="managed policy of no use",
        severity="warning",
        why="The policy is for people who manage the service, or for another job.",
        mend="Drop it, and grant what the states of the machine do.",
        find=useless,
    ),
)
