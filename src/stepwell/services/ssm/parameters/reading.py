"""The Get and Describe operations of parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import View
from stepwell.errors import ValidationException
from stepwell.services.ssm.errors import (
    InvalidKeyId,
    ParameterNotFound,
    ParameterVersionNotFound,
)
from stepwell.services.ssm.paging import page, place
from stepwell.services.ssm.parameters import filters, names
from stepwell.services.ssm.parameters.records import Parameter, ParameterVersion, version_key
from stepwell.services.ssm.parameters.sealing import Sealer

#: entries of a page unless the caller wants fewer, and at most
PAGE, PAGE_BY_PATH = 50, 10


def newest(view: View, name: str) -> ParameterVersion | None:
    """The newest version of a parameter."""
    known = view.get(Parameter, name)
    return view.get(ParameterVersion, version_key(name, known.version)) if known else None


def versions(view: View, name: str) -> Iterator[ParameterVersion]:
    """All versions that are kept, the oldest first."""
    return view.scan(ParameterVersion, prefix=f"{name}:")


def pick(view: View, text: str) -> tuple[ParameterVersion, str]:
    """The version that `NAME`, `NAME:VERSION` or `NAME:LABEL` means, and the selector as it was given.

    Raises ParameterNotFound, ParameterVersionNotFound.
    """
    name, selector = names.picked(text)
    if text.startswith("arn:") and view.get(Parameter, name) is None:
        # an ARN does not tell whether the name began with a slash
        name = name.removeprefix("/")
    found = newest(view, name)
    if found is None:
        raise ParameterNotFound(f"Parameter {name} not found.")
    wanted = selector.removeprefix(":")
    if not wanted:
        return found, ""
    kept = view.get(ParameterVersion, version_key(name, int(wanted))) if _is_number(wanted) else None
    kept = kept or next((each for each in versions(view, name) if wanted in each.labels), None)
    if kept is None:
        what = "version" if _is_number(wanted) else "label"
        raise ParameterVersionNotFound(
            f"Systems Manager could not find {what} {wanted} of {name}. Verify the {what} and try again."
        )
    return kept, selector


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The operations that show parameters."""

    sealer: Sealer

    def shown(
        self, version: ParameterVersion, view: View, decrypt: bool, selector: str = ""
    ) -> dict[str, Any]:
        """AWS's `Parameter`."""
        found: dict[str, Any] = {
            "Name": version.name,
            "Type": version.type,
            "Value": self.value(version, decrypt),
            "Version": version.version,
            "LastModifiedDate": version.modified,
            "ARN": _arn(version, view),
            "DataType": version.data_type,
        }
        return found | ({"Selector": selector} if selector else {})

    def value(self, version: ParameterVersion, decrypt: bool) -> str:
        """The value as the caller may see it: a SecureString stays sealed unless decryption is asked for."""
        if version.type != "SecureString" or not decrypt:
            return version.value
        try:
            return self.sealer.open(version.value, version.name)
        except ValueError as error:
            raise InvalidKeyId(f"{version.name} can't be decrypted: {error}.") from error

    def get(self, call: Call, view: View) -> Mapping[str, Any]:
        """GetParameter."""
        found, selector = pick(view, call.params["Name"])
        return {"Parameter": self.shown(found, view, bool(call.params.get("WithDecryption")), selector)}

    def get_several(self, call: Call, view: View) -> Mapping[str, Any]:
        """GetParameters: what isn't there is listed, and fails nothing."""
        found: list[dict[str, Any]] = []
        invalid: list[str] = []
        for name in sorted(set(call.params["Names"])):
            try:
                version, selector = pick(view, name)
            except (ParameterNotFound, ParameterVersionNotFound):
                invalid.append(name)
                continue
            found.append(self.shown(version, view, bool(call.params.get("WithDecryption")), selector))
        return {"Parameters": found, "InvalidParameters": invalid}

    def get_by_path(self, call: Call, view: View) -> Mapping[str, Any]:
        """GetParametersByPath."""
        params, path = call.params, call.params["Path"]
        names.check_path(path)
        wanted = params.get("ParameterFilters") or ()
        filters.check(wanted, filters.BY_PATH)
        label = next((each for each in wanted if each["Key"] == "Label"), None)
        rest = [each for each in wanted if each["Key"] != "Label"]
        decrypt = bool(params.get("WithDecryption"))
        found = (
            version
            for parameter in view.scan(Parameter, after=place(params))
            if filters.within(parameter.name, path, bool(params.get("Recursive")))
            for version in self._labelled(view, parameter, label)
            if filters.passes(version, rest, view)
        )
        return _page(params, found, PAGE_BY_PATH, lambda version: self.shown(version, view, decrypt))

    def history(self, call: Call, view: View) -> Mapping[str, Any]:
        """GetParameterHistory."""
        params = call.params
        name = pick(view, names.picked(params["Name"])[0])[0].name
        decrypt = bool(params.get("WithDecryption"))
        after = place(params)
        found = (version for version in versions(view, name) if version.key > after)
        return _page(
            params,
            found,
            PAGE,
            lambda version: {
                **_described(version),
                "Value": self.value(version, decrypt),
                "Labels": list(version.labels),
            },
            key=lambda version: version.key,
        )

    def describe(self, call: Call, view: View) -> Mapping[str, Any]:
        """DescribeParameters."""
        params = call.params
        if params.get("Filters") and params.get("ParameterFilters"):
            raise ValidationException("You can use either Filters or ParameterFilters in a single request.")
        wanted = params.get("ParameterFilters") or [
            # the older filter takes the beginning of a name
            {**each, "Option": "BeginsWith" if each["Key"] == "Name" else "Equals"}
            for each in params.get("Filters") or ()
        ]
        filters.check(wanted, filters.DESCRIBE)
        if params.get("Shared"):
            return {"Parameters": []}
        found = (
            version
            for parameter in view.scan(Parameter, after=place(params))
            if (version := newest(view, parameter.name)) and filters.passes(version, wanted, view)
        )
        return _page(params, found, PAGE, lambda version: {**_described(version), "ARN": _arn(version, view)})

    def _labelled(
        self, view: View, parameter: Parameter, label: Mapping[str, Any] | None
    ) -> Iterator[ParameterVersion]:
        if label is None:
            version = newest(view, parameter.name)
            return iter([version] if version else [])
        return (each for each in versions(view, parameter.name) if set(each.labels) & set(label["Values"]))

    def operations(self) -> tuple[Operation, ...]:
        """The rows."""
        return (
            Operation(
                name="GetParameter",
                rights=(Right(action="ssm:GetParameter", resource=names.of_name),),
                honoured=words("Name WithDecryption"),
                read=self.get,
            ),
            Operation(
                name="GetParameters",
                rights=(Right(action="ssm:GetParameters", resource=names.of_names),),
                honoured=words("Names WithDecryption"),
                read=self.get_several,
            ),
            Operation(
                name="GetParametersByPath",
                rights=(Right(action="ssm:GetParametersByPath", resource=names.of_path),),
                honoured=words("Path Recursive ParameterFilters WithDecryption MaxResults NextToken"),
                read=self.get_by_path,
            ),
            Operation(
                name="GetParameterHistory",
                rights=(Right(action="ssm:GetParameterHistory", resource=names.of_name),),
                honoured=words("Name WithDecryption MaxResults NextToken"),
                read=self.history,
            ),
            Operation(
                name="DescribeParameters",
                rights=(Right(action="ssm:DescribeParameters"),),
                honoured=words("Filters ParameterFilters Shared MaxResults NextToken"),
                read=self.describe,
            ),
        )


def _arn(version: ParameterVersion, view: View) -> str:
    return f"arn:aws:ssm:{view.region}:{view.account}:parameter/{version.name.removeprefix('/')}"


def _described(version: ParameterVersion) -> dict[str, Any]:
    """What ParameterMetadata and ParameterHistory share."""
    found: dict[str, Any] = {
        "Name": version.name,
        "Type": version.type,
        "KeyId": version.key_id,
        "LastModifiedDate": version.modified,
        "LastModifiedUser": version.modified_by,
        "Description": version.description,
        "AllowedPattern": version.allowed_pattern,
        "Version": version.version,
        "Tier": version.tier,
        "Policies": [],
        "DataType": version.data_type,
    }
    return {name: value for name, value in found.items() if value is not None}


def _page(
    params: Mapping[str, Any],
    found: Iterator[ParameterVersion],
    size: int,
    show: Callable[[ParameterVersion], dict[str, Any]],
    key: Callable[[ParameterVersion], str] = lambda version: version.name,
) -> Mapping[str, Any]:
    shown, more = page(params, found, key, default=size)
    return {"Parameters": [show(version) for version in shown], **more}
