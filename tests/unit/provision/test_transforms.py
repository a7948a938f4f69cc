"""Transforms, stack references and other parts of the protocol that only a real SDK exercises."""

from __future__ import annotations

from pathlib import Path
from typing import Any

TRANSFORMING = """
import pulumi
from pulumi import CustomResource, ResourceOptions, ResourceTransformResult

LOGS = "aws:cloudwatch/logGroup:LogGroup"

def tagged(args):
    if args.type_ == LOGS:
        tags = pulumi.Output.from_input(args.props.get("tags") or {})
        args.props["tags"] = tags.apply(lambda given: {**given, "by": args.name})
        return ResourceTransformResult(args.props, args.opts)

def kept(args):
    if args.type_ == LOGS:
        opts = ResourceOptions.merge(args.opts, ResourceOptions(retain_on_delete=True))
        return ResourceTransformResult(args.props, opts)

class Pair(pulumi.ComponentResource):
    def __init__(self, name, opts=None):
        super().__init__("my:Pair", name, None, opts)
        inner = ResourceOptions(parent=self)
        self.one = CustomResource(LOGS, f"{name}-one", {"name": "/one"}, inner)
        self.register_outputs({})

pulumi.runtime.register_resource_transform(tagged)
Pair("p", ResourceOptions(transforms=[kept]))
CustomResource(LOGS, "alone", {"name": "/alone", "tags": pulumi.Output.secret({"a": "b"})})
"""

RAISING = """
import pulumi

def fail(args):
    raise ValueError("no " + args.name)

pulumi.CustomResource("aws:cloudwatch/logGroup:LogGroup", "g", {},
                      pulumi.ResourceOptions(transforms=[fail]))
"""

GIVING = """
import pulumi

pulumi.export("plain", [1])
pulumi.export("hidden", pulumi.Output.secret("h"))
"""

REFERRING = """
import pulumi

other = pulumi.StackReference({name!r})
pulumi.export("plain", other.get_output("plain"))
pulumi.export("hidden", other.require_output("hidden"))
"""


def test_transforms_change_properties_and_options(stack: Any, aws: Any) -> None:
    """The stack's reach all, a component's its children; secrets stay secret."""
    stack.write(TRANSFORMING)
    outcome = stack.run("up")
    assert outcome.ok, outcome.errors
    assert aws.table("log-group")["/one"]["tags"] == {"by": "p-one"}
    assert aws.table("log-group")["/alone"]["tags"] == {"a": "b", "by": "alone"}
    by_name = {r["urn"].split("::")[-1]: r for r in stack.recorded()["resources"]}
    assert (by_name["p-one"]["retain"], by_name["alone"]["retain"]) == (True, False)
    assert "tags" in by_name["alone"]["secrets"]
    second = stack.run("up")
    assert (set(second.counts), aws.calls) == ({"same"}, [])


def test_a_transform_that_raises_fails_its_resource(stack: Any, aws: Any) -> None:
    """With what it raised and where."""
    stack.write(RAISING)
    (problem,) = stack.run("up").errors
    assert problem.message.startswith("aws:cloudwatch/logGroup:LogGroup 'g': a transform raised no g:")
    assert "__main__.py" in problem.message
    assert (problem.name, aws.writes()) == ("g", [])


def test_a_stack_reads_what_another_gave_out(stack: Any, tmp_path: Path) -> None:
    """By its name alone, or with the project's; what was secret is secret."""
    stack.write(GIVING)
    assert stack.run("up").ok
    for name in ("dev", "program/dev", "organization/program/dev"):
        stack.write(REFERRING.format(name=name))
        outcome = stack.run("up", stack="other")
        assert outcome.ok, outcome.errors
        told = {key: (output.value, output.secret) for key, output in outcome.outputs.items()}
        assert told == {"plain": ([1], False), "hidden": ("h", True)}
    stack.write(REFERRING.format(name="elsewhere/dev"))
    problem, *_ = stack.run("up", stack="other").errors
    assert "There is no stack elsewhere/dev" in problem.message
    assert problem.advice == "There are: program/dev, program/other"


OPTIONS = """
import pulumi
from pulumi import CustomResource, CustomTimeouts, ResourceOptions

LOGS = "aws:cloudwatch/logGroup:LogGroup"
taken = CustomResource(LOGS, "taken", {"retentionInDays": 7}, ResourceOptions(import_="/there"))
first = CustomResource(LOGS, "first", {}, ResourceOptions(
    replacement_trigger=pulumi.Config().require_int("version"),
    custom_timeouts=CustomTimeouts(create="5m", delete="1m30s")))
second = CustomResource(LOGS, "second", {}, ResourceOptions(replace_with=[first], deleted_with=first))
"""


def test_the_sdk_s_options_arrive(stack: Any, aws: Any) -> None:
    """Those that the engine must first say that it has."""
    aws.client("logs").create_log_group(logGroupName="/there")
    aws.client("logs").put_retention_policy(logGroupName="/there", retentionInDays=7)
    stack.write(OPTIONS)
    stack.write("config: {version: 1}\n", "Pulumi.dev.yaml")
    outcome = stack.run("up")
    assert outcome.ok, outcome.errors
    assert {c.name: c.operation for c in outcome.changes if c.type != "pulumi:pulumi:Stack"} == {
        "taken": "import",
        "first": "create",
        "second": "create",
    }
    by_name = {r["urn"].split("::")[-1]: r for r in stack.recorded()["resources"]}
    assert by_name["first"]["timeouts"] == {"create": 300.0, "delete": 90.0}
    assert by_name["second"]["deleted_with"] == by_name["first"]["urn"]
    stack.write("config: {version: 2}\n", "Pulumi.dev.yaml")
    replaced = stack.run("up")
    assert {c.name: c.operation for c in replaced.changes} == {"first": "replace", "second": "replace"}
    assert stack.run("up").counts == {"same": 3}
