"""All tables, gathered: importing this module completes `metadata`. Migrating is `database.migrate`'s."""

from cebox.console.accounts import tables as accounts
from cebox.console.actions import tables as actions
from cebox.console.announcements import tables as announcements
from cebox.console.boxes import tables as boxes
from cebox.console.campaigns import tables as campaigns
from cebox.console.dashboard import tables as dashboard
from cebox.console.database.columns import metadata
from cebox.console.deliveries import tables as deliveries
from cebox.console.devices import tables as devices
from cebox.console.identity import tables as identity
from cebox.console.jobs import tables as jobs
from cebox.console.journal import tables as journal
from cebox.console.keys import tables as keys
from cebox.console.procedure import tables as procedure
from cebox.console.releases import tables as releases
from cebox.console.sites import tables as sites
from cebox.console.webhooks import tables as webhooks

FEATURES = (
    identity,
    accounts,
    sites,
    keys,
    releases,
    devices,
    actions,
    campaigns,
    procedure,
    announcements,
    journal,
    boxes,
    jobs,
    dashboard,
    webhooks,
    deliveries,
)

__all__ = ["FEATURES", "metadata"]
