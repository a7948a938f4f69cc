"""What a run makes of a program: plan, apply, resume, replace, delete, refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from stepwell import provision
from stepwell.provision.registration import Alias
from stepwell.provision.values import UNKNOWN

BUCKET, ROLE, LOGS = "aws:s3/bucket:Bucket", "aws:iam/role:Role", "aws:cloudwatch/logGroup:LogGroup"
POLICY, ATTACHMENT = "aws:iam/rolePolicy:RolePolicy", "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
Play = Callable[..., provision.Outcome]


def _operations(outcome: provision.Outcome) -> dict[str, str]:
    return {c.name: c.operation for c in outcome.changes if c.type != "pulumi:pulumi:Stack"}


def _only(outcome: provision.Outcome) -> str:
    assert not outcome.ok
    return " | ".join(problem.message for problem in outcome.errors)


def test_an_up_makes_what_is_declared_and_a_second_one_calls_nothing(play: Play, aws: Any) -> None:
    """The second run's plan finds nothing to do and ends there."""

    def program(declare: Any) -> None:
        bucket = declare(BUCKET, "data", {"tags": {"a": "b"}})
        declare.export(name=bucket["bucket"])

    first = play(program)
    assert _operations(first) == {"data": "create"}
    name = first.outputs["name"].value
    assert name in aws.table("bucket")
    assert name.startswith("data-")
    assert len(name) == len("data-") + 7
    second = play(program)
    assert (second.ok, second.counts, aws.calls) == (True, {"same": 1}, [])
    assert second.outputs == first.outputs


def test_a_preview_writes_nothing(play: Play, aws: Any, stack: Any) -> None:
    """Neither calls that write, nor a state file."""
    outcome = play(lambda declare: declare(BUCKET, "data"), "preview")
    assert _operations(outcome) == {"data": "create"}
    assert aws.calls == []
    assert not stack.state.exists()


def test_everything_that_is_refused_is_told_before_anything_is_made(play: Play, aws: Any) -> None:
    """All faults of all resources, by name, and not a single call."""

    def program(declare: Any) -> None:
        declare(BUCKET, "good")
        declare(BUCKET, "bad", {"buckett": "x", "website": {}, "acl": "public-read"})
        declare("aws:ec2/instance:Instance", "machine")
        declare(LOGS, "elsewhere", {"region": "eu-west-1"})
        declare(ROLE, "untrusted", {"assumeRolePolicy": "{"})
        declare("random:index/randomId:RandomId", "id")

    outcome = play(program)
    told = _only(outcome)
    assert (aws.calls, outcome.counts, outcome.changes) == ([], {}, ())
    for part in (
        "unknown property buckett (is bucket meant?)",
        "property website is not supported",
        "property acl is 'public-read'; it can be 'private'",
        "type aws:ec2/instance:Instance is not supported",
        "region is eu-west-1, the server's is us-east-1",
        "property assumeRolePolicy is not JSON",
        "package random is not supported (type random:index/randomId:RandomId)",
    ):
        assert part in told


FAULTY = json.dumps(
    {
        "StartAt": "Train",
        "States": {"Train": {"Type": "Pass", "Next": "Jugde"}, "Judge": {"Type": "Succeed", "Nxt": 1}},
    }
)
MACHINE = "aws:sfn/stateMachine:StateMachine"


def _places(outcome: provision.Outcome) -> list[tuple[str, str, int, int, str]]:
    return [(p.name, p.location, p.line, p.column, p.excerpt) for p in outcome.errors]


