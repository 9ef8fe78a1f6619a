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
    "action_event_refused": Refusal(_("This action has moved on meanwhile."), _("Look at the device again.")),
    "action_over": Refusal(_("This action is already over."), _("Look at the device again.")),
    "action_unknown": Refusal(_("There is no such action."), _("Look at the device again.")),
    "announcement_unknown": Refusal(_("There is no such communication.")),
    "boot_image_missing": Refusal(
        _("This version is made for virtual machines; no stick can be made of it."), _("Ask the vendor.")
    ),
    "tools_missing": Refusal(
        _("The console lacks programs that make sticks."), _("Its administrator installs mtools and dosfstools.")
    ),
    "campaign_begun": Refusal(_("This campaign has begun."), _("Pause, resume or end it instead.")),
    "campaign_empty": Refusal(_("No device is chosen."), _("Choose at least one.")),
    "campaign_event_refused": Refusal(_("This campaign has moved on meanwhile."), _("Look at it again.")),
    "campaign_name_malformed": Refusal(_("This name cannot be used."), _("Use up to 200 plain characters.")),
    "campaign_over": Refusal(_("This campaign is not under way."), _("Look at it again.")),
    "campaign_too_large": Refusal(_("Too many devices for one campaign."), _("Make one per site, or choose fewer.")),
    "campaign_unknown": Refusal(_("There is no such campaign."), _("It may belong to another account.")),
    "command_unknown": Refusal(_("There is no such command.")),
    "device_unknown": Refusal(_("There is no such device."), _("It may belong to another account.")),
    "forecast_changed": Refusal(_("The situation has changed since the preview.")),
    "group_takes_no_tag": Refusal(
        _("A group command takes no tag."), _("To test a version, send its tag to one device at a time.")
    ),
    "key_unknown": Refusal(_("There is no such key.")),
    "nothing_staged": Refusal(_("No installed version waits for a restart.")),
    "phase_event_refused": Refusal(
        _("The account is not in the phase for this."), _("Production opens with the migration of the account.")
    ),
    "release_differs": Refusal(
        _("This version is already published with other content."), _("Give the new content a new version.")
    ),
    "release_unknown": Refusal(_("This version is not published."), _("Choose one from the list of versions.")),
    "release_withdrawn": Refusal(_("This version was withdrawn."), _("Choose another one.")),
    "request_malformed": Refusal(_("The form is not filled in correctly."), _("Correct it and send it again.")),
    "role_may_not": Refusal(
        _("Your role does not allow this."), _("Ask an administrator of the account, or the vendor.")
    ),
    "sign_in_refused": Refusal(_("Unknown address or wrong password."), _("Check both and try again.")),
    "site_unknown": Refusal(_("There is no such site.")),
    "too_many_views": Refusal(_("You keep as many views as there may be."), _("Remove one first.")),
    "view_name_malformed": Refusal(_("A view needs a name of one line."), _("Write one and keep the view again.")),
    "view_unknown": Refusal(_("There is no such view."), _("It may be removed already.")),
    "tag_malformed": Refusal(
        _("This is not a tag name."), _("Use lower-case letters, digits, dots and dashes, such as essai-2026.12.")
    ),
    "tag_unknown": Refusal(
        _("There is no such tag for this account."), _("Use a tag the vendor handed out to this account, or none.")
    ),
    "user_unknown": Refusal(_("There is no such user.")),
    "version_malformed": Refusal(
        _("This is not a version."), _("Write it as 2026.11.1, or 2026.11.1-rc.1 for a pre-release.")
    ),
    "account_exists": Refusal(_("Another account has this name."), _("Choose another name.")),
    "account_name_empty": Refusal(_("An account has a name.")),
    "account_name_malformed": Refusal(_("This name cannot be used."), _("Use up to 200 plain characters.")),
    "accounts_missing": Refusal(_("No account is ticked."), _("Tick at least one.")),
    "action_begun": Refusal(
        _("The device has already begun."),
        _("What it installs takes effect at the restart only; send another version to replace it."),
    ),
    "countdown_out_of_range": Refusal(
        _("This countdown cannot be used."), _("Write whole minutes, 0 to 60; with 0 it happens at once.")
    ),
    "cursor_malformed": Refusal(_("This part of the list is gone."), _("Start again from its beginning.")),
    "device_removed": Refusal(_("It was removed from the fleet.")),
    "devices_in_another_campaign": Refusal(
        _("Some of these devices are in another campaign."), _("End that campaign first, or leave them out.")
    ),
    "devices_of_several_accounts": Refusal(
        _("A group command is for devices of one account."), _("Send one command per account.")
    ),
    "download_rate_out_of_range": Refusal(
        _("This rate cannot be used."), _("Write megabits per second, at least 0.08; leave it empty for no limit.")
    ),
    "download_window_malformed": Refusal(
        _("These are no hours of a day."), _("Write them as 22:00-06:00; leave them empty for any time.")
    ),
    "time_zone_unknown": Refusal(_("There is no such time zone."), _("Write its name, such as Europe/Paris.")),
    "did_not_come_on": Refusal(
        _("It was called and did not come on in time."),
        _("Check that its firmware allows starting over the network, or switch it on by hand."),
    ),
    "lan_address_malformed": Refusal(_("This is no network card's address.")),
    "lan_unreachable": Refusal(_("The WRS could not send on its network."), _("Check the network of the WRS.")),
    "order_unknown": Refusal(_("The agent of the WRS is too old for this."), _("Update the WRS first.")),
    "email_malformed": Refusal(_("This is not an e-mail address."), _("Write it as name@example.org.")),
    "expiry_out_of_range": Refusal(_("This expiry is too short or too long.")),
    "form_secret_wrong": Refusal(_("This form is too old."), _("Reload the page and try again.")),
    "group_empty": Refusal(_("No device is selected."), _("Select at least one.")),
    "group_too_large": Refusal(_("Too many devices at once."), _("Send the command in parts, such as site by site.")),
    "key_expired": Refusal(_("This key has expired."), _("Make a new one.")),
    "key_lifetime_out_of_range": Refusal(_("A key is valid for 1 to 366 days.")),
    "key_name_empty": Refusal(_("A key has a name."), _("Say what it is for.")),
    "key_name_malformed": Refusal(_("This name cannot be used."), _("Use up to 200 plain characters.")),
    "key_revoked": Refusal(_("This key was revoked."), _("Make a new one.")),
    "key_used_up": Refusal(_("This key was used as often as it may be."), _("Make a new one.")),
    "key_uses_out_of_range": Refusal(_("A key enrols 1 to 10 000 machines.")),
    "kind_not_power": Refusal(_("This is neither a restart nor a shutdown.")),
    "language_unknown": Refusal(_("The console does not speak this language.")),
    "theme_unknown": Refusal(_("There is no such theme.")),
    "left_out": Refusal(_("It was left out when the campaign resumed.")),
    "maintenance_window_malformed": Refusal(
        _("This is no maintenance window."),
        _("Write the hours as 19:00-05:00 and choose at least one day; leave the hours empty for any time."),
    ),
    "member_event_refused": Refusal(_("This campaign has moved on meanwhile."), _("Look at it again.")),
    "network_malformed": Refusal(
        _("One of these is not a network."), _("Write each as a block such as 10.20.4.0/24, one per line.")
    ),
    "note_malformed": Refusal(_("This note cannot be used."), _("Use up to 200 plain characters.")),
    "nothing_to_retry": Refusal(_("None of its devices may be tried again.")),
    "nothing_to_send": Refusal(
        _("None of these devices has anything to receive."), _("The preview says why, device by device.")
    ),
    "not_started": Refusal(_("The device never heard of it.")),
    "other_version": Refusal(
        _("The site's WRS serves another version."), _("Put the WRS of the site into the campaign.")
    ),
    "pace_out_of_range": Refusal(_("From 1 to 1000 devices may be under way at once.")),
    "password_too_long": Refusal(_("This password is too long."), _("256 characters at most.")),
    "password_too_short": Refusal(
        _("This password is too short."), _("10 characters at least; several words make a good one.")
    ),
    "postponement_out_of_range": Refusal(
        _("This postponement cannot be used."), _("Write whole minutes, 5 to 480 (8 hours).")
    ),
    "repository_not_set": Refusal(
        _("This console was not told where its versions are published."),
        _("Its administrator sets it in the settings."),
    ),
    "role_needs_account": Refusal(
        _("This role belongs to an account."), _("Choose the account at the top of the menu.")
    ),
    "role_not_yours_to_give": Refusal(_("Only the vendor gives this role.")),
    "role_of_another_kind": Refusal(_("A user stays the vendor's, or of an account.")),
    "role_takes_no_account": Refusal(_("The vendor's people belong to no account.")),
    "root_metadata_missing": Refusal(
        _("The trust anchor of the versions cannot be read."), _("Its administrator checks it in the settings.")
    ),
    "session_missing": Refusal(_("You are signed out."), _("Sign in again.")),
    "sign_in_throttled": Refusal(_("Too many attempts."), _("Wait five minutes before the next one.")),
    "silence": Refusal(_("It was not heard of for too long.")),
    "site_exists": Refusal(_("Another site of the account has this name."), _("Choose another name.")),
    "site_name_empty": Refusal(_("A site has a name.")),
    "site_name_malformed": Refusal(_("This name cannot be used."), _("Use up to 200 plain characters.")),
    "stop_rule_out_of_range": Refusal(
        _("This automatic stop cannot be used."),
        _("Thresholds are 1 to 100 percent, of 1 to 1000 devices at least; silence counts after 5 to 1440 minutes."),
    ),
    "superseded": Refusal(_("A newer update took its place.")),
    "approval_note_missing": Refusal(
        _("Not every ceBox of the test has proved the version."), _("Say in the note why you approve it all the same.")
    ),
    "tag_not_for_tests": Refusal(_("This is no version tag."), _("Choose one that the vendor handed out for a test.")),
    "test_hindered": Refusal(_("This test cannot go on."), _("Choose another tag first.")),
    "test_moved_on": Refusal(_("Another version is tested now."), _("Look at the procedure again.")),
    "test_takes_boxes": Refusal(
        _("A WRS cannot be a test box."), _("Choose ceBox: the WRS of their site comes first.")
    ),
    "too_many_test_boxes": Refusal(_("Too many ceBox for a test."), _("A test has 200 at most.")),
    "tag_is_an_accounts": Refusal(
        _("This is the official tag of an account."),
        _("It moves with the account's migration only. Choose another name."),
    ),
    "tag_taken": Refusal(_("Another tag has this name."), _("Choose another name for the tag.")),
    "token_expired": Refusal(_("This token has expired."), _("Make a new one.")),
    "token_lifetime_out_of_range": Refusal(_("A token is valid for up to 366 days.")),
    "token_not_found": Refusal(_("There is no such token.")),
    "token_unknown": Refusal(_("This console did not issue this token.")),
    "too_many_accounts": Refusal(_("Too many accounts at once."), _("Hand the tag out in parts.")),
    "too_many_postponements": Refusal(
        _("This number of postponements cannot be used."), _("Write a whole number, 0 to 10; with 0 there are none.")
    ),
    "too_many_networks": Refusal(_("A site has at most 64 networks.")),
    "user_exists": Refusal(_("There is already a user with this address."), _("Choose another address.")),
    "user_is_yourself": Refusal(
        _("Nobody takes their own access away."), _("Ask another administrator: so one always remains.")
    ),
    "user_name_malformed": Refusal(_("This name cannot be used."), _("Use up to 200 plain characters.")),
    "delivery_crashed": Refusal(_("The console could not make this delivery."), _("Its log says why.")),
    "delivery_event_refused": Refusal(_("This delivery has moved on meanwhile."), _("Look at it again.")),
    "delivery_unknown": Refusal(_("There is no such delivery.")),
    "email_not_set_up": Refusal(
        _("This console sends no e-mail."), _("Its administrator sets a mail server in the settings.")
    ),
    "infrastructure_date_missing": Refusal(
        _("An infrastructure update has a date and an hour."), _("Choose them in the form.")
    ),
    "kind_not_written": Refusal(_("This kind announces itself."), _("Write a message.")),
    "mail_recipient_deferred": Refusal(_("The mail server puts this address off.")),
    "mail_recipient_refused": Refusal(
        _("The mail server knows no such address."), _("Correct the address of this person, then send again.")
    ),
    "mail_refused": Refusal(_("The mail server does not take the e-mail now.")),
    "mail_sender_refused": Refusal(
        _("The mail server does not let this console send."), _("Its administrator checks the sender in the settings.")
    ),
    "mail_server_lacks": Refusal(
        _("The mail server lacks what the settings ask of it."), _("The administrator of the console checks both.")
    ),
    "mail_server_unreachable": Refusal(
        _("The mail server does not answer."), _("It is tried again by itself; check the network.")
    ),
    "mail_server_untrusted": Refusal(
        _("The mail server cannot prove who it is."), _("The administrator of the console checks its certificate.")
    ),
    "mail_sign_in_refused": Refusal(
        _("The mail server refuses the user or the password."), _("The administrator of the console checks both.")
    ),
    "once_malformed": Refusal(_("This form is too old."), _("Reload the page and try again.")),
    "placeholder_malformed": Refusal(
        _("A brace stands alone."), _("A placeholder is a name in braces; for a brace itself write it twice.")
    ),
    "placeholder_not_in_title": Refusal(
        _("This placeholder holds several lines."), _("Use it in the text, not in the title.")
    ),
    "placeholder_unknown": Refusal(
        _("There is no such placeholder in this kind."), _("Those there are stand below the texts.")
    ),
    "preparation_crashed": Refusal(_("The console could not fetch them."), _("Its log says why.")),
    "recipient_gone": Refusal(_("Whom it was for is gone, or wants no more of them.")),
    "smtp_authorities_missing": Refusal(
        _("The file of authorities for the mail server is missing."), _("Its administrator sets it in the settings.")
    ),
    "smtp_needs_tls": Refusal(
        _("E-mails would leave in the clear."), _("The administrator of the console turns TLS on in the settings.")
    ),
    "smtp_password_exposed": Refusal(
        _("Others can read the file of the mail password."), _("The administrator of the console closes it to others.")
    ),
    "smtp_password_missing": Refusal(
        _("The file of the mail password cannot be read."), _("Its administrator sets it in the settings.")
    ),
    "text_malformed": Refusal(_("A text is missing, or too long."), _("Write one in each language.")),
    "title_malformed": Refusal(_("A title is missing, or not one line."), _("Write one in each language.")),
    "too_many_webhooks": Refusal(_("An account has at most ten webhooks."), _("Remove one first.")),
    "unsubscribe_link_unknown": Refusal(
        _("This link is not one of this console's."),
        _("Take it whole from the e-mail, or sign in and choose your preferences."),
    ),
    "webhook_address_private": Refusal(
        _("This address leads inside a private network."), _("Name a host that the internet reaches.")
    ),
    "webhook_host_unknown": Refusal(_("There is no host of this name."), _("Check how the address is written.")),
    "webhook_name_malformed": Refusal(_("This name cannot be used."), _("Use up to 200 plain characters.")),
    "webhook_needs_https": Refusal(_("A webhook is an https address."), _("What it says is for the receiver alone.")),
    "webhook_off": Refusal(_("The webhook is turned off.")),
    "webhook_redirects": Refusal(_("The receiver leads elsewhere."), _("Name the address it leads to.")),
    "webhook_refused": Refusal(_("The receiver refused it."), _("Its log says why.")),
    "webhook_silent": Refusal(_("The receiver did not answer in time."), _("It answers first and works afterwards.")),
    "webhook_unknown": Refusal(_("There is no such webhook.")),
    "webhook_unreachable": Refusal(_("The receiver cannot be reached."), _("Check that it runs and lets us in.")),
    "webhook_untrusted": Refusal(_("The receiver cannot prove who it is."), _("Renew its certificate.")),
    "webhook_url_malformed": Refusal(
        _("This is not the address of a webhook."), _("Write it whole, without a user, a password or a fragment.")
    ),
    "watch_out_of_range": Refusal(_("A wave is watched for 0 hours to 14 days.")),
    "waves_malformed": Refusal(
        _("These are no waves."), _("Write numbers such as 10, 100, or percentages; the rest follows.")
    ),
    "codes_exist": Refusal(_("One-time codes are set up already."), _("Turn them off first.")),
    "codes_not_begun": Refusal(_("No one-time codes are being set up."), _("Begin again.")),
    "last_administrator": Refusal(
        _("Nobody would administer here any more."), _("Make somebody else an administrator first.")
    ),
    "link_over": Refusal(
        _("This link was used, replaced or revoked, or is too old."), _("Ask an administrator for a new one.")
    ),
    "link_unknown": Refusal(_("There is no such link."), _("Copy the whole link, or ask for a new one.")),
    "oidc_not_set": Refusal(_("This console knows no identity provider."), _("Sign in with a password.")),
    "oidc_refused": Refusal(_("The identity provider let nobody in."), _("Start again.")),
    "oidc_unreachable": Refusal(_("The identity provider does not answer."), _("Try again in a while.")),
    "oidc_user_unknown": Refusal(
        _("The identity provider knows you, this console does not."),
        _("Ask an administrator to invite the address that the provider knows."),
    ),
    "passkey_exists": Refusal(_("This passkey is set up already.")),
    "passkey_name_malformed": Refusal(_("This name cannot be used."), _("Use up to 200 plain characters.")),
    "passkey_refused": Refusal(_("The passkey was not set up."), _("Try again.")),
    "passkey_refused_at_sign_in": Refusal(_("This passkey opens nothing here."), _("Use another one, or a password.")),
    "passkey_unknown": Refusal(_("There is no such passkey.")),
    "proof_too_old": Refusal(_("This change asks again who you are."), _("You come back here afterwards and make it.")),
    "seal_broken": Refusal(
        _("What the console keeps sealed cannot be opened."), _("Use another way, or ask an administrator.")
    ),
    "second_factor_missing": Refusal(_("There is no second factor."), _("Set one up first.")),
    "second_factor_needed": Refusal(_("A second factor is needed."), _("Give a code too.")),
    "second_factor_refused": Refusal(
        _("This code is wrong, too old or was used already."), _("Wait for the next one, or use a recovery code.")
    ),
    "second_factor_required": Refusal(
        _("Your account asks everybody for a second factor."), _("Set one up on the page of your sign-in.")
    ),
    "session_unknown": Refusal(_("There is no such session."), _("It may be over already.")),
    "sign_in_step_over": Refusal(_("This sign-in took too long."), _("Start again.")),
    "token_name_malformed": Refusal(_("This name cannot be used."), _("Use up to 200 plain characters.")),
    "token_scope_too_narrow": Refusal(_("This token may not do this."), _("Make one of a wider scope.")),
    "too_many_passkeys": Refusal(_("You have as many passkeys as there may be."), _("Remove one first.")),
    "wrs_needs_site": Refusal(_("A WRS belongs to a site."), _("Choose the site the key is for.")),
}

