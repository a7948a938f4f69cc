"""Fleets: the model servers of one deployment of an endpoint, with all that is needed to start them again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from stepwell.durable import View
from stepwell.services.sagemaker import data_capture, models
from stepwell.services.sagemaker.data_capture import DataCapture
from stepwell.services.sagemaker.endpoint_configs import EndpointConfig
from stepwell.workers import routing

#: seconds until a new server must answer /ping (CreateEndpointConfig's reference leaves it to the service)
STARTUP = 240


class Variant(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One production variant, as deployed."""

    name: str
    model: str
    #: the model's container: Image, ModelDataUrl, Environment
    container: dict[str, Any]
    role: str
    weight: float
    #: how many servers
    count: int
    #: seconds that a server has to become healthy
    startup: int = STARTUP
    #: EnableNetworkIsolation
    isolated: bool = False


class Fleet(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A deployment: a copy, so that deleting a model or configuration changes nothing that serves."""

    #: unique
    id: str
    #: the endpoint configuration's name
    config: str
    variants: tuple[Variant, ...]
    #: when it was asked for
    created: float
    #: what is kept of its traffic
    capture: DataCapture | None = None

    def servers(self) -> list[tuple[Variant, str]]:
        """Each server's variant and worker id."""
        return [
            (variant, server_id(self.id, place, number))
            for place, variant in enumerate(self.variants)
            for number in range(variant.count)
        ]

    def route(self, endpoint: str) -> routing.Route:
        """How requests are spread over it."""
        return routing.Route(
            endpoint=endpoint,
            variants=tuple(
                routing.Variant(
                    name=variant.name,
                    weight=variant.weight,
                    servers=tuple(server_id(self.id, place, number) for number in range(variant.count)),
                )
                for place, variant in enumerate(self.variants)
            ),
        )


def server_id(fleet: str, variant: int, number: int) -> str:
    """A server's worker id."""
    return f"server-{fleet}-{variant}-{number}"


def token_of(fleet: Fleet) -> str:
    """The token of the effect that keeps the fleet alive."""
    return f"fleet/{fleet.id}"


def deployment(view: View, config: EndpointConfig, *, fleet_id: str, now: float) -> Fleet:
    """The fleet that a configuration asks for. Raises ValidationException when a model is gone."""
    variants = []
    for wanted in config.request["ProductionVariants"]:
        model = models.find(view, wanted["ModelName"])
        variants.append(
            Variant(
                name=wanted["VariantName"],
                model=model.name,
                container=model.container,
                role=model.request["ExecutionRoleArn"],
                weight=wanted["InitialVariantWeight"],
                count=wanted.get("InitialInstanceCount", 1),
                startup=wanted.get("ContainerStartupHealthCheckTimeoutInSeconds", STARTUP),
                isolated=model.request.get("EnableNetworkIsolation", False),
            )
        )
    capture = config.request.get("DataCaptureConfig")
    return Fleet(
        id=fleet_id,
        config=config.name,
        variants=tuple(variants),
        created=now,
        capture=None if capture is None else data_capture.deployed(capture),
    )


def retaining(fleet: Fleet, current: Fleet, properties: frozenset[str]) -> Fleet:
    """`fleet` with those properties that `current` has, variant by variant of the same name.

    properties: some of DesiredWeight, DesiredInstanceCount and, the endpoint's own, DataCaptureConfig.
    """
    before = {variant.name: variant for variant in current.variants}
    variants = []
    for variant in fleet.variants:
        old = before.get(variant.name)
        if old is not None and "DesiredWeight" in properties:
            variant = msgspec.structs.replace(variant, weight=old.weight)
        if old is not None and "DesiredInstanceCount" in properties:
            variant = msgspec.structs.replace(variant, count=old.count)
        variants.append(variant)
    capture = current.capture if "DataCaptureConfig" in properties else fleet.capture
    return msgspec.structs.replace(fleet, variants=tuple(variants), capture=capture)


def shown(fleet: Fleet) -> list[dict[str, Any]]:
    """DescribeEndpoint's ProductionVariants."""
    return [
        {
            "VariantName": variant.name,
            "DeployedImages": [
                {
                    "SpecifiedImage": variant.container["Image"],
                    "ResolvedImage": variant.container["Image"],
                    "ResolutionTime": fleet.created,
                }
            ],
            "CurrentWeight": variant.weight,
            "DesiredWeight": variant.weight,
            "CurrentInstanceCount": variant.count,
            "DesiredInstanceCount": variant.count,
        }
        for variant in fleet.variants
    ]


def reweighted(fleet: Fleet, weights: Mapping[str, float]) -> Fleet:
    """`fleet` with other weights for the named variants."""
    return msgspec.structs.replace(
        fleet,
        variants=tuple(
            msgspec.structs.replace(variant, weight=weights.get(variant.name, variant.weight))
            for variant in fleet.variants
        ),
    )
