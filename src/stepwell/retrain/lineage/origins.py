"""Backwards: what each kind of thing says of itself, and of what it came from. One function a kind.

Documents are AWS's answers and the bucket's JSON, written by whoever ran the workflow: a member that isn't
there is unknown, never an error.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stepwell.retrain.lineage import executions
from stepwell.retrain.lineage.documents import Document, list_in, object_in, objects_in, text_in
from stepwell.retrain.lineage.graph import Reference
from stepwell.retrain.lineage.plans import RUN, batch_of, execution_of, named, plan_of
from stepwell.retrain.lineage.source import Source, Unreadable

#: SageMaker's own layout of a training job's artefact
ARTEFACT = re.compile(r"s3://.+/([^/]+)/output/model\.tar\.gz")
#: what hyperparameters are called that begin random numbers
SEED = re.compile(r"seed|random.?state", re.IGNORECASE)
#: entries of a manifest that are told of
MOST_ENTRIES = 20


@dataclass(kw_only=True)
class Told:
    """What a document tells."""

    #: see `Node.facts`
    facts: dict[str, Any]
    #: what it came from, with the relation; see `Edge`
    origins: list[tuple[Reference, str]] = field(default_factory=list)
    #: see `Node.unknown`
    unknown: list[str] = field(default_factory=list)
    #: facts of origins that need no document of their own
    known: dict[Reference, dict[str, Any]] = field(default_factory=dict)


def told(reference: Reference, document: Document, source: Source) -> Told:
    """What a thing's document tells; `source` has the other documents that this one points at."""
    found = TELLING[reference.kind](reference, document, source)
    found.facts = {name: each for name, each in found.facts.items() if each not in (None, "", {}, [])}
    return found


def _endpoint(reference: Reference, document: Document, source: Source) -> Told:
    found = Told(
        facts={
            "status": document.get("EndpointStatus"),
            "failure": document.get("FailureReason"),
            "created": document.get("CreationTime"),
            "changed": document.get("LastModifiedTime"),
            "workflow": _tag(document, "workflow"),
        }
    )
    if document.get("EndpointConfigName"):
        found.origins.append((Reference("endpoint-config", document["EndpointConfigName"]), "configured by"))
    return found


def _endpoint_config(reference: Reference, document: Document, source: Source) -> Told:
    variants = [
        each
        for name in ("ProductionVariants", "ShadowProductionVariants")
        for each in objects_in(document, name)
    ]
    named = [each for each in variants if each.get("ModelName")]
    found = Told(facts={"created": document.get("CreationTime"), **_tags(document)})
    found.origins = [(Reference("model", each["ModelName"]), "serves") for each in named]
    if len(named) < len(variants):
        found.unknown.append("A variant names no model: it serves inference components.")
    if len(variants) > 1:
        found.facts["weights"] = {
            each.get("VariantName", "?"): each.get("InitialVariantWeight", 1) for each in variants
        }
    return found


def _model(reference: Reference, document: Document, source: Source) -> Told:
    containers = objects_in(document, "Containers") or [object_in(document, "PrimaryContainer")]
    found = Told(
        facts={
            "image": _joined(each.get("Image") for each in containers),
            "model data": _joined(artefact(each) for each in containers),
            "created": document.get("CreationTime"),
            **_tags(document),
        }
    )
    for each in containers:
        if each.get("ModelPackageName"):
            found.origins.append((Reference("model-package", each["ModelPackageName"]), "made from"))
        else:
            _trained(found, artefact(each), source)
    return found


def _package(reference: Reference, document: Document, source: Source) -> Told:
    metadata = object_in(document, "CustomerMetadataProperties")
    containers = objects_in(object_in(document, "InferenceSpecification"), "Containers")
    by, made_by = (_person(document.get(name)) for name in ("LastModifiedBy", "CreatedBy"))
    found = Told(
        facts={
            "approval": document.get("ModelApprovalStatus"),
            "approval's reason": document.get("ApprovalDescription"),
            "changed by": by,
            "changed": document.get("LastModifiedTime") if by else None,
            "reason": metadata.get("reason"),
            "asked for": metadata.get("asks") if metadata.get("asks") != "nothing" else None,
            "batch": metadata.get("batch"),
            "image": _joined(each.get("Image") for each in containers),
            "model data": _joined(artefact(each) for each in containers),
            "created by": made_by,
            "created": document.get("CreationTime"),
        }
    )
    if metadata.get("training-job"):
        found.origins.append((Reference("training-job", metadata["training-job"]), "trained by"))
    else:
        for each in containers:
            _trained(found, artefact(each), source)
    for name, kind, relation in (
        ("evidence", "evidence", "judged by"),
        ("execution", "execution", "registered by"),
    ):
        if metadata.get(name):
            found.origins.append((Reference(kind, metadata[name]), relation))
        else:
            found.unknown.append(f"Which {kind} it is of: its metadata has no {name!r}.")
    return found


