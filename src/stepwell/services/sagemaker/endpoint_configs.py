"""Endpoint configurations: which models serve with what share of the traffic. They never change."""

from __future__ import annotations

from typing import Any, ClassVar

from stepwell.api.operations import Operation, words
from stepwell.calls import Call
from stepwell.durable import Draft, Record, View
from stepwell.errors import ValidationException
from stepwell.services.sagemaker import data_capture, listing, models, names, tags

#: a variant's servers on this machine, at most
SERVERS = 16


class EndpointConfig(Record, frozen=True, kw_only=True):
    """An endpoint configuration."""

    SERVICE: ClassVar[str] = "sagemaker"
    KIND: ClassVar[str] = "endpoint-config"

    name: str
    arn: str
    #: CreateEndpointConfig's parameters without Tags
    request: dict[str, Any]
    created: float

    @property
    def key(self) -> str:
        return self.name.lower()


def find(view: View, name: str) -> EndpointConfig:
    """The configuration. Raises ValidationException."""
    config = view.get(EndpointConfig, name.lower())
    if config is None:
        arn = names.arn_of(view, EndpointConfig.KIND, name)
        raise ValidationException(f'Could not find endpoint configuration "{arn}".')
    return config


def create(call: Call, draft: Draft) -> dict[str, Any]:
    """CreateEndpointConfig."""
    params = call.params
    name = params["EndpointConfigName"]
    arn = names.arn_of(draft, EndpointConfig.KIND, name)
    if draft.get(EndpointConfig, name.lower()) is not None:
        raise ValidationException(f'Cannot create already existing endpoint configuration "{arn}".')
    variants = params["ProductionVariants"]
    if len({variant["VariantName"] for variant in variants}) != len(variants):
        raise ValidationException("Variant names must be unique within an endpoint configuration.")
    for variant in variants:
        if "ModelName" not in variant:
            raise ValidationException(f"The variant {variant['VariantName']} must name a model.")
        models.find(draft, variant["ModelName"])
        count = variant.get("InitialInstanceCount", 1)
        if count > SERVERS:
            raise ValidationException(
                f"The variant {variant['VariantName']} asks for {count} instances; Stepwell serves each "
                f"variant with at most {SERVERS}."
            )
    request = {key: value for key, value in params.items() if key != "Tags"}
    request["ProductionVariants"] = [{"InitialVariantWeight": 1.0, **variant} for variant in variants]
    if "DataCaptureConfig" in params:
        data_capture.check(params["DataCaptureConfig"])
        request["DataCaptureConfig"] = {"EnableCapture": True, **params["DataCaptureConfig"]}
    tags.add(draft, arn, params.get("Tags"))
    draft.put(EndpointConfig(name=name, arn=arn, request=request, created=draft.now))
    return {"EndpointConfigArn": arn}


def describe(config: EndpointConfig) -> dict[str, Any]:
    """DescribeEndpointConfig's output."""
    return {**config.request, "EndpointConfigArn": config.arn, "CreationTime": config.created}


def delete(call: Call, draft: Draft) -> None:
    """Endpoints that use it go on, as on AWS: they have their own copy of what they need."""
    config = find(draft, call.params["EndpointConfigName"])
    draft.delete(EndpointConfig, config.key)
    draft.delete(tags.Tags, config.arn)


def list_configs(call: Call, view: View) -> dict[str, Any]:
    """ListEndpointConfigs."""
    return listing.page(
        call.params,
        (
            {
                "EndpointConfigName": config.name,
                "EndpointConfigArn": config.arn,
                "CreationTime": config.created,
            }
            for config in view.scan(EndpointConfig)
        ),
        member="EndpointConfigs",
        name="EndpointConfigName",
        order="Descending",
    )


def operations() -> list[Operation]:
    named = "EndpointConfigName"
    return [
        Operation(
            name="CreateEndpointConfig",
            rights=(
                names.right(
                    "CreateEndpointConfig",
                    EndpointConfig.KIND,
                    named,
                    InstanceTypes=lambda params: [
                        each["InstanceType"]
                        for each in params["ProductionVariants"]
                        if each.get("InstanceType") is not None
                    ],
                ),
                names.tagging(EndpointConfig.KIND, named),
            ),
            honoured=words(
                "EndpointConfigName Tags ProductionVariants.VariantName ProductionVariants.ModelName"
                " ProductionVariants.InitialInstanceCount ProductionVariants.InitialVariantWeight"
                " ProductionVariants.ContainerStartupHealthCheckTimeoutInSeconds"
                " DataCaptureConfig.EnableCapture DataCaptureConfig.InitialSamplingPercentage"
                " DataCaptureConfig.DestinationS3Uri DataCaptureConfig.CaptureOptions.CaptureMode"
                " DataCaptureConfig.CaptureContentTypeHeader.CsvContentTypes"
                " DataCaptureConfig.CaptureContentTypeHeader.JsonContentTypes"
            ),
            recorded=words(
                "KmsKeyId ProductionVariants.InstanceType ProductionVariants.VolumeSizeInGB"
                " ProductionVariants.ModelDataDownloadTimeoutInSeconds ProductionVariants.EnableSSMAccess"
                " ProductionVariants.InferenceAmiVersion VpcConfig DataCaptureConfig.KmsKeyId"
            ),
            decide=create,
        ),
        Operation(
            name="DescribeEndpointConfig",
            rights=(names.right("DescribeEndpointConfig", EndpointConfig.KIND, named),),
            honoured=(named,),
            read=lambda call, view: describe(find(view, call.params[named])),
        ),
        Operation(
            name="ListEndpointConfigs",
            rights=(names.listing("ListEndpointConfigs", EndpointConfig.KIND),),
            honoured=listing.FIELDS,
            read=list_configs,
        ),
        Operation(
            name="DeleteEndpointConfig",
            rights=(names.right("DeleteEndpointConfig", EndpointConfig.KIND, named),),
            honoured=(named,),
            decide=delete,
        ),
    ]
