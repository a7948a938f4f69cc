"""S3: what is set on a bucket apart from it, each a resource type whose id begins with the bucket's name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from stepwell.provision.aws.blocks import camel, given, pascal
from stepwell.provision.cloud import Cloud, attempt, calling
from stepwell.provision.schema import Inputs, Property, ResourceType, block, honoured, recorded, refused

_SPELLED = {"kmsMasterKeyId": "KMSMasterKeyID", "sseAlgorithm": "SSEAlgorithm"}
_BLOCKS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
_BUCKET: Mapping[str, Property] = {
    "bucket": honoured(required=True, replaces=True),
    "region": honoured(replaces=True),
}
OWNER: Mapping[str, Property] = {"expectedBucketOwner": honoured(replaces=True)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """How one sub-resource of a bucket is spelled."""

    #: what the client's methods are called behind `put_`, `get_` and `delete_`
    noun: str
    #: the parameter and the answer's member that carry it
    field: str
    #: from a program's properties to what the API takes
    write: Callable[[Inputs], Any]
    #: the reverse
    show: Callable[[Any], dict[str, Any]]
    #: the answer's member that it is in; empty: it is the answer
    member: str | None = None
    #: what its removing method is called, or what to put instead
    removal: str | Mapping[str, Any] | None = None


def _where(id_: str) -> dict[str, str]:
    """The parameters that an id (`BUCKET` or `BUCKET,OWNER`) stands for."""
    bucket, _, owner = id_.partition(",")
    return given(Bucket=bucket, ExpectedBucketOwner=owner or None)


def _shown(id_: str) -> dict[str, str]:
    bucket, _, owner = id_.partition(",")
    return given(bucket=bucket, expectedBucketOwner=owner or None)


def _identify(cloud: Cloud, inputs: Inputs) -> str:
    return ",".join(str(inputs[name]) for name in ("bucket", "expectedBucketOwner") if inputs.get(name))


def _content(answer: Mapping[str, Any]) -> dict[str, Any]:
    """An answer without what botocore adds to it."""
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def setting_type(token: str, properties: Mapping[str, Property], setting: Setting) -> ResourceType:
    """The type of a sub-resource that is put, answered and removed whole."""

    def put(cloud: Cloud, id_: str, inputs: Inputs) -> None:
        with calling(cloud):
            call = getattr(cloud.client("s3"), f"put_{setting.noun}")
            call(**_where(id_), **{setting.field: setting.write(inputs)})

    def create(cloud: Cloud, inputs: Inputs) -> str:
        id_ = _identify(cloud, inputs)
        put(cloud, id_, inputs)
        return id_

    def update(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
        put(cloud, id_, new)

    def read(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
        answer = attempt(cloud, getattr(cloud.client("s3"), f"get_{setting.noun}"), **_where(id_))
        member = setting.field if setting.member is None else setting.member
        found = (answer or {}).get(member) if member else _content(answer or {})
        return {**_shown(id_), **setting.show(found)} if found else None

    def delete(cloud: Cloud, id_: str, inputs: Inputs) -> None:
        if inputs.get("skipDestroy"):
            return
        if isinstance(setting.removal, Mapping):
            put = getattr(cloud.client("s3"), f"put_{setting.noun}")
            attempt(cloud, put, **_where(id_), **{setting.field: setting.removal})
            return
        removal = setting.removal or f"delete_{setting.noun}"
        attempt(cloud, getattr(cloud.client("s3"), removal), **_where(id_))

    return ResourceType(
        token=token,
        properties={**_BUCKET, **properties},
        computed=frozenset(),
        create=create,
        update=update,
        read=read,
        delete=delete,
        identify=_identify,
    )


POLICY = setting_type(
    "aws:s3/bucketPolicy:BucketPolicy",
    {"policy": honoured(required=True, document=True)},
    Setting(
        noun="bucket_policy",
        field="Policy",
        write=lambda inputs: inputs["policy"],
        show=lambda policy: {"policy": policy},
    ),
)

PUBLIC_ACCESS_BLOCK = setting_type(
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    {**{name: honoured(default=False) for name in _BLOCKS}, "skipDestroy": honoured()},
    Setting(
        noun="public_access_block",
        field="PublicAccessBlockConfiguration",
        write=lambda inputs: pascal({name: inputs.get(name, False) for name in _BLOCKS}),
        show=lambda answered: camel(answered),
    ),
)

OWNERSHIP_CONTROLS = setting_type(
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    {"rule": honoured(required=True, fields={"objectOwnership": honoured(required=True)})},
    Setting(
        noun="bucket_ownership_controls",
        field="OwnershipControls",
        write=lambda inputs: {"Rules": [pascal(inputs["rule"])]},
        show=lambda answered: {"rule": camel(answered["Rules"][0])},
    ),
)

# --- encryption -------------------------------------------------------------------------------------------


def _rules(inputs: Inputs) -> dict[str, Any]:
    return encryption(inputs["rules"])


def encryption(rules: list[dict[str, Any]]) -> dict[str, Any]:
    """What the API takes for encryption rules as the type of its own spells them."""
    return {"Rules": [_rule(rule) for rule in rules]}


def _rule(rule: Inputs) -> dict[str, Any]:
    kinds = rule.get("blockedEncryptionTypes")
    return given(
        ApplyServerSideEncryptionByDefault=pascal(rule.get("applyServerSideEncryptionByDefault"), _SPELLED),
        BucketKeyEnabled=rule.get("bucketKeyEnabled"),
        BlockedEncryptionTypes={"EncryptionType": kinds} if kinds else None,
    )


def _shown_rule(rule: Inputs) -> dict[str, Any]:
    return given(
        applyServerSideEncryptionByDefault=camel(rule.get("ApplyServerSideEncryptionByDefault"), _SPELLED),
        bucketKeyEnabled=rule.get("BucketKeyEnabled"),
        blockedEncryptionTypes=(rule.get("BlockedEncryptionTypes") or {}).get("EncryptionType"),
    )


ENCRYPTION = setting_type(
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    {
        **OWNER,
        "rules": honoured(
            required=True,
            unordered=True,
            fields={
                "applyServerSideEncryptionByDefault": honoured(
                    fields={"sseAlgorithm": honoured(required=True), "kmsMasterKeyId": honoured()}
                ),
                **block("blockedEncryptionTypes bucketKeyEnabled"),
            },
        ),
    },
    Setting(
        noun="bucket_encryption",
        field="ServerSideEncryptionConfiguration",
        write=_rules,
        show=lambda answered: {"rules": [_shown_rule(rule) for rule in answered["Rules"]]},
    ),
)

#: the same under its older name
ENCRYPTION_V2 = replace(
    ENCRYPTION,
    token="aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
)

# --- versioning -------------------------------------------------------------------------------------------

_NEVER_ON = "Disabled"


def _put_versioning(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    """A bucket that never had versions is asked nothing: S3 knows no way to say so."""
    status = inputs["versioningConfiguration"]["status"]
    if status != _NEVER_ON:
        with calling(cloud):
            cloud.client("s3").put_bucket_versioning(
                **_where(id_), VersioningConfiguration={"Status": status}
            )


def _create_versioning(cloud: Cloud, inputs: Inputs) -> str:
    id_ = _identify(cloud, inputs)
    _put_versioning(cloud, id_, inputs)
    return id_


def _update_versioning(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    _put_versioning(cloud, id_, new)


def _read_versioning(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    answer = attempt(cloud, cloud.client("s3").get_bucket_versioning, **_where(id_))
    if answer is None:
        return None
    status = answer.get("Status", _NEVER_ON)
    declared = (inputs.get("versioningConfiguration") or {}).get("status")
    if status == _NEVER_ON and declared != _NEVER_ON:
        return None
    return {**_shown(id_), "versioningConfiguration": {"status": status}}


def _delete_versioning(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    """Versions can't be switched off again, only suspended."""
    if (inputs.get("versioningConfiguration") or {}).get("status") != _NEVER_ON:
        suspended = {"Status": "Suspended"}
        attempt(
            cloud, cloud.client("s3").put_bucket_versioning, **_where(id_), VersioningConfiguration=suspended
        )


