"""The compiled decision is the same as that of an evaluator too plain to be wrong, on random policies."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell.calls import Caller
from stepwell.identity import policy
from stepwell.identity.evaluate import Policies, Request, decide

A = "111122223333"
USER = Caller(arn=f"arn:aws:iam::{A}:user/ann", account=A, kind="user")
ROLE = Caller(
    arn=f"arn:aws:sts::{A}:assumed-role/r/s", account=A, kind="role", role=f"arn:aws:iam::{A}:role/r"
)
SERVICE = Caller(arn="s3.amazonaws.com", account=A, kind="service")
ROOT = Caller(arn=f"arn:aws:iam::{A}:root", account=A, kind="root")


def like(pattern: str, text: str) -> bool:
    """Wildcards by their definition."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(like(pattern[1:], text[i:]) for i in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and like(pattern[1:], text[1:])


def holds(condition: dict[str, Any], context: dict[str, str]) -> bool:
    for operator, keys in condition.items():
        for key, values in keys.items():
            value = context.get(key)
            name = operator.removesuffix("IfExists")
            if name == "Null":
                good = ("true" if value is None else "false") in values
            elif value is None:
                good = operator != name or "Not" in name
            elif name == "StringEquals":
                good = value in values
            elif name == "StringNotEquals":
                good = value not in values
            else:
                good = any(like(v, value) for v in values)
            if not good:
                return False
    return True


def applies(statement: dict[str, Any], request: Request) -> bool:
    action = request.action.lower()
    by_action = (
        any(like(a.lower(), action) for a in statement["Action"])
        if "Action" in statement
        else not any(like(a.lower(), action) for a in statement["NotAction"])
    )
    by_resource = (
        any(like(r, request.resource) for r in statement["Resource"])
        if "Resource" in statement
        else not any(like(r, request.resource) for r in statement["NotResource"])
    )
    return by_action and by_resource and holds(statement["Condition"], dict(request.context))  # type: ignore[arg-type]


def names(statement: dict[str, Any], caller: Caller) -> str:
    who = statement["Principal"]
    if who == "*" or caller.arn in who.values():
        return "direct"
    if caller.role is not None and caller.role in who.values():
        return "role"
    if ROOT.arn in who.values() and caller.kind != "service":
        return "account"
    return ""


def plainly(request: Request, own: list[Any], boundary: Any, session: Any, resource: Any) -> str:
    caller = request.principal
    limited = caller.kind in ("user", "role")

    def any_of(documents: list[Any], effect: str) -> bool:
        return any(s["Effect"] == effect and applies(s, request) for d in documents for s in d["Statement"])

    mine = [*own, *(d for d in (boundary, session) if d is not None)] if limited else []
    of_resource = [s for s in (resource or {"Statement": []})["Statement"] if applies(s, request)]
    if any_of(mine, "Deny") or any(s["Effect"] == "Deny" and names(s, caller) for s in of_resource):
        return "explicitDeny"
    named = {names(s, caller) for s in of_resource if s["Effect"] == "Allow"}
    if caller.kind == "root" or "direct" in named:
        return "allowed"
    if not limited or not ("role" in named or any_of(own, "Allow")):
        return "implicitDeny"
    return (
        "allowed" if all(d is None or any_of([d], "Allow") for d in (boundary, session)) else "implicitDeny"
    )


BUCKETS = ["arn:aws:s3:::a", "arn:aws:s3:::a/k", "arn:aws:s3:::b/k/l"]
ACTIONS = st.lists(
    st.sampled_from(["*", "s3:*", "s3:Get*", "S3:getobject", "s3:P?tObject", "s3:*Object", "sqs:*"]),
    min_size=1, max_size=3,
)  # fmt: skip
RESOURCES = st.lists(
    st.sampled_from(["*", *(f"arn:aws:s3:::{name}" for name in ("*", "a", "a/*", "?/k", "*/l"))]),
    min_size=1, max_size=3,
)  # fmt: skip
VALUES = st.lists(st.sampled_from(["x", "xy", "x*", "?"]), min_size=1, max_size=2)
CONDITIONS = st.dictionaries(
    st.sampled_from(
        ["StringEquals", "StringNotEquals", "StringLike", "StringEqualsIfExists", "StringLikeIfExists"]
    ),
    st.dictionaries(st.sampled_from(["k", "l"]), VALUES, min_size=1),
    max_size=2,
) | st.fixed_dictionaries({"Null": st.dictionaries(st.just("k"), st.just(["true"]), min_size=1)})  # fmt: skip
PRINCIPALS = st.sampled_from(
    [
        "*",
        {"AWS": USER.arn},
        {"AWS": ROLE.arn},
        {"AWS": ROLE.role},
        {"AWS": ROOT.arn},
        {"Service": SERVICE.arn},
    ]
)


@st.composite
def documents(draw: st.DrawFn, *, of_resource: bool = False) -> dict[str, Any]:
    statements = []
    for _ in range(draw(st.integers(1, 3))):
        statement = {
            "Effect": draw(st.sampled_from(["Allow", "Allow", "Allow", "Deny"])),
            draw(st.sampled_from(["Action", "Action", "NotAction"])): draw(ACTIONS),
            draw(st.sampled_from(["Resource", "Resource", "NotResource"])): draw(RESOURCES),
            "Condition": draw(st.just({}) | CONDITIONS),
        }
        if of_resource:
            statement["Principal"] = draw(PRINCIPALS)
        statements.append(statement)
    return {"Version": "2012-10-17", "Statement": statements}


REQUESTS = st.builds(
    Request,
    action=st.sampled_from(["s3:GetObject", "s3:PutObject", "s3:ListBucket", "sqs:SendMessage"]),
    resource=st.sampled_from(BUCKETS),
    principal=st.sampled_from([USER, ROLE, ROLE, SERVICE, ROOT]),
    context=st.dictionaries(st.sampled_from(["k", "l"]), st.sampled_from(["x", "xy", "z"])),
)


@settings(max_examples=2000, deadline=None)
@given(
    request=REQUESTS,
    own=st.lists(documents(), max_size=3),
    boundary=st.none() | documents(),
    session=st.none() | documents(),
    resource=st.none() | documents(of_resource=True),
)
def test_compiled_and_plain_evaluators_agree(
    request: Request, own: list[Any], boundary: Any, session: Any, resource: Any
) -> None:
    policies = Policies(
        identity=tuple(policy.parse(document) for document in own),
        boundary=None if boundary is None else policy.parse(boundary),
        session=None if session is None else (policy.parse(session),),
        resource=None if resource is None else policy.parse(resource, kind="resource"),
    )
    assert decide(request, policies).reason == plainly(request, own, boundary, session, resource)
