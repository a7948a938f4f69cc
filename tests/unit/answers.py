"""Answers held against botocore's models: what a client would trip over, or never see."""

from __future__ import annotations

from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

#: the shapes' types and what values of them are in Python
_TYPES = {"integer": int, "long": int, "string": str, "timestamp": float}
#: enumerations that AWS itself answers in other letters: S3 says `Prefix` where its model has `prefix`
_SPELT_OTHERWISE = {
    "FilterRuleName",
    "NotificationType",
    "PermissionsBoundaryAttachmentType",
    "PolicySourceType",
}
#: what is left out although the model requires it: root has no name and path (nor, here, a birthday), a
#: function may have no such configuration, and clients of SQS ask whether there is a list of failures
_LEFT_OUT = {
    "ChangeMessageVisibilityBatch.Failed",
    "DeleteMessageBatch.Failed",
    "GetFunctionCodeSigningConfig.CodeSigningConfigArn",
    "GetUser.User.CreateDate",
    "GetUser.User.Path",
    "GetUser.User.UserName",
    "SendMessageBatch.Failed",
}


def check_shape(shape: Shape | None, value: Any, path: str) -> None:
    """Fail for what the model does not know there, for what it requires and misses, and for other types."""
    if isinstance(shape, StructureShape):
        for name in shape.required_members:
            assert name in value or f"{path}.{name}" in _LEFT_OUT, f"{path}.{name} is missing"
        for name, member in value.items():
            assert name in shape.members, f"{path}.{name} is not in the model"
            if member is not None:
                check_shape(shape.members[name], member, f"{path}.{name}")
    elif isinstance(shape, ListShape):
        for item in value:
            check_shape(shape.member, item, f"{path}[]")
    elif isinstance(shape, MapShape):
        for item in value.values():
            check_shape(shape.value, item, f"{path}[]")
    elif shape is not None and shape.type_name in _TYPES:
        assert isinstance(value, _TYPES[shape.type_name]), f"{path} is {value!r}"
        if shape.type_name == "string" and shape.enum and shape.name not in _SPELT_OTHERWISE:
            assert value in shape.enum, f"{path} is {value}"
