"""The endpoint, seen from the resource types: clients, and one shape for whatever goes wrong in a call.

The clients are given everything explicitly. botocore would otherwise look into the environment, `~/.aws`
and the instance metadata for credentials, endpoints, proxies and retry settings, and a program that is
meant for a local server could reach a real account.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from stepwell.identity import denials
from stepwell.provision.problems import ResourceFailed

ClientFactory = Callable[[str], Any]

#: what to do about an answer, by its code
ADVICE = {
    "AccessDenied": "Give the caller the right that the message names",
    "AccessDeniedException": "Give the caller the right that the message names",
    "UnsupportedOperation": "The server doesn't have this operation: leave out what needs it",
    "InvalidClientTokenId": "The keys are not this server's: take them from `stepwell env`",
    "SignatureDoesNotMatch": "The keys are not this server's: take them from `stepwell env`",
    "BucketAlreadyExists": "Choose another bucket name, or leave it out to get one",
    "BucketAlreadyOwnedByYou": "Something else made this bucket: choose another name, or delete it",
    "EntityAlreadyExists": "Something else made it: choose another name, or delete it",
    "EntityAlreadyExistsException": "Something else made it: choose another name, or delete it",
    "ResourceConflictException": "Something else made it: choose another name, or delete it",
    "ResourceAlreadyExistsException": "Something else made it: choose another name, or delete it",
    "StateMachineAlreadyExists": "Something else made it: choose another name, or delete it",
    "BucketNotEmpty": "Empty it, or set force_destroy=True and run `up` before the destroy",
    "DeleteConflict": "Detach what still uses it; for a role, force_detach_policies=True does",
}

_GONE = frozenset(
    {
        "404",
        "ActivityDoesNotExist",
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchBucket",
        "NoSuchKey",
        "NotFound",
        "NoSuchEntity",
        "NoSuchEntityException",
        "ResourceNotFoundException",
        "ResourceNotFound",
        "StateMachineDoesNotExist",
        "NoSuchTagSet",
        "NoSuchBucketPolicy",
        "NoSuchCORSConfiguration",
        "NoSuchLifecycleConfiguration",
        "NoSuchPublicAccessBlockConfiguration",
        "OwnershipControlsNotFoundError",
        "ServerSideEncryptionConfigurationNotFoundError",
        "DoesNotExistException",
        "AssociationDoesNotExist",
        "InvalidActivationId",
        "InvalidDocument",
        "ParameterNotFound",
    }
)
# SageMaker answers a missing resource with its general code.
_GONE_MESSAGES = ("Could not find", "does not exist", "Requested resource not found")


class Cloud:
    """One account and region of an endpoint. Safe for several threads."""

    def __init__(self, *, endpoint: str, account: str, region: str, clients: ClientFactory) -> None:
        self.endpoint = endpoint
        self.account = account
        self.region = region
        self._factory = clients
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()
        self._patience = threading.local()

    def client(self, service: str) -> Any:
        """The boto3 client of that service."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._factory(service)
            return self._clients[service]

    def arn(self, service: str, resource: str) -> str:
        """An ARN in this account and region."""
        return f"arn:aws:{service}:{self.region}:{self.account}:{resource}"

    def global_arn(self, service: str, resource: str) -> str:
        """An ARN in this account of a service without regions."""
        return f"arn:aws:{service}::{self.account}:{resource}"

    @contextmanager
    def patient(self, seconds: float | None) -> Iterator[None]:
        """Within it `until` waits that long in this thread; None: as long as its caller says."""
        before = getattr(self._patience, "seconds", None)
        self._patience.seconds = seconds
        try:
            yield
        finally:
            self._patience.seconds = before

    def until(self, done: Callable[[], bool], *, what: str, seconds: float) -> None:
        """Polls `done`, ever slower, until it holds.

        Raises:
            ResourceFailed: it did not within `seconds`.
        """
        own = getattr(self._patience, "seconds", None)
        seconds = seconds if own is None else own
        pause, deadline = 0.05, time.monotonic() + seconds
        while not done():
            if time.monotonic() >= deadline:
                raise ResourceFailed(
                    f"{what} took longer than {seconds:g} s", advice="Look at its status, then run again"
                )
            time.sleep(pause)
            pause = min(pause * 1.5, 2.0)


def boto3_clients(*, endpoint: str, access_key: str, secret_key: str, region: str) -> ClientFactory:
    """Makes boto3 clients that know nothing but these four values. boto3 is imported with the first."""

    @lru_cache(maxsize=1)
    def session() -> tuple[Any, Any]:
        return _session(access_key, secret_key, region)

    def client(service: str) -> Any:
        made, config = session()
        return made.client(service, endpoint_url=endpoint, config=config)

    return client


def _session(access_key: str, secret_key: str, region: str) -> tuple[Any, Any]:
    import boto3
    from botocore.config import Config
    from botocore.configprovider import BOTOCORE_DEFAUT_SESSION_VARIABLES
    from botocore.session import Session

    blind = {
        name: (None, None, default, convert)
        for name, (_, _, default, convert) in BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
    }
    blind["config_file"] = (None, None, "/dev/null", None)
    blind["credentials_file"] = (None, None, "/dev/null", None)
    session = boto3.Session(
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name=region,
        botocore_session=Session(session_vars=blind),
    )
    config = Config(
        inject_host_prefix=False,
        s3={"addressing_style": "path"},
        retries={"mode": "standard", "total_max_attempts": 3},
        proxies={},
        max_pool_connections=32,
        user_agent_extra="stepwell-provision",
    )
    return session, config


def gone(error: ResourceFailed) -> bool:
    """Whether the answer says that there is no such resource."""
    return error.code in _GONE or (
        error.code == "ValidationException" and any(text in error.message for text in _GONE_MESSAGES)
    )


@contextmanager
def calling(cloud: Cloud) -> Iterator[None]:
    """Turns what botocore raises into `ResourceFailed`, with what the endpoint answered and what to do."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, ParamValidationError

    try:
        yield
    except ClientError as error:
        raise _answered(error) from error
    except ParamValidationError as error:
        raise ResourceFailed(" ".join(str(error).split())) from error
    except (HTTPClientError, BotoCoreError) as error:
        raise ResourceFailed(
            f"No answer from {cloud.endpoint}: {error}", advice="Is the server running there?", reached=False
        ) from error


def _answered(error: Any) -> ResourceFailed:
    told = error.response.get("Error", {})
    code = str(told.get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 400)
    return ResourceFailed(
        f"{error.operation_name} answered {code}: {told.get('Message', '')}".strip(),
        advice=denials.advice(str(told.get("Message", ""))) or ADVICE.get(code, ""),
        code=code,
        reached=status < 500,
    )


def attempt(cloud: Cloud, call: Callable[..., Any], **parameters: Any) -> Any:
    """The call's answer, or None when it says that there is no such thing.

    Raises:
        ResourceFailed: any other error.
    """
    try:
        with calling(cloud):
            return call(**parameters)
    except ResourceFailed as error:
        if gone(error):
            return None
        raise