VERSIONING = ResourceType(
    token="aws:s3/bucketVersioning:BucketVersioning",
    properties={
        **_BUCKET,
        **OWNER,
        "mfa": refused("there are no such devices here"),
        "versioningConfiguration": honoured(
            required=True,
            fields={
                "status": honoured(required=True, choices=("Enabled", "Suspended", _NEVER_ON)),
                "mfaDelete": recorded(choices=(_NEVER_ON,)),
            },
        ),
    },
    computed=frozenset(),
    create=_create_versioning,
    update=_update_versioning,
    read=_read_versioning,
    delete=_delete_versioning,
    identify=_identify,
)

#: the same under its older name
VERSIONING_V2 = replace(VERSIONING, token="aws:s3/bucketVersioningV2:BucketVersioningV2")

# --- access control lists ---------------------------------------------------------------------------------


def _acl_id(cloud: Cloud, inputs: Inputs) -> str:
    listed = ("bucket", "expectedBucketOwner", "acl")
    return ",".join(str(inputs[name]) for name in listed if inputs.get(name))


def _acl_place(id_: str) -> dict[str, str]:
    """The parameters of `BUCKET[,OWNER][,ACL]`; an owner is twelve digits."""
    bucket, *rest = id_.split(",")
    return given(Bucket=bucket, ExpectedBucketOwner=next((text for text in rest if text.isdigit()), None))