def test_every_fault_of_a_definition_is_found_before_anything_is_made(play: Play, aws: Any) -> None:
    """One line of JSON is told of as if printed over several; what else isn't known doesn't hide it."""

    def program(declare: Any) -> None:
        role = declare(ROLE, "r", {"assumeRolePolicy": TRUST})
        declare(MACHINE, "m", {"roleArn": role["arn"], "definition": FAULTY}, needs={"roleArn": role})

    outcome = play(program)
    assert (outcome.ok, outcome.counts, aws.calls) == (False, {}, [])
    caret = " " * len("6 |       ") + "^"
    assert ("m", "/States/Train/Next", 6, 7, f'6 |       "Next": "Jugde"\n{caret}') in _places(outcome)
    assert {p.location for p in outcome.errors} == {"/States/Train/Next", "/States/Judge"}
    assert {p.property for p in outcome.errors} == {"definition"}
    assert "Missing 'Next' target: Jugde" in _only(outcome)
    assert "Field 'Nxt' is not supported" in _only(outcome)


@pytest.mark.parametrize(
    ("definition", "line", "excerpt"),
    [
        ('{"StartAt": "A",\n"States": {"A":  {"Type": "Pas"}}}', 2, '"States": {"A":  {"Type": "Pas"}}}'),
        ('{"StartAt": "A", "States": {}, "States": {}}', 1, '"States": {}, "States": {}'),
        ('{"StartAt": ', 1, '{"StartAt": '),
    ],
    ids=["several lines", "a key twice", "no JSON"],
)
def test_a_definition_is_shown_as_its_author_wrote_it(
    play: Play, aws: Any, definition: str, line: int, excerpt: str
) -> None:
    """Where it has lines already, and where printing it anew would lose the fault."""
    outcome = play(lambda declare: declare(MACHINE, "m", {"roleArn": "r", "definition": definition}))
    assert aws.calls == []
    assert outcome.errors
    assert all(problem.line == line and excerpt in problem.excerpt for problem in outcome.errors)


def test_a_definition_that_the_plan_can_t_know_is_checked_before_its_call(play: Play, aws: Any) -> None:
    """The apply makes what it depends on, and stops before the machine."""

    def program(declare: Any) -> None:
        role = declare(ROLE, "r", {"assumeRolePolicy": TRUST})
        text = UNKNOWN if role["arn"] is UNKNOWN else FAULTY
        declare(MACHINE, "m", {"roleArn": "r", "definition": text}, needs={"definition": role})

    outcome = play(program)
    assert [w for w in aws.writes() if w.startswith("Create")] == ["CreateRole"]
    assert {p.location for p in outcome.errors} == {"/States/Train/Next", "/States/Judge"}


def test_a_definition_that_is_secret_is_not_shown(play: Play) -> None:
    """Its faults have their places, without the lines."""
    declared = {"roleArn": "r", "definition": FAULTY}
    outcome = play(lambda declare: declare(MACHINE, "m", declared, secrets=("definition",)))
    assert {p.location for p in outcome.errors} == {"/States/Train/Next", "/States/Judge"}
    assert {p.excerpt for p in outcome.errors} == {""}


def test_a_definition_s_faults_come_beside_those_of_other_properties(play: Play) -> None:
    """Each is told, the properties' first."""
    declared = {"roleArn": "r", "definition": FAULTY, "nam": "x"}
    first, *others = play(lambda declare: declare(MACHINE, "m", declared)).errors
    assert "unknown property nam" in first.message
    assert (first.property, {p.property for p in others}) == ("", {"definition"})


def test_a_change_updates_in_place_and_tells_what_differs(play: Play, stack: Any, aws: Any) -> None:
    """Only the changed property is in the diff, by path, and only its call is made."""
    play(lambda declare: declare(BUCKET, "data", {"tags": {"a": "1", "b": "2"}}))
    outcome = play(lambda declare: declare(BUCKET, "data", {"tags": {"a": "1", "b": "3"}}))
    change = next(c for c in outcome.changes if c.name == "data")
    assert change.operation == "update"
    assert [(p.path, p.before, p.after) for p in change.properties] == [("tags.b", "2", "3")]
    assert aws.writes() == ["PutBucketTagging"]


