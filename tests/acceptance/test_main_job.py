"""The main job by boto3 alone: a CSV lands, a model is retrained, judged, deployed, and serves."""

from __future__ import annotations

import json
import threading

import pytest
from digits import FORMS, IMAGE, Retraining, Row, as_csv, forms, rows
from running import Running, ended, until

from stepwell.retrain.gate import Evidence, replay


@pytest.fixture(scope="module")
def table(server: Running) -> tuple[Row, ...]:
    built = server.stepwell("images", "--build", IMAGE)
    assert built.returncode == 0, built.stderr
    return rows(built.stdout.split()[0])


@pytest.fixture(scope="module")
def retraining(server: Running, table: tuple[Row, ...]) -> Retraining:
    made = Retraining(server.client, "digits-boto3")
    run(server, made, "a", as_csv(forms(table, 1, 2)), "DEPLOYED")
    return made


def run(server: Running, made: Retraining, batch: str, content: bytes, decision: str) -> Evidence:
    """Upload a batch, wait for its execution, check its decision; gives the evidence."""
    made.upload(batch, content)
    found = ended(server, until(lambda: made.execution(f"{batch}-")))
    assert found["status"] == "SUCCEEDED", found.get("cause")
    output = json.loads(found["output"])
    assert output["decision"] == decision
    bucket, _, key = output["evidence"].removeprefix("s3://").partition("/")
    evidence = Evidence.parse(made.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode())
    assert (evidence.decision.reason, replay(evidence).reason) == (output["reason"], output["reason"])
    return evidence


def test_each_form_begins_with_the_prompt_that_people_copied(table: tuple[Row, ...]) -> None:
    """The file keeps the order of the 14 forms, so that whole forms are new handwriting."""
    starts = FORMS[:-1]
    assert (len(table), len(starts)) == (1797, 14)
    prompts = [[row[0] for row in table[start : start + 16]] for start in starts]
    prompt = [number % 10 for number in range(16)]
    assert all(sum(a != b for a, b in zip(found, prompt, strict=True)) <= 1 for found in prompts)


@pytest.mark.timeout(240)
def test_batches_are_trained_on_judged_and_deployed_or_not(
    server: Running, retraining: Retraining, table: tuple[Row, ...]
) -> None:
    """A better challenger deploys, poison is quarantined, a broken file fails, corrected data is accepted."""
    never = forms(table, 11, 14)
    first = retraining.accuracy(never)
    assert first > 0.6

    failures: list[str] = []
    made = 0
    over = threading.Event()

    def predict() -> None:
        nonlocal made
        while not over.wait(0.01):
            try:
                retraining.predict(never[:1])
                made += 1
            except Exception as error:
                failures.append(str(error))

    thread = threading.Thread(target=predict)
    thread.start()
    try:
        run(server, retraining, "b", as_csv(forms(table, 3, 6)), "DEPLOYED")
        second, champion = retraining.accuracy(never), retraining.model()
        assert second > first

        batch = forms(table, 7, 10)
        poison = [[(row[0] + 1) % 10, *row[1:]] for row in batch]
        evidence = run(server, retraining, "poison", as_csv(poison), "QUARANTINED")
        assert evidence.recognised is not None and evidence.recognised < 0.1
        shown = server.stepwell("gate", "show", "poison-")
        assert shown.stdout.startswith("QUARANTINE BELOW_FLOOR: "), shown.stderr
        shown = server.stepwell("gate", "replay", "poison-", "--floor", "0")
        assert "now      KEEP WORSE_ON_TRUSTED: " in shown.stdout, shown.stderr
        assert retraining.model() == champion
        quarantined = retraining.s3.list_objects_v2(Bucket=retraining.bucket, Prefix="quarantine/")
        assert quarantined["KeyCount"] == 1

        retraining.upload("broken", b"label,p0\n1,2\n")
        broken = ended(server, until(lambda: retraining.execution("broken-")))
        assert (broken["status"], broken["error"]) == ("FAILED", "MalformedBatch")
        assert "the first line must be the header" in json.loads(broken["cause"])["errorMessage"]
        assert retraining.model() == champion

        run(server, retraining, "c", as_csv(batch), "DEPLOYED")
        assert retraining.accuracy(never) >= second - 0.02
    finally:
        over.set()
        thread.join()
    assert made > 50
    assert failures == []


