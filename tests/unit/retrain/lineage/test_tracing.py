"""The graph: from any thing back to batches and forward to endpoints, also with pieces gone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell.retrain.lineage.graph import Graph, Reference
from stepwell.retrain.lineage.names import NoSuch, named
from stepwell.retrain.lineage.source import Unreadable
from stepwell.retrain.lineage.tracing import GONE, MOST_OBJECTS, trace

BUCKET = "s3://digits-bucket"
PACKAGE = "arn:aws:sagemaker:eu-west-3:000000000000:model-package/digits/2"
FIRST = PACKAGE.replace("/2", "/1")
EXECUTION = "arn:aws:states:eu-west-3:000000000000:execution:digits:march"
ARTEFACT = f"{BUCKET}/models/digits-march/output/model.tar.gz"
TAGS = {"stepwell:workflow": "digits", "stepwell:execution": "march", "stepwell:batch": "march-0a1b"}
ADA = {"action": "release", "by": "arn:ada", "at": "2026-03-02T09:00:00Z", "reason": "coded so"}


def batch(name: str, **more: Any) -> dict[str, Any]:
    """A batch's record with one object."""
    return {
        "schema": "stepwell.batch/1", "name": name, "status": "ACCEPTED", "rows": 100,
        "objects": [{"key": f"data/{name}.csv", "version": "v1", "etag": "e", "size": 7, "sha256": "ab"}],
        "digests": {"train.csv": "cd"}, **more,
    }  # fmt: skip


def task(resource: str, parameters: Any) -> dict[str, Any]:
    return {"taskScheduledEventDetails": {"resource": resource, "parameters": json.dumps(parameters)}}


class Table:
    """A source that is a table: reference → document."""

    def __init__(self, documents: Mapping[Reference, Any]) -> None:
        self.documents = dict(documents)
        self.refused: set[Reference] = set()

    def read(self, reference: Reference) -> Mapping[str, Any] | None:
        if reference in self.refused:
            raise Unreadable("AccessDenied")
        return self.documents.get(reference)

    def names(self, kind: str, within: str = "") -> Sequence[str]:
        found = [each.name for each in self.documents if each.kind == kind]
        if kind == "model-package" and within:
            return [name for name in found if f"model-package/{within}/" in name]
        if kind in ("batch", "execution"):
            return [name for name in found if name.endswith(("/" + within, ":" + within))]
        return found