def test_a_document_that_means_the_same_is_no_change(play: Play, aws: Any) -> None:
    """JSON is compared by meaning: white space and the order of keys don't count."""
    play(lambda declare: declare(ROLE, "r", {"assumeRolePolicy": '{"a": 1, "b": 2}'}))
    outcome = play(lambda declare: declare(ROLE, "r", {"assumeRolePolicy": '{"b":2,"a":1}'}))
    assert outcome.counts == {"same": 1}
    assert aws.calls == []


def test_what_is_no_longer_declared_is_deleted_dependents_first(play: Play, aws: Any) -> None:
    """A policy goes before its role."""

    def program(declare: Any) -> None:
        role = declare(ROLE, "r", {"assumeRolePolicy": TRUST})
        declare(POLICY, "p", {"role": role["name"], "policy": TRUST}, needs={"role": role})

    play(program)
    outcome = play(lambda declare: None)
    assert _operations(outcome) == {"p": "delete", "r": "delete"}
    assert aws.writes() == ["DeleteRolePolicy", "DeleteRole"]


def test_an_automatic_name_is_replaced_by_making_the_new_one_first(play: Play, aws: Any) -> None:
    """The new resource gets another name, and the old one goes last."""

    def program(path: str) -> Callable[[Any], None]:
        return lambda declare: declare(ROLE, "r", {"assumeRolePolicy": TRUST, "path": path})

    play(program("/"))
    old = next(iter(aws.table("role")))
    outcome = play(program("/team/"))
    assert _operations(outcome) == {"r": "replace"}
    assert outcome.counts == {"replace": 1}
    assert [w for w in aws.writes() if "Role" in w] == ["CreateRole", "DeleteRole"]
    assert len(aws.table("role")) == 1
    assert old not in aws.table("role")
    assert play(program("/team/")).counts == {"same": 1}


def test_a_given_name_is_replaced_by_deleting_first_with_what_hangs_on_it(play: Play, aws: Any) -> None:
    """An attachment can't outlive its role: it goes before, and is made anew after."""

    def program(path: str) -> Callable[[Any], None]:
        def declare_all(declare: Any) -> None:
            role = declare(ROLE, "r", {"name": "fixed", "assumeRolePolicy": TRUST, "path": path})
            attached = {"role": role["name"], "policyArn": "arn:aws:iam::aws:policy/X"}
            declare(ATTACHMENT, "a", attached, needs={"role": role})

        return declare_all

    play(program("/"))
    outcome = play(program("/team/"))
    assert outcome.ok, outcome.errors
    assert aws.writes() == ["DetachRolePolicy", "DeleteRole", "CreateRole", "AttachRolePolicy"]
    assert _operations(outcome) == {"r": "replace", "a": "replace"}


def test_a_denial_is_told_with_the_statement_that_gives_the_right(play: Play, aws: Any, refusal: Any) -> None:
    denied = (
        "User: arn:aws:iam::000000000000:user/ann is not authorized to perform: iam:CreateRole on resource: "
        "arn:aws:iam::000000000000:role/r because no identity-based policy allows the iam:CreateRole action"
    )
    aws.failures["CreateRole"] = refusal("CreateRole", "AccessDenied", denied)
    (problem,) = play(lambda declare: declare(ROLE, "r", {"assumeRolePolicy": TRUST})).errors
    assert problem.message.endswith(f"CreateRole answered AccessDenied: {denied}")
    assert problem.advice == (
        "user ann lacks iam:CreateRole on arn:aws:iam::000000000000:role/r: add "
        '{"Effect": "Allow", "Action": "iam:CreateRole", "Resource": "arn:aws:iam::000000000000:role/r"} '
        "to a policy of user ann"
    )


