"""The journal: who changed what, when."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from types import MappingProxyType

from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from cebox.console.database.scope import Scope
from cebox.console.journal.export import Kind
from cebox.console.journal.files import make_export
from cebox.console.journal.repository import EVERYTHING, Filter
from cebox.console.journal.service import list_entries, list_people
from cebox.console.web.pieces import ROLE_WORDS, SCOPE_WORDS
from cebox.console.web.visit import Visit, page
from cebox.console.web.words import mark as _

VERB_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "approval_withdrawn": _("Approval of a test withdrawn"),
        "account_created": _("Account made"),
        "account_viewed": _("Account looked at"),
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
        "codes_removed": _("One-time codes turned off"),
        "codes_set_up": _("One-time codes set up"),
        "command_sent": _("Group command sent"),
        "delivery_resent": _("Delivery sent again"),
        "device_enrolled": _("Device enrolled"),
        "device_removed": _("Device removed"),
        "identity_linked": _("Identity provider recognised"),
        "invitation_accepted": _("Invitation accepted"),
        "invitation_revoked": _("Invitation revoked"),
        "key_created": _("USB key made"),
        "key_revoked": _("USB key revoked"),
        "mail_preferences_changed": _("E-mail preferences changed"),
        "notice_changed": _("Notice before restarts changed"),
        "passkey_added": _("Passkey added"),
        "passkey_removed": _("Passkey removed"),
        "passkey_renamed": _("Passkey renamed"),
        "password_changed": _("Password changed"),
        "password_link_made": _("Link for a new password made"),
        "password_set": _("Password set for another"),
        "reboot_sent": _("Restart sent"),
        "recovery_codes_made": _("Recovery codes made"),
        "release_imported": _("Version published"),
        "release_withdrawn": _("Version withdrawn"),
        "second_factors_reset": _("Second factors taken away"),
        "session_ended": _("Session ended"),
        "sessions_ended": _("Other sessions ended"),
        "shutdown_sent": _("Shutdown sent"),
        "sign_in_rule_changed": _("Sign-in of the account changed"),
        "signed_in": _("Signed in"),
        "start_sent": _("Start over the site's network asked for"),
        "stick_made": _("Stick downloaded"),
        "site_changed": _("Site changed"),
        "site_limited": _("Bandwidth of a site changed"),
        "site_created": _("Site made"),
        "test_approved": _("Test approved"),
        "test_chosen": _("Test chosen"),
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
        "user_invited": _("User invited"),
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
        "issuer": _("identity provider"),
        "key_id": _("key"),
        "kind": _("kind"),
        "language": _("language"),
        "left_out": _("left out"),
        "method": _("with"),
        "most_postponements": _("postponements at most"),
        "muted": _("no e-mail of"),
        "name": _("name"),
        "networks": _("networks"),
        "not_sent": _("not sent"),
        "percent": _("threshold in percent"),
        "page": _("page"),
        "passkey": _("passkey"),
        "postpone_minutes": _("minutes per postponement"),
        "reason": _("reason"),
        "refused": _("refused for"),
        "role": _("role"),
        "scope": _("scope"),
        "second_factor_required": _("second factor for everybody"),
        "sent": _("sent to"),
        "session": _("session"),
        "sessions": _("sessions"),
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

# Values that are words of the console, not of whoever wrote them.
VALUE_WORDS: Mapping[str, str] = MappingProxyType(
    {
        **{role.value: words for role, words in ROLE_WORDS.items()},
        **{scope.value: words for scope, words in SCOPE_WORDS.items()},
        "password": _("Password"),
        "second-factor": _("Password and second factor"),
        "passkey": _("Passkey"),
        "oidc": _("Identity provider"),
        "oidc-strong": _("Identity provider and second factor"),
    }
)


@page()
async def show_journal(visit: Visit) -> Response:
    scope, wanted = _choose_scope(visit), _read_filter(visit)
    async with visit.console.database.read() as connection:
        listed = await list_entries(connection, scope, visit.piece(50), wanted)
        people = await list_people(connection, scope)
    said = sorted(VERB_WORDS, key=lambda verb: visit.say(VERB_WORDS[verb]).casefold())
    return visit.show(
        "journal/list.html",
        listed=listed,
        people=people,
        wanted=wanted,
        is_filtered=wanted != EVERYTHING,
        last_day=(wanted.until - timedelta(days=1)).date() if wanted.until else "",
        ordered_verbs=said,
        verbs=VERB_WORDS,
        fact_words=FACT_WORDS,
        value_words=VALUE_WORDS,
    )


@page()
async def export_journal(visit: Visit) -> Response:
    """All that the filters find, as a file."""
    kind: Kind = "csv" if visit.asked("format") == "csv" else "jsonl"
    return make_export(visit.console, _choose_scope(visit), _read_filter(visit), kind)


def build_routes() -> list[BaseRoute]:
    return [
        Route("/journal", show_journal, methods=["GET"]),
        Route("/journal/export", export_journal, methods=["GET"]),
    ]


def _choose_scope(visit: Visit) -> Scope:
    return visit.caller.scope if visit.caller.is_vendor and (visit.asked("all") or not visit.account) else visit.scope


def _read_filter(visit: Visit) -> Filter:
    """A day that is none is as if it were not given: the field shows empty again."""
    since, until = _read_day(visit, "since"), _read_day(visit, "until")
    return Filter(
        user_id=visit.asked("user")[:200],
        verb=visit.asked("verb")[:200],
        subject=visit.asked("subject")[:200],
        since=since,
        until=until + timedelta(days=1) if until else None,
    )


def _read_day(visit: Visit, name: str) -> datetime | None:
    """The first moment of the day in the reader's zone."""
    try:
        return datetime.combine(date.fromisoformat(visit.asked(name)), time(), visit.formats.zone)
    except ValueError:
        return None
