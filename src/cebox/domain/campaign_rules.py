"""What somebody sets for a campaign: how many at once, when to stop by itself, how long a wave is watched."""

from dataclasses import dataclass

from cebox.domain.campaign_waves import WaveOrder, WaveShare
from cebox.domain.campaign_window import MaintenanceWindow
from cebox.errors import InvalidInput

MOST_AT_ONCE = 1000
LONGEST_WATCH_MINUTES = 14 * 24 * 60
LEAST_SILENCE_MINUTES, MOST_SILENCE_MINUTES = 5, 24 * 60


@dataclass(frozen=True, slots=True)
class Pace:
    """How many devices may be under way at once, in all and on one site. Devices of no site count in all only."""

    in_all: int = 40
    per_site: int = 15


@dataclass(frozen=True, slots=True)
class StopRule:
    """Stops at this many percent of anomalies in one wave, or in the whole campaign.

    They are counted of `least_counted` devices at least (of all, where there are fewer), so that the first failure of
    many is no verdict. A device that is under way and not heard of for `silence_minutes` is an anomaly too.
    """

    wave_percent: int = 8
    campaign_percent: int = 10
    least_counted: int = 20
    silence_minutes: int = 45


@dataclass(frozen=True, slots=True)
class CampaignRules:
    """`window` None is any time. `watch_minutes`: how long a wave must have been over before the next one begins."""

    order: WaveOrder = WaveOrder.SERVERS_FIRST
    shares: tuple[WaveShare, ...] = ()
    window: MaintenanceWindow | None = None
    pace: Pace = Pace()
    stop_rule: StopRule = StopRule()
    watch_minutes: int = 0


def verify_rules(rules: CampaignRules) -> None:
    """Raises InvalidInput (`pace_out_of_range`, `stop_rule_out_of_range`, `watch_out_of_range`)."""
    if not (1 <= rules.pace.per_site <= MOST_AT_ONCE and 1 <= rules.pace.in_all <= MOST_AT_ONCE):
        raise InvalidInput(
            "pace_out_of_range", f"1 to {MOST_AT_ONCE} devices may be under way at once", hint="Choose in that range."
        )
    _verify_stop_rule(rules.stop_rule)
    if not 0 <= rules.watch_minutes <= LONGEST_WATCH_MINUTES:
        raise InvalidInput(
            "watch_out_of_range",
            f"a wave cannot be watched for {rules.watch_minutes} minutes",
            hint=f"Choose 0 minutes to {LONGEST_WATCH_MINUTES // 1440} days.",
        )


def _verify_stop_rule(rule: StopRule) -> None:
    is_right = (
        1 <= rule.wave_percent <= 100
        and 1 <= rule.campaign_percent <= 100
        and 1 <= rule.least_counted <= MOST_AT_ONCE
        and LEAST_SILENCE_MINUTES <= rule.silence_minutes <= MOST_SILENCE_MINUTES
    )
    if not is_right:
        raise InvalidInput(
            "stop_rule_out_of_range",
            "this automatic stop cannot be",
            hint=(
                f"Thresholds are 1 to 100 percent, counted of 1 to {MOST_AT_ONCE} devices at least; silence counts "
                f"after {LEAST_SILENCE_MINUTES} minutes to {MOST_SILENCE_MINUTES // 60} hours."
            ),
        )
