"""The life of a delivery, and the wording of what is delivered."""

from datetime import timedelta

import pytest

from cebox.domain.announcement import (
    RETRY_WAITS,
    TRANSITIONS,
    AnnouncementKind,
    DeliveryEvent,
    DeliveryState,
    next_delivery_state,
    plan_retry,
)
from cebox.domain.wording import PLACEHOLDERS, Wording, fill_in, make_wording
from cebox.errors import Conflict, InvalidInput


def test_every_state_is_reached_and_every_ending_can_be_sent_again() -> None:
    reached = {DeliveryState.WAITING, *TRANSITIONS.values()}
    assert reached == set(DeliveryState)
    for state in (DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.CANCELLED):
        assert [event for known, event in TRANSITIONS if known is state] == [DeliveryEvent.RESEND]


def test_what_is_being_sent_is_not_sent_again_beside_it() -> None:
    with pytest.raises(Conflict) as refusal:
        next_delivery_state(DeliveryState.SENDING, DeliveryEvent.RESEND)
    assert refusal.value.code == "delivery_event_refused"


def test_tries_come_at_growing_distances_and_end_within_a_day() -> None:
    waits = [plan_retry(attempts) for attempts in range(1, len(RETRY_WAITS) + 1)]
    assert waits == sorted(RETRY_WAITS)
    assert plan_retry(len(RETRY_WAITS) + 1) is None
    assert sum(RETRY_WAITS, timedelta()) < timedelta(days=1)


def test_a_value_is_filled_in_once_and_never_looked_at_again() -> None:
    wording = make_wording(AnnouncementKind.RELEASE, "Version {version}", "{{literal}} {version}\n\n{notes}")
    filled = fill_in(wording, {"version": "2026.12.1", "notes": "{version} {unknown} {{"})
    assert filled == Wording("Version 2026.12.1", "{literal} 2026.12.1\n\n{version} {unknown} {{")


def test_every_kind_has_its_placeholders() -> None:
    assert set(PLACEHOLDERS) == set(AnnouncementKind)


HOSTILE_WORDINGS = {
    "another_kinds": ("T", "{notes}", "placeholder_unknown"),
    "attribute": ("T", "{from.__class__}", "placeholder_malformed"),
    "index": ("T", "{from[0]}", "placeholder_malformed"),
    "format": ("T", "{from!r:>9999999}", "placeholder_malformed"),
    "empty": ("T", "{}", "placeholder_malformed"),
    "lone_brace": ("T", "line\nline {", "placeholder_malformed"),
    "jinja": ("T", "{% include 'x' %}", "placeholder_malformed"),
    "long_in_title": ("{keys}", "text", "placeholder_not_in_title"),
    "header_injection": ("Subject\r\nBcc: all@example.org", "text", "title_malformed"),
    "no_title": (" ", "text", "title_malformed"),
    "no_text": ("T", " \n", "text_malformed"),
    "control": ("T", "a\x00b", "text_malformed"),
    "endless": ("T", "x" * 20_001, "text_malformed"),
}


@pytest.mark.parametrize(("title", "text", "code"), HOSTILE_WORDINGS.values(), ids=HOSTILE_WORDINGS.keys())
def test_a_wording_that_cannot_be_filled_in_is_refused_where_it_is_written(title: str, text: str, code: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        make_wording(AnnouncementKind.MIGRATION, title, text)
    assert refusal.value.code == code


def test_a_refusal_names_the_line_and_what_there_is() -> None:
    with pytest.raises(InvalidInput, match="line 2"):
        make_wording(AnnouncementKind.MIGRATION, "T", "one\ntwo }")
    with pytest.raises(InvalidInput) as refusal:
        make_wording(AnnouncementKind.MIGRATION, "T", "{version}")
    assert refusal.value.hint == "There is: {from}, {to}, {keys}."