def workflow() -> Table:
    """What a run on the batch of March leaves, after one on that of February; its champion serves."""
    plan = {
        "schema": "stepwell.plan/1",
        "execution": EXECUTION,
        "batch": "march-0a1b",
        "batches": [
            {"name": "february-77", "digest": "f", "rows": 80},
            {"name": "march-0a1b", "digest": "m", "rows": 75},
        ],
        "trusted": [{"name": "february-77", "digest": "t", "rows": 20}],
        "code": {"train": f"{BUCKET}/code/sourcedir.tar.gz", "sha256": "c0de"},
        "training_job": "digits-march",
    }
    evidence = {
        "schema": "stepwell.gate/1",
        "decision": {"outcome": "DEPLOY", "reason": "NOT_WORSE", "sentence": "Shown."},
        "settings": {"metric": "accuracy", "seed": 3},
        "comparisons": [
            {"rows_of": "new", "part": "", "rows": 25, "challenger": 0.9, "champion": 0.8,
             "won": 3, "lost": 1},
            {"rows_of": "new", "part": "ward=1", "rows": 9},
        ],
        "sources": {
            "batch": "march-0a1b", "trusted": {"february-77": "t"}, "python": "3.11.2", "gate": "6a7e",
            "packages": {"numpy": "2.0.1"}, "versions": {"numpy": "2.0.1"}, "execution": EXECUTION,
            "job": "arn:aws:sagemaker:eu-west-3:000000000000:processing-job/digits-march-gate",
        },
        "released": ADA,
    }  # fmt: skip
    container = {"Image": "image:1", "ModelDataUrl": ARTEFACT}
    decided = {"resource": "invoke", "output": json.dumps(ADA)}
    return Table(
        {
            Reference("endpoint", "digits"): {
                "EndpointStatus": "InService", "EndpointConfigName": "digits-c",
            },
            Reference("endpoint", "other"): {"EndpointConfigName": "gone"},
            Reference("endpoint-config", "digits-c"): {
                "ProductionVariants": [{"ModelName": "digits-m"}], "Tags": TAGS,
            },
            Reference("model", "digits-m"): {
                "PrimaryContainer": {**container, "ModelPackageName": PACKAGE}, "Tags": TAGS,
            },
            Reference("model-package", PACKAGE): {
                "ModelApprovalStatus": "Approved",
                "ApprovalDescription": "looked at",
                "LastModifiedBy": {"IamIdentity": {"Arn": "arn:ada"}},
                "LastModifiedTime": "2026-03-02",
                "InferenceSpecification": {"Containers": [container]},
                "CustomerMetadataProperties": {
                    "execution": EXECUTION,
                    "evidence": f"{BUCKET}/runs/march/gate-1/evidence.json",
                    "training-job": "digits-march",
                    "reason": "NOT_WORSE",
                },
            },
            Reference("training-job", "digits-march"): {
                "TrainingJobStatus": "Completed",
                "AlgorithmSpecification": {"TrainingImage": "image:1"},
                "HyperParameters": {
                    "sagemaker_submit_directory": f"{BUCKET}/code/sourcedir.tar.gz", "random-state": "5",
                },
                "InputDataConfig": [
                    {
                        "ChannelName": "train",
                        "DataSource": {
                            "S3DataSource": {
                                "S3DataType": "ManifestFile", "S3Uri": f"{BUCKET}/runs/march/train.manifest",
                            }
                        },
                    }
                ],
                "ModelArtifacts": {"S3ModelArtifacts": ARTEFACT},
                "FinalMetricDataList": [{"MetricName": "accuracy", "Value": 0.91}],
                "Tags": TAGS,
            },
            Reference("processing-job", "digits-march-gate"): {
                "AppSpecification": {"ImageUri": "image:1", "ContainerEntrypoint": ["python3", "-m", "gate"]},
                "Tags": TAGS,
            },
            Reference("evidence", f"{BUCKET}/runs/march/gate-1/evidence.json"): evidence,
            Reference("execution", EXECUTION): {
                "status": "SUCCEEDED",
                "Events": [
                    task("updateEndpoint", {"EndpointName": "digits", "EndpointConfigName": "digits-c"}),
                    {"taskSucceededEventDetails": decided},
                    task("createTrainingJob.sync", {"TrainingJobName": "digits-march"}),
                    {
                        "stateEnteredEventDetails": {
                            "input": json.dumps({"folder": f"{BUCKET}/batches/march-0a1b"})
                        }
                    },
                ],
            },
            Reference("plan", f"{BUCKET}/runs/march/plan.json"): plan,
            Reference("batch", f"{BUCKET}/batches/march-0a1b"): batch("march-0a1b", execution=EXECUTION),
            Reference("batch", f"{BUCKET}/batches/february-77"): batch("february-77"),
            Reference("object", f"{BUCKET}/data/march-0a1b.csv?versionId=v1"): {"ContentLength": 7},
            Reference("object", f"{BUCKET}/data/february-77.csv?versionId=v1"): {"ContentLength": 7},
        }
    )  # fmt: skip


def lines(graph: Graph) -> set[str]:
    """The edges in words."""
    return {
        f"{edge.result.kind} {edge.result.called} {edge.relation} {edge.origin.kind} {edge.origin.called}"
        for edge in graph.edges
    }


BACK = {
    "endpoint digits configured by endpoint-config digits-c",
    "endpoint-config digits-c serves model digits-m",
    "model digits-m made from model-package digits/2",
    "model-package digits/2 trained by training-job digits-march",
    "model-package digits/2 registered by execution march",
    f"model-package digits/2 judged by evidence {BUCKET}/runs/march/gate-1/evidence.json",
    "training-job digits-march trained on batch february-77",
    "training-job digits-march trained on batch march-0a1b",
    "training-job digits-march started by execution march",
    f"evidence {BUCKET}/runs/march/gate-1/evidence.json judged on batch march-0a1b",
    f"evidence {BUCKET}/runs/march/gate-1/evidence.json trusted batch february-77",
    f"evidence {BUCKET}/runs/march/gate-1/evidence.json written by processing-job digits-march-gate",
    "processing-job digits-march-gate started by execution march",
    "execution march started for batch march-0a1b",
    f"batch march-0a1b holds object {BUCKET}/data/march-0a1b.csv?versionId=v1",
    f"batch february-77 holds object {BUCKET}/data/february-77.csv?versionId=v1",
}


