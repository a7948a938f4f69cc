"""Checksums: right values of every algorithm, however the content is cut."""

from __future__ import annotations

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.checksums import ALGORITHMS, Crc

#: the check values that the algorithms' definitions publish for "123456789"
CHECK = {
    "CRC32": "cbf43926",
    "CRC32C": "e3069283",
    "CRC64NVME": "ae8b14860a799888",
    "SHA1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
    "SHA256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
    "SHA512": "d9e6762dd1c8eaf6d61b3c6192fc408d4d6d5f1176d0c29169bc24e71c3f274a"
    "d27fcd5811b313d681f7e55ec02d73d499c95455b6b5bb503acf574fba8ffe85",
    "MD5": "25f9e794323b453885f5181f1b624d0b",
}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_published_check_value(algorithm):
    total = ALGORITHMS[algorithm]()
    total.update(b"123456789")
    assert total.digest().hex() == CHECK[algorithm]


@given(st.lists(st.binary(max_size=50)))
def test_a_checksum_does_not_depend_on_how_bytes_are_cut(pieces):
    whole = b"".join(pieces)
    for algorithm in ("CRC32", "CRC32C", "CRC64NVME"):
        once, cut = ALGORITHMS[algorithm](), ALGORITHMS[algorithm]()
        once.update(whole)
        for piece in pieces:
            cut.update(piece)
        assert once.digest() == cut.digest()


@given(st.binary(max_size=200))
def test_the_table_driven_crc_agrees_with_zlib(data):
    total = Crc(0xEDB88320, 32)
    total.update(data)
    assert int.from_bytes(total.digest(), "big") == zlib.crc32(data)
