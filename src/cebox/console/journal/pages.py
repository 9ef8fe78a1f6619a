"""The journal: who changed what, when."""

from collections.abc import Mapping
from types import MappingProxyType

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cebox.console.journal.service import list_entries
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import mark as _

VERB_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "account_created": _("Account made"),
        "account_limited": _("Bandwidth of the sites changed"),
        "account_migrated": _("Account migrated"),
        "action_cancelled": _("Action cancelled"),
        "announcement_sent": _("Communication sent"),
        "campaign_changed": _("Rules of a campaign changed"),
        "campaign_completed": _("Campaign completed"),
        "campaign_draft_removed": _("Draft of a campaign removed"),
        "campaign_drafted": _("Campaign drafted"),
        "campaign_ended": _("Campaign ended early"),
        "campaign_ending": _("End of a campaign asked for"),
        "campaign_paused": _("Campaign paused"),
        "campaign_resumed": _("Campaign resumed"),
        "campaign_retried": _("Devices of a campaign tried again"),
        "campaign_started": _("Campaign started"),
        "campaign_stopped": _("Campaign stopped automatically"),
        "command_sent": _("Group command sent"),
        "delivery_resent": _("Delivery sent again"),
        "device_enrolled": _("Device enrolled"),
        "device_removed": _("Device removed"),
        "key_created": _("USB key made"),
        "key_revoked": _("USB key revoked"),
        "mail_preferences_changed": _("E-mail preferences changed"),
        "notice_changed": _("Notice before restarts changed"),
        "password_changed": _("Password changed"),
        "password_set": _("Password set for another"),
        "reboot_sent": _("Restart sent"),
        "release_imported": _("Version published"),
        "release_withdrawn": _("Version withdrawn"),
        "shutdown_sent": _("Shutdown sent"),
        "signed_in": _("Signed in"),
        "stick_made": _("Stick downloaded"),
        "site_changed": _("Site changed"),
        "site_limited": _("Bandwidth of a site changed"),
        "site_created": _("Site made"),
        "tag_handed_out": _("Tag handed out"),
        "token_created": _("API token made"),
        "token_revoked": _("API token revoked"),
        "update_sent": _("Update sent"),
        "user_changed": _("User changed"),
        "user_created": _("User made"),
        "webhook_changed": _("Webhook changed"),
        "webhook_created": _("Webhook added"),
        "webhook_removed": _("Webhook removed"),
        "webhook_secret_renewed": _("New secret of a webhook"),
        "webhook_tested": _("Webhook tried"),
        "wording_changed": _("Wording changed"),
        "wording_reset": _("Wording put back"),
    }
)

FACT_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "accounts": _("accounts"),
        "action_id": _("action"),
        "address": _("address"),
        "channel": _("channel"),
        "anomalies": _("anomalies"),
        "campaign_id": _("campaign"),
        "countdown_minutes": _("countdown in minutes"),
        "counted": _("counted of"),
        "device_id": _("device"),
        "devices": _("devices"),
        "download_bytes_per_second": _("bytes per second"),
        "download_window": _("hours"),
        "email": _("e-mail address"),
        "from": _("from version"),
        "is_active": _("may sign in"),
        "key_id": _("key"),
        "kind": _("kind"),
        "language": _("language"),
        "left_out": _("left out"),
        "most_postponements": _("postponements at most"),
        "muted": _("no e-mail of"),
        "name": _("name"),
        "networks": _("networks"),
        "not_sent": _("not sent"),
        "percent": _("threshold in percent"),
        "postpone_minutes": _("minutes per postponement"),
        "reason": _("reason"),
        "refused": _("refused for"),
        "role": _("role"),
        "sent": _("sent to"),
        "sha256": _("fingerprint"),
        "tag": _("tag"),
        "time_zone": _("time zone"),
        "theme": _("theme"),
        "to": _("to version"),
        "uses": _("uses"),
        "version": _("version"),
        "wave": _("wave"),
    }
)


@page()
async def show_journal(visit: Visit) -> Response:
    scope = visit.caller.scope if visit.caller.is_vendor and (visit.asked("all") or not visit.account) else visit.scope
    async with visit.console.database.read() as connection:
        listed = await list_entries(connection, scope, visit.piece(50))
    return visit.show("journal/list.html", listed=listed, verbs=VERB_WORDS, fact_words=FACT_WORDS)


def build_routes() -> list[BaseRoute]:
    return [Route("/journal", show_journal, methods=["GET"])]
