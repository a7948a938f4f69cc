"""What is remembered of functions and their versions."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any, ClassVar

import msgspec

from stepwell.durable import Record, View
from stepwell.services.lambda_.errors import ResourceNotFoundException
from stepwell.services.lambda_.names import LATEST, Named, Place, function_arn


class Configuration(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A function's code and settings: those of `$LATEST` change, those of a version never do."""

    runtime: str
    handler: str
    #: the role's ARN
    role: str
    #: the package's SHA-256 in hexadecimal
    digest: str
    #: bytes of the package
    size: int
    #: changes with every change
    revision: str
    #: seconds since the epoch
    modified: float
    version: str = LATEST
    description: str = ""
    #: seconds
    timeout: int = 3
    #: MiB
    memory: int = 128
    #: MiB of /tmp
    storage: int = 512
    #: None where none were ever given
    variables: dict[str, str] | None = None
    architectures: tuple[str, ...] = ("x86_64",)
    tracing: str = "PassThrough"
    dead_letter: str = ""
    kms_key: str = ""
    vpc: dict[str, Any] | None = None
    logging: dict[str, str] = {}

    @property
    def sha256(self) -> str:
        """`CodeSha256`."""
        return base64.b64encode(bytes.fromhex(self.digest)).decode()


class Function(Record, frozen=True, kw_only=True):
    """A function, with `$LATEST`."""

    SERVICE: ClassVar[str] = "lambda"
    KIND: ClassVar[str] = "function"

    name: str
    latest: Configuration
    #: the number of the last version that was published
    published: int = 0
    #: the revision of `$LATEST` that it was published from
    published_from: str = ""
    #: reserved concurrent executions
    reserved: int | None = None
    tags: dict[str, str] = {}
    #: the statements of the resource policies, by qualifier; empty for the function's own
    policies: dict[str, list[dict[str, Any]]] = {}
    #: the revisions of the policies, by qualifier
    policy_revisions: dict[str, str] = {}

    @property
    def key(self) -> str:
        return self.name


class Version(Record, frozen=True, kw_only=True):
    """A published version of a function."""

    SERVICE: ClassVar[str] = "lambda"
    KIND: ClassVar[str] = "version"

    function: str
    number: int
    configuration: Configuration

    @property
    def key(self) -> str:
        return version_key(self.function, self.number)


def version_key(function: str, number: int) -> str:
    """Versions of a function are listed by their numbers."""
    return f"{function}:{number:010d}"


def tags_of(view: View, function_arn: str) -> dict[str, str]:
    """The tags of the function that an ARN names, its own or one of its versions'; none for no function."""
    found = view.get(Function, function_arn.split(":", 5)[5].split(":")[1])
    return {} if found is None else found.tags


def find(view: View, named: Named) -> Function:
    """The function. Raises ResourceNotFoundException, which names it as the caller did."""
    found = view.get(Function, named.name)
    if found is None:
        raise ResourceNotFoundException(f"Function not found: {named.arn(view)}")
    return found


def configuration(view: View, function: Function, named: Named) -> Configuration:
    """The code and settings that the qualifier names. Raises ResourceNotFoundException."""
    if named.qualifier in (None, LATEST):
        return function.latest
    assert named.qualifier is not None
    version = None
    if named.qualifier.isdecimal() and len(named.qualifier) <= 10:
        version = view.get(Version, version_key(function.name, int(named.qualifier)))
    if version is None:
        raise ResourceNotFoundException(f"Function not found: {named.arn(view)}")
    return version.configuration


def shown(
    place: Place, name: str, settings: Configuration, *, qualifier: str | None = None
) -> dict[str, Any]:
    """AWS's FunctionConfiguration; `qualifier` is what its ARN ends with."""
    suffix = "" if qualifier is None else f":{qualifier}"
    moment = datetime.fromtimestamp(settings.modified, UTC)
    answer: dict[str, Any] = {
        "FunctionName": name,
        "FunctionArn": function_arn(place, name) + suffix,
        "Runtime": settings.runtime,
        "Role": settings.role,
        "Handler": settings.handler,
        "CodeSize": settings.size,
        "Description": settings.description,
        "Timeout": settings.timeout,
        "MemorySize": settings.memory,
        "LastModified": moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000",
        "CodeSha256": settings.sha256,
        "Version": settings.version,
        "TracingConfig": {"Mode": settings.tracing},
        "RevisionId": settings.revision,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": list(settings.architectures),
        "EphemeralStorage": {"Size": settings.storage},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": log_group(name, settings)} | settings.logging,
    }
    if settings.variables is not None:
        answer["Environment"] = {"Variables": dict(settings.variables)}
    if settings.vpc is not None:
        answer["VpcConfig"] = {"SubnetIds": [], "SecurityGroupIds": [], "VpcId": ""} | settings.vpc
    if settings.dead_letter:
        answer["DeadLetterConfig"] = {"TargetArn": settings.dead_letter}
    if settings.kms_key:
        answer["KMSKeyArn"] = settings.kms_key
    return answer


def log_group(name: str, settings: Configuration) -> str:
    """Where the function's lines go."""
    return settings.logging.get("LogGroup", f"/aws/lambda/{name}")
