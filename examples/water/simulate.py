"""Plays the eight weeks of the data in a minute or two, and says what each way of replacing models was worth.

Three ways see the same readings: the gate decides; every new model replaces the old one; the first model
stays. A server in memory with a clock of its own runs real jobs; `python simulate.py` prints the table.
"""

import csv
import io
import pathlib
import statistics
import sys
import tempfile
from datetime import datetime, timedelta

import readings

from stepwell.testing import Stepwell

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE / "jobs"))
import features  # noqa: E402

#: settings that let every challenger pass
ALWAYS = {"name": "water-always", "floor": "1e9", "margin": "1e9"}
START = "2022-03-20T00:00+01:00"
FIRST, LAST = datetime(2022, 3, 27, 4, tzinfo=readings.ZONE), datetime(2022, 5, 15, 4, tzinfo=readings.ZONE)


def main():
    with Stepwell(start=START) as server:
        ways = declared(server)
        print("| Sunday | the gate | error in the week after: gate | always | never | same hour yesterday |")
        print("| --- | --- | ---: | ---: | ---: | ---: |")
        for week in play(server, ways):
            print("| " + " | ".join(week) + " |", flush=True)


def declared(server):
    """The program's outputs, twice: as it is, and with a gate that lets every model pass."""
    return {"gate": server.up(HERE), "always": server.up(HERE, stack="always", config=ALWAYS)}


def play(server, ways):
    """Each Sunday's line: what the gate decided, and the mean absolute errors (l/s) of the week after it."""
    storage, sagemaker = server.client("s3"), server.client("sagemaker")
    sunday, exports = FIRST, readings.exports()
    midnight, name, text = next(exports)
    while sunday <= LAST:
        while midnight < sunday:
            server.advance_to(midnight)
            for way in ways.values():
                storage.put_object(Bucket=way["bucket"], Key=f"readings/{name}", Body=text.encode())
            midnight, name, text = next(exports)
        # Sunday at four by the wall clock: the window opens, and jobs end before the clock moves on
        server.advance_to(sunday + timedelta(minutes=10))
        if sunday == FIRST:
            keep_first(sagemaker, ways["gate"]["endpoint"])
        decision = told(server, sagemaker, ways["gate"])
        rows = known(sunday, sunday + timedelta(days=7))
        served = [ways["gate"]["endpoint"], ways["always"]["endpoint"], "water-never"]
        errors = [error(rows, predictions(server, endpoint, rows)) for endpoint in served]
        naive = error(rows, [float(row["yesterday"]) for row in rows])
        yield f"{sunday:%Y-%m-%d}", decision, *(f"{value:.2f}" for value in [*errors, naive])
        sunday += timedelta(days=7)


def told(server, sagemaker, way):
    """What the newest run decided. A person who is asked sees the outage in the evidence, and rejects."""
    run = server.executions(way["machine"])[-1]
    if run.status == "RUNNING":
        waiting = run.calls("AwaitDecision")[-1]["Payload"]
        sagemaker.update_model_package(
            ModelPackageArn=waiting["package"],
            ModelApprovalStatus="Rejected",
            ApprovalDescription="An outage.",
        )
        server.settle()
        return f"QUARANTINED, then {run.output['outcome']}"
    return f"{run.output['outcome']} ({run.output['reason']})"


def keep_first(sagemaker, endpoint):
    """Another endpoint on the first model, which nobody updates."""
    first = sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointConfigName"]
    sagemaker.create_endpoint(EndpointName="water-never", EndpointConfigName=first)
    sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName="water-never", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


def known(start, end):
    """Rows of the hours from `start` to `end`, as Prepare makes them."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = pathlib.Path(folder, "source"), pathlib.Path(folder, "target")
        source.mkdir()
        target.mkdir()
        for midnight, name, text in readings.exports():
            if start < midnight < end + timedelta(days=1):
                (source / name).write_text(text)
        features.prepare(source, target)
        rows = []
        for path in sorted(target.glob("*.csv")):
            with path.open(newline="") as file:
                rows += list(csv.DictReader(file))
    return [row for row in rows if start <= datetime.fromisoformat(row["time"]) < end]


def predictions(server, endpoint, rows):
    body = io.StringIO()
    csv.writer(body).writerows([row[name] for name in features.COLUMNS[:-1]] for row in rows)
    reply = server.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=endpoint, ContentType="text/csv", Body=body.getvalue().encode()
    )
    return [float(line) for line in reply["Body"].read().split()]


def error(rows, forecasts):
    return statistics.fmean(
        abs(float(row["flow"]) - forecast) for row, forecast in zip(rows, forecasts, strict=True)
    )


if __name__ == "__main__":
    main()
