"""Callers: whose rows they see, which account they work on. And the texts they type."""

import pytest

from cebox.console.access import Caller, local_operator
from cebox.console.identity.service import clean_email
from cebox.console.sites.service import clean_networks
from cebox.console.texts import clean_line, clean_note
from cebox.domain.ids import AccountId
from cebox.domain.role import Permission, Role
from cebox.errors import InvalidInput, NotFound, NotPermitted

OWN, OTHER = AccountId("acc_1"), AccountId("acc_2")
CUSTOMER = Caller("usr_1", "a@b.example", "A", Role.ACCOUNT_OPERATOR, OWN)
VENDOR = Caller("usr_2", "v@w.example", "V", Role.VENDOR_OPERATOR, None)


def test_a_customer_works_on_the_own_account_named_or_not() -> None:
    assert CUSTOMER.account_of(None) == CUSTOMER.account_of(OWN) == OWN
    assert CUSTOMER.scope_of(None).account_id == CUSTOMER.scope_of(OWN).account_id == OWN


def test_another_account_does_not_exist_for_a_customer() -> None:
    for ask in (CUSTOMER.account_of, CUSTOMER.scope_of):
        with pytest.raises(NotFound) as caught:
            ask(OTHER)
        assert caught.value.code == "account_unknown"


def test_the_vendor_sees_all_and_names_the_account_to_work_on() -> None:
    assert VENDOR.scope_of(None).account_id is None
    assert VENDOR.scope_of(OTHER).account_id == VENDOR.account_of(OTHER) == OTHER
    with pytest.raises(InvalidInput) as caught:
        VENDOR.account_of(None)
    assert caught.value.code == "account_missing"


def test_a_role_is_held_to_its_permissions() -> None:
    CUSTOMER.verify(Permission.ACT)
    with pytest.raises(NotPermitted):
        CUSTOMER.verify(Permission.ADMINISTER)
    assert local_operator().may(Permission.VENDOR)


def test_a_callers_form_secret_is_not_printed() -> None:
    caller = Caller("usr_1", "a@b.example", "A", Role.ACCOUNT_VIEWER, OWN, form_secret="do not print")

    assert "do not print" not in repr(caller)


def test_a_line_is_trimmed() -> None:
    assert clean_line("  Atelier d'été  ", "name") == "Atelier d'été"


@pytest.mark.parametrize("text", ["", "   ", "a\nb", "a\0", "\x1b[31m", "a" * 201, "\ud800", "\u202e"])
def test_what_is_no_line_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        clean_line(text, "site_name")
    assert caught.value.code == "site_name_malformed"


def test_a_note_may_have_lines_and_be_empty() -> None:
    assert clean_note(" one\r\n\ttwo \n") == "one\n\ttwo"
    assert clean_note("") == ""


@pytest.mark.parametrize("text", ["a\0", "a" * 4001, "\x1b"])
def test_what_is_no_note_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        clean_note(text)
    assert caught.value.code == "note_malformed"


@pytest.mark.parametrize("text", ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b\n", "a@" + "b" * 200])
def test_what_is_no_address_is_refused(text: str) -> None:
    if text == "a@b\n":
        assert clean_email(text) == "a@b"
        return
    with pytest.raises(InvalidInput) as caught:
        clean_email(text)
    assert caught.value.code == "email_malformed"


def test_networks_are_kept_once_each_in_their_shortest_form() -> None:
    assert clean_networks([" 10.0.0.0/8", "2001:0db8::/32", "10.0.0.0/8"]) == ("10.0.0.0/8", "2001:db8::/32")


@pytest.mark.parametrize("network", ["10.0.0.1/8", "300.0.0.0/8", "lan", "", "10.0.0.0/33"])
def test_what_is_no_network_is_refused(network: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        clean_networks([network])
    assert caught.value.code == "network_malformed"
