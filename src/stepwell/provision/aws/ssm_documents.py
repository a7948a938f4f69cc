"""Systems Manager: documents."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stepwell.provision.aws import tags
from stepwell.provision.aws.answers import moment
from stepwell.provision.aws.blocks import camel, given
from stepwell.provision.aws.ssm_tags import present, retag
from stepwell.provision.cloud import Cloud, attempt, calling
from stepwell.provision.problems import ResourceFailed
from stepwell.provision.schema import Inputs, Naming, ResourceType, honoured, recorded, refused

_PATIENCE = 120.0
_KIND = "Document"


def _settings(inputs: Inputs) -> dict[str, Any]:
    return given(
        Content=inputs.get("content"),
        DocumentFormat=inputs.get("documentFormat"),
        TargetType=inputs.get("targetType"),
        VersionName=inputs.get("versionName"),
    )


def _create(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        cloud.client("ssm").create_document(
            Name=inputs["name"],
            DocumentType=inputs["documentType"],
            **_settings(inputs),
            **given(Tags=tags.pairs(tags.of(inputs)) or None),
        )
    return str(inputs["name"])


def _settle(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    _await_active(cloud, id_)
    _share(cloud, id_, {}, inputs)


def _await_active(cloud: Cloud, id_: str) -> None:
    def active() -> bool:
        with calling(cloud):
            found = cloud.client("ssm").describe_document(Name=id_)["Document"]
        if found["Status"] == "Failed":
            raise ResourceFailed(f"document {id_} is Failed: {found.get('StatusInformation', 'no reason')}")
        return bool(found["Status"] == "Active")

    cloud.until(active, what=f"document {id_}", seconds=_PATIENCE)


def _update(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    """A change is a new version, which becomes the default one."""
    ssm = cloud.client("ssm")
    if _settings(old) != _settings(new):
        version = _new_version(cloud, id_, new)
        with calling(cloud):
            ssm.update_document_default_version(Name=id_, DocumentVersion=version)
        _await_active(cloud, id_)
    _share(cloud, id_, old, new)
    retag(cloud, _KIND, id_, old, new)


def _new_version(cloud: Cloud, id_: str, inputs: Inputs) -> str:
    ssm = cloud.client("ssm")
    try:
        with calling(cloud):
            answer = ssm.update_document(Name=id_, DocumentVersion="$LATEST", **_settings(inputs))
        return str(answer["DocumentDescription"]["DocumentVersion"])
    except ResourceFailed as error:
        # A run that was cut off has made it already.
        if error.code != "DuplicateDocumentContent":
            raise
    with calling(cloud):
        return str(ssm.describe_document(Name=id_)["Document"]["LatestVersion"])


def _accounts(inputs: Inputs) -> set[str]:
    """Those that the document is shared with; a program lists them in one text."""
    listed = str((inputs.get("permissions") or {}).get("account_ids", ""))
    return {account.strip() for account in listed.split(",")} - {""}


def _share(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    before, after = _accounts(old), _accounts(new)
    changes = given(
        AccountIdsToAdd=sorted(after - before) or None, AccountIdsToRemove=sorted(before - after) or None
    )
    if changes:
        with calling(cloud):
            cloud.client("ssm").modify_document_permission(Name=id_, PermissionType="Share", **changes)


def _shared(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, str] | None:
    if not _accounts(inputs):
        return None
    with calling(cloud):
        answer = cloud.client("ssm").describe_document_permission(Name=id_, PermissionType="Share")
    return {"type": "Share", "account_ids": ",".join(sorted(answer.get("AccountIds", ())))}


def _check(inputs: Inputs) -> Iterator[str]:
    permissions = inputs.get("permissions")
    if permissions and (permissions.get("type") != "Share" or "account_ids" not in permissions):
        yield "property permissions takes type, which is Share, and account_ids"


def _read(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    ssm = cloud.client("ssm")
    answer = attempt(cloud, ssm.describe_document, Name=id_)
    if answer is None:
        return None
    found = answer["Document"]
    asked = given(DocumentFormat=inputs.get("documentFormat"))
    with calling(cloud):
        content = ssm.get_document(Name=id_, DocumentVersion="$LATEST", **asked)["Content"]
    return given(
        name=found["Name"],
        arn=cloud.arn("ssm", f"document/{id_}"),
        content=content,
        documentFormat=found["DocumentFormat"],
        documentType=found["DocumentType"],
        targetType=found.get("TargetType"),
        versionName=found.get("VersionName"),
        createdDate=moment(found.get("CreatedDate")),
        defaultVersion=found.get("DefaultVersion"),
        description=found.get("Description", ""),
        documentVersion=found.get("DocumentVersion"),
        hash=found.get("Hash"),
        hashType=found.get("HashType"),
        latestVersion=found.get("LatestVersion"),
        owner=found.get("Owner"),
        permissions=_shared(cloud, id_, inputs),
        parameters=camel(found.get("Parameters", [])),
        platformTypes=found.get("PlatformTypes", []),
        schemaVersion=found.get("SchemaVersion"),
        status=found.get("Status"),
        tagsAll=present(cloud, _KIND, id_, inputs),
    )


def _delete(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    attempt(cloud, cloud.client("ssm").delete_document, Name=id_)


_MADE = (
    "defaultVersion description documentVersion hash hashType latestVersion parameters platformTypes"
    " schemaVersion status"
)

DOCUMENT = ResourceType(
    token="aws:ssm/document:Document",
    properties={
        "name": honoured(replaces=True),
        "content": honoured(required=True),
        "documentType": honoured(required=True, replaces=True),
        "documentFormat": honoured(default="JSON", choices=("JSON", "YAML", "TEXT")),
        "targetType": honoured(),
        "versionName": honoured(),
        "tags": honoured(),
        "region": honoured(replaces=True),
        "attachmentsSources": refused("documents have no files here"),
        "permissions": recorded(),
    },
    computed=frozenset(["arn", "createdDate", "owner", "tagsAll", *_MADE.split()]),
    volatile=frozenset(_MADE.split()),
    naming=Naming(longest=128),
    create=_create,
    settle=_settle,
    update=_update,
    read=_read,
    delete=_delete,
    identify=lambda cloud, inputs: str(inputs["name"]),
    check=_check,
)

TYPES = (DOCUMENT,)
