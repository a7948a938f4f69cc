"""Notifications: who is told of what, in which words, and which configurations are refused."""

from __future__ import annotations

import pytest

from stepwell.calls import Call, Caller, Origin

ANY = "s3:ObjectCreated:*"


def rule(function, events=(ANY,), prefix=None, suffix=None, **more):
    rules = [{"Name": "prefix", "Value": prefix}] if prefix is not None else []
    rules += [{"Name": "suffix", "Value": suffix}] if suffix is not None else []
    made = {"LambdaFunctionArn": function, "Events": list(events), **more}
    return made | ({"Filter": {"Key": {"FilterRules": rules}}} if rules else {})


def filtered(prefix):
    return {"Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": prefix}]}}}


def configure(s3, *rules, **more):
    configuration = {"LambdaFunctionConfigurations": list(rules), **more}
    return s3("PutBucketNotificationConfiguration", Bucket="data", NotificationConfiguration=configuration)


def refused(s3, *rules, **more):
    wanted = {"LambdaFunctionConfigurations": list(rules), **more}
    return s3.fails("PutBucketNotificationConfiguration", Bucket="data", NotificationConfiguration=wanted)


def sent(s3):
    """What was delivered since the last look: (function's name, event, key)."""
    s3.server.settle()
    found = []
    for each in s3.deliveries:
        (record,) = each["payload"]["Records"]
        found.append((each["target"].rpartition(":")[2], record["eventName"], record["s3"]["object"]["key"]))
    s3.deliveries.clear()
    return found


def test_a_record_says_exactly_what_s3_says(s3):
    function = s3.allow("start")
    configure(s3, rule(function, prefix="in/", suffix=".csv", Id="csv"))
    caller = Caller(
        arn="arn:aws:sts::000000000000:assumed-role/r/s",
        account="000000000000",
        kind="role",
        user_id="AROA1:s",
    )
    call = Call(
        service="s3",
        operation="PutObject",
        params={"Bucket": "data", "Key": "in/a b@ü+.csv", "Body": b"hello"},
        caller=caller,
        origin=Origin(source_ip="10.0.0.9"),
        request_id="REQUEST1",
    )
    s3.server.run(s3.server.dispatcher.dispatch(call))
    s3.server.settle()
    (delivery,) = s3.deliveries
    (record,) = delivery["payload"]["Records"]
    sequencer = record["s3"]["object"].pop("sequencer")
    owner = record["s3"]["bucket"].pop("ownerIdentity")["principalId"]
    assert (len(sequencer), len(owner)) == (18, 14)
    assert int(sequencer, 16) > 0
    assert record == {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "2023-11-14T22:13:20.000Z",
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "AWS:AROA1:s"},
        "requestParameters": {"sourceIPAddress": "10.0.0.9"},
        "responseElements": {"x-amz-request-id": "REQUEST1", "x-amz-id-2": "UkVRVUVTVDE="},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "csv",
            "bucket": {"name": "data", "arn": "arn:aws:s3:::data"},
            "object": {
                "key": "in/a+b%40%C3%BC%2B.csv",
                "size": 5,
                "eTag": "5d41402abc4b2a76b9719d911017c592",
            },
        },
    }
    assert {name: delivery[name] for name in ("target", "source_arn", "principal")} == {
        "target": function,
        "source_arn": "arn:aws:s3:::data",
        "principal": "s3.amazonaws.com",
    }


