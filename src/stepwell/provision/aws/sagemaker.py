"""SageMaker: models, endpoint configurations, endpoints and model package groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from stepwell.provision.aws import tags
from stepwell.provision.aws.blocks import camel, given, pascal
from stepwell.provision.cloud import Cloud, attempt, calling
from stepwell.provision.problems import ResourceFailed
from stepwell.provision.schema import Inputs, Naming, Property, ResourceType, block, honoured, refused

_PATIENCE = 3600.0
_SPELLED = {
    "enableSsmAccess": "EnableSSMAccess",
    "initialSamplingPercentage": "InitialSamplingPercentage",
    "memorySizeInMb": "MemorySizeInMB",
    "volumeSizeInGb": "VolumeSizeInGB",
}


def _retag(cloud: Cloud, arn: str, old: Inputs, new: Inputs) -> None:
    with calling(cloud):
        if tags.added(old, new):
            cloud.client("sagemaker").add_tags(ResourceArn=arn, Tags=tags.pairs(tags.added(old, new)))
        if tags.removed(old, new):
            cloud.client("sagemaker").delete_tags(ResourceArn=arn, TagKeys=tags.removed(old, new))


def present_tags(cloud: Cloud, arn: str, inputs: Inputs) -> dict[str, str]:
    """A resource's tags; none, unasked, where none are declared."""
    if not tags.asked(inputs):
        return {}
    with calling(cloud):
        return tags.mapping(cloud.client("sagemaker").list_tags(ResourceArn=arn).get("Tags"))


