"""Which jobs a console runs, and how often."""

from cebox.console.actions.jobs import expire_actions
from cebox.console.boxes.jobs import prune_assertions
from cebox.console.campaigns.jobs import CampaignDriver
from cebox.console.dashboard.jobs import note_fleet_history
from cebox.console.deliveries.jobs import deliver_announcements
from cebox.console.devices.jobs import mend_sort_keys, note_silent_devices, renew_statistics
from cebox.console.identity.jobs import prune_sessions
from cebox.console.jobs.job import Job
from cebox.console.releases.jobs import poll_repository
from cebox.console.state import Console
from cebox.domain.device import PRESENCE

# After an absence of the console itself nobody could be heard: first give the fleet time to come back.
_PATIENCE_SECONDS = PRESENCE.total_seconds()


def list_jobs(console: Console) -> tuple[Job, ...]:
    return (
        Job("poll_repository", console.settings.poll_repository_seconds, poll_repository),
        Job("note_silent_devices", 5.0, note_silent_devices, after_seconds=_PATIENCE_SECONDS),
        Job("expire_actions", 5.0, expire_actions, after_seconds=_PATIENCE_SECONDS),
        Job("drive_campaigns", 2.0, CampaignDriver(console.clock()).drive_campaigns),
        Job("note_fleet_history", 1800.0, note_fleet_history),
        Job("renew_statistics", 1800.0, renew_statistics),
        Job("mend_sort_keys", 3600.0, mend_sort_keys),
        Job("deliver_announcements", 2.0, deliver_announcements),
        Job("prune_assertions", 3600.0, prune_assertions),
        Job("prune_sessions", 3600.0, prune_sessions),
    )
