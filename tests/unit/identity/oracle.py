"""A policy evaluator too plain to be wrong: it reads documents as the IAM User Guide describes them.

It shares no algorithm with `stepwell.identity`: nothing is compiled, wildcards are tried character by
character, and the layers are asked one after the other in the order of the guide's flow chart.
"""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stepwell.calls import Caller

Document = Mapping[str, Any]
Context = Mapping[str, Sequence[str]]


@dataclass(frozen=True, kw_only=True)
class Question:
    """One request and every document that applies to it."""

    action: str
    resource: str
    caller: Caller
    #: condition keys in lower case, those of the principal included
    context: Context
    #: the account that owns the resource
    owner: str
    identity: Sequence[Document] = ()
    boundary: Document | None = None
    session: Sequence[Document] | None = None
    on_resource: Document | None = None
    must: bool = False


def answer(q: Question) -> str:
    """`allowed`, `explicitDeny` or `implicitDeny`."""
    limited = q.caller.kind in ("user", "role")
    own = list(q.identity) if limited else []
    boundary = [q.boundary] if limited and q.boundary is not None else []
    session = list(q.session) if limited and q.session is not None else []
    on_resource = [q.on_resource] if q.on_resource is not None else []

    # an explicit deny in any policy
    for document in own + boundary + session + on_resource:
        if any(spoken(q, document, "Deny")):
            return "explicitDeny"

    consent = max((how_named(q, s) for d in on_resource for s in spoken(q, d, "Allow")), default=0)
    own_allows = any(True for d in own for _ in spoken(q, d, "Allow"))
    boundary_allows = not boundary or any(spoken(q, boundary[0], "Allow"))
    session_allows = not limited or q.session is None or any(any(spoken(q, d, "Allow")) for d in session)

    if q.caller.kind == "service":
        return "allowed" if consent else "implicitDeny"
    if q.owner != q.caller.account:  # both accounts must agree
        if not consent:
            return "implicitDeny"
        if not limited:
            return "allowed"
        return "allowed" if own_allows and boundary_allows and session_allows else "implicitDeny"
    if q.must and not consent:
        return "implicitDeny"
    if not limited or consent == DIRECT:
        return "allowed"
    if consent == BY_ROLE:
        return "allowed" if boundary_allows and session_allows else "implicitDeny"
    return "allowed" if own_allows and boundary_allows and session_allows else "implicitDeny"


NOT, BY_ACCOUNT, BY_ROLE, DIRECT = range(4)


def spoken(q: Question, document: Document, effect: str) -> list[Any]:
    """The statements of that effect which speak of the request and its caller."""
    variables = document.get("Version") == "2012-10-17"
    found = []
    for statement in document["Statement"]:
        if (
            statement["Effect"] == effect
            and about_action(q, statement)
            and about_resource(q, statement, variables)
            and holds(q, statement.get("Condition", {}), variables)
            and how_named(q, statement) != NOT
        ):
            found.append(statement)
    return found


def many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def about_action(q: Question, statement: Any) -> bool:
    listed = many(statement.get("Action", statement.get("NotAction")))
    hit = any(like(pattern.lower(), q.action.lower()) for pattern in listed)
    return hit if "Action" in statement else not hit


def about_resource(q: Question, statement: Any, variables: bool) -> bool:
    if "Resource" not in statement and "NotResource" not in statement:
        return True
    hits = [
        arn_hit(q, each, variables) for each in many(statement.get("Resource", statement.get("NotResource")))
    ]
    if "Resource" in statement:
        return True in hits
    return True not in hits and None not in hits


def arn_hit(q: Question, pattern: str, variables: bool) -> bool | None:
    """None: a variable of the pattern is unknown."""
    parts = pattern.split(":", 5)
    if variables and len(parts) == 6:
        last = filled(q, parts[5])
        if last is None:
            return None
        return arn_like([*[marked(part) for part in parts[:5]], last], q.resource)
    return arn_like([marked(part) for part in parts], q.resource)


#: a pattern: characters, each with whether it is a wildcard
Pattern = list[tuple[str, bool]]


def marked(text: str) -> Pattern:
    return [(char, char in "*?") for char in text]


def filled(q: Question, text: str) -> Pattern | None:
    out: Pattern = []
    while text:
        found = re.match(r"\$\{\s*([^},]*?)\s*(?:,\s*'([^']*)'\s*)?\}", text)
        if found is None:
            out.append((text[0], text[0] in "*?"))
            text = text[1:]
            continue
        text = text[found.end() :]
        name, default = found[1], found[2]
        if name in ("*", "?", "$") and default is None:
            out.append((name, False))
            continue
        values = q.context.get(name.lower(), ())
        value = values[0] if len(values) == 1 else default
        if value is None:
            return None
        out += [(char, False) for char in value]
    return out