_UNTRUSTED = Refusal(
    _("What was downloaded is not what the vendor signed."), _("Nothing of it is used. Tell the vendor.")
)
_NOT_THERE = Refusal(
    _("The source of versions does not answer or lacks a file."), _("It is tried again by itself; check the network.")
)

# What a repository or a device may say; the words stay general, for the cause is not in the console.
_FROM_ELSEWHERE: Mapping[str, Refusal] = {
    **dict.fromkeys(
        (
            "blob_differs",
            "blob_truncated",
            "endless_data",
            "image_differs",
            "manifest_differs",
            "manifest_format_unknown",
            "manifest_malformed",
            "metadata_expired",
            "metadata_invalid",
            "metadata_rolled_back",
            "patch_bounds_exceeded",
            "patch_codec_unknown",
            "patch_differs",
            "patch_format_unknown",
            "patch_malformed",
            "payload_undecodable",
        ),
        _UNTRUSTED,
    ),
    **dict.fromkeys(
        ("blob_missing", "metadata_missing", "repository_refused", "repository_unreachable", "wrs_unreachable"),
        _NOT_THERE,
    ),
    "disk_full": Refusal(_("The disk is full."), _("Free some room, then try again.")),
    "state_folder_unusable": Refusal(
        _("The console cannot write in its folder."), _("Its administrator checks the disk.")
    ),
    "old_slot_damaged": Refusal(
        _("The running image differs from the published one."), _("The device takes the whole image instead.")
    ),
}

# What a preflight says and what a refusal says are the same sentence.
REFUSALS: Mapping[str, Refusal] = MappingProxyType(
    {
        **{finding.value: Refusal(status.message) for finding, status in FINDING.items()},
        **_FROM_ELSEWHERE,
        **_OWN,
        "device_off": Refusal(_("It is off."), _("Turn it on, or ask for the next start.")),
    }
)

NO_REASON = Refusal(_("The device gave no reason that the console knows."))


def find_failure(code: str) -> Refusal:
    """Why a device's action ended badly, by the device's own code."""
    return REFUSALS.get(code, NO_REASON)


def find_refusal(code: str) -> Refusal:
    """The words of `code`; general ones for a code the pages do not know."""
    return REFUSALS.get(code, UNKNOWN)
