"""PutParameter and the Delete operations: every change is a new version, of which the newest hundred stay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from stepwell.api.context import Context
from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import Draft
from stepwell.errors import ValidationException
from stepwell.services.ssm import tags
from stepwell.services.ssm.errors import (
    HierarchyTypeMismatchException,
    ParameterAlreadyExists,
    ParameterLimitExceeded,
    ParameterMaxVersionLimitExceeded,
    ParameterNotFound,
)
from stepwell.services.ssm.parameters import names, values
from stepwell.services.ssm.parameters.records import Parameter, ParameterVersion, version_key
from stepwell.services.ssm.parameters.sealing import DEFAULT_KEY, Sealer

#: versions that a parameter keeps
KEPT = 100
#: parameters of an account: the standard tier's limit
MOST = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """The operations that change parameters."""

    sealer: Sealer

    async def prepare(self, call: Call, context: Context) -> str | None:
        """Check what needs no look at the store; gives the sealed value of a SecureString."""
        params = call.params
        names.check(params["Name"])
        if params.get("Tags") and params.get("Overwrite"):
            raise ValidationException(
                "Invalid request: tags and overwrite can't be used together. To create a parameter "
                "with tags, "
                "please remove overwrite flag. To update tags for an existing parameter, please use "
                "AddTagsToResource or RemoveTagsFromResource."
            )
        if params.get("KeyId") and params.get("Type") not in (None, "SecureString"):
            raise ValidationException("KeyId is required for SecureString type parameter only.")
        if params.get("Type") in (None, "SecureString"):
            return self.sealer.seal(params["Value"], params["Name"])
        return None

    def put(self, call: Call, draft: Draft, sealed: str | None) -> Mapping[str, Any]:
        """Decide PutParameter."""
        params, name = call.params, call.params["Name"]
        known = draft.get(Parameter, name)
        newest = draft.get(ParameterVersion, version_key(name, known.version)) if known else None
        if known and not params.get("Overwrite"):
            raise ParameterAlreadyExists(
                "The parameter already exists. To overwrite this value, set the overwrite option in "
                "the request "
                "to true."
            )
        made = _version(params, newest, sealed)
        made = replace(made, modified=draft.now, modified_by=call.caller.arn)
        oldest = known.oldest if known else 1
        if known is None:
            if sum(1 for _ in draft.scan(Parameter, limit=MOST)) >= MOST:
                raise ParameterLimitExceeded(
                    "You have exceeded the number of parameters for this AWS account. Delete one or more "
                    "parameters and try again."
                )
            tags.put(draft, "Parameter", name, params.get("Tags") or ())
        elif made.version - oldest >= KEPT:
            _drop_oldest(draft, name, oldest)
            oldest += 1
        draft.put(Parameter(name=name, version=made.version, oldest=oldest))
        draft.put(made)
        _tell(draft, made, "Update" if known else "Create")
        return {"Version": made.version, "Tier": made.tier}

    def operations(self) -> tuple[Operation, ...]:
        """The rows."""
        return (
            Operation(
                name="PutParameter",
                rights=(
                    Right(action="ssm:PutParameter", resource=names.of_name),
                    Right(
                        action="ssm:AddTagsToResource",
                        resource=names.of_name,
                        when=lambda params: bool(params.get("Tags")),
                    ),
                ),
                honoured=words("Name Description Value Type Overwrite AllowedPattern Tags Tier DataType"),
                recorded=words("KeyId"),
                prepare=self.prepare,
                decide=self.put,
            ),
            Operation(
                name="DeleteParameter",
                rights=(Right(action="ssm:DeleteParameter", resource=names.of_name),),
                honoured=words("Name"),
                decide=_delete_one,
            ),
            Operation(
                name="DeleteParameters",
                rights=(Right(action="ssm:DeleteParameters", resource=names.of_names),),
                honoured=words("Names"),
                decide=_delete_several,
            ),
        )


def _version(
    params: Mapping[str, Any], newest: ParameterVersion | None, sealed: str | None
) -> ParameterVersion:
    """The version that a request makes; what it leaves out stays as it was."""
    kind = params.get("Type") or (newest.type if newest else None)
    if kind is None:
        raise ValidationException("A parameter type is required when you create a parameter.")
    if newest and kind != newest.type:
        raise HierarchyTypeMismatchException(
            "Parameter Store doesn't support changing a parameter type in a hierarchy. For example, "
            "you can't "
            "change a parameter from a String type to a SecureString type. You must create a new, "
            "unique parameter."
        )
    tier = values.tier_of(params.get("Tier") or (newest.tier if newest else "Standard"), params["Value"])
    if newest and newest.tier == "Advanced" and tier == "Standard":
        raise ValidationException(
            "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the "
            "advanced-parameter tier to the standard-parameter tier. If necessary, you can delete "
            "the advanced "
            "parameter and recreate it as a standard parameter."
        )
    pattern = params.get("AllowedPattern", newest.allowed_pattern if newest else None) or None
    data_type = params.get("DataType") or (newest.data_type if newest else "text")
    values.check(params["Value"], pattern=pattern, data_type=data_type)
    secret = kind == "SecureString"
    assert sealed is not None or not secret
    return ParameterVersion(
        name=params["Name"],
        version=newest.version + 1 if newest else 1,
        type=kind,
        value=sealed if secret and sealed is not None else params["Value"],
        tier="Advanced" if tier == "Advanced" else "Standard",
        data_type=data_type,
        key_id=(params.get("KeyId") or (newest.key_id if newest else None) or DEFAULT_KEY)
        if secret
        else None,
        description=params.get("Description", newest.description if newest else None),
        allowed_pattern=pattern,
        modified=0.0,
        modified_by="",
    )


def _drop_oldest(draft: Draft, name: str, oldest: int) -> None:
    record = draft.get(ParameterVersion, version_key(name, oldest))
    if record is not None and record.labels:
        raise ParameterMaxVersionLimitExceeded(
            f"You attempted to create a new version of {name} by calling the PutParameter API with "
            "the overwrite "
            f"flag. Version {oldest}, the oldest version, can't be deleted because it has a label "
            "associated with "
            "it. Move the label to another version of the parameter, and try again."
        )
    draft.delete(ParameterVersion, version_key(name, oldest))


def _remove(draft: Draft, name: str) -> bool:
    known = draft.get(Parameter, name)
    if known is None:
        return False
    newest = draft.get(ParameterVersion, version_key(name, known.version))
    for version in range(known.oldest, known.version + 1):
        draft.delete(ParameterVersion, version_key(name, version))
    draft.delete(Parameter, name)
    tags.drop(draft, "Parameter", name)
    if newest is not None:
        _tell(draft, newest, "Delete")
    return True


def _delete_one(call: Call, draft: Draft) -> None:
    if not _remove(draft, call.params["Name"]):
        raise ParameterNotFound(f"Parameter {call.params['Name']} not found.")


def _delete_several(call: Call, draft: Draft) -> Mapping[str, Any]:
    found: dict[bool, list[str]] = {True: [], False: []}
    for name in dict.fromkeys(call.params["Names"]):
        found[_remove(draft, name)].append(name)
    return {"DeletedParameters": found[True], "InvalidParameters": found[False]}


def _tell(draft: Draft, version: ParameterVersion, operation: str) -> None:
    """AWS's event "Parameter Store Change"."""
    arn = f"arn:aws:ssm:{draft.region}:{draft.account}:parameter/{version.name.removeprefix('/')}"
    detail = {"operation": operation, "name": version.name, "type": version.type}
    if version.description:
        detail["description"] = version.description
    body = {
        "source": "aws.ssm",
        "detail-type": "Parameter Store Change",
        "resources": [arn],
        "detail": detail,
    }
    draft.send("event", body)
