"""Endpoints: what serves, what is about to, and what may be asked of them.

An endpoint holds the fleet that serves and, while it changes, the one on its way. One commit makes the
second the first; what fails on its way never serves, and leaves the first as it was.
"""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec.structs import replace

from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import Draft, Record, View
from stepwell.errors import ValidationException
from stepwell.services.sagemaker import (
    data_capture,
    deployments,
    endpoint_configs,
    fleets,
    listing,
    names,
    roles,
    tags,
)
from stepwell.services.sagemaker.deployments import Cause, Deployment
from stepwell.services.sagemaker.endpoint_configs import EndpointConfig
from stepwell.services.sagemaker.events import tell
from stepwell.services.sagemaker.fleets import Fleet
from stepwell.workers import worker_roles

EVENT = "SageMaker Endpoint State Change"
#: the names of the effects: keep a fleet alive; drain and stop servers; renew an endpoint's route
SERVE = "endpoint-fleet"
RETIRE = "retire-servers"
ROUTE = "route-endpoint"
#: EventBridge's spelling of EndpointStatus
STATES = {
    "Creating": "CREATING",
    "Updating": "UPDATING",
    "InService": "IN_SERVICE",
    "Failed": "FAILED",
    "Deleting": "DELETING",
}


class Endpoint(Record, frozen=True, kw_only=True):
    """An endpoint."""

    SERVICE: ClassVar[str] = "sagemaker"
    KIND: ClassVar[str] = "endpoint"

    name: str
    arn: str
    #: `Creating`, `InService`, `Updating`, `Failed`, `Deleting`
    status: str
    created: float
    modified: float
    failure: str | None = None
    #: the configuration that serves, or that was asked for first
    config: str
    #: what serves
    fleet: Fleet | None = None
    #: what is on its way
    pending: Fleet | None = None
    #: what served before, from the switch until requests reach the new fleet
    replaced: Fleet | None = None

    @property
    def key(self) -> str:
        return self.name.lower()

    def having(self, fleet_id: str) -> Fleet | None:
        """The endpoint's fleet of that id, serving or on its way."""
        for fleet in (self.pending, self.fleet):
            if fleet is not None and fleet.id == fleet_id:
                return fleet
        return None


def find(view: View, name: str) -> Endpoint:
    """The endpoint. Raises ValidationException."""
    endpoint = view.get(Endpoint, name.lower())
    if endpoint is None:
        raise ValidationException(f'Could not find endpoint "{names.arn_of(view, Endpoint.KIND, name)}".')
    return endpoint


def describe(endpoint: Endpoint) -> dict[str, Any]:
    """DescribeEndpoint's output."""
    shown: dict[str, Any] = {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "EndpointConfigName": endpoint.config,
        "EndpointStatus": endpoint.status,
        "CreationTime": endpoint.created,
        "LastModifiedTime": endpoint.modified,
    }
    if endpoint.fleet is not None:
        shown["ProductionVariants"] = fleets.shown(endpoint.fleet)
        if endpoint.fleet.capture is not None:
            shown["DataCaptureConfig"] = data_capture.summary(endpoint.fleet.capture)
    if endpoint.failure is not None:
        shown["FailureReason"] = endpoint.failure
    if endpoint.pending is not None and endpoint.fleet is not None:
        shown["PendingDeploymentSummary"] = {
            "EndpointConfigName": endpoint.pending.config,
            "ProductionVariants": fleets.shown(endpoint.pending),
            "StartTime": endpoint.pending.created,
        }
    return shown


def save(draft: Draft, endpoint: Endpoint) -> None:
    """Write the endpoint and tell its state change."""
    draft.put(endpoint)
    detail = {**describe(endpoint), "EndpointStatus": STATES[endpoint.status]}
    tell(draft, EVENT, endpoint.arn, detail)


def deploy(draft: Draft, endpoint: Endpoint, fleet: Fleet, cause: Cause) -> Deployment:
    """Write that `fleet` is on its way, and have it brought up."""
    for variant, worker_id in fleet.servers():
        worker_roles.grant(
            draft,
            worker_id,
            variant.role,
            principal=roles.SERVICE,
            session=roles.SESSION,
            source=endpoint.arn,
        )
    save(draft, replace(endpoint, pending=fleet, modified=draft.now, failure=None))
    draft.effect(SERVE, {"endpoint": endpoint.key, "fleet": fleet.id}, token=fleets.token_of(fleet))
    return deployments.begin(draft, endpoint.name, fleet, cause)


