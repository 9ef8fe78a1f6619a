"""Which network cards a real machine says it has."""

from pathlib import Path

import pytest

from cebox.agent.systemd_boot.lan import SystemdLan
from cebox.agent.systemd_boot.places import Places


def add_interface(
    root: Path, name: str, *, address: str, kind: str = "1", parts: tuple[str, ...] = ("device",)
) -> None:
    folder = root / "sys/class/net" / name
    for part in parts:
        (folder / part).mkdir(parents=True)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "address").write_text(f"{address}\n")
    (folder / "type").write_text(f"{kind}\n")


@pytest.fixture
def lan(tmp_path: Path) -> SystemdLan:
    return SystemdLan(Places(state_folder=tmp_path / "state", root=tmp_path))


def test_wired_cards_are_reported_and_nothing_else(lan: SystemdLan, tmp_path: Path) -> None:
    add_interface(tmp_path, "lo", address="00:00:00:00:00:00", kind="772", parts=())
    add_interface(tmp_path, "enp2s0", address="02:00:5e:10:00:08")
    add_interface(tmp_path, "eno1", address="02:00:5E:10:00:07")
    add_interface(tmp_path, "wlp3s0", address="02:00:5e:10:00:09", parts=("device", "wireless"))
    add_interface(tmp_path, "br0", address="02:00:5e:10:00:10", parts=("bridge",))
    add_interface(tmp_path, "ib0", address="80:00:02:08", kind="32")

    assert lan.list_addresses() == ("02:00:5e:10:00:07", "02:00:5e:10:00:08")


def test_a_machine_that_says_nothing_has_none(lan: SystemdLan) -> None:
    assert lan.list_addresses() == ()
