"""The event stream over a real server: it speaks at once, names what changed, and ends with the console."""

import time
from pathlib import Path

import httpx

from tests.browser.fleet import serve_fleet
from tests.integration.console.office import PASSWORD

_LONGEST_STOP_SECONDS = 12.0


def test_a_stream_names_what_changed_and_ends_at_once_with_the_console(tmp_path: Path) -> None:
    with httpx.Client(timeout=10.0) as client:
        with serve_fleet(tmp_path) as fleet:
            form = {"email": "account-viewer@example.org", "password": PASSWORD}
            client.post(f"{fleet.url}/sign-in", data=form)
            box = fleet.box("TT-0088")
            request = client.build_request("GET", f"{fleet.url}/events?device={box.id}")
            answer = client.send(request, stream=True)
            lines = answer.iter_lines()
            assert [next(lines) for _ in range(3)] == ["retry: 2000", "event: beat", "data: 0"]
            box.say(phase="downloading")
            assert next(line for line in lines if line.startswith("data: device:")) == f"data: device:{box.id}"
            stopped_at = time.monotonic()
        assert time.monotonic() - stopped_at < _LONGEST_STOP_SECONDS
        answer.close()