def arn_like(parts: list[Pattern], text: str) -> bool:
    """Within the first five segments a wildcard keeps to its segment, save a `*` at a segment's end."""
    flat: list[tuple[str, str]] = []
    for n, part in enumerate(parts):
        for m, (char, wild) in enumerate(part):
            last = m == len(part) - 1
            narrow = wild and n < 5 and not (char == "*" and last)
            flat.append((char, "narrow" if narrow else "wide" if wild else ""))
        if n < len(parts) - 1:
            flat.append((":", ""))
    return walk(flat, text)


def walk(pattern: list[tuple[str, str]], text: str) -> bool:
    if not pattern:
        return not text
    (char, wild), rest = pattern[0], pattern[1:]
    if wild and char == "*":
        if walk(rest, text):
            return True
        return bool(text) and not (wild == "narrow" and text[0] == ":") and walk(pattern, text[1:])
    if not text:
        return False
    if wild:
        return not (wild == "narrow" and text[0] == ":") and walk(rest, text[1:])
    return text[0] == char and walk(rest, text[1:])


def like(pattern: str, text: str) -> bool:
    return walk([(char, "wide" if char in "*?" else "") for char in pattern], text)


def how_named(q: Question, statement: Any) -> int:
    if "Principal" in statement:
        return listed(q.caller, statement["Principal"])
    if "NotPrincipal" in statement:
        return NOT if listed(q.caller, statement["NotPrincipal"]) else DIRECT
    return DIRECT


def listed(caller: Caller, element: Any) -> int:
    if element == "*":
        return DIRECT
    best = NOT
    for kind, names in element.items():
        for name in many(names):
            if kind == "Service" and caller.kind == "service" and name == caller.arn:
                best = DIRECT
            if kind != "AWS":
                continue
            if name == "*":
                best = DIRECT
            if caller.kind == "service":
                continue
            account = name if name.isdigit() else name.split(":")[4] if name.endswith(":root") else None
            if name == caller.arn:
                best = DIRECT
            elif account == caller.account:
                best = max(best, DIRECT if caller.kind == "root" else BY_ACCOUNT)
            elif caller.kind == "role" and name in (caller.role, caller.user_id.split(":")[0]):
                best = max(best, BY_ROLE)
            elif caller.kind == "user" and name == caller.user_id:
                best = DIRECT
    return best


def holds(q: Question, condition: Any, variables: bool) -> bool:
    return all(
        one(q, operator, key.lower(), many(values), variables)
        for operator, keys in condition.items()
        for key, values in keys.items()
    )


def one(q: Question, operator: str, key: str, wanted: list[Any], variables: bool) -> bool:
    quantifier, _, name = operator.rpartition(":")
    if_exists, name = name.endswith("IfExists"), name.removesuffix("IfExists")
    given = list(q.context.get(key, ()))
    texts = [str(each).lower() if isinstance(each, bool) else str(each) for each in wanted]
    if name == "Null":
        return ("false" if given else "true") in [text.lower() for text in texts]
    negated = "Not" in name
    if not given:
        return if_exists or quantifier == "ForAllValues" or (negated and not quantifier)
    patterns: list[Pattern] = []
    for text in texts:
        pattern = filled(q, text) if variables and name.startswith(("String", "Arn")) else marked(text)
        if pattern is None:
            if negated:
                return False
            continue
        patterns.append(pattern)
    positive = name.replace("Not", "")
    results = [any(matches(positive, pattern, value) for pattern in patterns) != negated for value in given]
    if quantifier == "ForAllValues" or (negated and not quantifier):
        return all(results)
    return any(results)


def matches(name: str, pattern: Pattern, value: str) -> bool:
    text = "".join(char for char, _ in pattern)
    if name in ("StringEquals", "BinaryEquals"):
        return value == text
    if name == "StringEqualsIgnoreCase":
        return value.casefold() == text.casefold()
    if name == "StringLike":
        return walk([(char, "wide" if wild else "") for char, wild in pattern], value)
    if name in ("ArnEquals", "ArnLike"):
        return arn_parts(pattern, value)
    if name == "Bool":
        return value.lower() == text.lower()
    if name == "IpAddress":
        try:
            return ipaddress.ip_address(value) in ipaddress.ip_network(text, strict=False)
        except ValueError:
            return False
    kind = "Numeric" if name.startswith("Numeric") else "Date"
    try:
        left, right = number(kind, value), number(kind, text)
    except ValueError:
        return False
    return {
        "Equals": left == right,
        "LessThan": left < right,
        "LessThanEquals": left <= right,
        "GreaterThan": left > right,
        "GreaterThanEquals": left >= right,
    }[name.removeprefix(kind)]


def arn_parts(pattern: Pattern, value: str) -> bool:
    parts: list[list[tuple[str, str]]] = [[]]
    for char, wild in pattern:
        if char == ":" and len(parts) < 6:
            parts.append([])
        else:
            parts[-1].append((char, "wide" if wild else ""))
    given = value.split(":", 5)
    return len(parts) == len(given) == 6 and all(walk(p, t) for p, t in zip(parts, given, strict=True))


def number(kind: str, text: str) -> float:
    if kind == "Numeric" or re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