def _training_job(reference: Reference, document: Document, source: Source) -> Told:
    plan = _plan(_inputs(document), source)
    parameters = object_in(document, "HyperParameters")
    code = text_in(parameters, "sagemaker_submit_directory").strip('"')
    sha256 = object_in(plan, "code").get("sha256")
    specification = object_in(document, "AlgorithmSpecification")
    found = Told(
        facts={
            "status": document.get("TrainingJobStatus"),
            "failure": document.get("FailureReason"),
            "image": specification.get("TrainingImage") or specification.get("AlgorithmName"),
            "code": code,
            "code's digest": f"sha256:{sha256}" if sha256 else None,
            "hyperparameters": dict(parameters),
            "batches": {
                str(each.get("name")): {name: each.get(name) for name in ("rows", "digest")}
                for each in objects_in(plan, "batches")
            },
            "seeds": {name: each for name, each in parameters.items() if SEED.search(name)},
            "metrics": {
                each.get("MetricName", "?"): each.get("Value")
                for each in objects_in(document, "FinalMetricDataList")
            },
            "artefact": object_in(document, "ModelArtifacts").get("S3ModelArtifacts"),
            "started": document.get("TrainingStartTime"),
            "ended": document.get("TrainingEndTime"),
            **_tags(document),
        }
    )
    if code and not sha256:
        found.unknown.append("The digest of the code that it ran: no plan tells it.")
    for each in objects_in(plan, "batches"):
        found.origins.append((batch_of(str(plan["place"]), each.get("name")), "trained on"))
    for uri, kind in _inputs(document):
        if not plan or not RUN.match(uri):
            found.origins.append((Reference("data", uri), f"reads ({kind})"))
    if _inputs(document) and not plan:
        found.unknown.append("Which versions of the objects it read: no plan tells them.")
    _started(found, document, plan, source)
    return found


def _processing_job(reference: Reference, document: Document, source: Source) -> Told:
    inputs = [
        (each.get("InputName", ""), object_in(each, "S3Input"))
        for each in objects_in(document, "ProcessingInputs")
    ]
    application = object_in(document, "AppSpecification")
    found = Told(
        facts={
            "status": document.get("ProcessingJobStatus"),
            "failure": document.get("FailureReason"),
            "message": document.get("ExitMessage"),
            "image": application.get("ImageUri"),
            "command": " ".join(
                [*list_in(application, "ContainerEntrypoint"), *list_in(application, "ContainerArguments")]
            ),
            "inputs": {name: each.get("S3Uri") for name, each in inputs},
            "started": document.get("ProcessingStartTime"),
            "ended": document.get("ProcessingEndTime"),
            **_tags(document),
        }
    )
    outputs = objects_in(object_in(document, "ProcessingOutputConfig"), "Outputs")
    uris = [(str(object_in(each, "S3Output").get("S3Uri")), "") for each in outputs]
    _started(found, document, _plan(uris, source), source)
    return found


def _execution(reference: Reference, document: Document, source: Source) -> Told:
    events = objects_in(document, "Events")
    made = executions.decisions(events)
    found = Told(
        facts={
            "status": document.get("status"),
            "error": document.get("error"),
            "machine": str(document.get("stateMachineArn", "")).rpartition(":")[2],
            "started": document.get("startDate"),
            "ended": document.get("stopDate"),
            "decided": made,
        }
    )
    batch = executions.batch(events)
    if batch is not None:
        found.origins.append((batch, "started for"))
    else:
        found.unknown.append("Which batch it is about: its history names none.")
    return found


def _evidence(reference: Reference, document: Document, source: Source) -> Told:
    if not text_in(document, "schema").startswith("stepwell.gate/"):
        return Told(facts={}, unknown=["What it says: it is no evidence of a gate of Stepwell's."])
    decision, sources = object_in(document, "decision"), object_in(document, "sources")
    released, packages = object_in(document, "released"), object_in(sources, "packages")
    found = Told(
        facts={
            "decision": f"{decision.get('outcome')} {decision.get('reason')}: {decision.get('sentence')}",
            "released": {name: released.get(name) for name in ("by", "at", "reason")} if released else None,
            "metric": object_in(document, "settings").get("metric"),
            "seed": object_in(document, "settings").get("seed"),
            "scores": {
                each.get("rows_of", "?"): {
                    name: each.get(name) for name in ("rows", "challenger", "champion", "won", "lost")
                }
                for each in objects_in(document, "comparisons")
                if not each.get("part")
            },
            "champion": {name: each for name, each in object_in(sources, "champion").items() if each},
            "artefacts": {name: f"sha256:{each}" for name, each in object_in(sources, "models").items()},
            "gate's code": f"sha256:{sources['gate']}" if sources.get("gate") else None,
            "python": sources.get("python") or object_in(sources, "versions").get("python"),
            "libraries": {
                name: each for name, each in object_in(sources, "versions").items() if name != "python"
            },
            "packages": packages,
        }
    )
    if not packages:
        found.unknown.append("The exact versions of all libraries: only of those that were loaded.")
    run = RUN.match(reference.name)
    for name, relation in (
        (text_in(sources, "batch"), "judged on"),
        *((name, "trusted") for name in object_in(sources, "trusted")),
    ):
        if name and run is not None:
            found.origins.append((batch_of(run[1], name), relation))
    job = text_in(sources, "job").partition(":processing-job/")[2]
    if job:
        found.origins.append((Reference("processing-job", job), "written by"))
    return found