def _put_acl(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    asked = inputs.get("accessControlPolicy")
    grants = pascal(asked, {"id": "ID", "uri": "URI"}) if asked else None
    with calling(cloud):
        cloud.client("s3").put_bucket_acl(
            **_acl_place(id_), **given(ACL=inputs.get("acl"), AccessControlPolicy=grants)
        )


def _create_acl(cloud: Cloud, inputs: Inputs) -> str:
    id_ = _acl_id(cloud, inputs)
    _put_acl(cloud, id_, inputs)
    return id_


def _update_acl(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> str:
    return _create_acl(cloud, new)


def _read_acl(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    answer = attempt(cloud, cloud.client("s3").get_bucket_acl, **_acl_place(id_))
    if answer is None:
        return None
    bucket, *rest = id_.split(",")
    shown = {"owner": answer["Owner"], "grants": answer["Grants"]}
    return given(
        bucket=bucket,
        acl=next((text for text in rest if not text.isdigit()), None),
        accessControlPolicy=camel(shown, {"id": "ID", "uri": "URI"}),
    )


def _keep_acl(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    """A bucket always has a list: S3 knows no way to remove it, and neither does AWS's own provider."""


def _check_acl(inputs: Inputs) -> Iterator[str]:
    if ("acl" in inputs) == ("accessControlPolicy" in inputs):
        yield "exactly one of acl and accessControlPolicy has to be given"


_GRANTEE = {"type": honoured(required=True), **block("emailAddress id uri"), "displayName": recorded()}

ACL = ResourceType(
    token="aws:s3/bucketAcl:BucketAcl",
    properties={
        **_BUCKET,
        **OWNER,
        "acl": honoured(choices=("private", "bucket-owner-full-control")),
        "accessControlPolicy": honoured(
            fields={
                "grants": honoured(
                    unordered=True,
                    fields={
                        "grantee": honoured(fields=_GRANTEE),
                        "permission": honoured(required=True),
                    },
                ),
                "owner": honoured(
                    required=True, fields={"id": honoured(required=True), "displayName": recorded()}
                ),
            }
        ),
    },
    computed=frozenset(),
    create=_create_acl,
    update=_update_acl,
    read=_read_acl,
    delete=_keep_acl,
    identify=_acl_id,
    check=_check_acl,
)

#: the same under its older name
ACL_V2 = replace(ACL, token="aws:s3/bucketAclV2:BucketAclV2")

TYPES = (
    POLICY,
    PUBLIC_ACCESS_BLOCK,
    OWNERSHIP_CONTROLS,
    ENCRYPTION,
    ENCRYPTION_V2,
    VERSIONING,
    VERSIONING_V2,
    ACL,
    ACL_V2,
)
