"""What a real machine says of its power, people, network and place, in the words of the system's own programs."""

import json
from pathlib import Path

import pytest

from cebox.agent.machine import Contact, PowerKind, Verdict
from cebox.agent.systemd_boot.people import Person, list_people
from cebox.agent.systemd_boot.power import find_power_job
from cebox.agent.systemd_boot.programs import Programs
from cebox.domain.device import Place
from cebox.errors import Conflict
from cebox.protocol.desk import Coming, find_coming
from cebox.protocol.device import SiteInfo
from tests.machines.esp_machine import EspMachine

GOING_OFF = """ 412 poweroff.target         start waiting
 415 systemd-poweroff.service start waiting
 477 cebox-agent.service      stop  running
"""


@pytest.mark.parametrize(
    ("jobs", "kind"),
    [
        ("", None),
        ("No jobs running.\n", None),
        (GOING_OFF, PowerKind.SHUTDOWN),
        (GOING_OFF.replace("poweroff", "halt"), PowerKind.SHUTDOWN),
        (GOING_OFF.replace("poweroff", "reboot"), PowerKind.REBOOT),
        (GOING_OFF.replace("poweroff", "kexec"), PowerKind.REBOOT),
        ("17 cebox-agent.service restart running\n", None),
        ("17 poweroff.target stop waiting\n", None),
        ("17 poweroff.target\n", None),
    ],
)
def test_the_systems_jobs_say_whether_it_goes_down(jobs: str, kind: PowerKind | None) -> None:
    assert find_power_job(jobs) is kind


def test_a_system_that_goes_down_already_is_not_asked_again(machine: EspMachine) -> None:
    (machine.folder / "run/jobs").write_text(GOING_OFF)
    power = machine.open().power
    power.power_off()

    assert power.take_request() is PowerKind.SHUTDOWN
    assert not (machine.folder / "run/asked").exists()


def test_the_system_is_asked_to_go_down(machine: EspMachine) -> None:
    power = machine.open().power
    power.reboot()
    power.power_off()

    asked = (machine.folder / "run/asked").read_text().splitlines()
    assert [line.split()[-1] for line in asked] == ["reboot", "poweroff"]


def test_a_system_that_refuses_is_told(machine: EspMachine) -> None:
    refusing = '#!/bin/sh\ntest "$1" = list-jobs && exit 0\necho denied >&2\nexit 1\n'
    (machine.programs / "systemctl").write_text(refusing)
    with pytest.raises(Conflict) as caught:
        machine.open().power.reboot()
    assert caught.value.code == "power_refused"


SESSION = "User=1000\nName=lea\nRemote=no\nClass=user\nState=active\n"
LEA, MAX = Person(1000, "lea"), Person(1001, "max")


@pytest.mark.parametrize(
    ("sessions", "people"),
    [
        ("", []),
        (SESSION, [LEA]),
        (SESSION.replace("Remote=no", "Remote=yes"), []),
        (SESSION.replace("Class=user", "Class=greeter"), []),
        (SESSION.replace("State=active", "State=closing"), []),
        (SESSION.replace("State=active", "State=online"), []),
        (f"{SESSION}\n{SESSION}\n{SESSION.replace('lea', 'max').replace('1000', '1001')}", [LEA, LEA, MAX]),
        (SESSION.replace("lea", ""), []),
        (SESSION.replace("1000", ""), []),
        (SESSION.replace("1000", "-1"), []),
        ("nonsense", []),
    ],
)
def test_those_who_sit_at_the_screen_are_present(sessions: str, people: list[Person]) -> None:
    assert list_people(sessions) == people


def test_people_are_not_gone_because_logind_is_silent(machine: EspMachine) -> None:
    (machine.folder / "run/sessions").write_text("3 1000 lea seat0 tty2\n")
    (machine.folder / "run/session-facts").write_text(SESSION)
    people = machine.open().people
    assert people.list_present() == ("lea",)
    (machine.programs / "loginctl").write_text("#!/bin/sh\nexit 1\n")

    assert people.list_present() == ("lea",)
    assert machine.open().people.list_present() == ()


def test_people_are_told_on_every_terminal(machine: EspMachine) -> None:
    (machine.folder / "run/sessions").write_text("3 1000 lea seat0 tty2\n")
    (machine.folder / "run/session-facts").write_text(SESSION)
    people = machine.open().people
    people.announce("Restart in 5 minutes")

    assert people.list_present() == ("lea",)
    assert people.is_present(1000)
    assert not people.is_present(1001)
    assert (machine.folder / "run/wall").read_text() == "Restart in 5 minutes\n"


def test_what_is_coming_is_a_file_that_everybody_reads_and_its_end_takes_it_away(machine: EspMachine) -> None:
    people, path = machine.open().people, machine.folder / "run/cebox/announcement"
    coming = Coming(is_restart=True, due=1234.5, postpone_seconds=1800, postponements_left=2)
    people.show_coming(coming)
    written = path.stat()
    people.show_coming(coming)

    assert find_coming(path) == coming
    assert written.st_mode & 0o777 == 0o644
    assert path.stat().st_ino == written.st_ino
    people.show_coming(None)
    people.show_coming(None)
    assert find_coming(path) is None


def test_who_sees_a_machine_go_off_reads_what_it_still_does(machine: EspMachine) -> None:
    show_consoles(machine, "ttyS0 tty0")
    people = machine.open().people
    people.show_farewell("Do not pull the plug.", "40 %")

    shown = (machine.folder / "dev/console").read_text()
    assert shown.startswith("\x1b[H\x1b[J")
    assert "Do not pull the plug.\n\n      40 %" in shown
    # What systemd says of its jobs would stand in the same place.
    assert "SetShowStatus s no" in (machine.folder / "run/bus").read_text()


