"""A target's input: the event, a part, a constant, or a filled template."""

from __future__ import annotations

from typing import Any

import pytest

from stepwell.triggers.transformers import InvalidInput, Source, Transformer

EVENT = {
    "version": "0",
    "id": "7bf73129-1428-4cd3-a780-95db273d1602",
    "detail-type": "Instance changed",
    "source": "shop",
    "account": "000000000000",
    "time": "2026-11-11T21:29:54Z",
    "region": "us-east-1",
    "resources": ["arn:aws:s3:::data"],
    "detail": {
        "instance": "i-012",
        "state": "RUNNING",
        "n": 3,
        "on": True,
        "none": None,
        "tags": {"k": ["v"]},
    },
}
SOURCE = Source(
    event=EVENT,
    rule_arn="arn:aws:events:us-east-1:000000000000:rule/r",
    rule_name="r",
    ingested="2026-11-11T21:29:55Z",
)
PATHS = {
    "instance": "$.detail.instance",
    "state": "$.detail.state",
    "n": "$.detail.n",
    "on": "$.detail.on",
    "none": "$.detail.none",
    "tags": "$.detail.tags",
    "first": "$.resources[0]",
    "absent": "$.detail.absent",
}
ENVELOPE = {
    **{name: value for name, value in EVENT.items() if name not in ("detail", "detail-type")},
    "detailType": "Instance changed",
}

TEMPLATES: list[tuple[str, Any]] = [
    ('{"i": <instance>, "s": <state>}', {"i": "i-012", "s": "RUNNING"}),
    ('{"i": "<instance>", "s": "is <state>"}', {"i": "i-012", "s": "is RUNNING"}),
    ('{"s": [9, <state>, true], "T": "Yes"}', {"s": [9, "RUNNING", True], "T": "Yes"}),
    ('{"q": "\\"<state>\\""}', {"q": '"RUNNING"'}),
    (
        '{"n": <n>, "on": <on>, "none": <none>, "t": <tags>}',
        {"n": 3, "on": True, "none": None, "t": {"k": ["v"]}},
    ),
    ('{"n": "<n>", "on": "<on>", "t": "<tags>"}', {"n": "3", "on": "true", "t": "{k:[v]}"}),
    ('{"a": <absent>, "b": "<absent>"}', {"a": "", "b": ""}),
    ('{"<state>": <first>}', {"RUNNING": "arn:aws:s3:::data"}),
    ("<tags>", {"k": ["v"]}),
    ('"<instance> is <state>"', "i-012 is RUNNING"),
    ('"say \\"<state>\\""', 'say "RUNNING"'),
    ('"one <n>"\n"two <on>"', "one 3\ntwo true"),
    ('"tags <tags>"', "tags {k:[v]}"),
    (
        '{"a": <aws.events.rule-arn>, "n": "<aws.events.rule-name>", "t": <aws.events.event.ingestion-time>}',
        {"a": SOURCE.rule_arn, "n": "r", "t": SOURCE.ingested},
    ),
    ('{"e": <aws.events.event.json>}', {"e": EVENT}),
    ('{"e": <aws.events.event>}', {"e": ENVELOPE}),
]


@pytest.mark.parametrize(("template", "expected"), TEMPLATES, ids=[template for template, _ in TEMPLATES])
def test_templates(template: str, expected: Any):
    transformer = Transformer(template=template, paths=PATHS)
    transformer.check("t")
    assert transformer.apply(SOURCE) == expected


def test_without_anything_a_target_gets_the_event():
    assert Transformer().apply(SOURCE) == EVENT


def test_a_constant_takes_the_event_s_place():
    assert Transformer(constant='{"a": [1]}').apply(SOURCE) == {"a": [1]}


@pytest.mark.parametrize(
    ("path", "expected"), [("$.detail", EVENT["detail"]), ("$.detail.n", 3), ("$.absent", None), ("$", EVENT)]
)
def test_a_path_passes_a_part_on(path: str, expected: Any):
    assert Transformer(path=path).apply(SOURCE) == expected


def test_nothing_is_escaped_so_a_quote_in_a_value_breaks_the_json():
    event = {**EVENT, "detail": {"state": 'a"b'}}
    source = Source(event=event, rule_arn="a", rule_name="r", ingested="t")
    with pytest.raises(InvalidInput, match="no JSON"):
        Transformer(template='{"s": "<state>"}', paths=PATHS).apply(source)
    assert Transformer(template='{"s": <state>}', paths=PATHS).apply(source) == {"s": 'a"b'}


@pytest.mark.parametrize(
    ("transformer", "words"),
    [
        (Transformer(constant="1", path="$"), "Only one of Input, InputPath, or InputTransformer"),
        (Transformer(constant='"\\ud800"'), "JSON syntax error in input for target t"),
        (Transformer(constant="{"), "JSON syntax error in input for target t"),
        (Transformer(path="detail"), "Invalid input path"),
        (Transformer(path="$$.x"), "Invalid input path"),
        (Transformer(template='"<a>"', paths={"a": "$["}), "Invalid input path"),
        (Transformer(template='"<b>"', paths={"a": "$"}), "contains invalid placeholder b."),
        (Transformer(template='{"a": <a>', paths={"a": "$"}), "Invalid InputTemplate for target t"),
        (Transformer(template="bare <a>", paths={"a": "$"}), "Invalid InputTemplate for target t"),
        (Transformer(template='"x"', paths={"aws.x": "$"}), "reserved"),
        (Transformer(template='"x"', paths={f"v{n}": "$" for n in range(101)}), "more than 100"),
    ],
)
def test_what_could_never_work_is_refused(transformer: Transformer, words: str):
    with pytest.raises(InvalidInput, match=words.replace("(", r"\(")):
        transformer.check("t")
