"""From a day's export to rows that a model can learn from: what is known a day ahead, and what came.

Called by Prepare: the raw files lie in `source`, the rows go to `target`.
"""

import csv
import statistics
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Rome")
DAY = timedelta(hours=24)
COLUMNS = ["time", "yesterday", "median", "mean", "least", "hour", "weekday", "flow"]


def prepare(source: Path, target: Path) -> None:
    """Rows of the day that an export is named after, with what was known a day before each hour."""
    for path in sorted(source.rglob("*.csv")):
        with path.open(newline="") as file:
            lines = list(csv.DictReader(file))
        readings = {datetime.fromisoformat(line["time"]): float(line["flow"]) for line in lines}
        with (target / path.name).open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for time in sorted(readings):
                if time.astimezone(ZONE).date().isoformat() == path.stem and time - DAY in readings:
                    writer.writerow(row(time, readings))


def row(time: datetime, readings: dict) -> list:
    """What is known a day before `time`, and the flow that came."""
    before = [readings[each] for each in readings if time - 2 * DAY < each <= time - DAY]
    local = time.astimezone(ZONE)
    known = [statistics.median(before), statistics.fmean(before), min(before)]
    return [
        time.isoformat(),
        readings[time - DAY],
        *(round(value, 3) for value in known),
        local.hour,
        local.weekday(),
        readings[time],
    ]