def test_an_endpoint_leads_back_to_batches_and_their_objects() -> None:
    graph = trace(Reference("endpoint", "digits"), workflow(), forward=False)
    assert lines(graph) == BACK
    assert not [node for node in graph.nodes.values() if node.missing or node.unknown]


def test_a_batch_leads_forward_to_the_endpoint_that_serves_it_now() -> None:
    """Also one that was trained on by a later run only."""
    for name in ("march-0a1b", "february-77"):
        graph = trace(Reference("batch", f"{BUCKET}/batches/{name}"), workflow(), back=False)
        assert {
            f"training-job digits-march trained on batch {name}",
            "model-package digits/2 trained by training-job digits-march",
            "model digits-m made from model-package digits/2",
            "endpoint-config digits-c serves model digits-m",
            "endpoint digits configured by endpoint-config digits-c",
        } <= lines(graph)
        assert not [node for node in graph.nodes.values() if node.missing]


def test_an_execution_leads_to_what_it_started() -> None:
    graph = trace(Reference("execution", EXECUTION), workflow(), back=False)
    assert {
        "training-job digits-march started by execution march",
        "endpoint digits updated by execution march",
    } <= lines(graph)


#: what a lineage tells: (kind, name's end, fact) → value
FACTS: dict[tuple[str, str, str], Any] = {
    ("training-job", "digits-march", "image"): "image:1",
    ("training-job", "digits-march", "code's digest"): "sha256:c0de",
    ("training-job", "digits-march", "seeds"): {"random-state": "5"},
    ("training-job", "digits-march", "metrics"): {"accuracy": 0.91},
    ("training-job", "digits-march", "batches"): {
        "february-77": {"rows": 80, "digest": "f"}, "march-0a1b": {"rows": 75, "digest": "m"},
    },
    ("model-package", "digits/2", "approval"): "Approved",
    ("model-package", "digits/2", "changed by"): "arn:ada",
    ("evidence", "gate-1/evidence.json", "packages"): {"numpy": "2.0.1"},
    ("evidence", "gate-1/evidence.json", "python"): "3.11.2",
    ("evidence", "gate-1/evidence.json", "released"): {
        "by": "arn:ada", "at": "2026-03-02T09:00:00Z", "reason": "coded so",
    },
    ("evidence", "gate-1/evidence.json", "decision"): "DEPLOY NOT_WORSE: Shown.",
    ("evidence", "gate-1/evidence.json", "scores"): {
        "new": {"rows": 25, "challenger": 0.9, "champion": 0.8, "won": 3, "lost": 1}
    },
    ("execution", "march", "decided"): [ADA],
    ("batch", "march-0a1b", "digests"): {"train.csv": "sha256:cd"},
    ("object", "march-0a1b.csv?versionId=v1", "sha256"): "ab",
}  # fmt: skip


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: " ".join(fact))
def test_a_lineage_tells(fact: tuple[str, str, str]) -> None:
    kind, ending, name = fact
    nodes = trace(Reference("endpoint", "digits"), workflow(), forward=False).nodes.values()
    (node,) = (each for each in nodes if each.reference.kind == kind and each.reference.name.endswith(ending))
    assert node.facts[name] == FACTS[fact]


EVERY = [*workflow().documents]