def test_a_failed_call_names_the_resource_the_answer_and_the_way_out(
    play: Play, aws: Any, refusal: Any, stack: Any
) -> None:
    """Independent resources are still made, dependents are left out, and the next run goes on from there."""

    def program(declare: Any) -> None:
        role = declare(ROLE, "r", {"assumeRolePolicy": TRUST})
        declare(POLICY, "p", {"role": role["name"], "policy": TRUST}, needs={"role": role})
        declare(LOGS, "g")

    aws.failures["CreateRole"] = refusal("CreateRole", "AccessDenied", "not for you")
    outcome = play(program)
    (problem,) = outcome.errors
    assert problem.message == "aws:iam/role:Role 'r': CreateRole answered AccessDenied: not for you"
    assert problem.advice == "Give the caller the right that the message names"
    assert problem.name == "r"
    assert [r["urn"].split("::")[-1] for r in stack.recorded()["resources"]] == ["program-dev", "g"]
    aws.failures.clear()
    assert _operations(play(program)) == {"r": "create", "p": "create"}


def test_a_program_that_raises_midway_keeps_what_was_made(play: Play, aws: Any) -> None:
    """Nothing is deleted, and the next run finds it."""
    assert not play(lambda declare: declare(LOGS, "a"), fails="boom").ok
    assert len(aws.table("log-group")) == 1
    assert play(lambda declare: declare(LOGS, "a")).counts == {"same": 1}


def test_a_lost_answer_of_a_create_is_made_good_by_the_next_run(play: Play, aws: Any, stack: Any) -> None:
    """The intent is on disk: the resource is found under its name, not made twice."""

    def program(declare: Any) -> None:
        declare(LOGS, "g", {"retentionInDays": 7})

    def cut() -> None:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")

    aws.after["CreateLogGroup"] = cut
    first = play(program)
    assert "No answer from http://127.0.0.1:9" in _only(first)
    assert [r["status"] for r in stack.recorded()["resources"]] == ["ready", "creating"]
    aws.after.clear()
    assert play(program).ok
    assert aws.writes() == ["PutRetentionPolicy"]
    assert len(aws.table("log-group")) == 1
    assert play(program).counts == {"same": 1}


def test_a_create_that_was_never_answered_and_is_no_longer_declared_is_cleaned_up(
    play: Play, aws: Any
) -> None:
    """Nothing is left behind that no run remembers."""

    def cut() -> None:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")

    aws.after["CreateLogGroup"] = cut
    play(lambda declare: declare(LOGS, "g"))
    aws.after.clear()
    assert play(lambda declare: None).ok
    assert aws.table("log-group") == {}


def test_settings_that_failed_after_a_create_are_applied_by_the_next_run(
    play: Play, aws: Any, refusal: Any
) -> None:
    """The resource is known and not made again."""

    def program(declare: Any) -> None:
        declare(LOGS, "g", {"retentionInDays": 7})

    aws.failures["PutRetentionPolicy"] = refusal("PutRetentionPolicy", "ThrottlingException", "slow down")
    assert "PutRetentionPolicy answered ThrottlingException" in _only(play(program))
    aws.failures.clear()
    assert play(program).ok
    assert aws.writes() == ["PutRetentionPolicy"]


def test_a_replacement_that_fails_leaves_the_old_one_in_charge(play: Play, aws: Any, refusal: Any) -> None:
    """Going back to the old declaration is then no change."""

    def program(path: str) -> Callable[[Any], None]:
        return lambda declare: declare(ROLE, "r", {"assumeRolePolicy": TRUST, "path": path})

    play(program("/"))
    aws.failures["CreateRole"] = refusal("CreateRole", "LimitExceeded", "too many roles")
    assert not play(program("/team/")).ok
    aws.failures.clear()
    assert play(program("/")).counts == {"same": 1}
    assert len(aws.table("role")) == 1


def test_ignored_changes_are_no_changes(play: Play, aws: Any) -> None:
    """`ignore_changes` holds for a property and for a key in one."""
    play(lambda declare: declare(BUCKET, "b", {"tags": {"a": "1", "keep": "x"}}))

    def program(declare: Any) -> None:
        declare(BUCKET, "b", {"tags": {"a": "1", "keep": "y"}}, ignore_changes=('tags["keep"]',))

    assert play(program).counts == {"same": 1}
    assert aws.calls == []


