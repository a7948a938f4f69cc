"""A user's regular expressions find metrics, and cannot hold up the server however long they take."""

from __future__ import annotations

import asyncio
import time

import pytest

from stepwell.errors import ValidationException
from stepwell.services.sagemaker.metrics import Metrics, check


def found(regex: str, *texts: str) -> tuple[list[float], float]:
    """The metric's last value, and the longest that the event loop was held up, in seconds."""
    held = 0.0

    async def watch() -> None:
        nonlocal held
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.01)
            held = max(held, time.monotonic() - before)

    async def go() -> list[float]:
        watching = asyncio.create_task(watch())
        metrics = Metrics("job", [{"Name": "m", "Regex": regex}], limit=1.0)
        for moment, text in enumerate(texts):
            await metrics.feed([(float(moment), text)])
        await metrics.close()
        watching.cancel()
        return [item["Value"] for item in metrics.final()]

    return asyncio.run(go()), held


def test_the_last_finite_value_counts() -> None:
    assert found(r"loss=(\S+?);", "loss=3;loss=2;", "loss=1e400;", "loss=nan;", "loss=x;", "other")[0] == [
        2.0
    ]


def test_an_expression_that_takes_for_ever_ends_the_metrics_and_nothing_else() -> None:
    values, held = found(r"(\d+)(a+)+$", "7a", "1" + "a" * 60 + "!", "8a")
    assert values == [7.0]
    assert held < 0.7


@pytest.mark.parametrize("regex", ["(", "no group", "(a{99999999999999999999})", "(" * 200 + "a" + ")" * 199])
def test_what_is_no_expression_is_refused_before_the_job_exists(regex: str) -> None:
    with pytest.raises(ValidationException, match="metric m"):
        check([{"Name": "m", "Regex": regex}])