def test_each_way_to_make_or_remove_an_object_has_its_event(s3):
    function = s3.allow("f")
    configure(s3, rule(function, ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*"]))
    s3.put("k", b"1")
    assert sent(s3) == [("f", "ObjectCreated:Put", "k")]
    s3("CopyObject", Bucket="data", Key="c", CopySource="data/k")
    assert sent(s3) == [("f", "ObjectCreated:Copy", "c")]
    upload = s3("CreateMultipartUpload", Bucket="data", Key="m")["UploadId"]
    etag = s3("UploadPart", Bucket="data", Key="m", UploadId=upload, PartNumber=1, Body=b"1")["ETag"]
    assert sent(s3) == []
    s3(
        "CompleteMultipartUpload",
        Bucket="data",
        Key="m",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]},
    )
    assert sent(s3) == [("f", "ObjectCreated:CompleteMultipartUpload", "m")]
    s3("PutObjectTagging", Bucket="data", Key="k", Tagging={"TagSet": []})
    s3("DeleteObjectTagging", Bucket="data", Key="k")
    assert sorted(sent(s3)) == [("f", "ObjectTagging:Delete", "k"), ("f", "ObjectTagging:Put", "k")]
    s3("DeleteObjects", Bucket="data", Delete={"Objects": [{"Key": "k"}, {"Key": "c"}, {"Key": "none"}]})
    assert sorted(sent(s3)) == [("f", "ObjectRemoved:Delete", "c"), ("f", "ObjectRemoved:Delete", "k")]
    s3("DeleteObject", Bucket="data", Key="none")
    assert sent(s3) == []
    s3("PutBucketVersioning", Bucket="data", VersioningConfiguration={"Status": "Enabled"})
    s3("DeleteObject", Bucket="data", Key="m")
    assert sent(s3) == [("f", "ObjectRemoved:DeleteMarkerCreated", "m")]


def test_a_failed_write_tells_nobody(s3):
    configure(s3, rule(s3.allow("f")))
    s3.put("k", b"1")
    sent(s3)
    s3.fails("PutObject", Bucket="data", Key="k", Body=b"2", IfNoneMatch="*")
    s3.fails("PutObject", Bucket="data", Key="k", Body=b"2", ChecksumCRC32="AAAAAA==")
    assert sent(s3) == []


def test_the_object_and_its_delivery_are_one_commit(s3, monkeypatch):
    configure(s3, rule(s3.allow("f")))
    commit = s3.server.store.commit

    def fail_once(writes):
        monkeypatch.setattr(s3.server.store, "commit", commit)
        assert any(key[:2] == ("s3", "object") for key in writes.records)
        assert [each["payload"]["Records"][0]["s3"]["object"]["key"] for each in s3.deliveries] == ["k"]
        s3.deliveries.clear()
        raise OSError("disk full")

    monkeypatch.setattr(s3.server.store, "commit", fail_once)
    with pytest.raises(OSError, match="disk full"):
        s3.put("k", b"1")
    assert sent(s3) == []
    assert s3.listed() == []
    s3.put("k", b"1")
    assert sent(s3) == [("f", "ObjectCreated:Put", "k")]


def test_events_and_filters_choose(s3):
    csv, removed = s3.allow("csv"), s3.allow("removed")
    configure(
        s3,
        rule(csv, ["s3:ObjectCreated:Put"], prefix="in/", suffix=".csv"),
        rule(removed, ["s3:ObjectRemoved:*"], prefix=""),
    )
    for key in ("in/a.csv", "in/a.txt", "out/a.csv"):
        s3.put(key)
    s3("CopyObject", Bucket="data", Key="in/copy.csv", CopySource="data/in/a.csv")
    s3("DeleteObject", Bucket="data", Key="out/a.csv")
    assert sorted(sent(s3)) == [
        ("csv", "ObjectCreated:Put", "in/a.csv"),
        ("removed", "ObjectRemoved:Delete", "out/a.csv"),
    ]