@pytest.mark.parametrize("lost", EVERY, ids=lambda reference: reference.id)
@pytest.mark.parametrize("how", ["deleted", "refused"])
def test_whatever_is_gone_or_may_not_be_read_the_rest_is_told(lost: Reference, how: str) -> None:
    source = workflow()
    if how == "deleted":
        del source.documents[lost]
    else:
        source.refused.add(lost)
    for root in (Reference("endpoint", "digits"), Reference("batch", f"{BUCKET}/batches/march-0a1b")):
        graph = trace(root, source)
        if lost in graph.nodes:
            told = graph.nodes[lost].missing
            assert told == GONE if how == "deleted" else "AccessDenied" in told
        assert json.loads(json.dumps(graph.to_json()))["root"] == root.id
        ids = {each["id"] for each in graph.to_json()["nodes"]}
        assert {end for each in graph.to_json()["edges"] for end in (each["from"], each["to"])} <= ids


@pytest.mark.parametrize("execution", [EXECUTION, "march"])
def test_a_plan_may_name_its_execution_or_have_its_arn(execution: str) -> None:
    source = workflow()
    plan = Reference("plan", f"{BUCKET}/runs/march/plan.json")
    source.documents[plan] = {**source.documents[plan], "execution": execution}
    assert lines(trace(Reference("endpoint", "digits"), source, forward=False)) == BACK


def test_of_many_objects_it_is_not_asked_whether_they_are_there() -> None:
    source = workflow()
    name = Reference("batch", f"{BUCKET}/batches/march-0a1b")
    objects = [{"key": f"data/{at}.csv", "sha256": str(at)} for at in range(MOST_OBJECTS + 1)]
    source.documents[name] = batch("march-0a1b", objects=objects)
    graph = trace(name, source, forward=False)
    assert len(graph.nodes) == MOST_OBJECTS + 2
    assert not [node for node in graph.nodes.values() if node.missing]
    source.documents[name] = batch("march-0a1b", objects=objects[1:])
    graph = trace(name, source, forward=False)
    assert len([node for node in graph.nodes.values() if node.missing == GONE]) == MOST_OBJECTS


def plain(uri: str = f"{BUCKET}/out/job/output/model.tar.gz") -> Table:
    """What somebody made by hand: no tags, no metadata."""
    channel = {"S3DataType": "S3Prefix", "S3Uri": f"{BUCKET}/rows/"}
    return Table(
        {
            Reference("endpoint", "plain"): {"EndpointConfigName": "plain"},
            Reference("endpoint-config", "plain"): {"ProductionVariants": [{"ModelName": "plain"}]},
            Reference("model", "plain"): {"PrimaryContainer": {"Image": "i", "ModelDataUrl": uri}},
            Reference("training-job", "job"): {
                "ModelArtifacts": {"S3ModelArtifacts": f"{BUCKET}/out/job/output/model.tar.gz"},
                "HyperParameters": {"sagemaker_submit_directory": f'"{BUCKET}/code.tar.gz"'},
                "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": channel}}],
            },
            Reference("data", f"{BUCKET}/rows/"): {"objects": [f"{BUCKET}/rows/{at}" for at in range(30)]},
        }
    )


def test_resources_that_no_workflow_made_have_a_lineage_too_that_says_what_is_not_known() -> None:
    graph = trace(Reference("endpoint", "plain"), plain())
    assert lines(graph) == {
        "endpoint plain configured by endpoint-config plain",
        "endpoint-config plain serves model plain",
        "model plain trained by training-job job",
        f"training-job job reads (train, S3Prefix) data {BUCKET}/rows/",
    }
    job = graph.nodes[Reference("training-job", "job")]
    assert job.facts["code"] == f"{BUCKET}/code.tar.gz"
    assert [sentence.partition(":")[0] for sentence in job.unknown] == [
        "The digest of the code that it ran",
        "Which versions of the objects it read",
        "Which execution started it, if any",
    ]
    data = graph.nodes[Reference("data", f"{BUCKET}/rows/")]
    assert (len(data.facts["objects"]), data.unknown) == (20, ("10 more objects are not listed here.",))


def test_a_plain_training_job_leads_to_the_endpoint_that_serves_its_artefact() -> None:
    assert {
        "model plain trained by training-job job",
        "endpoint plain configured by endpoint-config plain",
    } <= lines(trace(Reference("training-job", "job"), plain(), back=False))


