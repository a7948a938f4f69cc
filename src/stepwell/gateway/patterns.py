"""The REST operations of one service as a table: method, path and query in, operation and labels out.

Built once per service from the model's `http.requestUri`. S3 tells its operations apart by query keys
(`?uploads`, `?list-type=2`) and by members that one of several operations on the same path requires
(`uploadId`, `x-amz-copy-source`); other services use paths alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from botocore.model import OperationModel

from stepwell.api.models import operation_model, service_model
from stepwell.errors import AwsError
from stepwell.gateway.http import Request

_LABEL = re.compile(r"\{([^}]+)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """One operation's place in the table."""

    #: botocore's operation name
    operation: str
    #: upper case
    method: str
    #: the path template as a regular expression over the encoded path
    path: re.Pattern[str]
    #: the labels in the order of the expression's groups
    labels: tuple[str, ...]
    #: how many of the template's segments are fixed, then how many it has: the most exact one wins
    exactness: tuple[int, int]
    #: query keys that the template fixes, with their values ("" for a bare key)
    literals: tuple[tuple[str, str], ...]
    #: query keys that the operation requires
    query: frozenset[str]
    #: headers that the operation requires, lower case
    headers: frozenset[str]
    #: whether AWS advises against it, in favour of another operation on the same address
    deprecated: bool

    def fits_query(self, query: Mapping[str, str]) -> bool:
        """Whether the template's own query keys are all there."""
        return all(key in query and (not value or query[key] == value) for key, value in self.literals)

    def fits_members(self, request: Request) -> bool:
        """Whether the members that the operation requires in query and headers are all there."""
        return self.query <= request.query_map.keys() and self.headers <= request.headers.keys()


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A request's place: the operation and the path's labels, decoded."""

    operation: str
    labels: Mapping[str, str]


class MethodNotAllowed(LookupError):
    """The address exists, but not with this method; `query_key` is the sub-resource that was asked for."""

    def __init__(self, query_key: str) -> None:
        super().__init__(query_key)
        self.query_key = query_key


def match(service: str, request: Request, path: str) -> Match | None:
    """The operation for `request` at the encoded `path`, or None.

    Raises MethodNotAllowed where a sub-resource (`?acl`) has no operation with the request's method:
    `DELETE /bucket?acl` must not delete the bucket. Raises AwsError for labels that are not UTF-8.
    """
    candidates: list[tuple[Pattern, re.Match[str]]] = []
    for pattern in _table(service).get(request.method, ()):
        if candidates and pattern.exactness != candidates[0][0].exactness:
            break
        if found := pattern.path.fullmatch(path):
            candidates.append((pattern, found))
    if not candidates:
        return None
    query = request.query_map
    fitting = [each for each in candidates if each[0].fits_query(query)]
    most = max((len(each[0].literals) for each in fitting), default=-1)
    fitting = [each for each in fitting if len(each[0].literals) == most]
    if not fitting:
        return None
    _refuse_foreign_subresource(service, query, fitting[0][0])
    complete = [each for each in fitting if each[0].fits_members(request)]
    if complete:
        pattern, found = max(complete, key=lambda each: _weight(each[0]))
    else:
        pattern, found = min(fitting, key=lambda each: _weight(each[0]))
    try:
        values = [unquote(value, errors="strict") for value in found.groups()]
    except UnicodeDecodeError as error:
        message = "Couldn't parse the specified URI: it is not UTF-8"
        raise AwsError(message, code="InvalidURI") from error
    return Match(operation=pattern.operation, labels=dict(zip(pattern.labels, values, strict=True)))


def _weight(pattern: Pattern) -> tuple[int, bool]:
    return len(pattern.query) + len(pattern.headers), not pattern.deprecated


def _refuse_foreign_subresource(service: str, query: Mapping[str, str], chosen: Pattern) -> None:
    own = {key for key, _ in chosen.literals} | chosen.query
    for key, value in query.items():
        if not value and key in _subresources(service) and key not in own:
            raise MethodNotAllowed(key)


@lru_cache(maxsize=64)
def _table(service: str) -> Mapping[str, tuple[Pattern, ...]]:
    table: dict[str, list[Pattern]] = {}
    for name in service_model(service).operation_names:
        pattern = _compile(operation_model(service, name))
        table.setdefault(pattern.method, []).append(pattern)
    return {
        method: tuple(sorted(patterns, key=lambda each: each.exactness, reverse=True))
        for method, patterns in table.items()
    }


@lru_cache(maxsize=64)
def _subresources(service: str) -> frozenset[str]:
    patterns = (pattern for row in _table(service).values() for pattern in row)
    return frozenset(key for pattern in patterns for key, value in pattern.literals if not value)


def _compile(operation: OperationModel) -> Pattern:
    template, _, fixed_query = operation.http["requestUri"].partition("?")
    segments = [segment for segment in template.split("/") if segment]
    labels = _LABEL.findall(template)
    greedy = any(label.endswith("+") for label in labels)
    expression = "".join("/" + _segment(segment) for segment in segments)
    required = operation.input_shape.required_members if operation.input_shape is not None else []
    places: dict[str, set[str]] = {"querystring": set(), "header": set()}
    for name in required:
        traits = operation.input_shape.members[name].serialization
        if traits.get("location") in places:
            places[traits["location"]].add(traits.get("name", name))
    pairs = (pair.partition("=") for pair in fixed_query.split("&") if pair)
    return Pattern(
        operation=operation.name,
        method=operation.http["method"],
        path=re.compile(expression if greedy else expression + "/?", re.DOTALL),
        labels=tuple(label.rstrip("+") for label in labels),
        exactness=(sum(not _LABEL.search(segment) for segment in segments), len(segments)),
        literals=tuple((key, value) for key, _, value in pairs),
        query=frozenset(places["querystring"]),
        headers=frozenset(name.lower() for name in places["header"]),
        deprecated=bool(operation.deprecated),
    )


def _segment(segment: str) -> str:
    parts = _LABEL.split(segment)
    return "".join(
        ("(.+)" if part.endswith("+") else "([^/]+)") if index % 2 else re.escape(part)
        for index, part in enumerate(parts)
    )
