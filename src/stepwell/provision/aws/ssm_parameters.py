"""Systems Manager: parameters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stepwell.provision.aws import tags
from stepwell.provision.aws.blocks import given
from stepwell.provision.aws.ssm_tags import present, retag
from stepwell.provision.cloud import Cloud, attempt, calling
from stepwell.provision.schema import Inputs, Naming, ResourceType, honoured, recorded

_KIND = "Parameter"
_SECURE = "SecureString"
_VALUES = ("value", "insecureValue", "valueWo")


def _settings(inputs: Inputs) -> dict[str, Any]:
    return given(
        Value=next((inputs[name] for name in _VALUES if name in inputs), None),
        Type=inputs.get("type"),
        Description=inputs.get("description"),
        AllowedPattern=inputs.get("allowedPattern"),
        DataType=inputs.get("dataType"),
        KeyId=inputs.get("keyId") if inputs.get("type") == _SECURE else None,
        Tier=inputs.get("tier"),
    )


def _create(cloud: Cloud, inputs: Inputs) -> str:
    """Tags are part of the call, unless it may overwrite: AWS refuses both at once."""
    over = bool(inputs.get("overwrite"))
    listed = given(Tags=None if over else tags.pairs(tags.of(inputs)) or None)
    with calling(cloud):
        cloud.client("ssm").put_parameter(Name=inputs["name"], Overwrite=over, **_settings(inputs), **listed)
    return str(inputs["name"])


def _settle(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    if inputs.get("overwrite"):
        retag(cloud, _KIND, id_, {}, inputs)


def _update(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    if _settings(old) != _settings(new) or old.get("valueWoVersion") != new.get("valueWoVersion"):
        with calling(cloud):
            cloud.client("ssm").put_parameter(Name=id_, Overwrite=True, **_settings(new))
    retag(cloud, _KIND, id_, old, new)


def _read(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    ssm = cloud.client("ssm")
    answer = attempt(cloud, ssm.get_parameter, Name=id_, WithDecryption=True)
    if answer is None:
        return None
    found = answer["Parameter"]
    equal = [{"Key": "Name", "Option": "Equals", "Values": [found["Name"]]}]
    with calling(cloud):
        more: dict[str, Any] = next(iter(ssm.describe_parameters(ParameterFilters=equal)["Parameters"]), {})
    written_only = "valueWo" in inputs
    shown = "insecureValue" if "insecureValue" in inputs else "value"
    return given(
        **{shown: None if written_only else found["Value"]},
        hasValueWo=written_only or None,
        name=found["Name"],
        arn=found["ARN"],
        type=found["Type"],
        version=found["Version"],
        dataType=found.get("DataType"),
        description=more.get("Description"),
        allowedPattern=more.get("AllowedPattern"),
        keyId=more.get("KeyId"),
        tier=more.get("Tier"),
        tagsAll=present(cloud, _KIND, id_, inputs),
    )


def _delete(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    attempt(cloud, cloud.client("ssm").delete_parameter, Name=id_)


def _check(inputs: Inputs) -> Iterator[str]:
    asked = [name for name in _VALUES if name in inputs]
    if len(asked) != 1:
        yield f"exactly one of {', '.join(_VALUES)} has to be given"
    if "insecureValue" in inputs and inputs.get("type") == _SECURE:
        yield "property insecureValue: a SecureString takes value"
    if ("valueWo" in inputs) != ("valueWoVersion" in inputs):
        yield "properties valueWo and valueWoVersion go together"


PARAMETER = ResourceType(
    token="aws:ssm/parameter:Parameter",
    properties={
        "name": honoured(replaces=True),
        "type": honoured(required=True, choices=("String", "StringList", _SECURE)),
        **{name: honoured() for name in (*_VALUES, "valueWoVersion")},
        "allowedPattern": honoured(),
        "dataType": honoured(replaces=True),
        "description": honoured(),
        "keyId": honoured(),
        "overwrite": honoured(),
        "tier": honoured(choices=("Standard", "Advanced", "Intelligent-Tiering")),
        "tags": honoured(),
        "arn": recorded(),
        "region": honoured(replaces=True),
    },
    computed=frozenset({"hasValueWo", "tagsAll", "version"}),
    volatile=frozenset({"arn", "hasValueWo", "value", "insecureValue", "version"}),
    naming=Naming(longest=2048),
    create=_create,
    settle=_settle,
    update=_update,
    read=_read,
    delete=_delete,
    identify=lambda cloud, inputs: str(inputs["name"]),
    check=_check,
)

TYPES = (PARAMETER,)
