"""Models: an image, where the artefact lies, and the role that serves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from stepwell.api.context import Context
from stepwell.api.operations import Operation, words
from stepwell.calls import Call
from stepwell.durable import Draft, Record, View
from stepwell.errors import ValidationException
from stepwell.services.sagemaker import listing, names, packages, roles, tags
from stepwell.services.sagemaker.image_check import CheckImage
from stepwell.services.sagemaker.s3_uris import require_s3

CONTAINER = words("Image ModelDataUrl Environment ModelPackageName ContainerHostname Mode")


class Model(Record, frozen=True, kw_only=True):
    """A model."""

    SERVICE: ClassVar[str] = "sagemaker"
    KIND: ClassVar[str] = "model"

    name: str
    arn: str
    #: CreateModel's parameters without Tags
    request: dict[str, Any]
    created: float
    #: what runs: Image, ModelDataUrl, Environment; from the model package where the request names one
    container: dict[str, Any]

    @property
    def key(self) -> str:
        return self.name.lower()


def find(view: View, name: str) -> Model:
    """The model. Raises ValidationException."""
    model = view.get(Model, name.lower())
    if model is None:
        raise ValidationException(f'Could not find model "{names.arn_of(view, Model.KIND, name)}".')
    return model


def create(call: Call, draft: Draft, _: None) -> dict[str, Any]:
    """CreateModel."""
    params = call.params
    name = params["ModelName"]
    arn = names.arn_of(draft, Model.KIND, name)
    if draft.get(Model, name.lower()) is not None:
        raise ValidationException(f'Cannot create already existing model "{arn}".')
    container = _container(params, draft)
    if "ExecutionRoleArn" not in params:
        raise ValidationException("ExecutionRoleArn is required.")
    roles.require(draft, params["ExecutionRoleArn"], arn)
    request = {key: value for key, value in params.items() if key != "Tags"}
    tags.add(draft, arn, params.get("Tags"))
    draft.put(Model(name=name, arn=arn, request=request, created=draft.now, container=container))
    return {"ModelArn": arn}


def _given(params: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The containers that CreateModel's parameters name."""
    primary = [params["PrimaryContainer"]] if "PrimaryContainer" in params else []
    return [*primary, *params.get("Containers", [])]


def package_of(model: Model) -> str | None:
    """The model package that the model was made from, as it was named; None for a model without."""
    named: str | None = _given(model.request)[0].get("ModelPackageName")
    return named


def overlay_of(model: Model) -> dict[str, str]:
    """The variables that the model adds to its package's."""
    return dict(_given(model.request)[0].get("Environment", {}))


def _container(params: Mapping[str, Any], view: View) -> dict[str, Any]:
    """What runs. Raises ValidationException for a package that is not approved, or a missing image."""
    containers = _given(params)
    if len(containers) != 1:
        raise ValidationException(
            "A model needs exactly one container, as PrimaryContainer or in Containers: inference pipelines "
            "are not supported by Stepwell."
        )
    given = containers[0]
    container = dict(given)
    if given.get("Mode", "SingleModel") != "SingleModel":
        raise ValidationException("The container mode MultiModel is not supported by Stepwell.")
    if "ModelPackageName" in given:
        if "Image" in given or "ModelDataUrl" in given:
            raise ValidationException("A container names either a ModelPackageName or an Image, not both.")
        packaged = packages.deployable(view, given["ModelPackageName"])
        environment = {**packaged.get("Environment", {}), **given.get("Environment", {})}
        container = {**packaged, "Environment": environment}
    if "Image" not in container:
        raise ValidationException("A container must name an Image or a ModelPackageName.")
    if "ModelDataUrl" in container:
        require_s3(container["ModelDataUrl"])
    return container


def describe(model: Model) -> dict[str, Any]:
    """DescribeModel's output."""
    return {
        **model.request,
        "ModelArn": model.arn,
        "CreationTime": model.created,
        "EnableNetworkIsolation": model.request.get("EnableNetworkIsolation", False),
    }


def delete(call: Call, draft: Draft) -> None:
    """Endpoints that serve the model go on: they have their own copy of what they need."""
    model = find(draft, call.params["ModelName"])
    draft.delete(Model, model.key)
    draft.delete(tags.Tags, model.arn)


def list_models(call: Call, view: View) -> dict[str, Any]:
    """ListModels."""
    return listing.page(
        call.params,
        (
            {"ModelName": model.name, "ModelArn": model.arn, "CreationTime": model.created}
            for model in view.scan(Model)
        ),
        member="Models",
        name="ModelName",
        order="Descending",
    )


def operations(check_image: CheckImage) -> list[Operation]:
    async def prepare(call: Call, context: Context) -> None:
        container = await context.read(lambda view: _container(call.params, view))
        await check_image(container["Image"])

    named = "ModelName"
    container = tuple(f"{place}.{name}" for place in ("PrimaryContainer", "Containers") for name in CONTAINER)
    return [
        Operation(
            name="CreateModel",
            rights=(
                names.right(
                    "CreateModel",
                    Model.KIND,
                    named,
                    NetworkIsolation=names.given("EnableNetworkIsolation"),
                ),
                names.passing("ExecutionRoleArn"),
                names.tagging(Model.KIND, named),
            ),
            honoured=(*words("ModelName ExecutionRoleArn Tags EnableNetworkIsolation"), *container),
            recorded=("VpcConfig", "InferenceExecutionConfig"),
            prepare=prepare,
            decide=create,
        ),
        Operation(
            name="DescribeModel",
            rights=(names.right("DescribeModel", Model.KIND, named),),
            honoured=(named,),
            read=lambda call, view: describe(find(view, call.params[named])),
        ),
        Operation(
            name="ListModels",
            rights=(names.listing("ListModels", Model.KIND),),
            honoured=listing.FIELDS,
            read=list_models,
        ),
        Operation(
            name="DeleteModel",
            rights=(names.right("DeleteModel", Model.KIND, named),),
            honoured=(named,),
            decide=delete,
        ),
    ]
