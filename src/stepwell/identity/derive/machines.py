"""A state machine's role: what every task of its definition takes."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from stepwell import asl
from stepwell.identity.derive import sdk
from stepwell.identity.derive.needs import Need, Place, document, needs, statements
from stepwell.identity.derive.resources import function, resources
from stepwell.identity.derive.table import INTEGRATIONS, LOGGING, RULE_ACTIONS, TRACING, Integration, Rights
from stepwell.identity.derive.values import DYNAMIC, text, texts

_SERVICE = "arn:aws:states:::"


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """What a definition takes."""

    #: the execution role's rights
    needs: tuple[Need, ...]
    #: rights of roles that tasks take on by `Credentials`, by the role's ARN
    assumed: Mapping[str, tuple[Need, ...]] = field(default_factory=dict)
    #: states whose resource is no integration that the table knows: theirs are for the author to add
    unknown: tuple[str, ...] = ()

    @property
    def statements(self) -> tuple[dict[str, Any], ...]:
        """The execution role's statements."""
        return statements(self.needs)

    @property
    def policy(self) -> dict[str, Any]:
        """The execution role's policy document."""
        return document(self.needs)


def derive(
    definition: Mapping[str, Any] | str,
    *,
    account: str,
    region: str,
    partition: str = "aws",
    name: str = DYNAMIC,
    logging: bool = False,
    tracing: bool = False,
) -> Derived:
    """The least rights of the role that executes `definition`.

    definition: its text, or its JSON value; what is no JSON in it (a reference to something not made
    yet) counts as known at run time only. name: the machine's, for rights on itself. logging, tracing:
    whether the machine is configured to.
    Raises asl.DefinitionInvalid for a text that is no valid definition.
    """
    if isinstance(definition, str):
        asl.compile(definition)
        definition = json.loads(definition)
    reading = _Reading(Place(account=account, region=region, partition=partition), name)
    assert isinstance(definition, Mapping)
    reading.block(definition, definition.get("QueryLanguage", "JSONPath"))
    for configured, rights in ((logging, LOGGING), (tracing, TRACING)):
        if configured:
            reading.found += needs(rights.actions, ["*"], why="the machine's configuration")
    return Derived(
        needs=tuple(sorted(set(reading.found))),
        assumed={role: tuple(sorted(set(found))) for role, found in sorted(reading.assumed.items())},
        unknown=tuple(reading.unknown),
    )


