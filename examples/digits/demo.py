"""Plays the main job: batches of digits arrive, a model is retrained, judged, deployed, and serves.

Run by `make demo`. Everything goes through the `stepwell` command and boto3, as a user's own would.
"""

import csv
import gzip
import io
import itertools
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import time

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(__file__).resolve().parent
DATA = ROOT / ".demo"
STEPWELL = [sys.executable, "-m", "stepwell"]
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"

#: where each of the 14 forms, filled in by different people, begins in the file
FORMS = [0, 130, 256, 386, 516, 646, 776, 905, 1029, 1157, 1287, 1415, 1545, 1667, 1797]
HEADER = ["label"] + [f"p{number}" for number in range(64)]
EXPECTED = ["DEPLOYED", "DEPLOYED", "REJECTED", "DEPLOYED", "-"]


def say(text=""):
    print(text, flush=True)


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    say("Stepwell: a retraining loop on AWS's interfaces, on this machine\n")
    say("1. The training image's libraries (about 600 MB on disk, fetched once)")
    python = run("images", "--build", IMAGE, "--data", str(DATA)).split()[0]
    installed = time.monotonic()
    if DATA.exists():
        stop()
        shutil.rmtree(DATA)
    say("\n2. A server, with its data in .demo/")
    server = subprocess.Popen(
        [*STEPWELL, "serve", "--data", str(DATA), "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = server.stdout.readline().strip()
        if not line.startswith("listening on "):
            raise SystemExit("the server did not start")
        say(f"   {line}")
        say("\n3. stepwell up examples/digits")
        outputs = dict(
            row.split(": ", 1) for row in run("up", str(PROGRAM), "--data", str(DATA)).splitlines()
        )
        say("\n4. Batches arrive")
        rows = digits(python)
        ok = Demo(outputs, rows).play()
        took, before = time.monotonic() - installed, installed - began
    finally:
        stop()
        server.wait(30)
    say(f"\nThe server is stopped. Done in {took:.0f} s, and {before:.0f} s for installing before that.")
    what_next(outputs["endpoint"])
    return 0 if ok else 1


def stop():
    """End the server of the demo's data, and its jobs and model servers; none may run."""
    done = subprocess.run(
        [*STEPWELL, "stop", "--all", "--data", str(DATA)], stderr=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        say(done.stderr.strip())


def run(*arguments):
    """A stepwell command; its progress goes to the screen, its answer is returned."""
    done = subprocess.run([*STEPWELL, *arguments], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"stepwell {arguments[0]} failed")
    return done.stdout


def digits(python):
    """scikit-learn's digits in the order of the file, label first, from the environment just built."""
    code = "import sklearn, pathlib; print(pathlib.Path(sklearn.__file__).parent)"
    package = subprocess.run(
        [python, "-c", code], stdout=subprocess.PIPE, text=True, check=True
    ).stdout.strip()
    path = pathlib.Path(package, "datasets", "data", "digits.csv.gz")
    with gzip.open(path, "rt", newline="") as file:
        rows = [[int(float(value)) for value in row] for row in csv.reader(file)]
    return [[row[-1], *row[:-1]] for row in rows]


def as_csv(rows, header=True):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(HEADER)
    writer.writerows(rows)
    return text.getvalue().encode()


class Demo:
    """The five uploads and what became of them."""

    def __init__(self, outputs, rows):
        env = json.loads(run("env", "--json", "--data", str(DATA)))["export"]
        settings = {
            "endpoint_url": env["AWS_ENDPOINT_URL"],
            "aws_access_key_id": env["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": env["AWS_SECRET_ACCESS_KEY"],
            "region_name": env["AWS_REGION"],
        }
        direct = Config(proxies={})
        self.s3, self.states, self.logs = (
            boto3.client(service, config=direct, **settings) for service in ("s3", "stepfunctions", "logs")
        )
        once = direct.merge(Config(retries={"total_max_attempts": 1}))
        self.models = boto3.client("sagemaker-runtime", config=once, **settings)
        self.bucket, self.machine, self.endpoint = (
            outputs[name] for name in ("bucket", "machine", "endpoint")
        )
        forms = [rows[start:end] for start, end in itertools.pairwise(FORMS)]
        self.a, self.b, self.c, self.never = (
            list(itertools.chain.from_iterable(part))
            for part in (forms[:2], forms[2:6], forms[6:10], forms[10:])
        )
        self.table, self.known = [], set()

    def play(self):
        shifted = [[(row[0] + 1) % 10, *row[1:]] for row in self.c]
        broken = as_csv(self.c).replace(b"\n", b"\nseven,", 2)
        with Predictions(self) as predictions:
            self.batch("a-forms-1-2", "forms 1-2, the first data", as_csv(self.a), len(self.a))
            predictions.begin()
            self.batch("b-forms-3-6", "forms 3-6", as_csv(self.b), len(self.b))
            self.batch("c-shifted", "forms 7-10, every label shifted by one", as_csv(shifted), len(self.c))
            self.batch("c-corrected", "forms 7-10, corrected", as_csv(self.c), len(self.c))
            self.batch("c-malformed", "a malformed CSV", broken, broken.count(b"\n") - 1)
        self.report(predictions)
        decisions = [row["outcome"] for row in self.table]
        if decisions != EXPECTED or predictions.failed:
            say(f"\nNot as expected: {decisions}, {predictions.failed} failed predictions")
            return False
        return True

    def batch(self, name, what, content, rows):
        """Upload a batch and follow the execution that it starts."""
        say(f"\n   PUT s3://{self.bucket}/data/{name}.csv: {what}, {rows} rows")
        began = time.monotonic()
        self.s3.put_object(Bucket=self.bucket, Key=f"data/{name}.csv", Body=content)
        arn = self.started()
        self.follow(arn, began)
        found = self.states.describe_execution(executionArn=arn)
        output = json.loads(found.get("output", "{}"))
        if found["status"] == "FAILED":
            say(f"   {found['error']}: {found['cause']}")
        score = self.score()
        scores = {each["rows_of"]: each for each in self.comparisons(output) if not each["part"]}
        self.table.append(
            {
                "batch": name,
                "rows": rows,
                "status": found["status"],
                "outcome": output.get("outcome", "-"),
                "scores": scores,
                "never": score,
            }
        )
        took = time.monotonic() - began
        say(f"   {found['status']}, {output.get('outcome', 'no decision')}, after {took:.1f} s")
        if output and not output["approval"]:
            say(f"   {output['reason']}: {output['sentence']}")
        say(f"   the champion reads forms 11-14 at {score:.3f}")

    def started(self):
        """The execution that the arrival starts."""
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for entry in self.states.list_executions(stateMachineArn=self.machine)["executions"]:
                if entry["executionArn"] not in self.known:
                    self.known.add(entry["executionArn"])
                    return entry["executionArn"]
            time.sleep(0.03)
        raise SystemExit("no execution started")

    def comparisons(self, output):
        """What the gate compared, as it left it in the bucket."""
        if "evidence" not in output:
            return []
        key = output["evidence"].split("/", 3)[3].replace("evidence.json", "summary.json")
        return json.loads(self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())["comparisons"]

    def follow(self, arn, began):
        """Print states as they are entered and left, and metrics of the training log; answer for a person."""
        seen, entered, printed, job = 0, {}, set(), None
        while True:
            status = self.states.describe_execution(executionArn=arn)["status"]
            pages = self.states.get_paginator("get_execution_history").paginate(executionArn=arn)
            events = [event for page in pages for event in page["events"]]
            for event in events[seen:]:
                kind, offset = event["type"], time.monotonic() - began
                details = event.get("stateEnteredEventDetails") or event.get("stateExitedEventDetails")
                if kind.endswith("StateEntered"):
                    entered[details["name"]] = event["timestamp"]
                    if "Task" in kind and not details["name"].startswith("Close"):
                        say(f"   {offset:6.1f} s  {details['name']}")
                    if details["name"] == "Train":
                        job = json.loads(details["input"])["training_job"]
                    if details["name"] == "AwaitDecision":
                        self.reject(arn, json.loads(details["input"])["summary"]["value"]["decision"])
                elif kind == "TaskStateExited":
                    took = (event["timestamp"] - entered[details["name"]]).total_seconds()
                    if took >= 1:
                        say(f"   {offset:6.1f} s  {details['name']} took {took:.1f} s")
            seen = len(events)
            if job is not None:
                self.metrics(job, printed)
            if status != "RUNNING":
                return
            time.sleep(0.1)

    def metrics(self, job, printed):
        try:
            found = self.logs.filter_log_events(
                logGroupName="/aws/sagemaker/TrainingJobs",
                logStreamNamePrefix=f"{job}/",
                filterPattern="accuracy",
            )
        except ClientError:
            return
        for event in found["events"]:
            if event["eventId"] not in printed:
                printed.add(event["eventId"])
                say(f"             log: {event['message']}")

    def reject(self, arn, decision):
        """What a person does who looks at the batch: it waits for one, and holds nobody up."""
        say(f"   {decision['outcome']}, {decision['reason']}: {decision['sentence']}")
        name = arn.rsplit(":", 1)[1]
        say(f"   $ stepwell reject {name} --reason 'labels are shifted by one'")
        say(run("reject", name, "--reason", "labels are shifted by one", "--data", str(DATA)).rstrip())

    def predict(self, rows):
        pixels = as_csv([row[1:] for row in rows], header=False)
        reply = self.models.invoke_endpoint(EndpointName=self.endpoint, ContentType="text/csv", Body=pixels)
        return [int(line) for line in reply["Body"].read().split()]

    def score(self):
        """How the endpoint reads the forms that were never delivered."""
        read = self.predict(self.never)
        return sum(guess == row[0] for guess, row in zip(read, self.never, strict=True)) / len(self.never)

    def report(self, predictions):
        say("\n5. What happened\n")
        head = "   {:<13}{:>5}  {:<10}{:<13}{:>18}{:>18}{:>13}"
        say(head.format("batch", "rows", "Status", "Outcome", "trusted rows", "new rows", "forms 11-14"))
        say(head.format("", "", "", "", "challenger/champ.", "challenger/champ.", "champion"))
        for row in self.table:
            pairs = (pair(row["scores"].get("trusted", {})), pair(row["scores"].get("new", {})))
            cells = (row["batch"], row["rows"], row["status"], row["outcome"], *pairs)
            say(head.format(*cells, f"{row['never']:.3f}"))
        made, failed = predictions.made, predictions.failed
        say(f"\n   While the models were swapped: {made} predictions, {failed} failed.")
        some = self.never[::17][:20]
        say("\n   label  " + " ".join(str(row[0]) for row in some))
        say("   read   " + " ".join(str(guess) for guess in self.predict(some)))


def pair(scores):
    """`0.981 / 0.962`, or a dash for what was not measured."""
    found = [scores.get(who) for who in ("challenger", "champion")]
    return " / ".join("-" if score is None else f"{score:.3f}" for score in found) if any(found) else "-"


class Predictions:
    """Predicts all the while, on a thread, and counts what fails."""

    def __init__(self, demo):
        self.demo, self.made, self.failed = demo, 0, 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._predict, daemon=True)

    def begin(self):
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._end.set()
        if self._thread.is_alive():
            self._thread.join(10)

    def _predict(self):
        while not self._end.wait(0.02):
            row = self.demo.never[self.made % len(self.demo.never)]
            try:
                self.demo.predict([row])
            except (ClientError, BotoCoreError) as error:
                self.failed += 1
                say(f"   a prediction failed: {error}")
            self.made += 1


def what_next(endpoint):
    say(f"""
Try next:
   . .venv/bin/activate
   stepwell serve --data .demo                       # the same server again, in this terminal
   eval "$(stepwell env --data .demo)"               # in another: AWS's tools talk to it
   stepwell executions --data .demo
   stepwell batches list {endpoint} --data .demo       # what came of each batch
   stepwell lineage {endpoint} --data .demo            # what the model in service came from
   stepwell rollback {endpoint} --data .demo           # back to the model before
   curl -s --aws-sigv4 "aws:amz:us-east-1:sagemaker" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \\
        -H 'Content-Type: text/csv' --data "$(seq -s, 0 63 | sed 's/[0-9]*/8/g')" \\
        "$AWS_ENDPOINT_URL/endpoints/{endpoint}/invocations"
README.md, "The first ten minutes", goes on from here.""")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
