from datetime import UTC, datetime

import pytest

from cebox.cli.forecast import describe_finding, describe_outcome, list_findings
from cebox.cli.hints import choose_hint
from cebox.domain.preflight import Severity
from cebox.errors import Conflict, NotFound
from cebox.protocol.admin import Device, Finding, Forecast, Resolution

BOX = Device(
    id="dev_1",
    name="accueil-01",
    kind="cebox",
    is_on=True,
    place="site",
    phase="idle",
    running="2026.10.1",
    site_name="Lyon",
    enrolled_at=datetime(2026, 11, 2, tzinfo=UTC),
)
ASKED = Resolution(
    version="2026.11.1", source="cloud", reason="tag", asked_version="2026.11.1", asked_tag="essai-2026.11"
)
OVERRULED = Resolution(
    version="2026.10.2",
    source="wrs",
    reason="site",
    asked_version="2026.11.1",
    asked_tag="essai-2026.11",
    is_overruled=True,
)


@pytest.mark.parametrize(
    ("forecast", "words"),
    [
        (
            Forecast(kind="update", admission="send", resolution=ASKED, download_bytes=12_345_678),
            "accueil-01 will take 2026.11.1 from the cloud; 12.3 MB to download",
        ),
        (
            Forecast(kind="update", admission="send", resolution=OVERRULED, download_bytes=12_345_678),
            "accueil-01 will take 2026.10.2 from the WRS of Lyon, not the tag essai-2026.11 (2026.11.1);"
            " 12.3 MB to download",
        ),
        (
            Forecast(kind="update", admission="refuse", resolution=ASKED, download_bytes=12_345_678),
            "accueil-01 would take 2026.11.1 from the cloud",
        ),
        (
            Forecast(kind="reboot", admission="send", finalises="2026.11.1"),
            "accueil-01 will try 2026.11.1 now, and keep it if it proves itself",
        ),
        (
            Forecast(kind="shutdown", admission="send", installs=OVERRULED),
            "accueil-01 will install 2026.10.2 from the WRS of Lyon before it goes off",
        ),
        (
            Forecast(kind="shutdown", admission="send"),
            "accueil-01 will go off; nothing is installed by it",
        ),
    ],
)
def test_an_outcome_is_one_line(forecast: Forecast, words: str) -> None:
    assert describe_outcome(BOX, forecast) == words


def test_findings_keep_the_consoles_severity_even_when_they_are_new_here() -> None:
    found = (Finding(code="wrs_down", severity="informs"), Finding(code="moon_is_full", severity="warns"))
    forecast = Forecast(kind="update", admission="send", found=found)
    assert list_findings(forecast, Severity.WARNS) == ["moon_is_full"]
    assert describe_finding("moon_is_full", BOX) == "moon_is_full"
    assert "the WRS of Lyon does not answer" in describe_finding("wrs_down", BOX)


def test_a_hint_names_the_option_to_use() -> None:
    assert "--at-next-start" in choose_hint(Conflict("device_off", "off", hint="Switch it on (at_next_start)."))


def test_a_hint_that_names_what_comes_near_stays() -> None:
    error = NotFound("account_unknown", "there is no account 'nord'", hint="Did you mean: Atelier Nord?")
    assert choose_hint(error) == "Did you mean: Atelier Nord?"


def test_a_hint_of_a_code_without_one_of_its_own_stays() -> None:
    assert choose_hint(Conflict("something", "so", hint="Do this.")) == "Do this."