@pytest.mark.timeout(180)
def test_two_first_batches_at_once_are_both_decided(server: Running, table: tuple[Row, ...]) -> None:
    """Neither sees a champion, so both want to create the endpoint: the slower one updates it instead."""
    made = Retraining(server.client, "digits-at-once")
    batches = {"early": forms(table, 1, 2), "late": forms(table, 3, 4)}
    for batch, content in batches.items():
        made.upload(batch, as_csv(content))
    begun = {batch: until(lambda batch=batch: made.execution(f"{batch}-")) for batch in batches}
    found = {batch: ended(server, execution, seconds=120) for batch, execution in begun.items()}
    assert {each["status"] for each in found.values()} == {"SUCCEEDED"}, found
    decisions = {batch: json.loads(each["output"])["decision"] for batch, each in found.items()}
    assert set(decisions.values()) <= {"DEPLOYED", "REPLACED"}
    assert decisions[made.model().partition("-")[0]] == "DEPLOYED"
    history = [
        each
        for execution in begun.values()
        for each in made.states.get_execution_history(executionArn=execution, maxResults=1000)["events"]
    ]
    refused = [each["taskFailedEventDetails"]["error"] for each in history if each["type"] == "TaskFailed"]
    assert "SageMaker.AmazonSageMakerException" in refused
    assert made.accuracy(forms(table, 11, 14)) > 0.6


@pytest.mark.timeout(120)
def test_a_worse_challenger_is_refused_by_the_gate(
    server: Running, retraining: Retraining, table: tuple[Row, ...]
) -> None:
    """Threes and eights swapped: the champion recognises enough of it, trusted rows show the harm."""
    champion = retraining.model()
    others = [row for row in forms(table, 7, 10) if row[0] not in (3, 8)]
    swapped = [[11 - row[0], *row[1:]] for row in forms(table, 1, 10) if row[0] in (3, 8)]
    content = as_csv(others + swapped)
    evidence = run(server, retraining, "swapped", content, "KEPT")
    assert evidence.recognised is not None and evidence.recognised > 0.5
    assert evidence.decision.reason == "WORSE_ON_TRUSTED"
    assert retraining.model() == champion


@pytest.mark.timeout(120)
def test_a_failed_endpoint_update_leaves_the_old_model_serving(
    server: Running, retraining: Retraining
) -> None:
    """An update to a model whose script cannot be loaded ends InService, on the old configuration."""
    sagemaker, champion = server.client("sagemaker"), retraining.model()
    described = sagemaker.describe_model(ModelName=champion)
    container = {**described["PrimaryContainer"], "Environment": {"SAGEMAKER_PROGRAM": "absent.py"}}
    sagemaker.create_model(
        ModelName="broken", ExecutionRoleArn=described["ExecutionRoleArn"], PrimaryContainer=container
    )
    variant = {
        "VariantName": "v",
        "ModelName": "broken",
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
    }
    sagemaker.create_endpoint_config(EndpointConfigName="broken", ProductionVariants=[variant])
    sagemaker.update_endpoint(EndpointName=retraining.name, EndpointConfigName="broken")
    found = until(
        lambda: (
            (found := sagemaker.describe_endpoint(EndpointName=retraining.name))["EndpointStatus"]
            != "Updating"
            and found
        )
    )
    assert found["EndpointStatus"] == "InService"
    assert found["EndpointConfigName"] == champion
    assert found["FailureReason"]
    assert len(retraining.predict([[0] * 65])) == 1