def test_a_protected_resource_is_neither_deleted_nor_replaced(play: Play, aws: Any) -> None:
    """Both are refused with what to do, and nothing is called."""
    play(lambda declare: declare(BUCKET, "b", {"bucket": "first"}, protect=True))
    replaced = play(lambda declare: declare(BUCKET, "b", {"bucket": "second"}, protect=True))
    assert "it is protected, and would be replaced" in _only(replaced)
    assert "it is protected" in _only(play(lambda declare: None))
    assert "it is protected" in _only(play(lambda declare: None, "destroy"))
    assert "first" in aws.table("bucket")


def test_a_retained_resource_is_forgotten_and_not_deleted(play: Play, aws: Any, stack: Any) -> None:
    """`retain_on_delete` leaves it at the endpoint."""
    play(lambda declare: declare(BUCKET, "b", {"bucket": "kept"}, retain=True))
    assert play(lambda declare: None).ok
    assert list(aws.table("bucket")) == ["kept"]
    assert all("Bucket" not in r["type"] for r in stack.recorded()["resources"])


@pytest.mark.parametrize(
    "renamed",
    [
        lambda declare: declare(LOGS, "new", aliases=(Alias(name="old"),)),
        lambda declare: declare(LOGS, "new", aliases=(Alias(urn=f"urn:pulumi:dev::program::{LOGS}::old"),)),
        lambda declare: declare(
            LOGS,
            "old",
            parent=declare("my:Component", "c", custom=False),
            aliases=(Alias(no_parent=True),),
        ),
    ],
    ids=["name", "urn", "parent"],
)
def test_an_alias_carries_a_resource_over(play: Play, aws: Any, renamed: Callable[[Any], None]) -> None:
    """A new name or place in the program is no new resource."""
    play(lambda declare: declare(LOGS, "old"))
    outcome = play(renamed)
    assert outcome.ok, outcome.errors
    assert aws.writes() == []


def test_a_renamed_component_carries_its_children_over(play: Play, aws: Any) -> None:
    """Children inherit their parents' aliases, in type and in name."""

    def program(name: str, *aliases: Alias) -> Callable[[Any], None]:
        def declare_all(declare: Any) -> None:
            component = declare("my:Component", name, custom=False, aliases=aliases)
            declare(LOGS, f"{name}-logs", parent=component)

        return declare_all

    play(program("one"))
    assert play(program("two", Alias(name="one"))).ok
    assert aws.writes() == []


def test_default_tags_of_the_provider_are_added_and_their_change_is_an_update(play: Play, aws: Any) -> None:
    """A resource's own tags win; the provider's are part of what is compared."""

    def program(owner: str) -> Callable[[Any], None]:
        def declare_all(declare: Any) -> None:
            tags = json.dumps({"tags": {"owner": owner, "stage": "dev"}})
            provider = declare("pulumi:providers:aws", "p", {"defaultTags": tags, "region": "us-east-1"})
            reference = f"{provider.urn}::{provider['id']}"
            declare(BUCKET, "b", {"bucket": "b", "tags": {"stage": "mine"}}, provider=reference)

        return declare_all

    assert play(program("a")).ok
    assert aws.table("bucket")["b"]["tags"] == [
        {"Key": "owner", "Value": "a"},
        {"Key": "stage", "Value": "mine"},
    ]
    assert _operations(play(program("c"))) == {"b": "update"}