def retire(draft: Draft, endpoint: Endpoint, *gone: Fleet | None, delete: bool = False) -> None:
    """Have the servers of fleets drained and stopped; `delete` removes the endpoint when that is done."""
    servers: list[str] = []
    for fleet in gone:
        if fleet is not None:
            draft.settle(fleets.token_of(fleet))
            servers += [worker_id for _, worker_id in fleet.servers()]
    draft.effect(RETIRE, {"endpoint": endpoint.key, "servers": servers, "delete": delete})


def create(call: Call, draft: Draft) -> dict[str, Any]:
    """CreateEndpoint: the deployment begins with the commit."""
    name = call.params["EndpointName"]
    arn = names.arn_of(draft, Endpoint.KIND, name)
    if draft.get(Endpoint, name.lower()) is not None:
        raise ValidationException(f'Cannot create already existing endpoint "{arn}".')
    config = endpoint_configs.find(draft, call.params["EndpointConfigName"])
    fleet = fleets.deployment(draft, config, fleet_id=draft.unique(), now=draft.now)
    tags.add(draft, arn, call.params.get("Tags"))
    endpoint = Endpoint(
        name=name, arn=arn, status="Creating", created=draft.now, modified=draft.now, config=config.name
    )
    deploy(draft, endpoint, fleet, Cause(by=call.caller.arn, how="create"))
    return {"EndpointArn": arn}


def changeable(view: View, name: str) -> tuple[Endpoint, Fleet]:
    """The endpoint with the fleet that serves. Raises ValidationException when it must not be changed now."""
    endpoint = find(view, name)
    if endpoint.status == "Failed":
        raise ValidationException(
            f'Cannot update failed endpoint "{endpoint.arn}": delete it and create it anew.'
        )
    if endpoint.status != "InService" or endpoint.fleet is None:
        raise ValidationException(f'Cannot update in-progress endpoint "{endpoint.arn}".')
    return endpoint, endpoint.fleet


def update(call: Call, draft: Draft) -> dict[str, Any]:
    """UpdateEndpoint."""
    params = call.params
    endpoint, current = changeable(draft, params["EndpointName"])
    config = endpoint_configs.find(draft, params["EndpointConfigName"])
    fleet = fleets.deployment(draft, config, fleet_id=draft.unique(), now=draft.now)
    excluded = {each["VariantPropertyType"] for each in params.get("ExcludeRetainedVariantProperties", [])}
    if params.get("RetainAllVariantProperties"):
        kept = frozenset({"DesiredWeight", "DesiredInstanceCount", "DataCaptureConfig"} - excluded)
        fleet = fleets.retaining(fleet, current, kept)
    deploy(draft, replace(endpoint, status="Updating"), fleet, Cause(by=call.caller.arn, how="update"))
    return {"EndpointArn": endpoint.arn}


def update_weights(call: Call, draft: Draft) -> dict[str, Any]:
    """Weights change at once; other numbers of servers are a deployment."""
    endpoint, current = changeable(draft, call.params["EndpointName"])
    wanted = {each["VariantName"]: each for each in call.params["DesiredWeightsAndCapacities"]}
    known = {variant.name for variant in current.variants}
    for name in wanted.keys() - known:
        raise ValidationException(f'Variant "{name}" does not exist in endpoint "{endpoint.arn}".')
    weights = {name: each["DesiredWeight"] for name, each in wanted.items() if "DesiredWeight" in each}
    fleet = fleets.reweighted(current, weights)
    counts = {
        name: each["DesiredInstanceCount"] for name, each in wanted.items() if "DesiredInstanceCount" in each
    }
    if all(variant.count == counts.get(variant.name, variant.count) for variant in fleet.variants):
        save(draft, replace(endpoint, fleet=fleet, modified=draft.now))
        draft.effect(ROUTE, {"endpoint": endpoint.key})
        return {"EndpointArn": endpoint.arn}
    for name, count in counts.items():
        if not 1 <= count <= endpoint_configs.SERVERS:
            raise ValidationException(
                f"The variant {name} asks for {count} instances; Stepwell serves each variant with 1 to "
                f"{endpoint_configs.SERVERS}."
            )
    variants = tuple(replace(each, count=counts.get(each.name, each.count)) for each in fleet.variants)
    changed = replace(fleet, id=draft.unique(), created=draft.now, variants=variants)
    deploy(draft, replace(endpoint, status="Updating"), changed, Cause(by=call.caller.arn, how="update"))
    return {"EndpointArn": endpoint.arn}


def switch(draft: Draft, key: str, fleet_id: str) -> None:
    """The commit that makes a healthy fleet the one that serves; its status says so a moment later."""
    endpoint = draft.get(Endpoint, key)
    if endpoint is not None and endpoint.pending is not None and endpoint.pending.id == fleet_id:
        draft.put(replace(endpoint, fleet=endpoint.pending, pending=None, replaced=endpoint.fleet))


