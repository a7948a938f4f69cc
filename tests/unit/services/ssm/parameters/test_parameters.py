"""Parameter Store, as AWS documents it: versions, selectors, labels, hierarchies, secrets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import Harness

from stepwell.api.operations import Service
from stepwell.errors import AwsError
from stepwell.services.ssm import parameters
from stepwell.services.ssm.parameters.records import ParameterVersion
from stepwell.store.sealer import KEY, FileSealer

EVENTS: list[dict[str, object]] = []


@pytest.fixture
def ssm(tmp_path: Path) -> Iterator[Harness]:
    EVENTS.clear()
    with Harness(tmp_path) as harness:
        rows = parameters.operations(FileSealer(tmp_path))
        harness.serve(
            [Service("ssm", rows)], timers={"event": lambda timer, draft: EVENTS.append(timer.body["detail"])}
        )
        yield harness


def put(ssm: Harness, name: str, value: str = "1", kind: str = "String", **more: object) -> int:
    return int(ssm.call("ssm", "PutParameter", Name=name, Value=value, Type=kind, **more)["Version"])


def names(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    return [each["Name"] for each in answer["Parameters"]]


def test_a_change_is_a_new_version_and_keeps_what_it_leaves_out(ssm: Harness) -> None:
    assert put(ssm, "/a/b", "1", AllowedPattern=r"^\d+$", Description="one") == 1
    ssm.clock.advance(5)
    assert ssm.call("ssm", "PutParameter", Name="/a/b", Value="2", Overwrite=True) == {
        "Version": 2,
        "Tier": "Standard",
    }
    shown = ssm.call("ssm", "GetParameter", Name="/a/b")["Parameter"]
    assert shown == {
        "Name": "/a/b",
        "Type": "String",
        "Value": "2",
        "Version": 2,
        "LastModifiedDate": ssm.clock.now(),
        "ARN": "arn:aws:ssm:us-east-1:000000000000:parameter/a/b",
        "DataType": "text",
    }
    described = ssm.call("ssm", "DescribeParameters")["Parameters"][0]
    assert (described["Description"], described["AllowedPattern"]) == ("one", r"^\d+$")
    history = ssm.call("ssm", "GetParameterHistory", Name="/a/b")["Parameters"]
    assert [(each["Version"], each["Value"]) for each in history] == [(1, "1"), (2, "2")]


@pytest.mark.parametrize(
    ("params", "code", "words"),
    [
        ({"Name": "/a"}, "ParameterAlreadyExists", "set the overwrite option in the request to true"),
        (
            {"Name": "/a", "Overwrite": True, "Tags": [{"Key": "k", "Value": "v"}]},
            "ValidationException",
            "tags",
        ),
        ({"Name": "/a", "Overwrite": True, "Type": "StringList"}, "HierarchyTypeMismatchException", "type"),
        ({"Name": "new", "Type": None}, "ValidationException", "A parameter type is required"),
        ({"Name": "awsome"}, "ValidationException", 'prefixed with "aws" or "ssm"'),
        ({"Name": "/ssm/x"}, "ValidationException", 'prefixed with "ssm"'),
        ({"Name": "/aws/x"}, "AccessDeniedException", "No access to reserved parameter name: /aws/x."),
        ({"Name": "a b"}, "ValidationException", "sub-paths divided by slash"),
        ({"Name": "a/b"}, "ValidationException", "fully qualified"),
        ({"Name": "/x" * 16}, "HierarchyLevelLimitExceededException", "maximum of 15 levels"),
        ({"Name": "b", "Value": "x" * 4097}, "ValidationException", "Standard tier parameters support"),
        ({"Name": "b", "Value": "x" * 8193, "Tier": "Advanced"}, "ValidationException", "8192"),
        ({"Name": "b", "Value": "{{ssm:other}}"}, "ValidationException", "nest"),
        (
            {"Name": "b", "AllowedPattern": "^[0-9]$", "Value": "x"},
            "ParameterPatternMismatchException",
            "^[0-9]$",
        ),
        ({"Name": "b", "AllowedPattern": "(?=x)"}, "InvalidAllowedPatternException", "(?="),
        ({"Name": "b", "DataType": "integer", "Value": "x"}, "ValidationException", "integer"),
        ({"Name": "b", "DataType": "json", "Value": "[" * 4000}, "ValidationException", "json"),
        ({"Name": "b", "DataType": "url", "Value": "http://["}, "ValidationException", "url"),
        ({"Name": "b", "DataType": "aws:ec2:image"}, "ValidationException", "not supported here"),
        ({"Name": "b", "KeyId": "alias/k"}, "ValidationException", "SecureString"),
        ({"Name": "b", "Policies": "[]"}, "ValidationException", "Policies"),
    ],
)
def test_what_cannot_be_put_is_refused_by_name(
    ssm: Harness, params: dict[str, object], code: str, words: str
) -> None:
    put(ssm, "/a")
    given = {"Value": "1", "Type": "String", **params}
    with pytest.raises(AwsError) as caught:
        ssm.call("ssm", "PutParameter", **{key: value for key, value in given.items() if value is not None})
    assert caught.value.error_code == code
    assert words in caught.value.message
    assert names(ssm.call("ssm", "DescribeParameters")) == ["/a"]


def test_a_pattern_that_would_take_for_ever_takes_no_time(ssm: Harness) -> None:
    with pytest.raises(AwsError, match="cannot be validated"):
        put(ssm, "slow", "a" * 4000 + "!", AllowedPattern="^(a+)+$")


def test_intelligent_tiering_takes_the_tier_that_the_value_needs(ssm: Harness) -> None:
    long = ssm.call(
        "ssm", "PutParameter", Name="l", Value="x" * 5000, Type="String", Tier="Intelligent-Tiering"
    )
    assert long["Tier"] == "Advanced"
    with pytest.raises(AwsError, match="can't downgrade"):
        put(ssm, "l", "x", Overwrite=True, Tier="Standard")


def test_a_secure_string_is_sealed_at_rest_and_opened_only_when_asked(ssm: Harness, tmp_path: Path) -> None:
    put(ssm, "/secret", "swordfish", "SecureString")
    sealed = ssm.call("ssm", "GetParameter", Name="/secret")["Parameter"]["Value"]
    assert "swordfish" not in sealed
    opened = ssm.call("ssm", "GetParameter", Name="/secret", WithDecryption=True)["Parameter"]["Value"]
    assert opened == "swordfish"
    assert ssm.call("ssm", "DescribeParameters")["Parameters"][0]["KeyId"] == "alias/aws/ssm"
    assert all(b"swordfish" not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert (tmp_path / KEY).stat().st_mode & 0o777 == 0o600


def test_a_sealed_value_opens_under_no_other_name_and_no_other_key(ssm: Harness, tmp_path: Path) -> None:
    put(ssm, "/one", "a", "SecureString")
    put(ssm, "/two", "b", "SecureString")

    def swap(draft: object) -> None:
        one = draft.get(ParameterVersion, "/one:000001")  # type: ignore[attr-defined]
        two = draft.get(ParameterVersion, "/two:000001")  # type: ignore[attr-defined]
        from msgspec.structs import replace

        draft.put(replace(two, value=one.value))  # type: ignore[attr-defined]

    ssm.decide(swap)
    with pytest.raises(AwsError) as caught:
        ssm.call("ssm", "GetParameter", Name="/two", WithDecryption=True)
    assert caught.value.error_code == "InvalidKeyId"
    other = FileSealer(tmp_path / "none")
    with pytest.raises(ValueError, match="missing"):
        other.open("AAAA", "/one")


def test_versions_and_labels_pick_what_is_read(ssm: Harness) -> None:
    for value in "123":
        put(ssm, "p", value, Overwrite=True)
    done = ssm.call(
        "ssm", "LabelParameterVersion", Name="p", ParameterVersion=1, Labels=["old", "1bad", "awsx"]
    )
    assert done == {"InvalidLabels": ["1bad", "awsx"], "ParameterVersion": 1}
    for selector, value in (("", "3"), (":2", "2"), (":old", "1")):
        shown = ssm.call("ssm", "GetParameter", Name=f"p{selector}")["Parameter"]
        assert (shown["Value"], shown.get("Selector", "")) == (value, selector)
    ssm.call("ssm", "LabelParameterVersion", Name="p", ParameterVersion=2, Labels=["old"])
    assert ssm.call("ssm", "GetParameter", Name="p:old")["Parameter"]["Value"] == "2"
    gone = ssm.call("ssm", "UnlabelParameterVersion", Name="p", ParameterVersion=2, Labels=["old", "x"])
    assert gone == {"RemovedLabels": ["old"], "InvalidLabels": ["x"]}
    for missing in ("p:old", "p:9"):
        with pytest.raises(AwsError) as caught:
            ssm.call("ssm", "GetParameter", Name=missing)
        assert caught.value.error_code == "ParameterVersionNotFound"


def test_the_newest_hundred_versions_stay_unless_a_label_holds_the_oldest(ssm: Harness) -> None:
    for value in range(101):
        put(ssm, "p", str(value), Overwrite=True)
    history = ssm.call("ssm", "GetParameterHistory", Name="p", MaxResults=50)
    assert history["Parameters"][0]["Version"] == 2
    ssm.call("ssm", "LabelParameterVersion", Name="p", ParameterVersion=2, Labels=["keep"])
    with pytest.raises(AwsError, match="Version 2, the oldest version, can't be deleted"):
        put(ssm, "p", "x", Overwrite=True)


def test_hierarchies_are_read_level_by_level_or_whole_in_pages(ssm: Harness) -> None:
    for name in ("/a/x", "/a/y", "/a/b/z", "/ab", "top"):
        put(ssm, name)

    def by_path(**params: object) -> list[str]:
        return names(ssm.call("ssm", "GetParametersByPath", **params))

    assert by_path(Path="/a") == ["/a/x", "/a/y"]
    assert by_path(Path="/a/", Recursive=True) == ["/a/b/z", "/a/x", "/a/y"]
    assert by_path(Path="/") == ["/ab", "top"]
    first = ssm.call("ssm", "GetParametersByPath", Path="/a", Recursive=True, MaxResults=2)
    assert names(first) == ["/a/b/z", "/a/x"]
    assert by_path(Path="/a", Recursive=True, MaxResults=2, NextToken=first["NextToken"]) == ["/a/y"]
    with pytest.raises(AwsError, match="must begin with a forward slash"):
        by_path(Path="a")


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([{"Key": "Name", "Values": ["a"]}], ["/a"]),
        ([{"Key": "Name", "Option": "Contains", "Values": ["b"]}], ["/a/b", "list"]),
        ([{"Key": "Name", "Option": "BeginsWith", "Values": ["/a"]}], ["/a", "/a/b"]),
        ([{"Key": "Path", "Option": "Recursive", "Values": ["/a"]}], ["/a/b"]),
        ([{"Key": "Type", "Values": ["StringList"]}], ["list"]),
        ([{"Key": "tag:team", "Values": ["ml"]}], ["/a"]),
        ([{"Key": "Type", "Values": ["String"]}, {"Key": "tag:team", "Values": ["ml"]}], ["/a"]),
    ],
)
def test_filters_let_through_what_they_say(
    ssm: Harness, filters: list[dict[str, object]], found: list[str]
) -> None:
    put(ssm, "/a", Tags=[{"Key": "team", "Value": "ml"}])
    put(ssm, "/a/b")
    put(ssm, "list", "x,b", "StringList", DataType="text")
    wanted = [name for name in found if name != "list" or filters[0].get("Option") != "Contains"]
    assert names(ssm.call("ssm", "DescribeParameters", ParameterFilters=filters)) == wanted


@pytest.mark.parametrize(
    ("filter_", "code"),
    [
        ({"Key": "Tier", "Values": ["Standard"]}, "InvalidFilterKey"),
        ({"Key": "Type", "Option": "Near", "Values": ["String"]}, "InvalidFilterOption"),
    ],
)
def test_a_filter_that_does_not_apply_is_refused(ssm: Harness, filter_: dict[str, object], code: str) -> None:
    with pytest.raises(AwsError) as caught:
        ssm.call("ssm", "GetParametersByPath", Path="/", ParameterFilters=[filter_])
    assert caught.value.error_code == code


def test_several_are_read_and_deleted_together_and_the_absent_are_listed(ssm: Harness) -> None:
    put(ssm, "a", "x,y", "StringList")
    put(ssm, "b")
    answer = ssm.call("ssm", "GetParameters", Names=["b", "nope", "a:1", "a:7"])
    assert names(answer) == ["a", "b"]
    assert answer["InvalidParameters"] == ["a:7", "nope"]
    gone = ssm.call("ssm", "DeleteParameters", Names=["a", "nope"])
    assert gone == {"DeletedParameters": ["a"], "InvalidParameters": ["nope"]}
    ssm.call("ssm", "DeleteParameter", Name="b")
    with pytest.raises(AwsError, match="Parameter b not found"):
        ssm.call("ssm", "DeleteParameter", Name="b")
    assert put(ssm, "b") == 1


def test_an_arn_names_a_parameter_with_or_without_a_hierarchy(ssm: Harness) -> None:
    put(ssm, "/a/b", "deep")
    put(ssm, "plain", "flat")
    for tail, value in (("a/b", "deep"), ("plain", "flat")):
        arn = f"arn:aws:ssm:us-east-1:000000000000:parameter/{tail}"
        assert ssm.call("ssm", "GetParameter", Name=arn)["Parameter"]["Value"] == value


def test_every_change_tells_eventbridge(ssm: Harness) -> None:
    put(ssm, "p")
    put(ssm, "p", "2", Overwrite=True)
    ssm.call("ssm", "DeleteParameter", Name="p")
    ssm.settle()
    assert [event["operation"] for event in EVENTS] == ["Create", "Update", "Delete"]
