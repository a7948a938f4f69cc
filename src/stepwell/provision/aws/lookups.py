"""What a program asks about things that it didn't make: a role, a bucket, a parameter, an image.

Each is a function of (cloud, arguments) that answers the properties which the SDK expects. What there is to
know is what the resource type of the same noun reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stepwell.provision.aws import events, iam, lambda_, logs, s3, sfn, ssm_documents, ssm_parameters, tags
from stepwell.provision.aws.blocks import given
from stepwell.provision.cloud import Cloud, calling
from stepwell.provision.problems import ResourceFailed, ResourceRefused
from stepwell.provision.schema import Inputs, ResourceType

#: the account that has AWS's scikit-learn images, by region (SageMaker developer guide, "Docker Registry
#: Paths and Example Code", the pages of the regions)
_SCIKIT_LEARN = {
    "af-south-1": "510948584623",
    "ap-east-1": "651117190479",
    "ap-northeast-1": "354813040037",
    "ap-northeast-2": "366743142698",
    "ap-northeast-3": "867004704886",
    "ap-south-1": "720646828776",
    "ap-southeast-1": "121021644041",
    "ap-southeast-2": "783357654285",
    "ca-central-1": "341280168497",
    "cn-north-1": "450853457545",
    "cn-northwest-1": "451049120500",
    "eu-central-1": "492215442770",
    "eu-north-1": "662702820516",
    "eu-south-1": "978288397137",
    "eu-west-1": "141502667606",
    "eu-west-2": "764974769150",
    "eu-west-3": "659782779980",
    "me-south-1": "801668240914",
    "sa-east-1": "737474898029",
    "us-east-1": "683313688378",
    "us-east-2": "257758044811",
    "us-west-1": "746614075791",
    "us-west-2": "246618743249",
}


def _read(cloud: Cloud, kind: ResourceType, id_: str, inputs: Inputs | None = None) -> dict[str, Any]:
    """What is under that id, with the id. Raises ResourceFailed where there is nothing."""
    found = kind.read(cloud, id_, inputs or {})
    if found is None:
        noun = kind.token.rsplit(":", 1)[-1]
        raise ResourceFailed(f"there is no {noun} {id_}", advice="Correct its name, or make it first")
    return {**found, "id": id_, "region": cloud.region}


def _only(found: Inputs, names: str) -> dict[str, Any]:
    return given(**{name: found.get(name) for name in names.split()})


def _role(cloud: Cloud, arguments: Inputs) -> dict[str, Any]:
    found = _read(cloud, iam.ROLE, str(arguments["name"]))
    shown = "arn assumeRolePolicy createDate description id maxSessionDuration name path uniqueId"
    boundary = found.get("permissionsBoundary", "")
    return {
        **_only(found, shown),
        "permissionsBoundary": boundary,
        "roleLastUseds": [],
        "tags": found["tagsAll"],
    }


def _policy(cloud: Cloud, arguments: Inputs) -> dict[str, Any]:
    arn = arguments.get("arn") or _arn_of_policy(cloud, arguments)
    found = _read(cloud, iam.POLICY, str(arn))
    shown = "arn attachmentCount description id name path policy policyId"
    return {**_only(found, shown), **_only(arguments, "pathPrefix"), "tags": found["tagsAll"]}


def _arn_of_policy(cloud: Cloud, arguments: Inputs) -> str:
    """A policy may be asked for by its name. Raises ResourceFailed."""
    pages = cloud.client("iam").get_paginator("list_policies")
    with calling(cloud):
        answered = list(pages.paginate(**given(PathPrefix=arguments.get("pathPrefix"))))
    for policy in (entry for page in answered for entry in page["Policies"]):
        if policy["PolicyName"] == arguments.get("name"):
            return str(policy["Arn"])
    raise ResourceFailed(
        f"there is no policy {arguments.get('name')}", advice="Correct its name, or make it first"
    )


def _bucket(cloud: Cloud, arguments: Inputs) -> dict[str, Any]:
    found = _read(cloud, s3.BUCKET, str(arguments["bucket"]))
    return _only(
        found, "arn bucket bucketDomainName bucketRegion bucketRegionalDomainName hostedZoneId id region"
    )


def _parameter(cloud: Cloud, arguments: Inputs) -> dict[str, Any]:
    decrypted = arguments.get("withDecryption", True)
    if not decrypted:
        raise ResourceRefused("withDecryption=False", advice="Leave it out: the decrypted value is answered")
    found = _read(cloud, ssm_parameters.PARAMETER, str(arguments["name"]))
    shown = _only(found, "arn id name region type value version")
    insecure = "" if found["type"] == "SecureString" else found["value"]
    return {**shown, "insecureValue": insecure, "withDecryption": decrypted}


def _document(cloud: Cloud, arguments: Inputs) -> dict[str, Any]:
    name = str(arguments["name"])
    asked = given(
        DocumentFormat=arguments.get("documentFormat"), DocumentVersion=arguments.get("documentVersion")
    )
    found = _read(cloud, ssm_documents.DOCUMENT, name)
    with calling(cloud):
        answer = cloud.client("ssm").get_document(Name=name, **asked)
    # AWS's own documents belong to no account.
    own = not name.startswith("AWS-")
    return {
        **_only(found, "documentType id name region"),
        "arn": found["arn"] if own else name,
        "content": answer["Content"],
        "documentFormat": answer["DocumentFormat"],
        "documentVersion": answer["DocumentVersion"],
    }


def _function(cloud: Cloud, arguments: Inputs) -> dict[str, Any]:
    name, qualifier = str(arguments["functionName"]), arguments.get("qualifier")
    found = _read(cloud, lambda_.FUNCTION, f"{name}:{qualifier}" if qualifier else name)
    shown = (
        "architectures arn codeSha256 deadLetterConfig description environment handler invokeArn kmsKeyArn"
        " lastModified layers memorySize qualifiedArn qualifiedInvokeArn region reservedConcurrentExecutions"
        " responseStreamingInvokeArn role runtime sourceCodeHash sourceCodeSize timeout tracingConfig version"
        " vpcConfig"
    )
    lists = {"ephemeralStorage": "ephemeralStorages", "loggingConfig": "loggingConfigs"}
    return {
        **_only(found, shown),
        **{many: [found[one]] for one, many in lists.items() if found.get(one)},
        "functionName": name,
        "id": name,
        "tags": found["tagsAll"],
        **given(qualifier=qualifier),
    }


def _state_machine(cloud: Cloud, arguments: Inputs) -> dict[str, Any]:
    arn = cloud.arn("states", f"stateMachine:{arguments['name']}")
    found = _read(cloud, sfn.STATE_MACHINE, arn)
    return _only(found, "arn creationDate definition description id name region revisionId roleArn status")


def _bus(cloud: Cloud, arguments: Inputs) -> dict[str, Any]:
    found = _read(cloud, events.EVENT_BUS, str(arguments["name"]))
    lists = {"deadLetterConfig": "deadLetterConfigs", "logConfig": "logConfigs"}
    return {
        **_only(found, "arn description id kmsKeyIdentifier name region"),
        **{many: [found[one]] if found.get(one) else [] for one, many in lists.items()},
    }


def _log_group(cloud: Cloud, arguments: Inputs) -> dict[str, Any]:
    found = _read(cloud, logs.LOG_GROUP, str(arguments["name"]))
    with calling(cloud):
        tagged = cloud.client("logs").list_tags_for_resource(resourceArn=found["arn"])["tags"]
    return {**_only(found, "arn id kmsKeyId logGroupClass name region retentionInDays"), "tags": tagged}


def _user(cloud: Cloud, arguments: Inputs) -> dict[str, Any]:
    with calling(cloud):
        user = cloud.client("iam").get_user(UserName=arguments["userName"])["User"]
    boundary = user.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", "")
    return {
        "arn": user["Arn"],
        "id": user["UserId"],
        "path": user["Path"],
        "permissionsBoundary": boundary,
        "tags": tags.mapping(user.get("Tags")),
        "userId": user["UserId"],
        "userName": user["UserName"],
    }


def _image(cloud: Cloud, arguments: Inputs) -> dict[str, Any]:
    repository, region = str(arguments["repositoryName"]), arguments.get("region") or cloud.region
    if repository != "sagemaker-scikit-learn":
        raise ResourceRefused(
            f"image {repository}", advice="sagemaker-scikit-learn is the repository that the server knows"
        )
    if region not in _SCIKIT_LEARN:
        raise ResourceRefused(f"region {region}", advice=f"Known are {', '.join(_SCIKIT_LEARN)}")
    account = _SCIKIT_LEARN[region]
    suffix = arguments.get("dnsSuffix") or (
        "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    )
    tag = arguments.get("imageTag", "1")
    return {
        "id": account,
        "registryId": account,
        "registryPath": f"{account}.dkr.ecr.{region}.{suffix}/{repository}:{tag}",
        "repositoryName": repository,
        "imageTag": tag,
        "dnsSuffix": suffix,
        "region": region,
    }


LOOKUPS: Mapping[str, Callable[[Cloud, Inputs], dict[str, Any]]] = {
    "aws:iam/getRole:getRole": _role,
    "aws:iam/getPolicy:getPolicy": _policy,
    "aws:iam/getUser:getUser": _user,
    "aws:s3/getBucket:getBucket": _bucket,
    "aws:ssm/getParameter:getParameter": _parameter,
    "aws:ssm/getDocument:getDocument": _document,
    "aws:lambda/getFunction:getFunction": _function,
    "aws:sfn/getStateMachine:getStateMachine": _state_machine,
    "aws:cloudwatch/getEventBus:getEventBus": _bus,
    "aws:cloudwatch/getLogGroup:getLogGroup": _log_group,
    "aws:sagemaker/getPrebuiltEcrImage:getPrebuiltEcrImage": _image,
}
