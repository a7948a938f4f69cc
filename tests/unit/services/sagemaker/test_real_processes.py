"""The same with real processes: a script trains, its model serves, and both go on without the server."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

TRAIN = b"""
import argparse, os, pathlib, time
parser = argparse.ArgumentParser()
parser.add_argument("--bias", type=int)
bias = parser.parse_args().bias
rows = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"], "rows.csv").read_text().splitlines()
print(f"rows={len(rows)};")
go = pathlib.Path(os.environ["SM_OUTPUT_DIR"], "go")
while not go.exists():
    time.sleep(0.01)
pathlib.Path(os.environ["SM_MODEL_DIR"], "bias").write_text(str(bias + len(rows)))
print("done")
"""
SERVE = b"""
import pathlib
def model_fn(model_dir):
    return int(pathlib.Path(model_dir, "bias").read_text())
def input_fn(body, content_type):
    return [int(value) for value in body.split(",")]
def predict_fn(data, model):
    return [value + model for value in data]
def output_fn(prediction, accept):
    return ",".join(map(str, prediction))
"""


def test_a_script_trains_on_while_the_server_is_away_and_its_model_serves(real: Any) -> None:
    real.s3.objects["bucket/data/rows.csv"] = b"1\n2\n3\n"
    code = real.archive("bucket/code.tar.gz", **{"train.py": TRAIN})
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/data"}
    real.train(
        HyperParameters={
            "bias": "4",
            "sagemaker_program": json.dumps("train.py"),
            "sagemaker_submit_directory": json.dumps(code),
        },
        InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
        AlgorithmSpecification={
            "TrainingImage": real.image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "rows", "Regex": "rows=(.*?);"}],
        },
    )
    real.until(lambda: any("rows=3" in text for _, _, text in real.lines))
    real.kill()
    (real.jobs.folder("training-job-job") / "ml" / "output" / "go").touch()
    real.start()
    job = real.settle("TrainingJob", "job", "Completed", "Failed", "Stopped")
    texts = [text for _, _, text in real.lines]
    assert job["TrainingJobStatus"] == "Completed", (job, texts)
    assert job["FinalMetricDataList"][0]["Value"] == 3.0
    assert texts.count("rows=3;") == texts.count("done") == 1

    real.archive("bucket/served.tar.gz", **{"bias": b"7", "code/inference.py": SERVE})
    container = {"Image": real.image, "ModelDataUrl": "s3://bucket/served.tar.gz"}
    real("CreateModel", ModelName="m", PrimaryContainer=container, ExecutionRoleArn=real.role)
    real.config("c", "m")
    real("CreateEndpoint", EndpointName="e", EndpointConfigName="c")
    shown = real.settle("Endpoint", "e", "InService", "Failed")
    assert shown["EndpointStatus"] == "InService", shown
    assert real.invoke("e", Body=b"1,2", ContentType="text/csv")["Body"] == b"8,9"
    real.kill()
    real.start()
    assert real.invoke("e", Body=b"3", ContentType="text/csv")["Body"] == b"10"

    (server,) = [path.name for path in real.jobs.root.iterdir() if path.name.startswith("server-")]
    os.kill(real.jobs.status(server)["child"]["pid"], signal.SIGKILL)
    assert [real.invoke("e", Body=b"4", ContentType="text/csv")["Body"] for _ in range(5)] == [b"11"] * 5
