"""Objects, put and got with boto3 as users do; most of a small request's time is boto3's own."""

from __future__ import annotations

import os

from figures import clock, right
from servers import Server

SMALL, LARGE = 1 << 10, 10_000_000
#: requests of one run with small objects
COUNT = 60


class Objects:
    """A bucket on one server."""

    def __init__(self, server: Server) -> None:
        self.s3 = server.client("s3")
        self.s3.create_bucket(Bucket="bench")
        self._small, self._large = os.urandom(SMALL), os.urandom(LARGE)

    def put_small(self) -> float:
        """Requests a second."""
        with clock() as took:
            for number in range(COUNT):
                self.s3.put_object(Bucket="bench", Key=f"small/{number}", Body=self._small)
        found = self.s3.list_objects_v2(Bucket="bench", Prefix="small/")
        right(found["KeyCount"] == COUNT, f"{found['KeyCount']} of {COUNT} objects are listed")
        return COUNT / took.seconds

    def get_small(self) -> float:
        """Requests a second."""
        keys = [f"small/{number}" for number in range(COUNT)]
        with clock() as took:
            found = [self.s3.get_object(Bucket="bench", Key=key)["Body"].read() for key in keys]
        right(found == [self._small] * COUNT, "an object is not what was put")
        return COUNT / took.seconds

    def put_large(self) -> float:
        """MB a second."""
        with clock() as took:
            self.s3.put_object(Bucket="bench", Key="large", Body=self._large)
        right(self.s3.head_object(Bucket="bench", Key="large")["ContentLength"] == LARGE, "wrong length")
        return LARGE / 1e6 / took.seconds

    def get_large(self) -> float:
        """MB a second."""
        with clock() as took:
            found = self.s3.get_object(Bucket="bench", Key="large")["Body"].read()
        right(found == self._large, "the object is not what was put")
        return LARGE / 1e6 / took.seconds


#: what is measured, its unit and the method that does it
MEASURED = (
    ("PUT of 1 KiB, boto3, one after the other", "requests/s", Objects.put_small),
    ("GET of 1 KiB, boto3, one after the other", "requests/s", Objects.get_small),
    ("PUT of 10 MB, boto3", "MB/s", Objects.put_large),
    ("GET of 10 MB, boto3", "MB/s", Objects.get_large),
)