class _Reading:
    """One walk through a definition."""

    def __init__(self, place: Place, name: str) -> None:
        self._place = place
        self._name = name
        self.found: list[Need] = []
        self.assumed: dict[str, list[Need]] = {}
        self.unknown: list[str] = []

    def block(self, block: Mapping[str, Any], language: str) -> None:
        for name, state in block.get("States", {}).items():
            if not isinstance(state, Mapping):
                continue
            own = state.get("QueryLanguage", language)
            if state.get("Type") == "Task":
                self._task(name, state, own)
            for inner in (*state.get("Branches", ()), state.get("ItemProcessor"), state.get("Iterator")):
                if isinstance(inner, Mapping):
                    self.block(inner, language)
            if state.get("Type") == "Map":
                self._map(name, state, own)

    def _task(self, name: str, state: Mapping[str, Any], language: str) -> None:
        found = list(self._rights(name, state, language))
        credentials = state.get("Credentials")
        if credentials is None:
            self.found += found
            return
        for role in texts(credentials, "RoleArn", language) or [DYNAMIC]:
            self.found += needs("sts:AssumeRole", [self._role(role)], why=name)
            self.assumed.setdefault(self._role(role), []).extend(found)

    def _rights(self, name: str, state: Mapping[str, Any], language: str) -> Iterator[Need]:
        resource = text(state.get("Resource"), "JSONPath")
        arguments = state.get("Arguments" if language == "JSONata" else "Parameters")
        if ":function:" in resource and ":lambda:" in resource:
            yield from needs("lambda:InvokeFunction", function(resource, self._place, []), why=name)
            return
        if ":activity:" in resource:
            return
        integration, _, pattern = resource.removeprefix(_SERVICE).partition(".")
        kind, _, action = integration.rpartition(":")
        if not resource.startswith(_SERVICE) or not kind:
            self.unknown.append(name)
        elif kind.startswith("aws-sdk:"):
            yield from self._sdk(name, kind.removeprefix("aws-sdk:"), action, arguments, language)
        elif (kind, action) in INTEGRATIONS:
            yield from self._optimised(name, (kind, action), pattern, arguments, language)
        else:
            self.unknown.append(name)

    def _sdk(self, name: str, service: str, action: str, arguments: Any, language: str) -> Iterator[Need]:
        given = arguments.keys() if isinstance(arguments, Mapping) else ()
        fields = frozenset(key.removesuffix(".$") for key in given)
        yield from self._each(name, sdk.rights(service, action, fields), arguments, language)
        yield from self._passed(name, sdk.PASSED.get((service, action), ()), arguments, language)

    def _optimised(
        self, name: str, key: tuple[str, str], pattern: str, arguments: Any, language: str
    ) -> Iterator[Need]:
        row: Integration = INTEGRATIONS[key]
        yield from self._each(name, row.rights, arguments, language)
        yield from self._passed(name, row.passes, arguments, language)
        synchronous = pattern in ("sync", "sync:2")
        if row.tagged and ((synchronous and row.rule) or texts(arguments, "Tags", language)):
            tagging = (Rights(actions="sagemaker:AddTags", on=row.tagged),)
            yield from self._each(name, tagging, arguments, language)
        if synchronous:
            yield from self._each(name, row.sync, arguments, language)
            if row.rule:
                yield from needs(RULE_ACTIONS, [self._place.arn(f"events:rule/{row.rule}")], why=name)
        if key == ("http", "invoke"):
            yield from self._http(name, arguments, language)

    def _http(self, name: str, arguments: Any, language: str) -> Iterator[Need]:
        """An HTTP task acts on its own machine, bound to the endpoint and the method that it names."""
        keys = {}
        for field_name, key in (("ApiEndpoint", "states:HTTPEndpoint"), ("Method", "states:HTTPMethod")):
            found = texts(arguments, field_name, language)
            if len(found) == 1 and DYNAMIC not in found[0]:
                keys[key] = found[0]
        machine = [self._place.arn(f"states:stateMachine:{self._name}")]
        yield from needs("states:InvokeHTTPEndpoint", machine, why=name, keys=keys)

    def _each(self, name: str, rights: tuple[Rights, ...], arguments: Any, language: str) -> Iterator[Need]:
        for right in rights:
            yield from needs(right.actions, resources(right.on, arguments, language, self._place), why=name)

    def _passed(
        self, name: str, passes: tuple[tuple[str, str], ...], arguments: Any, language: str
    ) -> Iterator[Need]:
        for path, service in passes:
            roles = [self._role(role) for role in texts(arguments, path, language)]
            yield from needs("iam:PassRole", roles, why=name, keys={"iam:PassedToService": service})

    def _role(self, role: str) -> str:
        return role if role.startswith("arn:") else self._place.arn(f"iam:role/{role}")

    def _map(self, name: str, state: Mapping[str, Any], language: str) -> None:
        processor = state.get("ItemProcessor")
        config = processor.get("ProcessorConfig", {}) if isinstance(processor, Mapping) else {}
        if config.get("Mode") != "DISTRIBUTED":
            return
        arn, label = self._place.arn, state.get("Label", DYNAMIC)
        executions = arn(f"states:execution:{self._name}")
        self.found += needs("states:StartExecution", [arn(f"states:stateMachine:{self._name}")], why=name)
        self.found += needs("states:DescribeExecution states:StopExecution", [f"{executions}:*"], why=name)
        self.found += needs("states:RedriveExecution", [f"{executions}/{label}:*"], why=name)
        self._reader(name, state.get("ItemReader"), language)
        self._writer(name, state.get("ResultWriter"), language)

    def _reader(self, name: str, reader: Any, language: str) -> None:
        if not isinstance(reader, Mapping):
            return
        arguments = reader.get("Arguments" if language == "JSONata" else "Parameters")
        config = reader.get("ReaderConfig", {})
        if str(reader.get("Resource", "")).endswith(":s3:getObject"):
            whole = config.get("InputType") == "MANIFEST"
            on = "s3:{Bucket}/*" if whole else "s3:{Bucket}/{Key}"
            self.found += self._each(name, (Rights(actions="s3:GetObject", on=on),), arguments, language)
            return
        listing = Rights(actions="s3:ListBucket", on="s3:{Bucket}")
        self.found += self._each(name, (listing,), arguments, language)
        if config.get("Transformation") == "LOAD_AND_FLATTEN":
            loading = Rights(actions="s3:GetObject", on="s3:{Bucket}/{Prefix}*")
            self.found += self._each(name, (loading,), arguments, language)

    def _writer(self, name: str, writer: Any, language: str) -> None:
        if not isinstance(writer, Mapping) or "Resource" not in writer:
            return
        arguments = writer.get("Arguments" if language == "JSONata" else "Parameters")
        rights = Rights(
            actions="s3:PutObject s3:GetObject s3:ListMultipartUploadParts s3:AbortMultipartUpload",
            on="s3:{Bucket}/{Prefix}/*",
        )
        self.found += [
            Need(action=need.action, resource=need.resource.replace("/*/*", "/*"), why=need.why)
            for need in self._each(name, (rights,), arguments, language)
        ]