def test_a_serial_line_gets_one_line(machine: EspMachine) -> None:
    show_consoles(machine, "ttyS0")
    machine.open().people.show_farewell("Do not pull the plug.", "40 %")

    assert (machine.folder / "dev/console").read_bytes() == b"\r\x1b[K40 %"
    assert not (machine.folder / "run/bus").exists()


def show_consoles(machine: EspMachine, names: str) -> None:
    """Those of the kernel, the last of which leads somewhere."""
    active = machine.folder / "sys/class/tty/console/active"
    active.parent.mkdir(parents=True)
    active.write_text(f"{names}\n")
    (machine.folder / "dev/console").touch()
    bus = machine.programs / "busctl"
    bus.write_text(f"#!/bin/sh\necho \"$*\" >> '{machine.folder}/run/bus'\n")
    bus.chmod(0o755)


def test_a_machine_without_screen_or_programs_shows_nothing_and_goes_on(machine: EspMachine) -> None:
    for program in machine.programs.iterdir():
        program.write_text("#!/bin/sh\nexit 1\n")
    people = machine.open().people
    people.announce("hello")
    people.show_coming(Coming(is_restart=True, due=1.0, postpone_seconds=300, postponements_left=0))
    people.show_farewell("hello", "50 %")
    assert people.list_present() == ()


def addresses(*local: str) -> str:
    return json.dumps([{"ifname": "eth0", "addr_info": [{"family": "inet", "local": one} for one in local]}])


@pytest.mark.parametrize(
    ("output", "networks", "place"),
    [
        (addresses("10.20.4.7"), ("10.20.4.0/24",), Place.SITE),
        (addresses("10.20.4.7"), ("10.20.4.9/24",), Place.SITE),
        (addresses("192.168.1.4"), ("10.20.4.0/24",), Place.AWAY),
        (addresses("192.168.1.4", "10.20.4.7"), ("10.20.4.0/24",), Place.SITE),
        (addresses("2001:db8::7"), ("10.20.4.0/24", "2001:db8::/64"), Place.SITE),
        (addresses("10.20.4.7"), ("not a network", "10.20.4.0/24"), Place.SITE),
        (addresses("10.20.4.7"), (), None),
        (addresses(), ("10.20.4.0/24",), None),
        ("", ("10.20.4.0/24",), None),
        ("[{}]", ("10.20.4.0/24",), None),
        ('[{"addr_info":[{"local":"no address"}]}]', ("10.20.4.0/24",), None),
    ],
)
def test_a_box_is_on_its_site_when_its_address_is(
    output: str, networks: tuple[str, ...], place: Place | None, machine: EspMachine
) -> None:
    (machine.folder / "run/addresses").write_text(output)
    site = SiteInfo(id="s1", name="Nantes", networks=networks)
    assert machine.open().location.find_place(site) is place


def test_a_network_is_a_route_over_an_interface_that_is_up(machine: EspMachine) -> None:
    health = machine.open().health
    assert health.has_network()
    machine.plug_in(is_up=False)
    assert not health.has_network()
    (machine.folder / "proc/net/route").write_text("Iface Destination\nlo 0000007F\n")
    assert not health.has_network()
    (machine.folder / "proc/net/route").unlink()
    assert not health.has_network()


def test_an_ipv6_route_to_beyond_the_link_is_a_network(machine: EspMachine) -> None:
    machine.plug_in(is_up=False)
    (machine.folder / "sys/class/net/eth0/operstate").write_text("up\n")
    link, default = "0" * 32, "fe80" + "0" * 27 + "1"
    row = "{} 00 {} 00 {} 00000400 00000001 00000000 00000003 eth0\n"
    (machine.folder / "proc/net/ipv6_route").write_text(row.format(link, link, link))
    assert not machine.open().health.has_network()
    (machine.folder / "proc/net/ipv6_route").write_text(row.format(link, link, default))
    assert machine.open().health.has_network()


def test_a_system_that_misses_what_it_reached_before_is_not_ready(machine: EspMachine) -> None:
    examination = machine.open().health.examine(frozenset({Contact.CONSOLE, Contact.SITE_SERVER}))
    assert examination.verdict is Verdict.PENDING
    assert "console, site server" in examination.reason


def test_a_service_that_boot_complete_requires_has_its_say(machine: EspMachine) -> None:
    (machine.folder / "run/behaviour").write_text("unhealthy")
    examination = machine.open().health.examine(frozenset())
    assert examination.verdict is Verdict.UNHEALTHY
    assert "a job failed" in examination.reason


def test_a_data_partition_that_takes_no_byte_is_unhealthy(machine: EspMachine) -> None:
    (machine.state / "trial.part").mkdir()
    assert machine.open().health.examine(frozenset()).verdict is Verdict.UNHEALTHY


def test_without_its_boot_entry_a_system_is_not_ready(machine: EspMachine) -> None:
    for entry in machine.boot_images.iterdir():
        entry.unlink()
    assert machine.open().health.examine(frozenset()).verdict is Verdict.PENDING


def test_whoever_judges_gives_a_sign_of_life(machine: EspMachine) -> None:
    machine.open().health.examine(frozenset())
    assert (machine.folder / "run/cebox/trial").exists()


@pytest.mark.parametrize(("script", "code"), [("exit 3", 3), ("exec sleep 60", 124), (None, 127)])
def test_a_program_that_fails_hangs_or_is_missing_is_an_answer(script: str | None, code: int, tmp_path: Path) -> None:
    if script is not None:
        (tmp_path / "cebox-probe").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "cebox-probe").chmod(0o755)
    said = Programs(tmp_path).run("cebox-probe", timeout_seconds=0.3)
    assert (said.code, said.is_success) == (code, False)
