"""Events: the envelope is complete, and every subscriber's consequences are one commit."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from harness import ACCOUNT, Harness

from stepwell.durable import Draft
from stepwell.triggers import events

SENT = {
    "source": "aws.sagemaker",
    "detail-type": "SageMaker Training Job State Change",
    "resources": ["arn:aws:sagemaker:us-east-1:000000000000:training-job/j"],
    "detail": {"TrainingJobStatus": "Completed"},
}


def test_the_envelope_is_completed(tmp_path: Path):
    seen: list[dict[str, Any]] = []
    with Harness(tmp_path) as server:
        server.serve([], timers=events.timers([lambda event, draft: seen.append(event)]))
        server.decide(lambda draft: draft.send("event", SENT))
        server.settle()
    (event,) = seen
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", event["id"])
    assert event == {
        **SENT,
        "version": "0",
        "id": event["id"],
        "account": ACCOUNT,
        "time": "2023-11-14T22:13:20Z",
        "region": "us-east-1",
    }


def test_every_subscriber_hears_of_every_event_in_order(tmp_path: Path):
    seen: list[tuple[int, str]] = []

    def subscriber(number: int) -> events.Subscriber:
        def hear(event: dict[str, Any], draft: Draft) -> None:
            seen.append((number, event["id"]))
            draft.append(f"heard/{number}", [event["detail"]])

        return hear

    with Harness(tmp_path) as server:
        server.serve([], timers=events.timers([subscriber(1), subscriber(2)]))
        server.decide(lambda draft: draft.send("event", SENT))
        server.settle()
        heard = [server.read(lambda view, n=n: view.journal(f"heard/{n}")) for n in (1, 2)]
    assert heard == [[SENT["detail"]], [SENT["detail"]]]
    assert [number for number, _ in seen] == [1, 2]
    assert len({name for _, name in seen}) == 1


def test_an_event_that_nobody_hears_is_done_with(tmp_path: Path):
    with Harness(tmp_path) as server:
        server.serve([], timers=events.timers([]))
        server.decide(lambda draft: draft.send("event", SENT))
        server.settle()
        assert list(server.store.timers()) == []
