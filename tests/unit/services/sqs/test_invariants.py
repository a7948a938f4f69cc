"""Whatever is done to a queue, its records agree, and nothing is lost, doubled or out of order."""

from __future__ import annotations

import random

import pytest
from harness import Harness
from queueing import Sqs, receive

from stepwell.durable import View
from stepwell.services.sqs.records import Group, Message, Opening, Place, Queue, tally


def check(view: View, name: str) -> None:
    """Each message has a place, and each place, or group, its one opening."""
    queue = view.get(Queue, name)
    assert queue is not None
    prefix = f"{queue.box}/"
    messages = {message.number for message in view.scan(Message, prefix=prefix)}
    places = list(view.scan(Place, prefix=prefix))
    assert messages == {place.number for place in places}
    assert tally(view, queue.box).messages == len(messages)
    openings = {(each.shelf, each.number): each.at for each in view.scan(Opening, prefix=prefix)}
    groups = list(view.scan(Group, prefix=prefix))
    if not queue.fifo:
        assert openings == {("", place.number): place.visible for place in places}
        return
    assert {group.shelf for group in groups} == {place.shelf for place in places}
    assert openings == {(group.shelf, 0): group.at for group in groups}


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("fifo", [False, True])
def test_random_use_loses_doubles_and_disorders_nothing(
    server: Harness, call: Sqs, seed: int, fifo: bool
) -> None:
    chance = random.Random(seed)
    name = "q.fifo" if fifo else "q"
    call("CreateQueue", QueueName=name, Attributes={"FifoQueue": "true"} if fifo else {})
    sent: dict[str, str] = {}
    flying: dict[str, tuple[str, float]] = {}
    deleted: list[str] = []

    def send() -> None:
        body, group = str(len(sent)), chance.choice("gh")
        params = {"MessageGroupId": group, "MessageDeduplicationId": body} if fifo else {}
        call("SendMessage", QueueUrl=name, MessageBody=body, **params)
        sent[body] = group

    def take() -> None:
        timeout = chance.choice([0, 5, 60])
        most = chance.randint(1, 4)
        for message in receive(call, name, MaxNumberOfMessages=most, VisibilityTimeout=timeout):
            body = message["Body"]
            assert body not in deleted
            assert body not in flying or flying[body][1] <= server.clock.now() + 0.001
            if fifo:
                before = [each for each in sent if sent[each] == sent[body] and int(each) < int(body)]
                assert all(each in deleted or each in flying for each in before)
            flying[body] = (message["ReceiptHandle"], server.clock.now() + timeout)

    def delete() -> None:
        live = [body for body, (_, until) in flying.items() if until > server.clock.now() + 0.001]
        if live:
            body = chance.choice(live)
            call("DeleteMessage", QueueUrl=name, ReceiptHandle=flying.pop(body)[0])
            deleted.append(body)

    def change() -> None:
        live = [body for body, (_, until) in flying.items() if until > server.clock.now() + 0.001]
        if live:
            body, timeout = chance.choice(live), chance.choice([0, 30])
            handle = flying[body][0]
            call("ChangeMessageVisibility", QueueUrl=name, ReceiptHandle=handle, VisibilityTimeout=timeout)
            flying[body] = (handle, server.clock.now() + timeout)

    def wait() -> None:
        server.advance(chance.choice([1, 10, 61]))

    for _ in range(120):
        chance.choice([send, send, take, take, delete, change, wait])()
        server.read(lambda view: check(view, name))
    server.advance(120)
    while found := receive(call, name):
        for message in found:
            call("DeleteMessage", QueueUrl=name, ReceiptHandle=message["ReceiptHandle"])
            deleted.append(message["Body"])
    assert sorted(deleted, key=int) == sorted(sent, key=int)
    server.read(lambda view: check(view, name))
