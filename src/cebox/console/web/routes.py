"""All pages of the console, their files and their event stream."""

from starlette.routing import BaseRoute, Route

from cebox.console.accounts import pages as accounts
from cebox.console.actions import pages as actions
from cebox.console.announcements import pages as announcements
from cebox.console.announcements import unsubscribe_page, writing_pages
from cebox.console.campaigns import pages as campaigns
from cebox.console.dashboard import pages as dashboard
from cebox.console.devices import pages as devices
from cebox.console.identity import pages as identity
from cebox.console.journal import pages as journal
from cebox.console.keys import pages as keys
from cebox.console.procedure import pages as procedure
from cebox.console.releases import pages as releases
from cebox.console.sites import pages as sites
from cebox.console.state import Console
from cebox.console.web.assets import serve_asset
from cebox.console.web.events import stream_events
from cebox.console.webhooks import pages as webhooks


def build_routes(_console: Console) -> list[BaseRoute]:
    """The actions' routes come before the devices': `/devices/command` is no device."""
    features = (
        identity,
        dashboard,
        actions,
        campaigns,
        devices,
        procedure,
        accounts,
        sites,
        releases,
        # What has a name of its own, before an announcement's id.
        unsubscribe_page,
        writing_pages,
        webhooks,
        announcements,
        keys,
        journal,
    )
    return [
        Route("/static/{path:path}", serve_asset, methods=["GET"]),
        Route("/events", stream_events, methods=["GET"]),
        *(route for feature in features for route in feature.build_routes()),
    ]
