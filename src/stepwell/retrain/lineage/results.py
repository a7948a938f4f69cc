"""Forwards: what came of a thing, as far as lists and the bucket's plans can tell. One function a kind.

Of endpoints those count that are there now; configurations and models that serve nothing are passed over,
because AWS can't be asked who uses them but one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from stepwell.retrain.lineage import executions
from stepwell.retrain.lineage.documents import Document, object_in, objects_in, text_in
from stepwell.retrain.lineage.graph import Edge, Reference
from stepwell.retrain.lineage.origins import artefact
from stepwell.retrain.lineage.plans import execution_of, plan_of
from stepwell.retrain.lineage.source import Source, Unreadable


def results(reference: Reference, document: Document, source: Source) -> Iterator[Edge]:
    """What came of a thing at once. Raises Unreadable where lists may not be read."""
    find = FINDING.get(reference.kind)
    for result, relation in find(reference, document, source) if find is not None else ():
        yield Edge(origin=reference, result=result, relation=relation)


Found = Iterator[tuple[Reference, str]]


def _of_endpoint_config(reference: Reference, document: Document, source: Source) -> Found:
    for name in source.names("endpoint"):
        endpoint = Reference("endpoint", name)
        if _maybe(endpoint, source).get("EndpointConfigName") == reference.name:
            yield endpoint, "configured by"


def _of_model(reference: Reference, document: Document, source: Source) -> Found:
    for config, model in _serving(source):
        if model == reference:
            yield config, "serves"


def _of_package(reference: Reference, document: Document, source: Source) -> Found:
    for model, container in _containers(source):
        if container.get("ModelPackageName") == reference.name:
            yield model, "made from"


def _of_training_job(reference: Reference, document: Document, source: Source) -> Found:
    made = text_in(object_in(document, "ModelArtifacts"), "S3ModelArtifacts")
    for name in source.names("model-package"):
        package = Reference("model-package", name)
        described = _maybe(package, source)
        containers = objects_in(object_in(described, "InferenceSpecification"), "Containers")
        job = object_in(described, "CustomerMetadataProperties").get("training-job")
        if job == reference.name or (made and made in map(artefact, containers)):
            yield package, "trained by"
    for model, container in _containers(source):
        if made and not container.get("ModelPackageName") and artefact(container) == made:
            yield model, "trained by"


def _of_execution(reference: Reference, document: Document, source: Source) -> Found:
    events = objects_in(document, "Events")
    yield from executions.started(events)
    for link in executions.evidence_links(document, events):
        evidence = Reference("evidence", link)
        if _maybe(evidence, source):
            yield evidence, "written by"


def _of_batch(reference: Reference, document: Document, source: Source) -> Found:
    """Every run of the bucket whose plan trains on the batch, or judges by it."""
    bucket = "/".join(reference.name.split("/")[:3])
    own = text_in(document, "execution")
    if own:
        yield Reference("execution", own), "started for"
    for uri in source.names("plan", bucket):
        plan = plan_of(uri, source)
        if _among(plan, "batches", reference) and text_in(plan, "training_job"):
            yield Reference("training-job", text_in(plan, "training_job")), "trained on"
        elif _among(plan, "trusted", reference):
            execution = execution_of(plan, source)
            if execution is not None:
                yield execution, "trusted"


FINDING: dict[str, Callable[[Reference, Document, Source], Found]] = {
    "endpoint-config": _of_endpoint_config,
    "model": _of_model,
    "model-package": _of_package,
    "training-job": _of_training_job,
    "execution": _of_execution,
    "batch": _of_batch,
}


def _among(plan: Document, name: str, batch: Reference) -> bool:
    return any(each.get("name") == batch.called for each in objects_in(plan, name))


def _serving(source: Source) -> Iterator[tuple[Reference, Reference]]:
    """The configurations that endpoints have now, with each model of theirs, each pair once."""
    seen: set[tuple[Reference, Reference]] = set()
    for name in source.names("endpoint"):
        endpoint = _maybe(Reference("endpoint", name), source)
        config = Reference("endpoint-config", str(endpoint.get("EndpointConfigName")))
        described = _maybe(config, source)
        for kind in ("ProductionVariants", "ShadowProductionVariants"):
            for variant in objects_in(described, kind):
                pair = config, Reference("model", str(variant.get("ModelName")))
                if pair not in seen:
                    seen.add(pair)
                    yield pair


def _containers(source: Source) -> Iterator[tuple[Reference, Document]]:
    """The containers of models that serve now."""
    for model in dict.fromkeys(model for _, model in _serving(source)):
        described = _maybe(model, source)
        for container in objects_in(described, "Containers") or [object_in(described, "PrimaryContainer")]:
            yield model, container


def _maybe(reference: Reference, source: Source) -> Document:
    """A document, or nothing where there is none or it may not be read: others may still be."""
    try:
        return source.read(reference) or {}
    except Unreadable:
        return {}