def test_sequencers_grow_though_the_clock_stands_still(s3):
    configure(s3, rule(s3.allow("f"), ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"]))
    order = []
    for _ in range(3):
        for operation in ("PutObject", "DeleteObject"):
            s3(operation, Bucket="data", Key="k")
            s3.server.settle()
            order.append(s3.deliveries[-1]["payload"]["Records"][0]["s3"]["object"]["sequencer"])
    assert order == sorted(set(order))


def test_a_configuration_comes_back_as_it_was_put(s3):
    assert s3("GetBucketNotificationConfiguration", Bucket="data") == {}
    function = s3.allow("f")
    configure(s3, rule(function, prefix="in/", suffix="", Id="one"), EventBridgeConfiguration={})
    assert s3("GetBucketNotificationConfiguration", Bucket="data") == {
        "LambdaFunctionConfigurations": [
            {
                "Id": "one",
                "LambdaFunctionArn": function,
                "Events": [ANY],
                "Filter": {
                    "Key": {
                        "FilterRules": [{"Name": "Prefix", "Value": "in/"}, {"Name": "Suffix", "Value": ""}]
                    }
                },
            }
        ],
        "EventBridgeConfiguration": {},
    }
    s3("PutBucketNotificationConfiguration", Bucket="data", NotificationConfiguration={})
    assert s3("GetBucketNotificationConfiguration", Bucket="data") == {}
    s3.put("in/k")
    assert sent(s3) == []


def test_names_of_filter_rules_are_read_in_any_case(s3):
    wanted = rule(s3.allow("f"))
    wanted["Filter"] = {"Key": {"FilterRules": [{"Name": "PREFIX", "Value": "in/"}]}}
    configure(s3, wanted)
    (kept,) = s3("GetBucketNotificationConfiguration", Bucket="data")["LambdaFunctionConfigurations"]
    configure(s3, kept)
    assert kept["Filter"]["Key"]["FilterRules"] == [{"Name": "Prefix", "Value": "in/"}]
    wanted["Filter"]["Key"]["FilterRules"][0]["Name"] = "infix"
    assert refused(s3, wanted).message == "filter rule name must be either prefix or suffix"


def test_a_function_that_does_not_let_the_bucket_in_is_refused(s3):
    foreign = s3.allow("foreign", "arn:aws:s3:::another")
    missing = "arn:aws:lambda:us-east-1:000000000000:function:missing"
    good = s3.allow("good")
    error = refused(
        s3,
        rule(foreign, prefix="a"),
        rule(good, prefix="b"),
        rule(missing, prefix="c"),
    )
    assert (error.error_code, error.http_status) == ("InvalidArgument", 400)
    assert error.message == "Unable to validate the following destination configurations"
    assert error.fields == {
        "ArgumentName1": f"{foreign}, null",
        "ArgumentValue1": f"Not authorized to invoke function [{foreign}]",
        "ArgumentName2": f"{missing}, null",
        "ArgumentValue2": f"Not authorized to invoke function [{missing}]",
    }
    assert s3("GetBucketNotificationConfiguration", Bucket="data") == {}
    s3(
        "PutBucketNotificationConfiguration",
        Bucket="data",
        NotificationConfiguration={"LambdaFunctionConfigurations": [rule(missing)]},
        SkipDestinationValidation=True,
    )


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        (({}), ({}), True),
        ({"prefix": "a"}, {"prefix": "b"}, False),
        ({"prefix": "a"}, {"prefix": "ab"}, True),
        ({"prefix": "a"}, {}, True),
        ({"suffix": "jpg"}, {"suffix": "pg"}, True),
        ({"suffix": "jpg"}, {"suffix": "png"}, False),
        ({"prefix": "a", "suffix": "jpg"}, {"prefix": "ab", "suffix": "png"}, False),
        ({"prefix": "a", "suffix": "jpg"}, {"prefix": "b", "suffix": "jpg"}, False),
        ({"events": ["s3:ObjectCreated:Put"]}, {"events": ["s3:ObjectCreated:*"]}, True),
        ({"events": ["s3:ObjectCreated:Put"]}, {"events": ["s3:ObjectCreated:Copy"]}, False),
        ({"events": ["s3:ObjectCreated:*"]}, {"events": ["s3:ObjectRemoved:*"]}, False),
    ],
)
def test_two_rules_may_not_claim_the_same_event_of_the_same_key(s3, one, other, clash):
    function = s3.allow("f")
    rules = rule(function, Id="1", **one), rule(function, Id="2", **other)
    if clash:
        assert "Configuration is ambiguously defined" in refused(s3, *rules).message
    else:
        configure(s3, *rules)


