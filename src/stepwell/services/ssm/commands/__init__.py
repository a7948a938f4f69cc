"""Run Command: documents run on this machine, in turn, within limits, with their output kept.

OPERATIONS       the rows
effects(parts)   what is done after a commit
timers()         delivery time-outs, and the end of remembering
stop_all(parts)  ends every command (`stepwell stop --all`)
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from stepwell.api.operations import Operation, Right, Site, words
from stepwell.calls import Call
from stepwell.durable import Draft, EffectKind, View
from stepwell.services.ssm.commands import progress, reading, records, sending
from stepwell.services.ssm.commands.progress import timers
from stepwell.services.ssm.commands.records import Command, Invocation
from stepwell.services.ssm.commands.running import Running
from stepwell.services.ssm.documents import document_arn
from stepwell.services.ssm.errors import DuplicateInstanceId, InvalidInstanceId
from stepwell.services.ssm.parts import Parts

__all__ = ["OPERATIONS", "Command", "Invocation", "effects", "stop_all", "timers"]


def effects(parts: Parts) -> list[EffectKind]:
    """Effect kinds. They are resumed from the store at a start, so commands under way are found again."""
    return Running(parts).effects()


async def stop_all(parts: Parts) -> None:
    """End every command and wait until they have ended; to be called when effects are no longer performed."""

    def workers(view: View) -> list[str]:
        under_way = (each for each in view.scan(Invocation) if each.sent and not each.over)
        return [each.worker_id for each in under_way]

    running = [name for name in await parts.context.read(workers) if parts.commands.known(name)]
    for worker_id in running:
        parts.commands.stop(worker_id)
    await asyncio.gather(*(parts.commands.wait(worker_id) for worker_id in running))


def cancel(call: Call, draft: Draft) -> None:
    """CancelCommand: all of it, or on the instances named; what is over stays as it is."""
    command = reading.find(draft, call.params["CommandId"])
    ids = call.params.get("InstanceIds") or []
    if len(set(ids)) != len(ids):
        raise DuplicateInstanceId("You can't specify an instance ID in more than one place.")
    every = {each.instance: each for each in records.invocations(draft, command.id)}
    unknown = [id for id in ids if id not in every]
    if unknown:
        raise InvalidInstanceId.of(unknown, draft.account)
    chosen = [every[id] for id in ids] if ids else list(every.values())
    if any(not each.over for each in chosen):
        progress.cancel(draft, command, chosen, whole=len(chosen) == len(every))


def _document(params: Mapping[str, Any], site: Site) -> str:
    return document_arn(params["DocumentName"], site)


OPERATIONS = (
    Operation(
        name="SendCommand",
        rights=(
            Right(action="ssm:SendCommand", resource=_document),
            Right(action="ssm:SendCommand", resource=sending.targeted),
            Right(
                action="iam:PassRole",
                resource="{ServiceRoleArn}",
                keys={"iam:PassedToService": "=ssm.amazonaws.com"},
                when=lambda params: bool(params.get("ServiceRoleArn")),
            ),
        ),
        honoured=words(
            "InstanceIds Targets DocumentName DocumentVersion DocumentHash DocumentHashType TimeoutSeconds "
            "Parameters OutputS3BucketName OutputS3KeyPrefix MaxConcurrency MaxErrors CloudWatchOutputConfig"
        ),
        recorded=words("Comment OutputS3Region ServiceRoleArn"),
        prepare=sending.prepare,
        decide=sending.send,
    ),
    Operation(
        name="CancelCommand",
        rights=(Right(action="ssm:CancelCommand"),),
        honoured=words("CommandId InstanceIds"),
        decide=cancel,
    ),
    Operation(
        name="ListCommands",
        rights=(Right(action="ssm:ListCommands"),),
        honoured=words("CommandId InstanceId MaxResults NextToken Filters"),
        read=reading.list_commands,
    ),
    Operation(
        name="ListCommandInvocations",
        rights=(Right(action="ssm:ListCommandInvocations"),),
        honoured=words("CommandId InstanceId MaxResults NextToken Filters Details"),
        read=reading.list_invocations,
    ),
    Operation(
        name="GetCommandInvocation",
        rights=(Right(action="ssm:GetCommandInvocation"),),
        honoured=words("CommandId InstanceId PluginName"),
        read=reading.get_invocation,
    ),
)
