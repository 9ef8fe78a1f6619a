"""Why something was refused, in the reader's words: one sentence and one way out per error code."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cebox.console.web.status import FINDING
from cebox.console.web.words import mark as _


@dataclass(frozen=True, slots=True)
class Refusal:
    """`message` is the fact, `way_out` what to do about it; both are catalogue messages."""

    message: str
    way_out: str = ""


UNKNOWN = Refusal(_("This was refused."), _("Reload the page and try again; if it goes on, ask the vendor's support."))

_OWN: Mapping[str, Refusal] = {
    "account_missing": Refusal(_("No account is chosen."), _("Choose the account at the top of the menu.")),
    "account_unknown": Refusal(_("There is no such account."), _("Choose one from the list of accounts.")),
    "account_name_taken": Refusal(_("Another account has this name."), _("Choose another name.")),
    "action_event_refused": Refusal(_("This action has moved on meanwhile."), _("Look at the device again.")),
    "action_over": Refusal(_("This action is already over."), _("Look at the device again.")),
    "action_unknown": Refusal(_("There is no such action."), _("Look at the device again.")),
    "announcement_unknown": Refusal(_("There is no such communication.")),
    "command_unknown": Refusal(_("There is no such command.")),
    "device_unknown": Refusal(_("There is no such device."), _("It may belong to another account.")),
    "forecast_changed": Refusal(_("The situation has changed since the preview.")),
    "form_expired": Refusal(_("This form is too old."), _("Reload the page and try again.")),
    "group_takes_no_tag": Refusal(
        _("A group command takes no tag."), _("To test a version, send its tag to one device at a time.")
    ),
    "key_unknown": Refusal(_("There is no such key.")),
    "not_signed_in": Refusal(_("You are signed out."), _("Sign in again.")),
    "nothing_staged": Refusal(_("No installed version waits for a restart.")),
    "phase_event_refused": Refusal(
        _("The account is not in the phase for this."), _("Production opens with the migration of the account.")
    ),
    "release_differs": Refusal(
        _("This version is already published with other content."), _("Give the new content a new version.")
    ),
    "release_unknown": Refusal(_("This version is not published."), _("Choose one from the list of versions.")),
    "release_withdrawn": Refusal(_("This version was withdrawn."), _("Choose another one.")),
    "repository_unreachable": Refusal(_("The repository of versions does not answer."), _("Try again in a moment.")),
    "request_malformed": Refusal(_("The form is not filled in correctly."), _("Correct it and send it again.")),
    "role_may_not": Refusal(
        _("Your role does not allow this."), _("Ask an administrator of the account, or the vendor.")
    ),
    "sign_in_refused": Refusal(_("Unknown address or wrong password."), _("Check both and try again.")),
    "site_name_taken": Refusal(_("Another site of the account has this name."), _("Choose another name.")),
    "site_unknown": Refusal(_("There is no such site.")),
    "tag_malformed": Refusal(
        _("This is not a tag name."), _("Use lower-case letters, digits, dots and dashes, such as essai-2026.12.")
    ),
    "tag_unknown": Refusal(
        _("There is no such tag for this account."), _("Use a tag the vendor handed out to this account, or none.")
    ),
    "too_many_attempts": Refusal(_("Too many attempts."), _("Wait a minute before the next one.")),
    "user_unknown": Refusal(_("There is no such user.")),
    "version_malformed": Refusal(
        _("This is not a version."), _("Write it as 2026.11.1, or 2026.11.1-rc.1 for a pre-release.")
    ),
}

# What a preflight says and what a refusal says are the same sentence.
REFUSALS: Mapping[str, Refusal] = MappingProxyType(
    {
        **{finding.value: Refusal(status.message) for finding, status in FINDING.items()},
        **_OWN,
        "device_off": Refusal(_("It is off."), _("Turn it on, or ask for the next start.")),
    }
)


def find_refusal(code: str) -> Refusal:
    """The words of `code`; general ones for a code the pages do not know."""
    return REFUSALS.get(code, UNKNOWN)
