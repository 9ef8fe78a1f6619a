from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from cebox.agent.journal import Journal, Staged, add_result, remember_failed, remember_order
from cebox.agent.journal_file import JournalFile, Origin
from cebox.agent.machine import SlotName
from cebox.agent.states import BoxState
from cebox.errors import Exhausted
from cebox.protocol.device import ReportedEvent

AT = "2026-11-01T00:00:00Z"


def truncate(content: bytes) -> bytes:
    return content[: len(content) // 2]


def flip_a_bit(content: bytes) -> bytes:
    position = content.index(b"downloading") + 3
    return content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]


def empty(content: bytes) -> bytes:
    return b""


def fill_with_zeroes(content: bytes) -> bytes:
    return bytes(len(content))


def name_an_unknown_state(content: bytes) -> bytes:
    return content.replace(b"downloading", b"teleporting")


DAMAGES = [truncate, flip_a_bit, empty, fill_with_zeroes, name_an_unknown_state]


def set_state(state: BoxState) -> Callable[[Journal], Journal]:
    return lambda now: replace(now, state=state)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal saved twice: `resolving`, then `downloading`."""
    path = tmp_path / "state/journal.json"
    journal = JournalFile(path)
    journal.change(set_state(BoxState.RESOLVING))
    journal.change(set_state(BoxState.DOWNLOADING))
    return path


def test_a_saved_journal_is_found_again(path: Path) -> None:
    journal = JournalFile(path)
    assert (journal.now.state, journal.origin) == (BoxState.DOWNLOADING, Origin.SAVED)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_journal_gives_way_to_the_one_before_it(path: Path, damage: Callable[[bytes], bytes]) -> None:
    path.write_bytes(damage(path.read_bytes()))

    journal = JournalFile(path)

    assert (journal.now.state, journal.origin) == (BoxState.RESOLVING, Origin.PREVIOUS)
    assert path.with_name("journal.damaged.json").exists()


@pytest.mark.parametrize("damage", DAMAGES)
def test_with_both_damaged_the_box_starts_anew_and_can_save(path: Path, damage: Callable[[bytes], bytes]) -> None:
    for one in (path, path.with_name("journal.previous.json")):
        content = one.read_bytes().replace(b"resolving", b"downloading")
        one.write_bytes(damage(content))

    journal = JournalFile(path)
    journal.change(set_state(BoxState.FAILED))

    assert journal.origin is Origin.LOST
    assert JournalFile(path).now.state is BoxState.FAILED


def test_a_journal_of_a_newer_agent_is_read_as_far_as_it_is_known(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    JournalFile(path).change(set_state(BoxState.REBOOTING))
    body = b'{"state":"rebooting","format":1,"invented_later":{"a":1}}'
    import hashlib

    envelope = {"sha256": hashlib.sha256(body).hexdigest(), "journal": msgspec.Raw(body)}
    path.write_bytes(msgspec.json.encode(envelope))

    assert JournalFile(path).now.state is BoxState.REBOOTING


def test_nothing_is_written_when_nothing_changes(path: Path) -> None:
    before = path.stat().st_ino
    JournalFile(path).change(lambda now: now)
    assert path.stat().st_ino == before


def test_a_journal_that_cannot_be_saved_stays_as_it_was(path: Path) -> None:
    journal = JournalFile(path)
    part_of = path.parent
    for file in part_of.iterdir():
        file.unlink()
    part_of.rmdir()

    with pytest.raises(Exhausted) as caught:
        journal.change(set_state(BoxState.STAGED))

    assert caught.value.code == "state_not_saved"
    assert journal.now.state is BoxState.DOWNLOADING


def test_a_result_reported_twice_is_kept_once() -> None:
    journal = add_result(Journal(), ReportedEvent.STAGE, action_id="u1", at=AT)
    journal = add_result(journal, ReportedEvent.STAGE, action_id="u1", at="2026-11-02T00:00:00Z")
    assert len(journal.results) == 1


def test_the_tries_of_a_trial_are_different_results() -> None:
    journal = Journal()
    for turn in (1, 2, 3):
        journal = add_result(journal, ReportedEvent.TRY, action_id="u1", at=AT, turn=turn)
    assert len({result.id for result in journal.results}) == 3


def test_the_orders_remembered_are_bounded() -> None:
    journal = Journal()
    for number in range(500):
        journal = replace(remember_order(journal, f"o{number}"), to_acknowledge=())
    assert len(journal.executed) == 200
    assert journal.executed[-1] == "o499"


def test_a_release_that_failed_twice_is_remembered_once() -> None:
    staged = Staged(slot=SlotName.B, version="2026.11.2", sha256="0" * 64)
    journal = remember_failed(remember_failed(Journal(), staged), staged)
    assert journal.failed_versions == ("2026.11.2",)