def _batch(reference: Reference, document: Document, source: Source) -> Told:
    outcome = object_in(document, "outcome")
    found = Told(
        facts={
            "status": document.get("status"),
            "outcome": outcome.get("sentence") or outcome.get("reason"),
            "rows": document.get("rows"),
            "train rows": document.get("train_rows"),
            "held-out rows": document.get("held_out_rows"),
            "digests": {name: f"sha256:{each}" for name, each in object_in(document, "digests").items()},
            "created": document.get("created"),
            "history": [
                {name: each[name] for name in ("at", "status", "by", "why") if each.get(name)}
                for each in objects_in(document, "history")
            ],
        }
    )
    bucket = reference.name.split("/")[2]
    for each in objects_in(document, "objects"):
        version = f"?versionId={each['version']}" if each.get("version") else ""
        held = Reference("object", f"s3://{bucket}/{each.get('key')}{version}")
        found.origins.append((held, "holds"))
        found.known[held] = {name: each[name] for name in ("sha256", "etag", "size") if each.get(name)}
    return found


def _data(reference: Reference, document: Document, source: Source) -> Told:
    entries = list_in(document, "objects")
    found = Told(facts={"objects": entries[:MOST_ENTRIES]})
    if len(entries) > MOST_ENTRIES:
        found.unknown.append(f"{len(entries) - MOST_ENTRIES} more objects are not listed here.")
    return found


TELLING: dict[str, Callable[[Reference, Document, Source], Told]] = {
    "endpoint": _endpoint,
    "endpoint-config": _endpoint_config,
    "model": _model,
    "model-package": _package,
    "training-job": _training_job,
    "processing-job": _processing_job,
    "execution": _execution,
    "evidence": _evidence,
    "batch": _batch,
    "data": _data,
}


def artefact(container: Document) -> str:
    """The S3 URI of a container's model data; empty where it has none."""
    source = object_in(object_in(container, "ModelDataSource"), "S3DataSource")
    return str(container.get("ModelDataUrl") or source.get("S3Uri") or "")


def _plan(uris: list[tuple[str, str]], source: Source) -> dict[str, Any]:
    return next((plan for uri, _ in uris if (plan := plan_of(uri, source))), {})


def _started(found: Told, document: Document, plan: Document, source: Source) -> None:
    """Which execution started a job: its plan's, or that of its tag."""
    reference = execution_of(plan, source) if plan else None
    name = _tag(document, "execution")
    if reference is None and name:
        arn = named(name, source)
        reference = Reference("execution", arn) if arn else None
    if reference is not None:
        found.origins.append((reference, "started by"))
    elif name:
        found.unknown.append(f"Which execution started it: there is none, or more than one, called {name!r}.")
    else:
        found.unknown.append("Which execution started it, if any: it has no tag stepwell:execution.")


def _trained(found: Told, uri: str, source: Source) -> None:
    """The job that made an artefact, by SageMaker's layout of its output, held against what the job says."""
    if not uri:
        return
    layout = ARTEFACT.fullmatch(uri)
    if layout is None:
        found.unknown.append(f"What made {uri}: no training job writes there.")
        return
    job = Reference("training-job", layout[1])
    try:
        document = source.read(job)
    except Unreadable:
        document = None
    made = object_in(document or {}, "ModelArtifacts").get("S3ModelArtifacts")
    if made is None or made == uri:
        found.origins.append((job, "trained by"))
    else:
        found.unknown.append(f"What made {uri}: training job {job.name} made {made}.")


def _inputs(document: Document) -> list[tuple[str, str]]:
    """The S3 URIs of a training job's channels, and what they are."""
    found = []
    for each in objects_in(document, "InputDataConfig"):
        source = object_in(object_in(each, "DataSource"), "S3DataSource")
        if source.get("S3Uri"):
            found.append((str(source["S3Uri"]), f"{each.get('ChannelName')}, {source.get('S3DataType')}"))
    return found


def _tag(document: Document, name: str) -> str:
    return str(object_in(document, "Tags").get(f"stepwell:{name}") or "")


def _tags(document: Document) -> dict[str, str]:
    return {name: _tag(document, name) for name in ("workflow", "batch")}


def _joined(parts: Any) -> str:
    return ", ".join(str(each) for each in parts if each)


def _person(context: Any) -> str:
    """Who, of SageMaker's UserContext."""
    if not isinstance(context, Mapping):
        return ""
    identity = object_in(context, "IamIdentity")
    return str(identity.get("Arn") or context.get("UserProfileName") or "")
