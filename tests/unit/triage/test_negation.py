"""What is denied is not evidence."""

import pytest

from aiops_triage.domain import Label
from aiops_triage.engine import classify


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("There is no outage.", Label.OUTAGE),
        ("This is not an outage", Label.OUTAGE),
        ("It isn't really an outage.", Label.OUTAGE),
        ("It isn’t an outage.", Label.OUTAGE),
        ("does not appear to be an outage", Label.OUTAGE),
        ("no data loss", Label.DATA_LOSS),
        ("no crash, outage or data loss", Label.DATA_LOSS),
        ("no crash, outage or data loss", Label.OUTAGE),
        ("without any data loss so far", Label.DATA_LOSS),
        ("Data loss: no\nDeadline: none", Label.DATA_LOSS),
        ("Data loss: no\nDeadline: none", Label.DEADLINE),
        ("Is there an outage? No.", Label.OUTAGE),
    ],
)
def test_denied(text: str, label: Label) -> None:
    assert label not in classify("", text).labels


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("No. Outage since noon.", Label.OUTAGE),
        ("There is no solution for the outage.", Label.OUTAGE),
        ("Outage: no reply from the host", Label.OUTAGE),
        ("I can not see it, there is an outage", Label.OUTAGE),
        ("no error message, data loss", Label.DATA_LOSS),
        ("Backup: no\nData loss: yes", Label.DATA_LOSS),
        ("there is no workaround", Label.WORK_BLOCKED),
    ],
)
def test_not_denied(text: str, label: Label) -> None:
    assert label in classify("", text).labels


def test_no_workaround_does_not_ease() -> None:
    verdict = classify("Service is down", "No workaround.")
    assert Label.WORKAROUND not in verdict.labels
    assert verdict.reasons[2].startswith("urgency high")


def test_not_urgent_lowers_and_urgent_raises() -> None:
    assert classify("Printer", "This is urgent").reasons[2] == 'urgency high: "urgent"'
    assert classify("Printer", "This is not urgent").reasons[2] == 'urgency low: "not urgent"'
    assert classify("no outage, not urgent", "").reasons[2] == 'urgency low: "not urgent"'


def test_a_topic_stays_a_topic_when_denied() -> None:
    assert classify("I have no invoice", "").category == "BILLING"
    assert classify("This is not a bug", "").category == "OTHER"
