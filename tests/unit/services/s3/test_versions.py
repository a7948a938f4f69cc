"""Versioning: nothing that was put is lost until its version is deleted."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def switch(s3, status, bucket="data"):
    s3("PutBucketVersioning", Bucket=bucket, VersioningConfiguration={"Status": status})


@pytest.fixture
def versioned(s3):
    switch(s3, "Enabled")
    return s3


def all_versions(s3, size=1000, **params):
    """Every version and delete marker, in the order of pages: (key, version, latest, marker)."""
    found, more = [], {}
    while True:
        page = s3("ListObjectVersions", Bucket="data", MaxKeys=size, **params, **more)
        here = [
            (each["Key"], each["VersionId"], each["IsLatest"], kind == "DeleteMarkers")
            for kind in ("Versions", "DeleteMarkers")
            for each in page.get(kind, ())
        ]
        assert len(here) <= size
        found += here
        if not page["IsTruncated"]:
            return found
        more = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page.get("NextVersionIdMarker", "")}


def test_versioning_is_off_until_it_is_switched_on(s3):
    assert s3("GetBucketVersioning", Bucket="data") == {}
    assert "VersionId" not in s3.put("k", b"1")
    switch(s3, "Enabled")
    assert s3("GetBucketVersioning", Bucket="data") == {"Status": "Enabled"}


def test_every_put_is_a_version_that_can_be_read(versioned):
    ids = [versioned.put("k", body)["VersionId"] for body in (b"1", b"2", b"3")]
    assert versioned.bytes_of("k") == b"3"
    assert [versioned.bytes_of("k", VersionId=each) for each in ids] == [b"1", b"2", b"3"]
    listed = [(each[1], each[2]) for each in all_versions(versioned)]
    assert listed == [(ids[2], True), (ids[1], False), (ids[0], False)]
    assert versioned("HeadObject", Bucket="data", Key="k", VersionId=ids[0])["VersionId"] == ids[0]


def test_a_delete_only_hides(versioned):
    first = versioned.put("k", b"1")["VersionId"]
    marker = versioned("DeleteObject", Bucket="data", Key="k")
    assert marker["DeleteMarker"] is True
    assert versioned.fails("GetObject", Bucket="data", Key="k").error_code == "NoSuchKey"
    assert versioned.listed() == []
    assert versioned.bytes_of("k", VersionId=first) == b"1"
    error = versioned.fails("GetObject", Bucket="data", Key="k", VersionId=marker["VersionId"])
    assert (error.error_code, error.http_status) == ("MethodNotAllowed", 405)
    gone = versioned("DeleteObject", Bucket="data", Key="k", VersionId=marker["VersionId"])
    assert gone == {"VersionId": marker["VersionId"], "DeleteMarker": True}
    assert versioned.bytes_of("k") == b"1"


def test_deleting_the_current_version_brings_the_one_before_back(versioned):
    first, second = (versioned.put("k", body)["VersionId"] for body in (b"1", b"2"))
    versioned("DeleteObject", Bucket="data", Key="k", VersionId=second)
    assert versioned.bytes_of("k") == b"1"
    versioned("DeleteObject", Bucket="data", Key="k", VersionId=first)
    assert all_versions(versioned) == []


def test_the_object_from_before_is_the_null_version(s3):
    s3.put("k", b"before")
    switch(s3, "Enabled")
    s3.put("k", b"after")
    assert s3.bytes_of("k", VersionId="null") == b"before"


def test_while_suspended_puts_replace_the_null_version_only(s3):
    switch(s3, "Enabled")
    kept = s3.put("k", b"kept")["VersionId"]
    switch(s3, "Suspended")
    assert s3.put("k", b"1")["VersionId"] == "null"
    s3.put("k", b"2")
    assert s3.bytes_of("k") == b"2"
    assert [each[1] for each in all_versions(s3)] == ["null", kept]
    marker = s3("DeleteObject", Bucket="data", Key="k")
    assert marker == {"DeleteMarker": True, "VersionId": "null"}
    assert s3.bytes_of("k", VersionId=kept) == b"kept"


def test_versions_that_never_were(versioned):
    versioned.put("k", b"1")
    error = versioned.fails("GetObject", Bucket="data", Key="k", VersionId="0" * 32)
    assert (error.error_code, error.http_status) == ("NoSuchVersion", 404)
    error = versioned.fails("GetObject", Bucket="data", Key="k", VersionId="nonsense")
    assert (error.error_code, error.message) == ("InvalidArgument", "Invalid version id specified")


def test_a_bucket_with_versions_is_not_empty(versioned):
    versioned.put("k", b"1")
    versioned("DeleteObject", Bucket="data", Key="k")
    error = versioned.fails("DeleteBucket", Bucket="data")
    assert "You must delete all versions" in error.message


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_a_bucket_can_be_emptied_page_by_page(versioned, size):
    for number in range(4):
        for key in ("a", "a/b", "b"):
            versioned.put(key, b"%d" % number)
    versioned("DeleteObject", Bucket="data", Key="a")
    more: dict[str, str] = {}
    while True:
        page = versioned("ListObjectVersions", Bucket="data", MaxKeys=size, **more)
        wanted = [
            {"Key": each["Key"], "VersionId": each["VersionId"]}
            for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ()))
        ]
        versioned("DeleteObjects", Bucket="data", Delete={"Objects": wanted, "Quiet": True})
        if not page["IsTruncated"]:
            break
        more = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
    versioned("DeleteBucket", Bucket="data")


def test_versions_roll_up_at_a_delimiter(versioned):
    for key in ("a/1", "a/2", "b"):
        versioned.put(key)
        versioned.put(key)
    page = versioned("ListObjectVersions", Bucket="data", Delimiter="/")
    assert [each["Prefix"] for each in page["CommonPrefixes"]] == ["a/"]
    assert [each["Key"] for each in page["Versions"]] == ["b", "b"]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "delete", "delete version", "suspend", "enable"]),
        st.sampled_from(["k", "k/", "l"]),
        st.integers(0, 5),
    ),
    max_size=14,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_versions_behave_as_a_plain_list_does(s3, steps):
    for key, version, _, _ in all_versions(s3):
        s3("DeleteObject", Bucket="data", Key=key, VersionId=version)
    switch(s3, "Enabled")
    #: key → its versions, the newest first: (version, body or None for a marker)
    model: dict[str, list[tuple[str, bytes | None]]] = {"k": [], "k/": [], "l": []}
    enabled = True
    for number, (step, key, which) in enumerate(steps):
        versions = model[key]
        if step in ("put", "delete"):
            body = b"%d" % number if step == "put" else None
            output = s3.put(key, body) if body is not None else s3("DeleteObject", Bucket="data", Key=key)
            if not enabled:
                assert output["VersionId"] == "null"
                versions[:] = [each for each in versions if each[0] != "null"]
            versions.insert(0, (output["VersionId"], body))
        elif step == "delete version" and versions:
            version, _ = versions.pop(which % len(versions))
            s3("DeleteObject", Bucket="data", Key=key, VersionId=version)
        elif step in ("suspend", "enable"):
            enabled = step == "enable"
            switch(s3, "Enabled" if enabled else "Suspended")
    for size in (2, 1000):
        listed = all_versions(s3, size)
        assert sorted(listed) == sorted(
            (key, version, place == 0, body is None)
            for key, versions in model.items()
            for place, (version, body) in enumerate(versions)
        )
    for key, versions in model.items():
        for version, body in versions:
            if body is not None:
                assert s3.bytes_of(key, VersionId=version) == body
        visible = bool(versions) and versions[0][1] is not None
        assert (key in s3.listed()) == visible
        if visible:
            assert s3.bytes_of(key) == versions[0][1]