def test_a_provider_for_elsewhere_is_refused(play: Play) -> None:
    """Region, endpoints and account have to be the server's."""

    def program(declare: Any) -> None:
        declare("pulumi:providers:aws", "region", {"region": "eu-west-1"})
        declare("pulumi:providers:aws", "url", {"endpoints": '[{"s3": "http://elsewhere:1"}]'})
        declare("pulumi:providers:aws", "role", {"assumeRoles": "[]"})
        declare("pulumi:providers:gcp", "other")

    told = _only(play(program))
    for part in ("region is eu-west-1", "endpoint of s3 is http://elsewhere:1", "assumeRoles", "gcp"):
        assert part in told


def test_two_resources_of_one_name_are_refused(play: Play) -> None:
    """The second would silently be the first."""

    def program(declare: Any) -> None:
        declare(LOGS, "g")
        declare(LOGS, "g")

    assert "two resources have this type and name" in _only(play(program))


def test_secrets_are_covered_in_every_event(play: Play, stack: Any) -> None:
    """A diff shows that a secret changed, not from what to what."""

    def program(value: str) -> Callable[[Any], None]:
        return lambda declare: declare(
            BUCKET, "b", {"bucket": "b", "tags": {"k": value}}, secrets=("tags", "tagsAll")
        )

    play(program("hunter2"))
    outcome = play(program("swordfish"))
    (change,) = [c for c in outcome.changes if c.name == "b"]
    assert [(p.before, p.after) for p in change.properties] == [("[secret]", "[secret]")]
    assert "swordfish" not in repr(stack.events)


def test_targets_confine_a_run(play: Play, aws: Any) -> None:
    """Others are neither made nor deleted; a target that names nothing is a mistake."""

    def program(declare: Any) -> None:
        declare(LOGS, "a")
        declare(LOGS, "b")

    assert _operations(play(program, targets=("a",))) == {"a": "create"}
    assert "No resource is named zebra" in _only(play(program, targets=("zebra",)))
    assert _operations(play(program)) == {"b": "create"}
    assert _operations(play(program, "destroy", targets=("a",))) == {"a": "delete"}


def test_a_target_that_others_need_is_not_destroyed_alone(play: Play, aws: Any) -> None:
    """The dependents are named."""

    def program(declare: Any) -> None:
        role = declare(ROLE, "r", {"assumeRolePolicy": TRUST})
        declare(POLICY, "p", {"role": role["name"], "policy": TRUST}, needs={"role": role})

    play(program)
    assert "'r' is needed by 'p'" in _only(play(program, "destroy", targets=("r",)))
    assert aws.writes() == []


def test_destroy_leaves_nothing(play: Play, aws: Any, stack: Any) -> None:
    """Every resource and output goes, in one run."""

    def program(declare: Any) -> None:
        role = declare(ROLE, "r", {"assumeRolePolicy": TRUST})
        declare(POLICY, "p", {"role": role["name"], "policy": TRUST}, needs={"role": role})
        declare.export(role=role["name"])

    play(program)
    outcome = play(program, "destroy")
    assert (outcome.ok, outcome.outputs) == (True, {})
    assert aws.table("role") == {}
    assert stack.recorded()["resources"] == []


def test_a_failed_deletion_keeps_what_it_needs(play: Play, aws: Any, refusal: Any, stack: Any) -> None:
    """The role stays, since its policy could not be taken away; the rest goes."""

    def program(declare: Any) -> None:
        role = declare(ROLE, "r", {"assumeRolePolicy": TRUST})
        declare(POLICY, "p", {"role": role["name"], "policy": TRUST}, needs={"role": role})
        declare(LOGS, "g")

    play(program)
    aws.failures["DeleteRolePolicy"] = refusal("DeleteRolePolicy", "AccessDenied", "no")
    assert "DeleteRolePolicy answered AccessDenied" in _only(play(program, "destroy"))
    left = [r["urn"].split("::")[-1] for r in stack.recorded()["resources"]]
    assert left == ["program-dev", "r", "p"]
    aws.failures.clear()
    assert play(program, "destroy").ok


