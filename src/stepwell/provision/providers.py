"""The AWS provider: the program's explicit ones, and the one that its configuration sets.

A run has one endpoint, region and set of keys. A provider that asks for another is refused; settings about
credentials and retries have nothing to act on and are recorded.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from stepwell.provision.cloud import Cloud
from stepwell.provision.problems import ProjectInvalid
from stepwell.provision.schema import Inputs, Property, block, honoured, recorded, refused

TYPE = "pulumi:providers:aws"
_ELSEWHERE = "calls go to the server and nowhere else"

PROPERTIES: Mapping[str, Property] = {
    "region": honoured(),
    "defaultTags": honoured(fields=block("tags")),
    "endpoints": honoured(),
    "allowedAccountIds": honoured(),
    "forbiddenAccountIds": honoured(),
    **{
        name: recorded()
        for name in [
            "accessKey",
            "secretKey",
            "token",
            "profile",
            "sharedConfigFiles",
            "sharedCredentialsFiles",
            "insecure",
            "maxRetries",
            "retryMode",
            "s3UsePathStyle",
            "s3UsEast1RegionalEndpoint",
            "skipCredentialsValidation",
            "skipMetadataApiCheck",
            "skipRegionValidation",
            "skipRequestingAccountId",
            "tokenBucketRateLimiterCapacity",
            "userAgents",
            "version",
            "useDualstackEndpoint",
            "useFipsEndpoint",
            "stsRegion",
            "pluginDownloadURL",
        ]
    },
    "assumeRoles": refused("the server's own keys are used"),
    "assumeRoleWithWebIdentity": refused("the server's own keys are used"),
    "customCaBundle": refused(_ELSEWHERE),
    "ec2MetadataServiceEndpoint": refused(_ELSEWHERE),
    "ec2MetadataServiceEndpointMode": refused(_ELSEWHERE),
    "httpProxy": refused(_ELSEWHERE),
    "httpsProxy": refused(_ELSEWHERE),
    "noProxy": refused(_ELSEWHERE),
    "ignoreTags": refused("nothing else sets tags here"),
    "tagPolicyCompliance": refused("there are no tag policies here"),
}


def decoded(values: Inputs) -> dict[str, Any]:
    """A provider's inputs; the SDK sends all that is not text as JSON text."""
    return {
        name: _json(value) if isinstance(value, str) and value[:1] in '[{"' else value
        for name, value in values.items()
    }


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def check(cloud: Cloud, inputs: Inputs) -> Iterator[str]:
    """All that asks for something else than the run's endpoint."""
    for name in inputs:
        row = PROPERTIES.get(name)
        if row is None:
            yield f"unknown property {name}"
        elif row.standing == "refused":
            yield f"property {name} is not supported: {row.reason}"
    region = inputs.get("region")
    if isinstance(region, str) and region != cloud.region:
        yield f"region is {region}, the server's is {cloud.region}"
    for endpoints in inputs.get("endpoints") or ():
        for service, url in endpoints.items():
            if isinstance(url, str) and url.rstrip("/") != cloud.endpoint.rstrip("/"):
                yield f"endpoint of {service} is {url}, the run's is {cloud.endpoint}"
    allowed = inputs.get("allowedAccountIds")
    if allowed and cloud.account not in allowed:
        yield f"account {cloud.account} is not among allowedAccountIds"
    if cloud.account in (inputs.get("forbiddenAccountIds") or ()):
        yield f"account {cloud.account} is among forbiddenAccountIds"


def default_tags(inputs: Inputs) -> dict[str, Any]:
    """The tags that the provider adds to every resource."""
    declared = inputs.get("defaultTags")
    tags = declared.get("tags") if isinstance(declared, Mapping) else None
    return dict(tags) if isinstance(tags, Mapping) else {}


def configured(cloud: Cloud, config: Mapping[str, str]) -> dict[str, Any]:
    """The default provider's inputs, from the `aws:` part of the configuration.

    Raises:
        ProjectInvalid: it asks for another region or endpoint, or for what is not supported.
    """
    inputs = decoded({key[4:]: value for key, value in config.items() if key.startswith("aws:")})
    faults = list(check(cloud, inputs))
    if faults:
        raise ProjectInvalid(
            "Configuration aws: " + "; ".join(faults), advice="Correct it in the stack's Pulumi.<stack>.yaml"
        )
    return inputs
