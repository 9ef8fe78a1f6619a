"""Campaigns by the clock: each is moved on by a step, again and again."""

from datetime import datetime

import structlog

from cebox.console.campaigns.driving import drive
from cebox.console.campaigns.repository import CampaignRepository
from cebox.console.database.scope import Scope
from cebox.console.state import Console
from cebox.errors import CeboxError

_log = structlog.get_logger("cebox.console.campaigns")


class CampaignDriver:
    """The job of one console. `began_at`: silence from before it came is nobody's fault."""

    def __init__(self, began_at: datetime) -> None:
        self._began_at = began_at

    async def drive_campaigns(self, console: Console) -> None:
        """One campaign's trouble holds up no other."""
        async with console.database.read() as connection:
            campaign_ids = await CampaignRepository(connection, Scope.everything()).list_live_ids()
        for campaign_id in campaign_ids:
            try:
                async with console.database.write() as unit:
                    await drive(unit, campaign_id, now=console.clock(), heard_since=self._began_at)
            except CeboxError as error:
                _log.warning("campaign_not_driven", campaign=campaign_id, code=error.code, error=error.message)
