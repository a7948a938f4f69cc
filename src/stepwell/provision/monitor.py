"""The two gRPC servers that a program talks to, translated to and from a registrar's values.

A resource that can't be made is answered with the result FAIL: the program goes on with its outputs
unknown, and every fault of a run is told, not only the first. SDKs too old for that get an error.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import grpc  # type: ignore[import-untyped]
from google.protobuf import empty_pb2, struct_pb2  # type: ignore[import-untyped]
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, resource_pb2, resource_pb2_grpc

from stepwell.provision.problems import ProvisionError, ResourceRefused
from stepwell.provision.progress import Severity
from stepwell.provision.project import Project
from stepwell.provision.registration import Alias, Reading, Registered, Registrar, Registration
from stepwell.provision.report import Report
from stepwell.provision.transforms import Transforms
from stepwell.provision.values import UNKNOWN_TEXT, contains_unknown, decode, encode

#: what current SDKs ask for by number, and older ones by name
_FEATURES = {
    "SECRETS": "secrets",
    "ALIAS_SPECS": "aliasSpecs",
    "DELETED_WITH": "deletedWith",
    "TRANSFORMS": "transforms",
    "INVOKE_TRANSFORMS": "invokeTransforms",
    "REPLACEMENT_TRIGGER": "",
    "REPLACE_WITH": "",
}
_SEVERITIES: Mapping[int, Severity] = {1: "info", 2: "warning", 3: "error"}
_UNLIMITED = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
#: request fields that ask for what isn't there, by their name in a program
_UNSUPPORTED = {
    "remote": "remote components",
    "envVarMappings": "the env_var_mappings option",
    "state_migrations": "state migrations",
}


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """Answers what the SDK asks about resources. What isn't here is answered as unimplemented."""

    def __init__(self, registrar: Registrar, project: Project, *, stack: str, parallel: int) -> None:
        self._registrar = registrar
        self._project = project
        self._stack = stack
        self._parallel = parallel
        self.transforms = Transforms()

    def GetDeploymentInfo(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's names
        return resource_pb2.DeploymentInfo(
            project=self._project.name,
            stack=self._stack,
            organization="organization",
            config=dict(self._project.config),
            configSecretKeys=sorted(self._project.secret_keys),
            dryRun=self._registrar.dry_run,
            parallel=self._parallel,
            supportedFeatures=[
                number
                for name in _FEATURES
                if (number := getattr(resource_pb2, f"RESOURCE_MONITOR_FEATURE_{name}", None)) is not None
            ],
        )

    def SupportsFeature(self, request: Any, context: Any) -> Any:  # noqa: N802
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in filter(None, _FEATURES.values()))

    def RegisterResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        try:
            request = self.transforms.applied(request)
            asked = _registration(request, self._project.folder)
        except ResourceRefused as error:
            made = self._registrar.refuse(_registration(request, self._project.folder), error)
        else:
            made = self._registrar.register(asked)
        self.transforms.remember(made.urn, request)
        if made.failed and not getattr(request, "supportsResultReporting", False):
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, f"{request.type} {request.name} failed")
        return resource_pb2.RegisterResourceResponse(
            urn=made.urn,
            id=made.id,
            object=_struct(made),
            result=resource_pb2.Result.FAIL if made.failed else resource_pb2.Result.SUCCESS,
        )

    def ReadResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        read = self._registrar.read(
            Reading(
                type=request.type,
                name=request.name,
                id=request.id if request.id != UNKNOWN_TEXT else "",
                values=decode(request.properties),
                parent=request.parent,
                dependencies=tuple(request.dependencies),
                additional_secrets=tuple(request.additionalSecretOutputs),
                place=_place(request, ()),
            )
        )
        if read.failed:
            context.abort(grpc.StatusCode.NOT_FOUND, f"{request.type} {request.name} can't be read")
        return resource_pb2.ReadResourceResponse(urn=read.urn, properties=_struct(read))

    def RegisterStackTransform(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.transforms.add_stack(request)
        return empty_pb2.Empty()

    def RegisterStackInvokeTransform(self, request: Any, context: Any) -> Any:  # noqa: N802
        self.transforms.add_invokes(request)
        return empty_pb2.Empty()

    def RegisterResourceOutputs(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._registrar.set_outputs(request.urn, decode(request.outputs))
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:  # noqa: N802
        try:
            request = self.transforms.applied_to_call(request)
            arguments = decode(request.args)
            if contains_unknown(arguments.values):
                return resource_pb2.ResourceInvokeResponse(unknown=True)
            answer = self._registrar.invoke(request.tok, arguments)
        except ProvisionError as error:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
            raise
        response = resource_pb2.ResourceInvokeResponse()
        getattr(response, "return").update(encode(answer))
        return response

    def SignalAndWaitForShutdown(self, request: Any, context: Any) -> Any:  # noqa: N802
        return empty_pb2.Empty()


class Engine(engine_pb2_grpc.EngineServicer):
    """Takes the program's log, and remembers the root resource for SDKs that ask."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._root = ""

    def Log(self, request: Any, context: Any) -> Any:  # noqa: N802
        # The SDK traces its own doings at this level, a dozen lines per resource.
        if request.severity != engine_pb2.DEBUG:
            self._report.say(_SEVERITIES.get(request.severity, "info"), request.message, request.urn)
        return empty_pb2.Empty()

    def GetRootResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        return engine_pb2.GetRootResourceResponse(urn=self._root)

    def SetRootResource(self, request: Any, context: Any) -> Any:  # noqa: N802
        self._root = request.urn
        return engine_pb2.SetRootResourceResponse()


@contextmanager
def served(monitor: Monitor, engine: Engine, *, parallel: int) -> Iterator[str]:
    """Serves both on a free port of the loopback address; gives the address."""
    # Leaving the pool waits for the handlers: no operation goes on when the stack's lock is given up.
    with ThreadPoolExecutor(parallel) as pool:
        server = grpc.server(pool, options=_UNLIMITED)
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(monitor, server)
        engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}"
        finally:
            server.stop(None).wait()
            monitor.transforms.close()


def _struct(made: Registered) -> Any:
    struct = struct_pb2.Struct()
    struct.update(encode(made.outputs, made.secrets))
    return struct


def _registration(request: Any, folder: Path) -> Registration:
    stack = tuple(_stack(request, folder))
    return Registration(
        type=request.type,
        name=request.name,
        custom=request.custom,
        values=decode(request.object),
        parent=request.parent,
        provider=request.provider,
        dependencies=tuple(request.dependencies),
        property_dependencies={k: tuple(v.urns) for k, v in request.propertyDependencies.items()},
        aliases=tuple(_aliases(request)),
        protect=request.protect,
        retain=request.retainOnDelete,
        delete_first=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
        ignore_changes=tuple(request.ignoreChanges),
        replace_on_changes=tuple(request.replaceOnChanges),
        additional_secrets=tuple(request.additionalSecretOutputs),
        hide_diffs=tuple(getattr(request, "hideDiffs", ())),
        import_id=request.importId,
        deleted_with=request.deletedWith,
        timeouts={field.name: text for field, text in request.customTimeouts.ListFields()},
        trigger=_trigger(request),
        replace_with=tuple(getattr(request, "replace_with", ())),
        unsupported=tuple(_unsupported(request)),
        place=_place(request, stack),
        stack=stack,
    )


def _place(request: Any, stack: Sequence[str]) -> str:
    """`FILE:LINE` of the source position, which old SDKs don't send; of a component's, its user's."""
    return stack[0] if stack else _spelled(getattr(request, "sourcePosition", None))


def _stack(request: Any, folder: Path) -> Iterator[str]:
    for frame in getattr(getattr(request, "stackTrace", None), "frames", ()):
        spelled = _spelled(frame.pc)
        path = Path(spelled.rpartition(":")[0])
        if path.resolve().is_relative_to(folder) and "site-packages" not in path.parts:
            yield spelled


def _spelled(position: Any) -> str:
    if position is None or not position.uri:
        return ""
    return f"{unquote(urlsplit(position.uri).path)}:{position.line}"


def _aliases(request: Any) -> Iterator[Alias]:
    for urn in request.aliasURNs:
        yield Alias(urn=urn)
    for alias in request.aliases:
        if alias.urn:
            yield Alias(urn=alias.urn)
            continue
        spec = alias.spec
        yield Alias(
            name=spec.name,
            type=spec.type,
            stack=spec.stack,
            project=spec.project,
            parent=spec.parentUrn,
            no_parent=spec.noParent,
        )


def _unsupported(request: Any) -> Iterator[str]:
    for name, words in _UNSUPPORTED.items():
        if getattr(request, name, None):
            yield words


def _trigger(request: Any) -> str:
    """The trigger's hash, as it may be a secret; empty when there is none, or its value is not known yet."""
    if "replacement_trigger" not in request.DESCRIPTOR.fields_by_name:
        return ""
    if not request.HasField("replacement_trigger"):
        return ""
    held = struct_pb2.Struct()
    held.fields["trigger"].CopyFrom(request.replacement_trigger)
    value = decode(held).values.get("trigger")
    if value is None or contains_unknown(value):
        return ""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
