"""The table of retired runtimes agrees with what the server refuses and with what the SDK knows."""

from __future__ import annotations

from datetime import date

from botocore.session import Session

from stepwell.check.functions import CURRENT, RETIRED
from stepwell.services.lambda_ import settings


def test_what_the_server_refuses_is_retired() -> None:
    assert set(RETIRED) >= settings.RETIRED


def test_every_runtime_of_the_table_is_one_and_has_a_date() -> None:
    known = set(Session().get_service_model("lambda").shape_for("Runtime").enum)
    assert set(RETIRED) - known == set()
    assert all(date.fromisoformat(each) < date(2026, 1, 1) for each in RETIRED.values())


def test_what_is_advised_is_not_retired() -> None:
    assert not set(CURRENT.values()) & set(RETIRED)