@pytest.mark.parametrize("arn", ["nonsense", "arn:aws:sqs:us-east-1:000000000000:queue"])
def test_what_is_no_functions_arn_is_refused(s3, arn):
    error = refused(s3, rule(arn))
    assert (error.error_code, error.message) == ("InvalidArgument", "The ARN could not be parsed")
    assert error.fields == {"ArgumentName": "CloudFunction", "ArgumentValue": arn}


def test_the_same_id_or_the_same_filter_rule_twice_is_refused(s3):
    function = s3.allow("f")
    error = refused(s3, rule(function, prefix="a", Id="x"), rule(function, prefix="b", Id="x"))
    assert "IDs must be unique" in error.message
    double = rule(function, prefix="a")
    double["Filter"]["Key"]["FilterRules"] *= 2
    assert "more than one prefix rule" in refused(s3, double).message


def test_queues_are_refused_by_name(s3):
    arn = "arn:aws:sqs:us-east-1:000000000000:x"
    error = refused(s3, QueueConfigurations=[{"QueueArn": arn, "Events": [ANY]}])
    assert "QueueConfigurations" in error.message


def test_a_topic_gets_a_test_message_and_then_each_change(s3):
    topic = s3.open_topic("news")
    wanted = {"TopicArn": topic, "Events": [ANY], "Id": "t"}
    function = s3.allow("f")
    configure(s3, rule(function, prefix="other/", Id="f"), TopicConfigurations=[wanted | filtered("in/")])
    shown = s3("GetBucketNotificationConfiguration", Bucket="data")
    assert [each["TopicArn"] for each in shown["TopicConfigurations"]] == [topic]
    assert [each["LambdaFunctionArn"] for each in shown["LambdaFunctionConfigurations"]] == [function]
    s3.put("in/k")
    s3.server.settle()
    test, change = s3.deliveries
    assert (test["payload"]["Event"], test["payload"]["Bucket"]) == ("s3:TestEvent", "data")
    assert change["payload"]["Records"][0]["s3"]["object"]["key"] == "in/k"
    told = {(each["target"], each["subject"]) for each in s3.deliveries}
    assert told == {(topic, "Amazon S3 Notification")}


def test_a_topic_that_does_not_let_the_bucket_in_is_refused(s3):
    foreign = s3.open_topic("foreign", "arn:aws:s3:::another")
    missing = "arn:aws:sns:us-east-1:000000000000:missing"
    for topic in (foreign, missing):
        error = refused(s3, TopicConfigurations=[{"TopicArn": topic, "Events": [ANY]}])
        assert error.fields["ArgumentName1"] == f"{topic}, null"
        assert "do not allow S3 to publish" in error.fields["ArgumentValue1"]
    error = refused(s3, TopicConfigurations=[{"TopicArn": "news", "Events": [ANY]}])
    assert error.fields == {"ArgumentName": "Topic", "ArgumentValue": "news"}


def test_eventbridge_hears_of_everything_once_it_is_switched_on(s3):
    s3.put("before")
    configure(s3, EventBridgeConfiguration={})
    s3.put("in/a b.csv", b"hello")
    s3("DeleteObject", Bucket="data", Key="in/a b.csv")
    s3.server.settle()
    created, deleted = sorted(s3.events, key=lambda event: event["detail-type"])
    sequencer = created["detail"]["object"].pop("sequencer")
    assert len(sequencer) == 18
    assert created == {
        "source": "aws.s3",
        "detail-type": "Object Created",
        "resources": ["arn:aws:s3:::data"],
        "detail": {
            "version": "0",
            "bucket": {"name": "data"},
            "object": {"key": "in/a b.csv", "size": 5, "etag": "5d41402abc4b2a76b9719d911017c592"},
            "request-id": created["detail"]["request-id"],
            "requester": "000000000000",
            "source-ip-address": "127.0.0.1",
            "reason": "PutObject",
        },
    }
    assert deleted["detail-type"] == "Object Deleted"
    assert deleted["detail"]["deletion-type"] == "Permanently Deleted"
    assert deleted["detail"]["object"].keys() == {"key", "sequencer"}