def _retagging(noun: str, name: str = "name") -> Callable[[Cloud, str, Inputs, Inputs], None]:
    """The update of a type of which only the tags can change."""

    def update(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
        _retag(cloud, cloud.arn("sagemaker", f"{noun}/{new[name]}"), old, new)

    return update


def _tagged(inputs: Inputs) -> list[dict[str, str]] | None:
    return tags.pairs(tags.of(inputs)) or None


def _common(computed: str = "") -> frozenset[str]:
    return frozenset(f"arn tagsAll {computed}".split())


# --- models -----------------------------------------------------------------------------------------------

_S3_SOURCE = {
    "compressionType": honoured(required=True),
    "s3DataType": honoured(required=True),
    "s3Uri": honoured(required=True),
    "modelAccessConfig": honoured(fields=block("acceptEula")),
}
_CONTAINER: Mapping[str, Property] = {
    **block(
        "containerHostname environment image mode modelDataUrl modelPackageName inferenceSpecificationName"
    ),
    "modelDataSource": honoured(fields={"s3DataSources": honoured(required=True, fields=_S3_SOURCE)}),
    "additionalModelDataSources": refused("a container gets one model"),
    "imageConfig": refused("images are names of environments here, not pulled"),
    "multiModelConfig": refused("a model server has one model"),
}


def _container(declared: Inputs) -> dict[str, Any]:
    container: dict[str, Any] = pascal({k: v for k, v in declared.items() if k != "environment"}, _SPELLED)
    if "environment" in declared:
        container["Environment"] = declared["environment"]
    if "modelDataSource" in declared:
        source = declared["modelDataSource"]["s3DataSources"][0]
        container["ModelDataSource"] = {"S3DataSource": pascal(source)}
    return container


def _declared(container: Inputs) -> dict[str, Any]:
    declared: dict[str, Any] = camel({k: v for k, v in container.items() if k != "Environment"}, _SPELLED)
    if "Environment" in container:
        declared["environment"] = dict(container["Environment"])
    if "ModelDataSource" in container:
        declared["modelDataSource"] = {"s3DataSources": [camel(container["ModelDataSource"]["S3DataSource"])]}
    return declared


def _create_model(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        cloud.client("sagemaker").create_model(
            **given(
                ModelName=inputs["name"],
                ExecutionRoleArn=inputs["executionRoleArn"],
                PrimaryContainer=_container(inputs["primaryContainer"])
                if "primaryContainer" in inputs
                else None,
                Containers=[_container(c) for c in inputs.get("containers") or ()] or None,
                EnableNetworkIsolation=inputs.get("enableNetworkIsolation"),
                InferenceExecutionConfig=pascal(inputs.get("inferenceExecutionConfig")),
                VpcConfig=pascal(inputs.get("vpcConfig")),
                Tags=_tagged(inputs),
            )
        )
    return str(inputs["name"])


def _read_model(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    found = attempt(cloud, cloud.client("sagemaker").describe_model, ModelName=id_)
    if found is None:
        return None
    return given(
        name=id_,
        arn=found["ModelArn"],
        executionRoleArn=found.get("ExecutionRoleArn"),
        primaryContainer=_declared(found["PrimaryContainer"]) if found.get("PrimaryContainer") else None,
        containers=[_declared(c) for c in found.get("Containers") or ()] or None,
        enableNetworkIsolation=found.get("EnableNetworkIsolation"),
        vpcConfig=camel(found.get("VpcConfig")),
        tagsAll=present_tags(cloud, found["ModelArn"], inputs),
    )


def _delete_model(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    attempt(cloud, cloud.client("sagemaker").delete_model, ModelName=id_)


def _check_model(inputs: Inputs) -> Iterator[str]:
    if ("primaryContainer" in inputs) == bool(inputs.get("containers")):
        yield "exactly one of primaryContainer and containers has to be given"
    for container in [inputs.get("primaryContainer") or {}, *(inputs.get("containers") or ())]:
        if len((container.get("modelDataSource") or {}).get("s3DataSources") or [None]) != 1:
            yield "property modelDataSource.s3DataSources takes exactly one source"


MODEL = ResourceType(
    token="aws:sagemaker/model:Model",
    properties={
        "name": honoured(replaces=True),
        "executionRoleArn": honoured(required=True, replaces=True),
        "primaryContainer": honoured(replaces=True, fields=_CONTAINER),
        "containers": honoured(replaces=True, fields=_CONTAINER),
        "enableNetworkIsolation": honoured(replaces=True),
        "inferenceExecutionConfig": honoured(replaces=True, fields=block("mode")),
        "vpcConfig": honoured(replaces=True, fields=block("securityGroupIds subnets")),
        "tags": honoured(),
        "region": honoured(replaces=True),
    },
    computed=_common(),
    naming=Naming(longest=63),
    create=_create_model,
    update=_retagging("model"),
    read=_read_model,
    delete=_delete_model,
    identify=lambda cloud, inputs: str(inputs["name"]),
    check=_check_model,
)

# --- endpoint configurations ------------------------------------------------------------------------------

_VARIANT: Mapping[str, Property] = {
    **block(
        "acceleratorType containerStartupHealthCheckTimeoutInSeconds enableSsmAccess inferenceAmiVersion"
        " initialInstanceCount initialVariantWeight instanceType modelDataDownloadTimeoutInSeconds modelName"
        " variantName volumeSizeInGb"
    ),
    "serverlessConfig": honoured(fields=block("maxConcurrency memorySizeInMb provisionedConcurrency")),
    "managedInstanceScaling": honoured(fields=block("maxInstanceCount minInstanceCount status")),
    "routingConfigs": honoured(fields=block("routingStrategy")),
    "coreDumpConfig": honoured(fields=block("destinationS3Uri kmsKeyId")),
    "capacityReservationConfig": refused("there is no capacity to reserve on this machine"),
}
_CAPTURE: Mapping[str, Property] = {
    "destinationS3Uri": honoured(required=True),
    "initialSamplingPercentage": honoured(required=True),
    **block("enableCapture kmsKeyId"),
    "captureOptions": honoured(required=True, fields={"captureMode": honoured(required=True)}),
    "captureContentTypeHeader": honoured(fields=block("csvContentTypes jsonContentTypes")),
}


def _variant(declared: Inputs, index: int) -> dict[str, Any]:
    variant: dict[str, Any] = pascal({k: v for k, v in declared.items() if k != "routingConfigs"}, _SPELLED)
    if declared.get("routingConfigs"):
        variant["RoutingConfig"] = pascal(declared["routingConfigs"][0])
    variant.setdefault("VariantName", f"variant-{index + 1}")
    return variant


def _create_configuration(cloud: Cloud, inputs: Inputs) -> str:
    variants = [_variant(v, i) for i, v in enumerate(inputs["productionVariants"])]
    shadows = [_variant(v, i) for i, v in enumerate(inputs.get("shadowProductionVariants") or ())]
    with calling(cloud):
        cloud.client("sagemaker").create_endpoint_config(
            **given(
                EndpointConfigName=inputs["name"],
                ProductionVariants=variants,
                ShadowProductionVariants=shadows or None,
                DataCaptureConfig=pascal(inputs.get("dataCaptureConfig"), _SPELLED),
                ExecutionRoleArn=inputs.get("executionRoleArn"),
                KmsKeyId=inputs.get("kmsKeyArn"),
                Tags=_tagged(inputs),
            )
        )
    return str(inputs["name"])


def _read_configuration(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    found = attempt(cloud, cloud.client("sagemaker").describe_endpoint_config, EndpointConfigName=id_)
    if found is None:
        return None
    return given(
        name=id_,
        arn=found["EndpointConfigArn"],
        productionVariants=[_read_variant(variant) for variant in found["ProductionVariants"]],
        kmsKeyArn=found.get("KmsKeyId"),
        executionRoleArn=found.get("ExecutionRoleArn"),
        dataCaptureConfig=camel(found.get("DataCaptureConfig"), _SPELLED),
        tagsAll=present_tags(cloud, found["EndpointConfigArn"], inputs),
    )


def _read_variant(answered: Inputs) -> dict[str, Any]:
    variant: dict[str, Any] = camel({k: v for k, v in answered.items() if k != "RoutingConfig"}, _SPELLED)
    if "RoutingConfig" in answered:
        variant["routingConfigs"] = [camel(answered["RoutingConfig"])]
    return variant


def _delete_configuration(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    attempt(cloud, cloud.client("sagemaker").delete_endpoint_config, EndpointConfigName=id_)


ENDPOINT_CONFIGURATION = ResourceType(
    token="aws:sagemaker/endpointConfiguration:EndpointConfiguration",
    properties={
        "name": honoured(replaces=True),
        "namePrefix": honoured(replaces=True),
        "productionVariants": honoured(required=True, replaces=True, fields=_VARIANT),
        "shadowProductionVariants": honoured(replaces=True, fields=_VARIANT),
        "dataCaptureConfig": honoured(replaces=True, fields=_CAPTURE),
        "executionRoleArn": honoured(replaces=True),
        "kmsKeyArn": honoured(replaces=True),
        "tags": honoured(),
        "region": honoured(replaces=True),
        "asyncInferenceConfig": refused("asynchronous inference is not supported"),
    },
    computed=_common(),
    naming=Naming(prefix="namePrefix", longest=63),
    create=_create_configuration,
    update=_retagging("endpoint-config"),
    read=_read_configuration,
    delete=_delete_configuration,
    identify=lambda cloud, inputs: str(inputs["name"]),
)

# --- endpoints --------------------------------------------------------------------------------------------


def _create_endpoint(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        cloud.client("sagemaker").create_endpoint(
            **given(
                EndpointName=inputs["name"],
                EndpointConfigName=inputs["endpointConfigName"],
                DeploymentConfig=pascal(inputs.get("deploymentConfig")),
                Tags=_tagged(inputs),
            )
        )
    return str(inputs["name"])


def _settle_endpoint(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    def settled() -> bool:
        with calling(cloud):
            found = cloud.client("sagemaker").describe_endpoint(EndpointName=id_)
        if found["EndpointStatus"] in ("Failed", "UpdateRollbackFailed"):
            raise ResourceFailed(
                f"endpoint {id_} is {found['EndpointStatus']}: {found.get('FailureReason', 'no reason')}",
                advice="Look at its log, correct the model or its script, then run again",
            )
        return bool(found["EndpointStatus"] == "InService")

    cloud.until(settled, what=f"endpoint {id_}", seconds=_PATIENCE)


def _update_endpoint(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    asked = {name: new.get(name) for name in ("endpointConfigName", "deploymentConfig")}
    present = attempt(cloud, cloud.client("sagemaker").describe_endpoint, EndpointName=id_)
    if not old and (present is None or present["EndpointStatus"] == "Failed"):
        # One whose create came to a bad end can't be updated: it is made anew.
        _delete_endpoint(cloud, id_, new)
        _create_endpoint(cloud, new)
        present = {"EndpointConfigName": new["endpointConfigName"]}
    if present is None:
        raise ResourceFailed(f"endpoint {id_} is gone", advice="Run refresh, then up: it is made anew")
    with calling(cloud):
        if present["EndpointConfigName"] != asked["endpointConfigName"]:
            cloud.client("sagemaker").update_endpoint(
                **given(
                    EndpointName=id_,
                    EndpointConfigName=asked["endpointConfigName"],
                    DeploymentConfig=pascal(asked["deploymentConfig"]),
                )
            )
    _settle_endpoint(cloud, id_, new)
    _retag(cloud, cloud.arn("sagemaker", f"endpoint/{id_}"), old, new)


def _read_endpoint(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    found = attempt(cloud, cloud.client("sagemaker").describe_endpoint, EndpointName=id_)
    if found is None or found["EndpointStatus"] == "Deleting":
        return None
    return given(
        name=id_,
        arn=found["EndpointArn"],
        endpointConfigName=found.get("EndpointConfigName"),
        tagsAll=present_tags(cloud, found["EndpointArn"], inputs),
    )


def _delete_endpoint(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    client = cloud.client("sagemaker")
    attempt(cloud, client.delete_endpoint, EndpointName=id_)
    cloud.until(
        lambda: attempt(cloud, client.describe_endpoint, EndpointName=id_) is None,
        what=f"deleting endpoint {id_}",
        seconds=_PATIENCE,
    )


ENDPOINT = ResourceType(
    token="aws:sagemaker/endpoint:Endpoint",
    properties={
        "name": honoured(replaces=True),
        "endpointConfigName": honoured(required=True),
        "deploymentConfig": honoured(),
        "tags": honoured(),
        "region": honoured(replaces=True),
    },
    computed=_common(),
    naming=Naming(longest=63),
    create=_create_endpoint,
    settle=_settle_endpoint,
    update=_update_endpoint,
    read=_read_endpoint,
    delete=_delete_endpoint,
    identify=lambda cloud, inputs: str(inputs["name"]),
)

# --- model package groups ---------------------------------------------------------------------------------


def _create_group(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        cloud.client("sagemaker").create_model_package_group(
            **given(
                ModelPackageGroupName=inputs["modelPackageGroupName"],
                ModelPackageGroupDescription=inputs.get("modelPackageGroupDescription"),
                Tags=_tagged(inputs),
            )
        )
    return str(inputs["modelPackageGroupName"])


def _read_group(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    describe = cloud.client("sagemaker").describe_model_package_group
    found = attempt(cloud, describe, ModelPackageGroupName=id_)
    if found is None:
        return None
    return given(
        modelPackageGroupName=id_,
        arn=found["ModelPackageGroupArn"],
        modelPackageGroupDescription=found.get("ModelPackageGroupDescription"),
        tagsAll=present_tags(cloud, found["ModelPackageGroupArn"], inputs),
    )


def _delete_group(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    try:
        attempt(cloud, cloud.client("sagemaker").delete_model_package_group, ModelPackageGroupName=id_)
    except ResourceFailed as error:
        workflow = (inputs.get("tags") or {}).get("stepwell:workflow")
        if error.code != "ConflictException":
            raise
        advice = "Delete its model packages first"
        if workflow is not None:
            advice = f"`stepwell retire {workflow}` deletes what its runs made; then try again"
        raise ResourceFailed(error.message, advice=advice, code=error.code) from error


MODEL_PACKAGE_GROUP = ResourceType(
    token="aws:sagemaker/modelPackageGroup:ModelPackageGroup",
    properties={
        "modelPackageGroupName": honoured(required=True, replaces=True),
        "modelPackageGroupDescription": honoured(replaces=True),
        "tags": honoured(),
        "region": honoured(replaces=True),
    },
    computed=_common(),
    create=_create_group,
    update=_retagging("model-package-group", "modelPackageGroupName"),
    read=_read_group,
    delete=_delete_group,
    identify=lambda cloud, inputs: str(inputs["modelPackageGroupName"]),
)

TYPES = (MODEL, ENDPOINT_CONFIGURATION, ENDPOINT, MODEL_PACKAGE_GROUP)