@pytest.mark.parametrize("uri", [f"{BUCKET}/copied/model.tar.gz", f"{BUCKET}/else/job/output/model.tar.gz"])
def test_an_artefact_that_no_job_wrote_has_no_known_origin(uri: str) -> None:
    graph = trace(Reference("model", "plain"), plain(uri), forward=False)
    assert not graph.edges
    assert uri in graph.nodes[graph.root].unknown[0]


#: what people type → what it names
NAMES: dict[str, list[Reference]] = {
    "digits": [Reference("endpoint", "digits"), Reference("model-package", PACKAGE)],
    "digits-m": [Reference("model", "digits-m")],
    "digits/1": [Reference("model-package", FIRST)],
    "digits-march": [Reference("training-job", "digits-march")],
    "march-0a1b": [Reference("batch", f"{BUCKET}/batches/march-0a1b")],
    "march": [Reference("execution", EXECUTION)],
    f"{BUCKET}/batches/march-0a1b": [Reference("batch", f"{BUCKET}/batches/march-0a1b")],
    f"{BUCKET}/batches/march-0a1b/batch.json": [Reference("batch", f"{BUCKET}/batches/march-0a1b")],
    f"{BUCKET}/runs/march/gate-1/evidence.json": [
        Reference("evidence", f"{BUCKET}/runs/march/gate-1/evidence.json")
    ],
    ARTEFACT: [Reference("training-job", "digits-march")],
    EXECUTION: [Reference("execution", EXECUTION)],
    FIRST: [Reference("model-package", FIRST)],
    "arn:aws:sagemaker:eu-west-3:000000000000:model-package-group/digits": [
        Reference("model-package", PACKAGE)
    ],
    "arn:aws:sagemaker:eu-west-3:000000000000:endpoint/deleted": [Reference("endpoint", "deleted")],
}


@pytest.mark.parametrize("text", NAMES)
def test_a_thing_is_named_as_people_name_it(text: str) -> None:
    source = workflow()
    source.documents[Reference("model-package", FIRST)] = {}
    assert list(named(text, source)) == NAMES[text]


@pytest.mark.parametrize(
    "text",
    ["absent", "digits/9", "s3://bucket/key", "arn:aws:s3:::bucket", "arn:what",
     "arn:aws:sagemaker:eu-west-3:000000000000:model-package-group/absent"],
)  # fmt: skip
def test_a_name_of_nothing_is_refused(text: str) -> None:
    with pytest.raises(NoSuch):
        named(text, workflow())


def test_a_name_is_looked_for_as_far_as_rights_reach() -> None:
    source = workflow()
    source.refused |= {Reference("endpoint", "digits"), Reference("training-job", "absent")}
    assert named("digits", source) == (Reference("model-package", PACKAGE),)
    with pytest.raises(NoSuch, match="may not be read: training-job"):
        named("absent", source)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
WRITTEN = [each for each in workflow().documents if each.kind in ("evidence", "plan", "batch")]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_a_document_in_the_bucket_may_say_anything(data: st.DataObject) -> None:
    """Whoever may write to the bucket can't break a lineage: members of other kinds aren't there."""
    source = workflow()
    reference = data.draw(st.sampled_from(WRITTEN))
    changed = dict(source.documents[reference])
    for name in data.draw(st.sets(st.sampled_from(sorted(changed)), min_size=1)):
        changed[name] = data.draw(JSON)
        inner = data.draw(st.booleans())
        before = workflow().documents[reference][name]
        if inner and isinstance(before, dict) and before:
            changed[name] = {**before, data.draw(st.sampled_from(sorted(before))): data.draw(JSON)}
    source.documents[reference] = changed
    for root in (Reference("endpoint", "digits"), Reference("batch", f"{BUCKET}/batches/march-0a1b")):
        json.dumps(trace(root, source).to_json())


def test_a_document_of_another_form_is_no_evidence() -> None:
    source = workflow()
    reference = Reference("evidence", f"{BUCKET}/runs/march/gate-1/evidence.json")
    source.documents[reference] = {"decision": "keep"}
    node = trace(Reference("endpoint", "digits"), source).nodes[reference]
    assert (dict(node.facts), node.unknown[0].partition(":")[0]) == ({}, "What it says")
