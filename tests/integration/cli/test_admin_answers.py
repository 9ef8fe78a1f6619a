"""The typed client reads what the console's OpenAPI document promises."""

import httpx
import msgspec
import pytest

from cebox.protocol import admin
from tests.integration.cli.conftest import Fleet

SCHEMAS: dict[type[admin.Answer], str] = {
    admin.Account: "AccountAnswer",
    admin.Action: "ActionAnswer",
    admin.Campaign: "CampaignAnswer",
    admin.CampaignDevice: "CampaignDeviceAnswer",
    admin.CampaignForeseen: "CampaignForeseenAnswer",
    admin.CampaignPlannedWave: "CampaignPlannedWaveAnswer",
    admin.CampaignPreview: "CampaignPreviewAnswer",
    admin.CampaignStop: "CampaignStopAnswer",
    admin.CampaignWave: "CampaignWaveAnswer",
    admin.Command: "CommandAnswer",
    admin.Component: "ComponentAnswer",
    admin.Device: "DeviceAnswer",
    admin.DeviceForecast: "DeviceForecastAnswer",
    admin.Duration: "DurationAnswer",
    admin.Event: "EventAnswer",
    admin.Finding: "FindingAnswer",
    admin.Forecast: "ForecastAnswer",
    admin.GroupForecast: "GroupForecastAnswer",
    admin.GroupRefusal: "GroupRefusalAnswer",
    admin.Imported: "ImportedAnswer",
    admin.Key: "KeyAnswer",
    admin.KeySource: "KeySourceAnswer",
    admin.KeyUse: "KeyUseAnswer",
    admin.Limits: "LimitsAnswer",
    admin.Me: "MeAnswer",
    admin.Migrated: "MigratedAnswer",
    admin.Migration: "MigrationAnswer",
    admin.NewKey: "NewKeyAnswer",
    admin.NewToken: "NewTokenAnswer",
    admin.Notice: "NoticeAnswer",
    admin.Progress: "ProgressAnswer",
    admin.Release: "WholeReleaseAnswer",
    admin.ReleaseSummary: "ReleaseAnswer",
    admin.Resolution: "ResolutionAnswer",
    admin.Site: "SiteAnswer",
    admin.Tag: "TagAnswer",
    admin.Through: "ThroughAnswer",
    admin.Taken: "TakenAnswer",
    admin.User: "UserAnswer",
    admin.Announcement: "AnnouncementAnswer",
}


@pytest.mark.parametrize(("answer", "schema"), SCHEMAS.items(), ids=SCHEMAS.values())
def test_every_field_the_client_reads_is_one_the_console_sends(
    fleet: Fleet, answer: type[admin.Answer], schema: str
) -> None:
    document = httpx.get(f"{fleet.console.url}/api/v1/openapi.json", trust_env=False).json()
    promised = document["components"]["schemas"][schema]
    fields = msgspec.structs.fields(answer)
    assert {field.encode_name for field in fields} <= set(promised["properties"])
    assert {field.encode_name for field in fields if field.required} <= set(promised["required"])


def test_every_answer_of_the_client_is_compared() -> None:
    known = {answer for answer in vars(admin).values() if isinstance(answer, type) and issubclass(answer, admin.Answer)}
    assert known - {admin.Answer, admin.Listing} == set(SCHEMAS)
