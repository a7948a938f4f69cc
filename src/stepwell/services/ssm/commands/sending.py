"""SendCommand: check the document and its parameters, find the instances, remember what is to run."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from stepwell.api import callers
from stepwell.api.context import Context
from stepwell.api.operations import Site
from stepwell.calls import Call
from stepwell.durable import Draft
from stepwell.errors import AwsError, ValidationException
from stepwell.services.ssm.commands.progress import DELIVERY, instance_arn, settle
from stepwell.services.ssm.commands.reading import command_shown
from stepwell.services.ssm.commands.records import Command, Invocation, Order, Plan, Plugin
from stepwell.services.ssm.documents import Version, find, find_version
from stepwell.services.ssm.documents.declarations import checked
from stepwell.services.ssm.documents.references import LONGEST, referred, too_long
from stepwell.services.ssm.documents.substitution import scripts, texts_of, variables
from stepwell.services.ssm.errors import (
    DuplicateInstanceId,
    InvalidDocument,
    InvalidOutputFolder,
    InvalidParameters,
)
from stepwell.services.ssm.instances import resolve
from stepwell.workers.commands import Script

#: seconds within which an invocation must begin, unless the caller says
TIMEOUT = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A document, ready to run."""

    version: Version
    scripts: list[Script]
    variables: dict[str, str]


async def prepare(call: Call, context: Context) -> Prepared:
    """Read the document and put values in its places, off the loop. Raises what SendCommand answers."""
    params = call.params
    document = await context.read(partial(find, name=params["DocumentName"]))
    version = await context.read(
        lambda view: find_version(view, document, params.get("DocumentVersion", "$DEFAULT"))
    )
    _check_hash(params, version)
    content = await asyncio.to_thread(version.read)
    given: Mapping[str, list[str]] = params.get("Parameters") or {}
    if sum(len(text) for texts in given.values() for text in texts) > LONGEST:
        raise too_long()
    names = referred([*texts_of(content), *(text for texts in given.values() for text in texts)])
    stored = {name: await _stored(call, context, name) for name in names}
    if params.get("OutputS3BucketName"):
        await _check_bucket(call, context)
    values = checked(content.parameters, given, stored)
    return Prepared(
        version=version,
        scripts=scripts(content, values, stored),
        variables=variables(content, values),
    )


def _check_hash(params: Mapping[str, Any], version: Version) -> None:
    """Raises InvalidDocument when the caller means another content."""
    wanted = params.get("DocumentHash")
    if not wanted:
        return
    found = version.sha1 if params.get("DocumentHashType", "Sha256") == "Sha1" else version.sha256
    if wanted.lower() != found:
        raise InvalidDocument(
            f"The document hash {wanted} doesn't match {version.name}, version {version.number}."
        )


async def _stored(call: Call, context: Context, name: str) -> str:
    """A parameter's value, read as the caller, whose right is that to GetParameters (user guide, "Restricting
    access to parameters"); Systems Manager's own role has it too. Raises InvalidParameters.
    """
    asking = Call(service="ssm", operation="GetParameters", params={"Names": [name]}, caller=call.caller)
    try:
        answer = (await context.dispatch(asking)).output["Parameters"]
    except AwsError as error:
        raise InvalidParameters(f"The parameter ssm:{name} cannot be read: {error.message}") from error
    if not answer:
        raise InvalidParameters(f"The parameter ssm:{name} does not exist in Parameter Store.")
    found = answer[0]
    if found["Type"] == "SecureString":
        raise InvalidParameters(f"The parameter ssm:{name} is a SecureString: commands take none.")
    return str(found["Value"])


async def _check_bucket(call: Call, context: Context) -> None:
    """Raises InvalidOutputFolder. The look is the server's own: rights are asked for when output is put."""
    bucket = call.params["OutputS3BucketName"]
    asking = callers.root(call.caller.account)
    try:
        await context.dispatch(
            Call(service="s3", operation="HeadBucket", params={"Bucket": bucket}, caller=asking)
        )
    except AwsError as error:
        raise InvalidOutputFolder(f"The S3 bucket {bucket} doesn't exist.") from error


def send(call: Call, draft: Draft, prepared: Prepared) -> dict[str, Any]:
    """SendCommand."""
    params = call.params
    ids, targets = params.get("InstanceIds") or [], params.get("Targets") or []
    if bool(ids) == bool(targets):
        raise ValidationException("Either InstanceIds or Targets must be given, and not both.")
    if len(set(ids)) != len(ids):
        raise DuplicateInstanceId("You can't specify an instance ID in more than one place.")
    found = [target.instance_id for target in resolve(draft, targets, ids)]
    timeout = params.get("TimeoutSeconds") or TIMEOUT
    version = prepared.version
    command = Command(
        id=draft.uuid(),
        document=version.name,
        version=params.get("DocumentVersion", "$DEFAULT"),
        requested=draft.now,
        expires=draft.now + timeout + sum(script.timeout for script in prepared.scripts),
        timeout=timeout,
        instances=found,
        instance_ids=list(ids),
        targets=[dict(target) for target in targets],
        parameters={name: list(texts) for name, texts in (params.get("Parameters") or {}).items()},
        comment=params.get("Comment", ""),
        max_concurrency=params.get("MaxConcurrency", "50"),
        max_errors=params.get("MaxErrors", "0"),
        bucket=params.get("OutputS3BucketName") or None,
        prefix=(params.get("OutputS3KeyPrefix") or "").strip("/"),
        log_group=_log_group(params, version.name),
        service_role=params.get("ServiceRoleArn") or None,
        caller=call.caller,
    )
    draft.put(Order(id=command.id, requested=command.requested))
    plan = Plan(
        id=command.id,
        scripts=prepared.scripts,
        variables=prepared.variables,
        plugin="awsrunShellScript",
    )
    draft.put(plan)
    plugins = [Plugin(name=each.name, status="Pending", details="Pending") for each in prepared.scripts]
    for instance in found:
        draft.put(Invocation(command=command.id, instance=instance, plugins=plugins))
    draft.timer(f"ssm/command/{command.id}/delivery", draft.now + timeout, DELIVERY, {"id": command.id})
    return {"Command": command_shown(draft, settle(draft, command))}


def _log_group(params: Mapping[str, Any], document: str) -> str | None:
    wish = params.get("CloudWatchOutputConfig") or {}
    if not wish.get("CloudWatchOutputEnabled"):
        return None
    return str(wish.get("CloudWatchLogGroupName") or f"/aws/ssm/{document}")


def targeted(params: Mapping[str, Any], site: Site) -> tuple[str, ...]:
    """The ARNs of the instances that a call is about."""
    targets = params.get("Targets") or []
    named = [*(params.get("InstanceIds") or ())]
    if site.view is not None:
        try:
            named = [each.instance_id for each in resolve(site.view, targets, named)]
        except AwsError:
            named += [id for target in targets if target["Key"] == "InstanceIds" for id in target["Values"]]
    return tuple(instance_arn(site, id) for id in named)
