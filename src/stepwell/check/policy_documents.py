"""`aws.iam.get_policy_document`: the JSON that it gives, from the arguments that it gets."""

from __future__ import annotations

from stepwell.check.values import Array, Invoke, Json, Literal, Object, Value, get, items, text

NAME = "pulumi_aws.iam.get_policy_document"
_LISTS = {
    "actions": "Action",
    "notActions": "NotAction",
    "resources": "Resource",
    "notResources": "NotResource",
}


def written_out(invoke: Invoke) -> Json | None:
    """The document that the call gives; None for another function, or where it builds on other documents."""
    arguments = Object(place=invoke.place, entries=dict(invoke.arguments))
    if invoke.name.removesuffix("_output") != NAME or any(
        get(arguments, name) is not None for name in ("sourcePolicyDocuments", "overridePolicyDocuments")
    ):
        return None
    statements = [_statement(each) for each in items(get(arguments, "statements"))]
    version: Value = Literal(place=invoke.place, value="2012-10-17")
    body = Array(place=invoke.place, items=list(statements))
    entries: dict[str, Value] = {"Version": get(arguments, "version") or version, "Statement": body}
    return Json(place=invoke.place, value=Object(place=invoke.place, entries=entries))


def _statement(given: Value) -> Object:
    made = Object(place=given.place, open=not isinstance(given, Object))
    effect: Value = Literal(place=given.place, value="Allow")
    made.entries["Effect"] = get(given, "effect") or effect
    sid = get(given, "sid")
    if sid is not None:
        made.entries["Sid"] = sid
    for name, element in _LISTS.items():
        listed = get(given, name)
        if listed is not None:
            made.entries[element] = listed
    for name, element in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        blocks = items(get(given, name))
        if blocks:
            principals = _by(blocks, "type", "identifiers")
            everyone = list(principals.entries) == ["*"] and not principals.open
            made.entries[element] = Literal(place=principals.place, value="*") if everyone else principals
    conditions = items(get(given, "conditions"))
    if conditions:
        tests = Object(place=conditions[0].place)
        for block in conditions:
            test = text(get(block, "test")) or "StringEquals"
            keys = tests.entries.setdefault(test, Object(place=block.place))
            assert isinstance(keys, Object)
            _gather(keys, block, "variable", "values")
        made.entries["Condition"] = tests
    return made


def _by(blocks: list[Value], key: str, values: str) -> Object:
    made = Object(place=blocks[0].place)
    for block in blocks:
        _gather(made, block, key, values)
    return made


def _gather(made: Object, block: Value, key: str, values: str) -> None:
    """A block's values with those of earlier blocks of the same key."""
    name, found = text(get(block, key)), get(block, values)
    if name is None or found is None:
        made.open = True
    elif name in made.entries:
        both = [*items(made.entries[name]), *items(found)]
        made.entries[name] = Array(place=made.entries[name].place, items=both)
    else:
        made.entries[name] = found