def test_refresh_finds_drift_and_the_next_up_takes_it_back(play: Play, aws: Any) -> None:
    """What the endpoint answers differently becomes the recorded value; what is gone is forgotten."""

    def program(declare: Any) -> None:
        declare(LOGS, "drifts", {"name": "drifts", "retentionInDays": 7})
        declare(LOGS, "goes", {"name": "goes"})

    play(program)
    aws.table("log-group")["drifts"]["retentionInDays"] = 30
    del aws.table("log-group")["goes"]
    refreshed = play(program, "refresh")
    assert _operations(refreshed) == {"drifts": "update", "goes": "delete"}
    assert aws.writes() == []
    assert _operations(play(program)) == {"drifts": "update", "goes": "create"}
    assert aws.table("log-group")["drifts"]["retentionInDays"] == 7


def test_an_update_that_a_plan_foresees_hides_only_what_it_may_change(play: Play, stack: Any) -> None:
    """In the plan a function's ARN stays known through an update, its code's hash does not."""
    (stack.folder / "code").mkdir()
    (stack.folder / "code" / "h.py").write_text("1")
    seen: list[Any] = []

    def program(timeout: int) -> Callable[[Any], None]:
        from stepwell.provision.values import Source

        def declare_all(declare: Any) -> None:
            function = declare(
                "aws:lambda/function:Function",
                "f",
                {
                    "role": "arn:aws:iam::000000000000:role/r",
                    "runtime": "python3.11",
                    "handler": "h.main",
                    "timeout": timeout,
                    "code": Source(archive=True, path="code"),
                },
            )
            if declare.deployment.dry_run:
                seen.append((function["arn"], function["sourceCodeHash"]))

        return declare_all

    play(program(3))
    play(program(5))
    created, updated = seen
    from stepwell.provision.values import UNKNOWN

    assert created == (UNKNOWN, UNKNOWN)
    assert updated[0].startswith("arn:aws:lambda:")
    assert updated[1] is UNKNOWN


def test_the_server_identity_is_part_of_the_state(play: Play, stack: Any) -> None:
    """Another account's server is not touched with this stack's state."""
    play(lambda declare: declare(LOGS, "g"))
    with pytest.raises(provision.StateForeign, match="belongs to account 000000000000"):
        stack.run("preview", account="111111111111")


def test_a_document_may_be_given_as_an_object(play: Play, aws: Any) -> None:
    """AWS's package takes both; the text is what is sent, and the two are the same declaration."""
    statement = {"Version": "2012-10-17", "Statement": []}
    play(lambda declare: declare(ROLE, "r", {"name": "r", "assumeRolePolicy": statement}))
    assert json.loads(aws.table("role")["r"]["AssumeRolePolicyDocument"]) == statement
    outcome = play(
        lambda declare: declare(ROLE, "r", {"name": "r", "assumeRolePolicy": json.dumps(statement)})
    )
    assert outcome.counts == {"same": 1}


def test_a_fault_that_nobody_expected_still_names_its_resource(play: Play, aws: Any) -> None:
    """The others are made; the next run takes up what was left."""
    aws.failures["CreateRole"] = KeyError("Role")

    def program(declare: Any) -> None:
        declare(ROLE, "r", {"assumeRolePolicy": TRUST})
        declare(LOGS, "g")

    (problem,) = play(program).errors
    assert problem.name == "r"
    assert "KeyError: 'Role' (in " in problem.message
    assert "report it" in problem.advice
    aws.failures.clear()
    assert _operations(play(program)) == {"r": "create"}


def test_hidden_diffs_are_hidden(play: Play) -> None:
    """The change is made all the same."""

    def program(days: int) -> Callable[[Any], None]:
        return lambda declare: declare(
            LOGS,
            "g",
            {"retentionInDays": days},
            hide_diffs=("retentionInDays",),
        )

    play(program(1))
    outcome = play(program(3))
    (change,) = outcome.changes
    assert (change.operation, change.properties) == ("update", ())
