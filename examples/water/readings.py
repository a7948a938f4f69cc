"""The meter: hourly readings of a real pipeline, told as daily exports.

The data is `water-flow` of the package river (BSD-3-Clause), "kindly donated by the Tecnojest s.r.l. company
(www.invidea.it) from Italy": litres per second from 2022-03-20 to 2022-05-16. It is read from the installed
package and not copied: `pip install --no-deps river`. As a script it writes the exports into a folder.
"""

import csv
import importlib.util
import pathlib
import sys
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Rome")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def series():
    """Every reading by its time, in UTC. Raises ModuleNotFoundError where river isn't installed."""
    found = importlib.util.find_spec("river")
    if found is None:
        raise ModuleNotFoundError("the readings are in the package river: pip install --no-deps river")
    path = pathlib.Path(found.submodule_search_locations[0]) / "datasets" / "water-flow.csv"
    with path.open(newline="") as file:
        lines = list(csv.reader(file))[1:]
    return {datetime.fromisoformat(time).astimezone(ZoneInfo("UTC")): float(flow) for time, flow in lines}


def exports():
    """Each day's export as (midnight at its end, its file's name, its text): two days' readings."""
    known = series()
    midnight = min(known).astimezone(ZONE).replace(hour=0)
    while midnight < max(known):
        # by the wall clock: the days of a clock change have 23 and 25 hours
        before, day, midnight = midnight - DAY, midnight.date(), midnight + DAY
        hours = [time for time in sorted(known) if before <= time < midnight]
        text = "".join(f"{time.isoformat()},{known[time]}\n" for time in hours)
        yield midnight, f"{day}.csv", f"time,flow\n{text}"


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "exports")
    folder.mkdir(parents=True, exist_ok=True)
    for _, name, text in exports():
        (folder / name).write_text(text)
