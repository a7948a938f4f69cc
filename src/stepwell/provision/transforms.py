"""Transforms: functions of the program that change what it declares before the engine sees it.

They run in the program's process, which serves them as callbacks. A resource goes through its own, then
through those of its parents from the inside out, then through the stack's, each taking what the one before
made of it. This is about the protocol's messages alone; no other part of the engine knows of it.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import grpc  # type: ignore[import-untyped]
from google.protobuf import struct_pb2  # type: ignore[import-untyped]
from google.protobuf.message import Message  # type: ignore[import-untyped]
from pulumi.runtime.proto import callback_pb2, callback_pb2_grpc, resource_pb2

from stepwell.provision.problems import ResourceRefused
from stepwell.provision.values import OUTPUT, SECRET, SIGNATURE, UNKNOWN_TEXT

#: options of a transform → fields of a registration; those of the same name are left out
_RENAMED = {
    "depends_on": "dependencies",
    "ignore_changes": "ignoreChanges",
    "replace_on_changes": "replaceOnChanges",
    "custom_timeouts": "customTimeouts",
    "plugin_download_url": "pluginDownloadURL",
    "plugin_checksums": "pluginChecksums",
    "retain_on_delete": "retainOnDelete",
    "deleted_with": "deletedWith",
    "delete_before_replace": "deleteBeforeReplace",
    "additional_secret_outputs": "additionalSecretOutputs",
    "import": "importId",
    "hide_diff": "hideDiffs",
}


class Transforms:
    """The transforms of one pass. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stack: list[Any] = []
        self._invokes: list[Any] = []
        self._own: dict[str, tuple[str, list[Any]]] = {}
        self._stubs: dict[str, Any] = {}

    def add_stack(self, callback: Any) -> None:
        """One for all resources that are declared from now on."""
        self._stack.append(callback)

    def add_invokes(self, callback: Any) -> None:
        """One for all functions that are called from now on."""
        self._invokes.append(callback)

    def remember(self, urn: str, request: Any) -> None:
        """The resource's own are its children's, too."""
        with self._lock:
            self._own[urn] = (request.parent, list(getattr(request, "transforms", ())))

    def applied(self, request: Any) -> Any:
        """The registration as the transforms leave it; `request` itself when there are none.

        Raises:
            ResourceRefused: one of them raised.
        """
        callbacks = [*getattr(request, "transforms", ()), *self._inherited(request.parent), *self._stack]
        if not callbacks:
            return request
        changed = resource_pb2.RegisterResourceRequest()
        changed.CopyFrom(request)
        for callback in callbacks:
            asked = resource_pb2.TransformRequest(
                type=changed.type,
                name=changed.name,
                custom=changed.custom,
                parent=changed.parent,
                properties=_with_outputs(changed.object),
                options=_options(changed),
            )
            answer = resource_pb2.TransformResponse.FromString(self._called(callback, asked))
            changed.object.CopyFrom(answer.properties)
            if answer.HasField("options"):
                _take(answer.options, changed)
        return changed

    def applied_to_call(self, request: Any) -> Any:
        """The call of a function as the transforms leave it.

        Raises:
            ResourceRefused: one of them raised.
        """
        if not self._invokes:
            return request
        changed = resource_pb2.ResourceInvokeRequest()
        changed.CopyFrom(request)
        for callback in self._invokes:
            asked = resource_pb2.TransformInvokeRequest(token=changed.tok, args=_with_outputs(changed.args))
            answer = resource_pb2.TransformInvokeResponse.FromString(self._called(callback, asked))
            changed.args.CopyFrom(answer.args)
        return changed

    def close(self) -> None:
        """Ends the connections to the program."""
        with self._lock:
            for channel, _ in self._stubs.values():
                channel.close()
            self._stubs.clear()

    def _inherited(self, urn: str) -> Iterator[Any]:
        with self._lock:
            while urn in self._own:
                urn, callbacks = self._own[urn]
                yield from callbacks

    def _called(self, callback: Any, asked: Any) -> bytes:
        with self._lock:
            if callback.target not in self._stubs:
                channel = grpc.insecure_channel(callback.target)
                self._stubs[callback.target] = (channel, callback_pb2_grpc.CallbacksStub(channel))
            _, stub = self._stubs[callback.target]
        try:
            request = callback_pb2.CallbackInvokeRequest(
                token=callback.token, request=asked.SerializeToString()
            )
            answer: bytes = stub.Invoke(request).response
        except grpc.RpcError as error:
            said = str(error.details()).removeprefix(f"Invoke callback {callback.token} error: ")
            raise ResourceRefused(f"a transform raised {said.strip()}") from error
        return answer


def _with_outputs(struct: Any) -> Any:
    """The properties with secrets and unknown values as outputs, which is what a transform expects."""
    changed = struct_pb2.Struct()
    for name, value in struct.fields.items():
        _put_output(value, changed.fields[name])
    return changed


def _put_output(value: Any, place: Any) -> None:
    kind = value.WhichOneof("kind")
    fields = value.struct_value.fields if kind == "struct_value" else {}
    secret = SIGNATURE in fields and fields[SIGNATURE].string_value == SECRET
    if secret or (kind == "string_value" and value.string_value == UNKNOWN_TEXT):
        place.struct_value.fields[SIGNATURE].string_value = OUTPUT
        place.struct_value.fields["secret"].bool_value = secret
        if secret:
            _put_output(fields["value"], place.struct_value.fields["value"])
    elif kind == "struct_value":
        place.struct_value.SetInParent()
        for name, item in fields.items():
            _put_output(item, place.struct_value.fields[name])
    elif kind == "list_value":
        place.list_value.SetInParent()
        for item in value.list_value.values:
            _put_output(item, place.list_value.values.add())
    else:
        place.CopyFrom(value)


def _options(request: Any) -> Any:
    options = resource_pb2.TransformResourceOptions()
    for field in options.DESCRIPTOR.fields:
        name = _RENAMED.get(field.name, field.name)
        if name == "deleteBeforeReplace" and not request.deleteBeforeReplaceDefined:
            continue
        if name in request.DESCRIPTOR.fields_by_name:
            _copy(request, name, options, field.name)
    return options


def _take(options: Any, request: Any) -> None:
    for field in options.DESCRIPTOR.fields:
        name = _RENAMED.get(field.name, field.name)
        if name in request.DESCRIPTOR.fields_by_name:
            request.ClearField(name)
            _copy(options, field.name, request, name)
    request.deleteBeforeReplaceDefined = options.HasField("delete_before_replace")


def _copy(source: Any, name: str, target: Any, other: str) -> None:
    field = source.DESCRIPTOR.fields_by_name[name]
    value = getattr(source, name)
    if isinstance(value, Message):
        if source.HasField(name):
            getattr(target, other).CopyFrom(value)
    elif hasattr(value, "extend"):
        getattr(target, other).extend(value)
    elif hasattr(value, "update"):
        getattr(target, other).update(value)
    elif not field.has_presence or source.HasField(name):
        setattr(target, other, value)
