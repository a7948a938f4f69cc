"""Listings: exactly the keys there are, in order, however pages and delimiters cut them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepwell.calls import Call
from stepwell.durable import Draft
from stepwell.services.s3 import listing
from stepwell.services.s3.objects import Content, Object

KEYS = ["a", "a/", "a/b/1", "a/b/2", "a/c", "b", "data/x y+z", "data/ü", "z//w"]


@pytest.fixture
def filled(s3):
    for key in KEYS:
        s3.put(key, key.encode())
    return s3


def paged(s3, operation, **params):
    """All pages: contents and common prefixes."""
    keys, prefixes, more = [], [], {}
    while True:
        page = s3(operation, Bucket="data", **params, **more)
        here = len(page.get("Contents", ())) + len(page.get("CommonPrefixes", ()))
        assert here <= params.get("MaxKeys", 1000)
        keys += [each["Key"] for each in page.get("Contents", ())]
        prefixes += [each["Prefix"] for each in page.get("CommonPrefixes", ())]
        if not page["IsTruncated"]:
            return keys, prefixes
        if operation == "ListObjectsV2":
            more = {"ContinuationToken": page["NextContinuationToken"]}
        else:
            more = {"Marker": page.get("NextMarker") or keys[-1]}


def expected(keys, prefix="", delimiter="", after=""):
    """What S3's definition of a listing gives."""
    found, prefixes = [], []
    for key in sorted(key for key in keys if key.startswith(prefix) and key > after):
        end = key.find(delimiter, len(prefix)) if delimiter else -1
        if end < 0:
            found.append(key)
        elif key[: end + len(delimiter)] not in prefixes:
            prefixes.append(key[: end + len(delimiter)])
    return found, prefixes


@pytest.mark.parametrize("operation", ["ListObjects", "ListObjectsV2"])
@pytest.mark.parametrize("prefix", ["", "a", "a/", "a/b", "data/", "none", "z/"])
@pytest.mark.parametrize("delimiter", ["", "/", "b", "//"])
@pytest.mark.parametrize("size", [1, 2, 1000])
def test_pages_hold_every_key_and_prefix_once(filled, operation, prefix, delimiter, size):
    params = {"Prefix": prefix, "Delimiter": delimiter, "MaxKeys": size}
    assert paged(filled, operation, **params) == expected(KEYS, prefix, delimiter)


@pytest.mark.parametrize("after", ["", "a", "a/b/1", "c", "zz"])
def test_a_listing_may_start_behind_any_text(filled, after):
    assert paged(filled, "ListObjectsV2", StartAfter=after, MaxKeys=2) == expected(KEYS, after=after)
    keys = [each["Key"] for each in filled("ListObjects", Bucket="data", Marker=after).get("Contents", ())]
    assert keys == expected(KEYS, after=after)[0]


def test_answers_repeat_the_request_and_count(filled):
    output = filled("ListObjectsV2", Bucket="data", Prefix="a/", Delimiter="/", MaxKeys=2, FetchOwner=True)
    assert (output["Name"], output["Prefix"], output["Delimiter"]) == ("data", "a/", "/")
    assert (output["KeyCount"], output["MaxKeys"], output["IsTruncated"]) == (2, 2, True)
    assert output["Contents"][0]["Key"] == "a/"
    assert len(output["Contents"][0]["Owner"]["ID"]) == 64
    assert filled("ListObjectsV2", Bucket="data", MaxKeys=5000)["MaxKeys"] == 1000
    assert filled("ListObjectsV2", Bucket="data", MaxKeys=0)["IsTruncated"] is False


def test_keys_are_form_encoded_when_asked(filled):
    output = filled("ListObjectsV2", Bucket="data", Prefix="data/", EncodingType="url")
    assert [each["Key"] for each in output["Contents"]] == ["data/x+y%2Bz", "data/%C3%BC"]
    assert (output["EncodingType"], output["Prefix"]) == ("url", "data/")


@pytest.mark.parametrize("token", ["nonsense!", "", "eA=="])
def test_a_token_that_was_not_given_out_is_refused(s3, token):
    error = s3.fails("ListObjectsV2", Bucket="data", ContinuationToken=token)
    assert (error.error_code, error.fields["ArgumentName"]) == ("InvalidArgument", "continuation-token")


def test_buckets_do_not_mix(filled):
    filled("CreateBucket", Bucket="data-2")
    filled("PutObject", Bucket="data-2", Key="other")
    assert filled.listed() == KEYS
    assert [each["Key"] for each in filled("ListObjects", Bucket="data-2")["Contents"]] == ["other"]


def test_a_hundred_thousand_keys_are_listed_without_reading_them_all(s3):
    def fill(start: int):
        def decide(draft: Draft) -> None:
            for number in range(start, start + 10_000):
                draft.put(
                    Object(
                        bucket="data",
                        name=f"day={number // 1000:03d}/{number:06d}",
                        order=number,
                        modified=0.0,
                        content=Content(size=0, etag="", digest=""),
                    )
                )

        return decide

    for start in range(0, 100_000, 10_000):
        s3.server.decide(fill(start))

    class Counted:
        """A view that counts the rows it gives."""

        def __init__(self, view):
            self.view, self.rows, self.account = view, 0, view.account

        def get(self, kind, key):
            return self.view.get(kind, key)

        def scan(self, kind, **bounds):
            for row in self.view.scan(kind, **bounds):
                self.rows += 1
                yield row

    def rows(**params):
        def look(view):
            counted = Counted(view)
            call = Call(
                service="s3",
                operation="ListObjectsV2",
                params={"Bucket": "data", **params},
                caller=s3.server.caller,
            )
            return counted, listing.second_version(call, counted)

        counted, output = s3.server.read(look)
        return counted.rows, output

    read, output = rows(Delimiter="/")
    assert len(output["CommonPrefixes"]) == 100
    assert read == 100
    read, output = rows(Prefix="day=099/", StartAfter="day=099/099989")
    assert (read, output["KeyCount"]) == (10, 10)

    def steps(view):
        """How far SQLite goes to find the last keys, in hundreds of its instructions."""
        count = 0

        def more() -> None:
            nonlocal count
            count += 1

        view._connection.set_progress_handler(more, 100)
        found = list(view.scan(Object, prefix="data/day=099/0999", limit=10))
        view._connection.set_progress_handler(None, 0)
        assert len(found) == 10
        return count

    assert s3.server.read(steps) < 10


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.text("ab/ü", min_size=1, max_size=4), st.binary(max_size=3)),
        st.tuples(st.just("delete"), st.text("ab/ü", min_size=1, max_size=4), st.none()),
        st.tuples(
            st.just("list"),
            st.text("ab/", max_size=2),
            st.tuples(st.sampled_from(["", "/", "a"]), st.integers(1, 4)),
        ),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(OPERATIONS)
def test_a_bucket_behaves_as_a_dictionary_does(s3, steps):
    for key in s3.listed():
        s3("DeleteObject", Bucket="data", Key=key)
    model: dict[str, bytes] = {}
    for kind, text, more in steps:
        if kind == "put":
            s3.put(text, more)
            model[text] = more
        elif kind == "delete":
            s3("DeleteObject", Bucket="data", Key=text)
            model.pop(text, None)
        else:
            delimiter, size = more
            params = {"Prefix": text, "Delimiter": delimiter, "MaxKeys": size}
            assert paged(s3, "ListObjectsV2", **params) == expected(model, text, delimiter)
            assert paged(s3, "ListObjects", **params) == expected(model, text, delimiter)
    assert {key: s3.bytes_of(key) for key in s3.listed()} == model