def switched(draft: Draft, key: str, fleet_id: str) -> None:
    """Requests reach the new fleet: tell it, and retire the one before."""
    endpoint = draft.get(Endpoint, key)
    if endpoint is None or endpoint.fleet is None or endpoint.fleet.id != fleet_id:
        return
    if endpoint.status not in ("Creating", "Updating") or endpoint.pending is not None:
        return
    old = endpoint.replaced
    serving = replace(
        endpoint, status="InService", config=endpoint.fleet.config, replaced=None, modified=draft.now
    )
    save(draft, serving)
    deployments.take_over(draft, serving.name, fleet_id)
    if old is not None:
        retire(draft, serving, old)


def give_up(draft: Draft, key: str, fleet_id: str, reason: str) -> None:
    """A fleet never came up: the endpoint stays what it was, or failed."""
    endpoint = draft.get(Endpoint, key)
    if endpoint is None or endpoint.pending is None or endpoint.pending.id != fleet_id:
        return
    status = "Failed" if endpoint.fleet is None else "InService"
    left = replace(endpoint, pending=None, status=status, failure=reason[:1024], modified=draft.now)
    save(draft, left)
    deployments.fail(draft, left.name, fleet_id, reason[:1024])
    retire(draft, left, endpoint.pending)


def delete(call: Call, draft: Draft) -> None:
    """DeleteEndpoint."""
    endpoint = find(draft, call.params["EndpointName"])
    if endpoint.status == "Deleting":
        return
    going = replace(endpoint, status="Deleting", modified=draft.now, pending=None, fleet=None, replaced=None)
    save(draft, going)
    retire(draft, going, endpoint.fleet, endpoint.pending, endpoint.replaced, delete=True)


def remove(draft: Draft, key: str) -> None:
    """The last servers of a deleted endpoint are gone: so is it."""
    endpoint = draft.get(Endpoint, key)
    if endpoint is not None and endpoint.status == "Deleting":
        draft.delete(Endpoint, key)
        draft.delete(tags.Tags, endpoint.arn)
        deployments.forget(draft, endpoint.name)


def list_endpoints(call: Call, view: View) -> dict[str, Any]:
    """ListEndpoints."""
    return listing.page(
        call.params,
        (
            {
                "EndpointName": endpoint.name,
                "EndpointArn": endpoint.arn,
                "CreationTime": endpoint.created,
                "LastModifiedTime": endpoint.modified,
                "EndpointStatus": endpoint.status,
            }
            for endpoint in view.scan(Endpoint)
        ),
        member="Endpoints",
        name="EndpointName",
        status="EndpointStatus",
        order="Descending",
    )


def _with_config(action: str) -> tuple[Right, ...]:
    """SageMaker asks for the same action on the endpoint and on the configuration that it names."""
    return (
        names.right(action, Endpoint.KIND, "EndpointName"),
        names.right(action, EndpointConfig.KIND, "EndpointConfigName"),
    )


def operations() -> list[Operation]:
    named = "EndpointName"
    return [
        Operation(
            name="CreateEndpoint",
            rights=(*_with_config("CreateEndpoint"), names.tagging(Endpoint.KIND, named)),
            honoured=words("EndpointName EndpointConfigName Tags"),
            decide=create,
        ),
        Operation(
            name="UpdateEndpoint",
            rights=_with_config("UpdateEndpoint"),
            honoured=words(
                "EndpointName EndpointConfigName RetainAllVariantProperties ExcludeRetainedVariantProperties"
            ),
            decide=update,
        ),
        Operation(
            name="UpdateEndpointWeightsAndCapacities",
            rights=(names.right("UpdateEndpointWeightsAndCapacities", Endpoint.KIND, named),),
            honoured=words(
                "EndpointName DesiredWeightsAndCapacities.VariantName"
                " DesiredWeightsAndCapacities.DesiredWeight DesiredWeightsAndCapacities.DesiredInstanceCount"
            ),
            decide=update_weights,
        ),
        Operation(
            name="DescribeEndpoint",
            rights=(names.right("DescribeEndpoint", Endpoint.KIND, named),),
            honoured=(named,),
            read=lambda call, view: describe(find(view, call.params[named])),
        ),
        Operation(
            name="ListEndpoints",
            rights=(names.listing("ListEndpoints", Endpoint.KIND),),
            honoured=(*listing.FIELDS, "LastModifiedTimeAfter", "LastModifiedTimeBefore", "StatusEquals"),
            read=list_endpoints,
        ),
        Operation(
            name="DeleteEndpoint",
            rights=(names.right("DeleteEndpoint", Endpoint.KIND, named),),
            honoured=(named,),
            decide=delete,
        ),
    ]
