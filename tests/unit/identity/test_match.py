"""Patterns match what AWS says they match, and never take long."""

import pytest

from stepwell.identity.documents import context_keys
from stepwell.identity.match import Names, Resources, Template, Variable, template


@pytest.mark.parametrize(
    ("pattern", "action", "matches"),
    [
        ("*", "s3:getobject", True),
        ("s3:*", "s3:getobject", True),
        ("s3:*", "s3express:createsession", False),
        ("s3:get*", "s3:getobject", True),
        ("s3:get*", "s3:putobject", False),
        ("s3:*object", "s3:getobject", True),
        ("s3:*object", "s3:getobjectacl", False),
        ("s3:?etobject", "s3:getobject", True),
        ("s3:?etobject", "s3:etobject", False),
        ("s3:getobject", "s3:getobjectacl", False),
        ("s3:g*t*ject", "s3:getobject", True),
        ("*:getobject", "s3:getobject", True),
    ],
)
def test_actions_match_by_wildcards(pattern: str, action: str, matches: bool) -> None:
    assert Names.of([pattern]).match(action) is matches


@pytest.mark.parametrize(
    ("pattern", "resource", "matches"),
    [
        ("*", "arn:aws:s3:::b", True),
        ("arn:aws:s3:::b", "arn:aws:s3:::b", True),
        ("arn:aws:s3:::b", "arn:aws:s3:::b/key", False),
        ("arn:aws:s3:::b", "arn:aws:s3:::B", False),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b/deep/er/key:with:colons", True),
        ("arn:aws:s3:::b/*", "arn:aws:s3:::b", False),
        ("arn:aws:s3:::b/*/x", "arn:aws:s3:::b/1/2/x", True),
        ("arn:aws:s3:::b/?", "arn:aws:s3:::b/12", False),
        ("arn:aws:states:*:*:stateMachine:*", "arn:aws:states:us-east-1:111122223333:stateMachine:m", True),
        ("arn:aws:lambda:us-*-1:1:function:f", "arn:aws:lambda:us-east-1:1:function:f", True),
        # a star inside a segment stays in it, one at its end reaches over the colon
        ("arn:aws:lambda:us-*t-1:1:function:f", "arn:aws:lambda:us-:1:x:east-1:1:function:f", False),
        ("arn:aws:logs:*:log-group:g", "arn:aws:logs:us-east-1:111122223333:log-group:g", True),
        ("arn:aws:logs:*", "arn:aws:logs:us-east-1:111122223333:log-group:g", True),
        ("arn:aws:sns:us-east-?:1:t", "arn:aws:sns:us-east-1:1:t", True),
        ("arn:aws:sns:us-east-1?1:t", "arn:aws:sns:us-east-1:1:t", False),
        ("arn:aws:s3:::a.b", "arn:aws:s3:::aXb", False),
        ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/*", True),
        ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/x", False),
        ("arn:aws:s3:::b/${$}{x}", "arn:aws:s3:::b/${x}", True),
        ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/ann/x", True),
        ("arn:aws:s3:::b/${AWS:UserName}/*", "arn:aws:s3:::b/ann/x", True),
        ("arn:aws:s3:::b/${aws:username}/*", "arn:aws:s3:::b/bob/x", False),
        ("arn:aws:s3:::b/${aws:unknown}", "arn:aws:s3:::b/", False),
        ("arn:aws:s3:::b/${aws:unknown, 'all'}", "arn:aws:s3:::b/all", True),
        ("arn:aws:s3:::b/${aws:many}", "arn:aws:s3:::b/1", False),
        ("arn:aws:s3:::b/${aws:star}", "arn:aws:s3:::b/x", False),
        ("arn:aws:s3:::b/${aws:star}", "arn:aws:s3:::b/*", True),
    ],
)
def test_resources_match_by_wildcards_and_variables(pattern: str, resource: str, matches: bool) -> None:
    context = {"aws:username": ("ann",), "aws:many": ("1", "2"), "aws:star": ("*",)}
    assert Resources.of([pattern], inverted=False, variables=True).match(resource, context) is matches


def test_not_resource_matches_everything_else() -> None:
    resources = Resources.of(
        ["arn:aws:s3:::a", "arn:aws:s3:::b/${aws:username}"], inverted=True, variables=True
    )
    context = {"aws:username": ("ann",)}
    assert not resources.match("arn:aws:s3:::a", context)
    assert not resources.match("arn:aws:s3:::b/ann", context)
    assert resources.match("arn:aws:s3:::b/bob", context)


def test_not_resource_with_an_unknown_variable_matches_nothing() -> None:
    resources = Resources.of(["arn:aws:s3:::b/${aws:username}"], inverted=True, variables=True)
    assert not resources.match("arn:aws:s3:::other", {})


def test_variables_are_plain_text_in_policies_before_2012() -> None:
    resources = Resources.of(["arn:aws:s3:::b/${aws:username}"], inverted=False, variables=False)
    assert resources.match("arn:aws:s3:::b/${aws:username}", {"aws:username": ("ann",)})


def test_a_pattern_without_variables_is_no_template() -> None:
    assert template("arn:aws:s3:::b/*") == "arn:aws:s3:::b/*"
    assert isinstance(template("${aws:username}"), Template)


@pytest.mark.timeout(5)
@pytest.mark.parametrize("arn", [False, True])
@pytest.mark.parametrize(
    "pattern",
    [
        "a*" * 40 + "b",
        "?*" * 30 + "b",
        "arn:aws:sns:" + "a*" * 20 + ":*:" + "a*" * 20 + "b",
        "*:" * 40 + "b",
        "arn:" + "*?*:" * 4 + "b",
        "arn:" + "*:?*" * 4 + "b",
    ],
)
def test_no_pattern_makes_matching_slow(pattern: str, arn: bool) -> None:
    """Patterns are users' input and are matched on the loop: many stars must not multiply the work."""
    names = Names.of([pattern], arn=arn)
    for resource in ("arn:aws:sns:" + "a" * 500 + "::" + ":a" * 500, "a" * 1000, ":" * 1000):
        assert not names.match(resource)


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "text", ["${" + " " * 8000, "${a" * 4000, "${a," * 4000, "${a,'" * 4000, "${a," + " " * 8000]
)
def test_no_text_makes_the_search_for_variables_slow(text: str) -> None:
    assert template(text) == text
    assert context_keys({"Resource": text}) == []


def test_variables_may_have_spaces_around_their_names() -> None:
    text = "a${ aws:username }b${ aws:userid , 'x' }"
    assert template(text) == Template(
        (
            "a",
            Variable(key="aws:username", default=None),
            "b",
            Variable(key="aws:userid", default="x"),
            "",
        )
    )
    assert context_keys({"Resource": text}) == ["aws:username", "aws:userid"]
