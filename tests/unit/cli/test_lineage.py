"""`lineage`: a tree for people, a graph for programs."""

from __future__ import annotations

import pytest

from stepwell.cli.lineage import MOST_ALIKE, tree
from stepwell.cli.output import print_tree
from stepwell.retrain.lineage.graph import Edge, Graph, Node, Reference

PACKAGE = "arn:aws:sagemaker:eu-west-3:000000000000:model-package/digits/2"
ENDPOINT, CONFIG, MODEL = (Reference(kind, "digits") for kind in ("endpoint", "endpoint-config", "model"))
GONE = Reference("model-package", PACKAGE)


def described(server):
    """An endpoint whose package was deleted; the model's name is not the configuration's only user."""
    arn = "arn:aws:sagemaker:eu-west-3:000000000000"
    server.answers |= {
        "DescribeEndpoint": lambda request: {
            "EndpointName": "digits",
            "EndpointArn": f"{arn}:endpoint/digits",
            "EndpointConfigName": "digits-2",
            "EndpointStatus": "InService",
        },
        "DescribeEndpointConfig": lambda request: (
            {
                "EndpointConfigName": "digits-2",
                "EndpointConfigArn": f"{arn}:endpoint-config/digits-2",
                "ProductionVariants": [{"VariantName": "v", "ModelName": "digits-2"}],
            }
            if request["EndpointConfigName"] == "digits-2"
            else server.refuse("ValidationException", "Could not find it.")
        ),
        "DescribeModel": lambda request: {
            "ModelName": "digits-2",
            "ModelArn": f"{arn}:model/digits-2",
            "PrimaryContainer": {"Image": "image:1", "ModelPackageName": PACKAGE},
        },
        "ListTags": lambda request: {"Tags": [{"Key": "stepwell:workflow", "Value": "digits"}]},
        "ListModelPackages": lambda request: {"ModelPackageSummaryList": []},
        "ListEndpoints": lambda request: {"Endpoints": [{"EndpointName": "digits"}]},
    }
    for operation in ("DescribeModelPackage", "DescribeTrainingJob", "DescribeProcessingJob"):
        server.answers[operation] = lambda request: server.refuse("ValidationException", "It does not exist.")


def test_a_tree_shows_what_an_endpoint_came_from_and_what_is_gone(run, server):
    described(server)
    done = run("lineage", "digits")
    assert done.code == 0
    assert [line.lstrip(" │├└─") for line in done.out.splitlines()] == [
        "endpoint digits",
        "status InService",
        "workflow digits",
        "came from",
        "configured by endpoint-config digits-2",
        "serves model digits-2",
        "image image:1",
        "made from model-package digits/2 it is not there (any more)",
    ]
    assert "there is a model digits too" in done.err


def test_a_graph_is_printed_for_programs(run, server):
    described(server)
    found = run("lineage", "digits", "--json").value
    assert found["root"] == "endpoint:digits"
    assert [node["id"] for node in found["nodes"] if "missing" in node] == [f"model-package:{PACKAGE}"]
    assert found["edges"][-1] == {
        "from": f"model-package:{PACKAGE}",
        "to": "model:digits-2",
        "relation": "made from",
    }


@pytest.mark.parametrize(
    ("option", "heading"), [("--forward", "led to"), ("--back", "came from")], ids=["forward", "back"]
)
def test_one_direction_is_shown(run, server, option, heading):
    described(server)
    arn = "arn:aws:sagemaker:eu-west-3:000000000000:endpoint-config/digits-2"
    lines = run("lineage", arn, option).out.splitlines()
    headings = [line for line in lines if line.endswith(("led to", "came from"))]
    assert [line.endswith(heading) for line in headings] == [True]


def test_a_thing_that_is_gone_ends_with_1(run, server):
    described(server)
    done = run("lineage", PACKAGE)
    assert (done.code, done.out) == (1, "model-package digits/2 it is not there (any more)\n")


def test_rights_that_lack_are_told_where_they_lack(run, server):
    described(server)
    server.answers["DescribeModel"] = lambda request: server.refuse(
        "AccessDeniedException", "not [authorized]"
    )
    done = run("lineage", "digits", "--back")
    assert "model digits-2 it can't be read: " in done.out
    assert "not [authorized]" in done.out


def drawn(capsys, graph):
    print_tree(tree(graph))
    return [line.lstrip(" │├└─") for line in capsys.readouterr().out.splitlines()]


def graph(root, nodes, edges):
    return Graph(
        root=root,
        nodes={node.reference: node for node in nodes},
        edges=tuple(Edge(origin=a, result=b, relation=what) for a, what, b in edges),
    )


def test_what_was_drawn_is_named_again_and_not_told_again(capsys):
    shared = Node(reference=Reference("batch", "s3://b/batches/march"), facts={"rows": 7})
    nodes = [Node(reference=each) for each in (ENDPOINT, CONFIG, MODEL)] + [shared]
    edges = [
        (CONFIG, "configured by", ENDPOINT),
        (shared.reference, "trained on", CONFIG),
        (MODEL, "serves", ENDPOINT),
        (shared.reference, "judged on", MODEL),
    ]
    assert drawn(capsys, graph(ENDPOINT, nodes, edges))[2:] == [
        "configured by endpoint-config digits",
        "trained on batch march",
        "rows 7",
        "serves model digits",
        "judged on batch march (above)",
    ]


def test_many_alike_and_long_facts_are_cut_short(capsys):
    batch = Reference("batch", "s3://b/batches/march")
    objects = [Reference("object", f"s3://b/{at}") for at in range(MOST_ALIKE + 3)]
    facts = {
        "packages": {str(at): "1" for at in range(40)},
        "numbers": {str(at): at + 0.5 for at in range(10)},
        "scores": {"new": {"rows": 3, "won": 1}},
        "history": [{"by": "arn:aws:iam::000000000000:user/ada"}, {"digest": "ab" * 32}],
    }
    nodes = [Node(reference=batch, facts=facts, unknown=("Why: who [knows].",))]
    nodes += [Node(reference=each, facts={"sha256": "ab", "size": 7}, missing="gone") for each in objects]
    lines = drawn(capsys, graph(batch, nodes, [(each, "holds", batch) for each in objects]))
    assert lines[:8] == [
        "batch march",
        "packages 40 (see --json)",
        "numbers 0=0.5, 1=1.5, 2=2.5, 3=3.5, 4=4.5, 5=5.5, 6=6.5, 7=7.5, 2 more",
        "scores new=(rows 3 won 1)",
        "history",
        "user/ada",
        "abababababab…",
        "not known Why: who [knows].",
    ]
    assert lines[9] == "holds object s3://b/0 sha256 ab, size 7 gone"
    assert (len(lines), lines[-1]) == (8 + 1 + MOST_ALIKE + 1, "holds 3 more of kind object")
