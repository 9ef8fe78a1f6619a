"""The admin API of a console (`/api/v1`) for programs: a bearer token in, typed answers or our errors out."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
import msgspec

from cebox.errors import InvalidInput, Unavailable
from cebox.protocol import admin
from cebox.protocol.problems import read_answer

API = "/api/v1"
Answer = TypeVar("Answer")
Words = Mapping[str, Any]
_TIMEOUT_SECONDS = 30.0
_ERRNO = re.compile(r"^\[Errno -?\d+\] ")
_NO_CONTENT = 204
_PIECE = 500
_MOST_ITEMS = 20_000
_OWN_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


class AdminClient:
    """One console as one user; without a token it can only sign in. Use as a context manager, or `close` it.

    Every method raises what the console refuses with, Unavailable (`console_unreachable`) and Untrusted
    (`answer_malformed`). `account` is for the vendor's people: the id of the account they work on.
    """

    def __init__(self, console_url: str, token: str | None = None) -> None:
        self.console_url = console_url.rstrip("/")
        try:
            url = httpx.URL(self.console_url)
        except httpx.InvalidURL as error:
            raise _bad_address(console_url) from error
        if url.scheme not in ("http", "https") or not url.host:
            raise _bad_address(console_url)
        self._http = httpx.Client(
            base_url=self.console_url + API,
            headers={"authorization": f"Bearer {token}"} if token else {},
            timeout=_TIMEOUT_SECONDS,
            # A proxy of the environment is for other machines.
            trust_env=url.host not in _OWN_MACHINE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def create_token(
        self, email: str, password: str, *, name: str, code: str = "", scope: str = "", days: int | None = None
    ) -> admin.NewToken:
        """`code`: of a user with a second factor. Raises NotAuthenticated (`sign_in_refused`, `second_factor_needed`).

        What is left out is the console's choice: an older one knows neither codes nor scopes.
        """
        chosen = {"code": code, "scope": scope, "expires_in_days": days}
        body = {"email": email, "password": password, "name": name} | {key: one for key, one in chosen.items() if one}
        return self._post("/tokens", admin.NewToken, body)

    def revoke_token(self, token_id: str) -> None:
        self._send("DELETE", f"/tokens/{_part(token_id)}", dict)

    def get_me(self) -> admin.Me:
        return self._get("/me", admin.Me)

    def create_user(self, email: str, name: str, role: str, password: str, account: str | None = None) -> admin.User:
        body = {"email": email, "name": name, "role": role, "password": password, "account_id": account}
        return self._post("/users", admin.User, body)

    def list_announcements(self, account: str | None = None) -> list[admin.Announcement]:
        return self._list("/announcements", admin.Announcement, account=account)

    def list_accounts(self) -> list[admin.Account]:
        return self._list("/accounts", admin.Account)

    def create_account(
        self, name: str, version: str, tag_name: str | None = None, *, is_vendor: bool = False
    ) -> admin.Account:
        body = {"name": name, "version": version, "tag_name": tag_name, "is_vendor": is_vendor}
        return self._post("/accounts", admin.Account, body)

    def migrate_account(self, account_id: str, version: str) -> admin.Migrated:
        return self._post(f"/accounts/{_part(account_id)}/migration", admin.Migrated, {"version": version})

    def set_notice(self, account_id: str, notice: admin.Notice) -> admin.Notice:
        address = f"/accounts/{_part(account_id)}/notice"
        answer: admin.Notice = self._send("PUT", address, admin.Notice, body=msgspec.to_builtins(notice))
        return answer

    def list_tags(self, account: str | None = None) -> list[admin.Tag]:
        return self._list("/tags", admin.Tag, account=account)

    def hand_out_tag(self, name: str, version: str, account_ids: list[str], note: str) -> admin.Tag:
        body = {"name": name, "version": version, "account_ids": account_ids, "note": note}
        return self._post("/tags", admin.Tag, body)

    def list_sites(self, account: str | None = None) -> list[admin.Site]:
        return self._list("/sites", admin.Site, account=account)

    def create_site(self, name: str, networks: list[str], account: str | None = None) -> admin.Site:
        return self._post("/sites", admin.Site, {"name": name, "networks": networks}, account=account)

    def limit_site(self, site_id: str, limits: admin.Limits | None) -> admin.Site:
        """None: the account's limits hold."""
        address = f"/sites/{_part(site_id)}/limits"
        if limits is None:
            site: admin.Site = self._send("DELETE", address, admin.Site)
        else:
            site = self._send("PUT", address, admin.Site, body=msgspec.to_builtins(limits))
        return site

    def get_account_limits(self, account_id: str) -> admin.Limits:
        return self._get(f"/accounts/{_part(account_id)}/limits", admin.Limits)

    def limit_account(self, account_id: str, limits: admin.Limits) -> admin.Limits:
        address = f"/accounts/{_part(account_id)}/limits"
        answer: admin.Limits = self._send("PUT", address, admin.Limits, body=msgspec.to_builtins(limits))
        return answer

    def list_keys(self, account: str | None = None) -> list[admin.Key]:
        return self._list("/keys", admin.Key, account=account)

    def create_key(
        self, name: str, *, kind: str, site_id: str | None, uses: int, days: int, account: str | None = None
    ) -> admin.NewKey:
        body = {"name": name, "kind": kind, "site_id": site_id, "uses": uses, "expires_in_days": days}
        return self._post("/keys", admin.NewKey, body, account=account)

    def get_key_source(self) -> admin.KeySource:
        return self._get("/keys/source", admin.KeySource)

    def revoke_key(self, key_id: str) -> None:
        self._send("DELETE", f"/keys/{_part(key_id)}", dict)

    def list_releases(self) -> list[admin.ReleaseSummary]:
        return self._list("/releases", admin.ReleaseSummary)

    def get_release(self, version: str) -> admin.Release:
        return self._get(f"/releases/{_part(version)}", admin.Release)

    def withdraw_release(self, version: str) -> admin.Release:
        return self._post(f"/releases/{_part(version)}/withdraw", admin.Release, {})

    def refresh_releases(self) -> admin.Imported:
        return self._post("/releases/refresh", admin.Imported, {})

    def list_devices(self, **filters: object) -> list[admin.Device]:
        return self._list("/devices", admin.Device, **filters)

    def get_device(self, device_id: str) -> admin.Device:
        return self._get(f"/devices/{_part(device_id)}", admin.Device)

    def remove_device(self, device_id: str) -> None:
        self._send("DELETE", f"/devices/{_part(device_id)}", dict)

    def list_events(self, device_id: str, limit: int) -> tuple[admin.Event, ...]:
        return self._get(f"/devices/{_part(device_id)}/events", admin.Listing[admin.Event], limit=limit).items

    def preflight(
        self, device_id: str, kind: str, tag: str | None = None, *, at_next_start: bool = False
    ) -> admin.Forecast:
        body = {"kind": kind, "tag": tag, "at_next_start": at_next_start}
        return self._post(f"/devices/{_part(device_id)}/preflight", admin.Forecast, body)

    def create_action(self, device_id: str, kind: str, **words: object) -> admin.Action:
        return self._post(f"/devices/{_part(device_id)}/actions", admin.Action, {"kind": kind, **words})

    def get_action(self, action_id: str) -> admin.Action:
        return self._get(f"/actions/{_part(action_id)}", admin.Action)

    def cancel_action(self, action_id: str) -> admin.Action:
        return self._post(f"/actions/{_part(action_id)}/cancel", admin.Action, {})

    def preflight_group(self, kind: str, device_ids: list[str], *, at_next_start: bool) -> admin.GroupForecast:
        body = {"kind": kind, "device_ids": device_ids, "at_next_start": at_next_start}
        return self._post("/group-preflight", admin.GroupForecast, body)

    def create_command(self, kind: str, device_ids: list[str], **words: object) -> admin.Command:
        return self._post("/commands", admin.Command, {"kind": kind, "device_ids": device_ids, **words})

    def get_command(self, command_id: str) -> admin.Command:
        return self._get(f"/commands/{_part(command_id)}", admin.Command)

    def list_campaigns(self, account: str | None = None) -> list[admin.Campaign]:
        return self._list("/campaigns", admin.Campaign, account=account)

    def get_campaign(self, campaign_id: str) -> admin.Campaign:
        return self._get(f"/campaigns/{_part(campaign_id)}", admin.Campaign)

    def preview_campaign(
        self, name: str, selection: Words, rules: Words, account: str | None = None
    ) -> admin.CampaignPreview:
        body = {"name": name, "selection": selection, "rules": rules}
        return self._post("/campaigns/preview", admin.CampaignPreview, body, account=account)

    def draft_campaign(self, name: str, selection: Words, rules: Words, account: str | None = None) -> admin.Campaign:
        body = {"name": name, "selection": selection, "rules": rules}
        return self._post("/campaigns", admin.Campaign, body, account=account)

    def start_campaign(self, campaign_id: str, expected_count: int | None = None) -> admin.Campaign:
        body = {"expected_count": expected_count}
        return self._post(f"/campaigns/{_part(campaign_id)}/start", admin.Campaign, body)

    def remove_campaign(self, campaign_id: str) -> None:
        """A draft alone."""
        self._send("DELETE", f"/campaigns/{_part(campaign_id)}", dict)

    def steer_campaign(self, campaign_id: str, verb: str, **words: object) -> admin.Campaign:
        """`verb` is pause, resume, retry or end."""
        return self._post(f"/campaigns/{_part(campaign_id)}/{_part(verb)}", admin.Campaign, words)

    def list_campaign_devices(self, campaign_id: str, state: str | None = None) -> list[admin.CampaignDevice]:
        return self._list(f"/campaigns/{_part(campaign_id)}/devices", admin.CampaignDevice, state=state)

    def get_campaign_report(self, campaign_id: str) -> str:
        """As CSV."""
        with _reaching(self.console_url):
            answer = self._http.get(f"/campaigns/{_part(campaign_id)}/report")
        if answer.is_error:
            read_answer(answer, dict)
        return answer.text

    def _get(self, path: str, wanted: type[Answer], **parameters: object) -> Answer:
        answer: Answer = self._send("GET", path, wanted, parameters=parameters)
        return answer

    def _post(self, path: str, wanted: type[Answer], body: Words, **parameters: object) -> Answer:
        answer: Answer = self._send("POST", path, wanted, body=body, parameters=parameters)
        return answer

    def _list(self, path: str, item: type[Answer], **parameters: object) -> list[Answer]:
        """All pieces of a list, up to a number that nobody reads to the end."""
        found: list[Answer] = []
        after: str | None = None
        while len(found) < _MOST_ITEMS:
            piece = self._get(path, admin.Listing[item], limit=_PIECE, after=after, **parameters)  # type: ignore[valid-type]
            found.extend(piece.items)
            after = piece.next
            if after is None:
                break
        return found

    def _send(
        self,
        method: str,
        path: str,
        wanted: Any,
        *,
        body: Words | None = None,
        parameters: Mapping[str, object] = MappingProxyType({}),
    ) -> Any:
        query = {name: _write(value) for name, value in parameters.items() if value is not None}
        with _reaching(self.console_url):
            answer = self._http.request(method, path, params=query, json=body)
        if answer.status_code == _NO_CONTENT:
            return None
        return read_answer(answer, wanted)


def _part(text: str) -> str:
    """One part of a path: whatever a name holds, it cannot lead elsewhere."""
    return quote(text, safe="")


def _write(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@contextmanager
def _reaching(console_url: str) -> Iterator[None]:
    try:
        yield
    except httpx.TransportError as error:
        raise Unavailable(
            "console_unreachable",
            f"the console at {console_url} does not answer: {_ERRNO.sub('', str(error)) or type(error).__name__}",
            hint="Check that it runs and that the address is right.",
        ) from error


def _bad_address(console_url: str) -> InvalidInput:
    return InvalidInput(
        "console_address_invalid",
        f"{console_url!r} is no console address",
        hint="Write it whole, such as https://console.example.org or http://127.0.0.1:8080.",
    )
