"""SageMaker Runtime: InvokeEndpoint, from a request to a model server and back, without touching the loop."""

from __future__ import annotations

from stepwell.api.operations import Operation, Right, Service, words
from stepwell.services.sagemaker_runtime.errors import BODY_LIMIT
from stepwell.services.sagemaker_runtime.invoke import Captures, Invocations, Servers
from stepwell.workers.routing import Router

__all__ = ["service"]


def service(router: Router, servers: Servers, captures: Captures) -> Service:
    """The operations.

    router: which server answers; servers: how it is reached; captures: is told of what was answered.
    """
    return Service(
        "sagemaker-runtime",
        [
            Operation(
                name="InvokeEndpoint",
                rights=(
                    Right(
                        action="sagemaker:InvokeEndpoint",
                        resource=lambda params, site: (
                            f"arn:aws:sagemaker:{site.region}:{site.account}:endpoint/"
                            f"{str(params.get('EndpointName', '*')).lower()}"
                        ),
                    ),
                ),
                honoured=words(
                    "EndpointName Body ContentType Accept CustomAttributes TargetVariant InferenceId"
                ),
                act=Invocations(router, servers, captures).invoke,
                body_limit=BODY_LIMIT,
            )
        ],
    )
