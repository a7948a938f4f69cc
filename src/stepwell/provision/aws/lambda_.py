"""Lambda: functions and the permissions to invoke them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from stepwell.provision.aws import tags
from stepwell.provision.aws.blocks import camel, given, pascal
from stepwell.provision.cloud import Cloud, attempt, calling
from stepwell.provision.problems import ResourceFailed
from stepwell.provision.schema import Inputs, Naming, ResourceType, block, honoured, recorded, refused
from stepwell.provision.values import Content

_CODE = ("code", "s3Bucket", "s3Key", "s3ObjectVersion", "sourceCodeHash", "codeSha256")
_CONFIGURATION = [
    "role",
    "runtime",
    "handler",
    "description",
    "timeout",
    "memorySize",
    "environment",
    "ephemeralStorage",
    "tracingConfig",
    "deadLetterConfig",
    "kmsKeyArn",
    "vpcConfig",
    "loggingConfig",
]
_SPELLED = {"kmsKeyArn": "KMSKeyArn"}
_PATIENCE = 300.0


def _code(inputs: Inputs) -> dict[str, Any]:
    code = inputs.get("code")
    if isinstance(code, Content):
        return {"ZipFile": code.data}
    return given(
        S3Bucket=inputs.get("s3Bucket"),
        S3Key=inputs.get("s3Key"),
        S3ObjectVersion=inputs.get("s3ObjectVersion"),
    )


def _configuration(inputs: Inputs) -> dict[str, Any]:
    blocks = {name: inputs[name] for name in _CONFIGURATION if name in inputs and name != "environment"}
    configuration: dict[str, Any] = pascal(blocks, _SPELLED)
    if "environment" in inputs:
        configuration["Environment"] = {"Variables": (inputs["environment"] or {}).get("variables") or {}}
    return configuration


def _create(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        cloud.client("lambda").create_function(
            FunctionName=inputs["name"],
            Code=_code(inputs),
            Publish=bool(inputs.get("publish")),
            **given(
                Architectures=inputs.get("architectures"),
                PackageType=inputs.get("packageType"),
                Tags=tags.of(inputs) or None,
            ),
            **_configuration(inputs),
        )
    return str(inputs["name"])


def _settle(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    _wait(cloud, id_)
    _reserve(cloud, id_, {}, inputs)


def _wait(cloud: Cloud, name: str) -> None:
    def settled() -> bool:
        with calling(cloud):
            found = cloud.client("lambda").get_function_configuration(FunctionName=name)
        if "Failed" in (found.get("State"), found.get("LastUpdateStatus")):
            reason = found.get("LastUpdateStatusReason") or found.get("StateReason") or "no reason given"
            raise ResourceFailed(f"function {name} failed: {reason}")
        pending = found.get("State") == "Pending" or found.get("LastUpdateStatus") == "InProgress"
        return not pending

    cloud.until(settled, what=f"function {name}", seconds=_PATIENCE)


def _reserve(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    before, after = old.get("reservedConcurrentExecutions", -1), new.get("reservedConcurrentExecutions", -1)
    with calling(cloud):
        if after != before and after >= 0:
            cloud.client("lambda").put_function_concurrency(
                FunctionName=id_, ReservedConcurrentExecutions=after
            )
        if after < 0 <= before:
            cloud.client("lambda").delete_function_concurrency(FunctionName=id_)


def _update(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    client = cloud.client("lambda")
    arn = cloud.arn("lambda", f"function:{id_}")
    with calling(cloud):
        if tags.added(old, new):
            client.tag_resource(Resource=arn, Tags=tags.added(old, new))
        if tags.removed(old, new):
            client.untag_resource(Resource=arn, TagKeys=tags.removed(old, new))
    configured = any(_plain(old.get(name)) != _plain(new.get(name)) for name in _CONFIGURATION)
    recoded = any(_plain(old.get(name)) != _plain(new.get(name)) for name in _CODE)
    if configured:
        with calling(cloud):
            client.update_function_configuration(FunctionName=id_, **_changed(old, new))
        _wait(cloud, id_)
    if recoded or _plain(old.get("architectures")) != _plain(new.get("architectures")):
        with calling(cloud):
            client.update_function_code(
                FunctionName=id_,
                Publish=bool(new.get("publish")),
                **_code(new),
                **given(Architectures=new.get("architectures")),
            )
        _wait(cloud, id_)
    elif new.get("publish") and (configured or not old.get("publish")):
        with calling(cloud):
            client.publish_version(FunctionName=id_)
    _reserve(cloud, id_, old, new)


#: what takes a setting back that is no longer declared
_CLEARED: dict[str, Any] = {
    "Description": "",
    "Environment": {"Variables": {}},
    "KMSKeyArn": "",
    "DeadLetterConfig": {"TargetArn": ""},
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
    "TracingConfig": {"Mode": "PassThrough"},
}


def _changed(old: Inputs, new: Inputs) -> dict[str, Any]:
    before, after = _configuration(old), _configuration(new)
    cleared = {name: _CLEARED[name] for name in before.keys() - after.keys() if name in _CLEARED}
    return {**after, **cleared}


def _plain(value: Any) -> Any:
    return value.plain() if isinstance(value, Content) else value


def _read(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    client = cloud.client("lambda")
    answer = attempt(cloud, client.get_function, FunctionName=id_)
    if answer is None:
        return None
    found = answer["Configuration"]
    arn = found["FunctionArn"]
    version = _latest(cloud, id_) if inputs.get("publish") else "$LATEST"
    blocks = {name: camel(found[_api(name)], _SPELLED) for name in _CONFIGURATION if _api(name) in found}
    if "Environment" in found:
        blocks["environment"] = {"variables": found["Environment"].get("Variables", {})}
    gateway = f"arn:aws:apigateway:{cloud.region}:lambda:path/2015-03-31/functions"
    streaming = f"arn:aws:apigateway:{cloud.region}:lambda:path/2021-11-15/functions"
    return given(
        **blocks,
        name=id_,
        arn=arn,
        architectures=found.get("Architectures"),
        packageType=found.get("PackageType"),
        codeSha256=found.get("CodeSha256"),
        sourceCodeHash=inputs.get("sourceCodeHash") or found.get("CodeSha256"),
        sourceCodeSize=found.get("CodeSize"),
        lastModified=found.get("LastModified"),
        version=version,
        qualifiedArn=f"{arn}:{version}",
        invokeArn=f"{gateway}/{arn}/invocations",
        qualifiedInvokeArn=f"{gateway}/{arn}:{version}/invocations",
        responseStreamingInvokeArn=f"{streaming}/{arn}/response-streaming-invocations",
        reservedConcurrentExecutions=answer.get("Concurrency", {}).get("ReservedConcurrentExecutions", -1),
        tagsAll=dict(answer["Tags"]) if "Tags" in answer else tags.of(inputs),
    )


def _api(name: str) -> str:
    return _SPELLED.get(name, name[:1].upper() + name[1:])


def _latest(cloud: Cloud, name: str) -> str:
    with calling(cloud):
        pages = cloud.client("lambda").get_paginator("list_versions_by_function").paginate(FunctionName=name)
        numbers = [int(v["Version"]) for page in pages for v in page["Versions"] if v["Version"].isdigit()]
    return str(max(numbers, default=0) or "$LATEST")


def _delete(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    if not inputs.get("skipDestroy"):
        attempt(cloud, cloud.client("lambda").delete_function, FunctionName=id_)


def _check(inputs: Inputs) -> Iterator[str]:
    if "code" in inputs and "s3Bucket" in inputs:
        yield "properties code and s3Bucket exclude each other"
    if "code" not in inputs and not ("s3Bucket" in inputs and "s3Key" in inputs):
        yield "property code is missing (or s3Bucket and s3Key)"
    if "code" in inputs and not (isinstance(inputs["code"], Content) and inputs["code"].archive):
        yield "property code is not an archive: give a pulumi.FileArchive or AssetArchive"
    for name in ("runtime", "handler"):
        if name not in inputs:
            yield f"property {name} is missing"


_IMAGES = "functions are zip packages here"
_SIGNING = "code signing is not supported"

FUNCTION = ResourceType(
    token="aws:lambda/function:Function",
    properties={
        "name": honoured(replaces=True),
        "role": honoured(required=True),
        "code": honoured(),
        "s3Bucket": honoured(),
        "s3Key": honoured(),
        "s3ObjectVersion": honoured(),
        "sourceCodeHash": honoured(),
        "codeSha256": honoured(),
        "runtime": honoured(),
        "handler": honoured(),
        "description": honoured(),
        "timeout": honoured(default=3),
        "memorySize": honoured(default=128),
        "environment": honoured(fields={"variables": honoured()}),
        "architectures": honoured(),
        "publish": honoured(),
        "reservedConcurrentExecutions": honoured(),
        "ephemeralStorage": honoured(fields=block("size")),
        "tracingConfig": honoured(fields=block("mode")),
        "deadLetterConfig": honoured(fields=block("targetArn")),
        "loggingConfig": honoured(fields=block("logFormat applicationLogLevel logGroup systemLogLevel")),
        "vpcConfig": honoured(fields=block("securityGroupIds subnetIds ipv6AllowedForDualStack")),
        "kmsKeyArn": honoured(),
        "packageType": honoured(replaces=True, choices=("Zip",)),
        "skipDestroy": honoured(),
        "tags": honoured(),
        "region": honoured(replaces=True),
        "replaceSecurityGroupsOnDestroy": recorded(),
        "replacementSecurityGroupIds": recorded(),
        "useResourceTimeoutForPropagation": recorded(),
        "capacityProviderConfig": refused("functions run on this machine"),
        "codeSigningConfigArn": refused(_SIGNING),
        "durableConfig": refused("durable functions are not supported: use a state machine"),
        "fileSystemConfig": refused("there are no network file systems here"),
        "imageConfig": refused(_IMAGES),
        "imageUri": refused(_IMAGES),
        "layers": refused("put its packages into the code archive"),
        "publishTo": refused("only numbered versions are published"),
        "snapStart": refused("workers are warm already"),
        "sourceKmsKeyArn": refused("packages are not encrypted here"),
        "tenancyConfig": refused("there is one tenant"),
    },
    computed=frozenset(
        [
            "arn",
            "invokeArn",
            "lastModified",
            "qualifiedArn",
            "qualifiedInvokeArn",
            "responseStreamingInvokeArn",
            "signingJobArn",
            "signingProfileVersionArn",
            "sourceCodeSize",
            "tagsAll",
            "version",
        ]
    ),
    volatile=frozenset(
        [
            "codeSha256",
            "sourceCodeHash",
            "lastModified",
            "qualifiedArn",
            "qualifiedInvokeArn",
            "sourceCodeSize",
            "version",
        ]
    ),
    naming=Naming(),
    create=_create,
    settle=_settle,
    update=_update,
    read=_read,
    delete=_delete,
    identify=lambda cloud, inputs: str(inputs["name"]),
    check=_check,
)


def _add_permission(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        cloud.client("lambda").add_permission(
            FunctionName=inputs["function"],
            StatementId=inputs["statementId"],
            Action=inputs["action"],
            Principal=inputs["principal"],
            **given(
                SourceArn=inputs.get("sourceArn"),
                SourceAccount=inputs.get("sourceAccount"),
                EventSourceToken=inputs.get("eventSourceToken"),
                Qualifier=inputs.get("qualifier"),
                PrincipalOrgID=inputs.get("principalOrgId"),
                FunctionUrlAuthType=inputs.get("functionUrlAuthType"),
            ),
        )
    return str(inputs["statementId"])


def _read_permission(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    function = inputs.get("function")
    if function is None:
        raise ResourceFailed("a permission can't be read by its id alone", advice="Give `function` as well")
    answer = attempt(
        cloud,
        cloud.client("lambda").get_policy,
        **given(FunctionName=function, Qualifier=inputs.get("qualifier")),
    )
    statements = json.loads(answer["Policy"]).get("Statement", []) if answer else []
    found = next((statement for statement in statements if statement.get("Sid") == id_), None)
    return None if found is None else given(statementId=id_, function=function, action=found.get("Action"))


def _remove_permission(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    attempt(
        cloud,
        cloud.client("lambda").remove_permission,
        **given(FunctionName=inputs["function"], StatementId=id_, Qualifier=inputs.get("qualifier")),
    )


PERMISSION = ResourceType(
    token="aws:lambda/permission:Permission",
    properties={
        "action": honoured(required=True, replaces=True),
        "function": honoured(required=True, replaces=True),
        "principal": honoured(required=True, replaces=True),
        "sourceArn": honoured(replaces=True),
        "sourceAccount": honoured(replaces=True),
        "eventSourceToken": honoured(replaces=True),
        "qualifier": honoured(replaces=True),
        "principalOrgId": honoured(replaces=True),
        "functionUrlAuthType": honoured(replaces=True),
        "statementId": honoured(replaces=True),
        "statementIdPrefix": honoured(replaces=True),
        "region": honoured(replaces=True),
        "invokedViaFunctionUrl": refused("there are no function URLs here"),
    },
    computed=frozenset(),
    naming=Naming(property="statementId", prefix="statementIdPrefix", longest=100),
    create=_add_permission,
    read=_read_permission,
    delete=_remove_permission,
    identify=lambda cloud, inputs: str(inputs["statementId"]),
)

TYPES = (FUNCTION, PERMISSION)
