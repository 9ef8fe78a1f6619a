from collections.abc import Iterator

import pytest

from cebox.errors import NotAuthenticated, NotPermitted, Unavailable
from cebox.kit.clock import utc_now
from cebox.protocol.device import BoxPhase, Observed, Problem, SyncRequest
from cebox.protocol.device_client import DeviceClient
from cebox.protocol.identity import DeviceIdentity
from tests.servers.device_console import ENROLMENT_TOKEN, DeviceConsole

REQUEST = SyncRequest(observed=Observed(boot=1, sequence=1, phase=BoxPhase.IDLE, place="away"))


@pytest.fixture
def console() -> Iterator[DeviceConsole]:
    with DeviceConsole() as console:
        yield console


@pytest.fixture
def client(console: DeviceConsole) -> Iterator[DeviceClient]:
    """Enrolled."""
    with DeviceClient(console.url, DeviceIdentity.generate(), clock=utc_now, timeout_seconds=2.0) as client:
        answer = client.enrol(token=ENROLMENT_TOKEN, name="box", kind="cebox", agent_version="0")
        client.use_enrolment(device_id=answer.device_id, console_id=answer.console_id)
        yield client


def test_one_token_serves_many_exchanges(client: DeviceClient, console: DeviceConsole) -> None:
    for _ in range(3):
        client.sync(REQUEST)
    assert len(console.tokens) == 1


def test_a_token_that_is_no_longer_taken_is_renewed_once(client: DeviceClient, console: DeviceConsole) -> None:
    client.sync(REQUEST)
    console.forget_tokens()
    assert client.sync(REQUEST).account_version == "2026.11.1"


def test_a_token_is_renewed_before_it_ends(console: DeviceConsole) -> None:
    now = [0.0]
    identity = DeviceIdentity.generate()
    with DeviceClient(console.url, identity, clock=utc_now, monotonic=lambda: now[0]) as client:
        answer = client.enrol(token=ENROLMENT_TOKEN, name="box", kind="cebox", agent_version="0")
        client.use_enrolment(device_id=answer.device_id, console_id=answer.console_id)
        client.sync(REQUEST)
        now[0] = 550.0
        client.sync(REQUEST)
    assert len(console.tokens) == 2


def test_an_assertion_for_another_console_is_an_error_with_that_name(
    client: DeviceClient, console: DeviceConsole
) -> None:
    console.console_id = "another"
    with pytest.raises(NotAuthenticated) as caught:
        client.sync(REQUEST)
    assert caught.value.code == "assertion_for_another_console"


def test_a_box_that_has_not_enrolled_says_so(console: DeviceConsole) -> None:
    with DeviceClient(console.url, DeviceIdentity.generate(), clock=utc_now) as client:
        with pytest.raises(NotAuthenticated) as caught:
            client.sync(REQUEST)
        assert caught.value.code == "not_enrolled"


def test_a_wrong_installation_key_is_refused(console: DeviceConsole) -> None:
    with DeviceClient(console.url, DeviceIdentity.generate(), clock=utc_now) as client:
        with pytest.raises(NotAuthenticated) as caught:
            client.enrol(token="another", name="box", kind="cebox", agent_version="0")
        assert caught.value.code == "key_token_unknown"


def test_enrolling_again_gives_the_same_device(client: DeviceClient, console: DeviceConsole) -> None:
    again = client.enrol(token=ENROLMENT_TOKEN, name="box", kind="cebox", agent_version="0")
    assert again.device_id == console.device.id
    assert len(console.devices) == 1


def test_a_refusal_arrives_with_its_family(client: DeviceClient, console: DeviceConsole) -> None:
    console.faults.refuse = (403, Problem(code="device_removed", message="removed"))
    with pytest.raises(NotPermitted) as caught:
        client.sync(REQUEST)
    assert caught.value.code == "device_removed"


def test_a_dead_console_is_unreachable(client: DeviceClient, console: DeviceConsole) -> None:
    console.stop()
    with pytest.raises(Unavailable) as caught:
        client.sync(REQUEST)
    assert caught.value.code == "console_unreachable"


def test_a_cut_answer_is_unreachable(client: DeviceClient, console: DeviceConsole) -> None:
    console.faults.drop_answers = 1
    with pytest.raises(Unavailable) as caught:
        client.sync(REQUEST)
    assert caught.value.code == "console_unreachable"
