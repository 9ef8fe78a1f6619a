from collections.abc import Mapping
from enum import StrEnum

import pytest

from cebox.cli import campaign_words, words
from cebox.console.devices.records import EventKind
from cebox.domain.action import ActionState
from cebox.domain.campaign import CampaignState, MemberState
from cebox.domain.campaign_member import Turn
from cebox.domain.campaign_step import Waiting
from cebox.domain.preflight import Finding
from cebox.domain.resolution import Reason, Source
from cebox.protocol.device import ReportedEvent


@pytest.mark.parametrize(
    ("table", "values"),
    [
        (words.ACTION_STATES, ActionState),
        (words.FINDINGS, Finding),
        (words.SOURCES, Source),
        (words.REASONS, Reason),
        (campaign_words.CAMPAIGN_STATES, CampaignState),
        (campaign_words.MEMBER_STATES, MemberState),
        (campaign_words.WAITS, Waiting),
        (campaign_words.TURNS, Turn),
    ],
)
def test_every_value_has_its_word(table: Mapping[str, str], values: type[StrEnum]) -> None:
    assert set(table) == set(values)


def test_every_event_of_a_devices_history_has_its_word() -> None:
    assert set(words.EVENTS) == {*EventKind, *ReportedEvent}


def test_a_value_of_a_newer_console_stands_for_itself() -> None:
    assert words.word(words.FINDINGS, "moon_is_full") == "moon_is_full"
