"""What the LAN and the machine's own agent get over HTTP."""

import http.client
import os
import socket
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from cebox.errors import Unavailable, Untrusted
from cebox.protocol.device import Problem, SiteServerInfo
from cebox.protocol.identity import DeviceIdentity
from cebox.protocol.site_client import fetch_statement
from cebox.release.manifest import Blob, full_way
from cebox.release.trust.repository import HttpTransport
from cebox.wrs.main import lock_folder
from tests.integration.wrs.site_server import SiteServer
from tests.integration.wrs.vendor import Vendor
from tests.servers.range_server import RangeServer

VERSION = "2026.11.1"


@pytest.fixture
def blob(vendor: Vendor, cloud: RangeServer, site: SiteServer) -> Blob:
    """The full blob of the release that the site serves."""
    manifest = vendor.publish(VERSION)
    site.bring_into_service(VERSION, cloud.url)
    return full_way(manifest.root).blob


def server_info(site: SiteServer, identity: DeviceIdentity) -> SiteServerInfo:
    return SiteServerInfo(device_id="dev-wrs", url=site.url, public_key=identity.public_key)


def test_a_box_learns_the_sites_version_from_a_signed_statement(site: SiteServer, blob: Blob) -> None:
    statement = fetch_statement(server_info(site, site.enrol()), site_id="lyon")
    assert statement.version == VERSION
    assert statement.since.endswith("Z")


def test_a_small_answer_does_not_wait_for_an_acknowledgement(site: SiteServer) -> None:
    site.enrol()
    seconds = []
    with httpx.Client(base_url=site.url, trust_env=False) as box:
        for _ in range(20):
            asked = time.monotonic()
            box.get("/site.json?nonce=0123456789")
            seconds.append(time.monotonic() - asked)
    assert min(seconds) < 0.03


def test_a_box_does_not_believe_another_machine(site: SiteServer) -> None:
    site.enrol()
    with pytest.raises(Untrusted):
        fetch_statement(server_info(site, DeviceIdentity.generate()), site_id="lyon")


def test_before_its_enrolment_the_server_says_so(site: SiteServer) -> None:
    answer = site.get("/site.json?nonce=0123456789")
    assert (answer.status_code, answer.json()["code"]) == (503, "wrs_not_enrolled")
    with pytest.raises(Unavailable):
        fetch_statement(server_info(site, DeviceIdentity.generate()), site_id="lyon")


def test_a_question_without_a_nonce_is_refused(site: SiteServer) -> None:
    site.enrol()
    answer = site.get("/site.json")
    assert (answer.status_code, answer.json()["code"]) == (422, "nonce_invalid")


def test_a_site_that_serves_nothing_says_so(site: SiteServer) -> None:
    answer = site.get("/repository/metadata/timestamp.json")
    assert (answer.status_code, answer.json()["code"]) == (404, "nothing_served")
    assert fetch_statement(server_info(site, site.enrol()), site_id="lyon").version is None
    assert site.get("/healthz").json() == {"status": "ok", "phase": "idle", "served": None}


def test_ranges_of_a_blob_are_its_bytes(vendor: Vendor, site: SiteServer, blob: Blob) -> None:
    content = vendor.blob(blob).read_bytes()
    path = f"/repository/{blob.path}"
    for asked, first, end in [
        ("bytes=0-0", 0, 1),
        ("bytes=1000-", 1000, blob.size),
        ("bytes=-5", blob.size - 5, blob.size),
        (f"bytes=399990-{1 << 50}", 399_990, blob.size),
        (f"bytes=0-{blob.size - 1}", 0, blob.size),
    ]:
        answer = site.get(path, Range=asked)
        assert answer.status_code == 206
        assert answer.content == content[first:end]
        assert answer.headers["content-range"] == f"bytes {first}-{end - 1}/{blob.size}"


def test_a_range_that_makes_no_sense_gets_the_whole_file(vendor: Vendor, site: SiteServer, blob: Blob) -> None:
    for asked in ("bytes=5-2", "bytes=0-1,5-6", "lines=1-2", "bytes=x-"):
        answer = site.get(f"/repository/{blob.path}", Range=asked)
        assert (answer.status_code, len(answer.content)) == (200, blob.size)
        assert answer.headers["accept-ranges"] == "bytes"


def test_a_range_beyond_the_end_is_unsatisfiable(site: SiteServer, blob: Blob) -> None:
    answer = site.get(f"/repository/{blob.path}", Range=f"bytes={blob.size}-")
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{blob.size}"
    assert answer.content == b""


def test_a_changed_file_is_sent_whole_and_an_unchanged_one_not_at_all(site: SiteServer, blob: Blob) -> None:
    path = f"/repository/{blob.path}"
    etag = site.get(path).headers["etag"]
    assert site.get(path, Range="bytes=0-9", If_Range=etag).status_code == 206
    assert site.get(path, Range="bytes=0-9", If_Range='"other"').status_code == 200
    unchanged = site.get(path, If_None_Match=f'"other", {etag}')
    assert (unchanged.status_code, unchanged.content) == (304, b"")


def test_head_tells_the_size_and_sends_nothing(site: SiteServer, blob: Blob) -> None:
    answer = httpx.head(f"{site.url}/repository/{blob.path}", trust_env=False)
    assert (answer.status_code, answer.headers["content-length"]) == (200, str(blob.size))
    assert site.control.get_state().lan_bytes == 0


def test_only_what_may_change_is_asked_for_again(site: SiteServer, blob: Blob) -> None:
    assert "immutable" in site.get(f"/repository/{blob.path}").headers["cache-control"]
    assert site.get("/repository/metadata/timestamp.json").headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/repository/../../wrs.toml",
        "/repository/%2e%2e/%2e%2e/%2e%2e/wrs.toml",
        "/repository/metadata/..%2f..%2f..%2f..%2fwrs.toml",
        "/repository/metadata/%2e%2e/%2e%2e/mirror.json",
        "/repository//etc/passwd",
        "/repository/%2fetc%2fpasswd",
        "/repository/metadata/\\..\\..\\wrs.toml",
        "/repository/metadata/%00timestamp.json",
        "/repository/metadata/timestamp.json/",
        "/repository/metadata/./timestamp.json",
        "/repository/metadata",
        "/repository/",
        "/repository/.hidden",
        "/repository/metadata/.hidden",
        "/repository/metadata/link",
        "/repository/metadata/" + "a" * 3000,
        "/prepared/2026.11.1/metadata/timestamp.json",
        "/control/v1/state",
        "/wrs.toml",
    ],
)
def test_nothing_but_the_served_release_is_on_the_lan(release_site: SiteServer, path: str) -> None:
    parts = urlsplit(release_site.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    connection.putrequest("GET", path, skip_accept_encoding=True)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status in (400, 404)
    assert b"listen_port" not in body
    assert b"root:" not in body


@pytest.fixture(scope="module")
def release_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SiteServer]:
    """One server for all hostile paths, with a dot file and a link inside what it serves."""
    folder = tmp_path_factory.mktemp("hostile")
    vendor = Vendor(folder / "repository")
    vendor.publish(VERSION)
    with RangeServer(vendor.repository) as cloud, SiteServer(folder / "wrs", vendor.root) as site:
        site.bring_into_service(VERSION, cloud.url)
        metadata = site.mirror / "served/metadata"
        (metadata / ".hidden").write_text("listen_port")
        (metadata / "link").symlink_to(site.folder / "wrs.toml")
        yield site


def test_many_boxes_cost_the_wan_one_copy(vendor: Vendor, cloud: RangeServer, site: SiteServer, blob: Blob) -> None:
    content = vendor.blob(blob).read_bytes()
    answers: list[bytes] = []

    def read_all() -> None:
        with HttpTransport(site.url + "/repository") as transport:
            answers.append(b"".join(transport.read(blob.path, 0, blob.size)))

    boxes = [threading.Thread(target=read_all) for _ in range(10)]
    for box in boxes:
        box.start()
    for box in boxes:
        box.join()
    assert answers == [content] * 10
    assert len([request for request in cloud.requests if request.path.endswith(blob.path)]) == 1
    assert site.control.get_state().lan_bytes == 10 * blob.size


def test_a_blob_that_has_left_memory_comes_from_the_disk_as_it_is(
    vendor: Vendor, cloud: RangeServer, site: SiteServer
) -> None:
    large = full_way(vendor.publish(VERSION, full_bytes=20_000_001).root).blob
    site.bring_into_service(VERSION, cloud.url)
    with (site.mirror / "served" / large.path).open("rb") as stream:
        os.fsync(stream.fileno())
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    answer = site.get(f"/repository/{large.path}", Range="bytes=3-")
    assert answer.content == vendor.blob(large).read_bytes()[3:]
    assert site.control.get_state().lan_bytes == large.size - 3


def test_a_blob_that_became_shorter_ends_the_answer_and_not_the_server(
    vendor: Vendor, cloud: RangeServer, site: SiteServer
) -> None:
    large = full_way(vendor.publish(VERSION, full_bytes=20_000_000).root).blob
    site.bring_into_service(VERSION, cloud.url)
    with httpx.stream("GET", f"{site.url}/repository/{large.path}", trust_env=False) as answer:
        os.truncate(site.mirror / "served" / large.path, 10_000_000)
        with pytest.raises(httpx.RemoteProtocolError):
            list(answer.iter_raw())
    assert site.get("/healthz").status_code == 200


def test_two_requests_at_once_on_one_connection_are_answered_in_turn(
    vendor: Vendor, site: SiteServer, blob: Blob
) -> None:
    content = vendor.blob(blob).read_bytes()
    parts = urlsplit(site.url)
    request = f"GET /repository/{blob.path} HTTP/1.1\r\nHost: site\r\nRange: bytes=%d-%d\r\n%s\r\n"
    with socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10) as connection:
        connection.sendall(
            (request % (0, 299_999, "") + request % (300_000, 399_999, "Connection: close\r\n")).encode()
        )
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received.count(b"HTTP/1.1 206 ") == 2
    assert content[:300_000] in received
    assert received.endswith(content[300_000:])


def test_a_box_that_goes_away_is_not_counted_as_served(vendor: Vendor, cloud: RangeServer, site: SiteServer) -> None:
    large = full_way(vendor.publish(VERSION, full_bytes=40_000_000).root).blob
    site.bring_into_service(VERSION, cloud.url)
    with httpx.stream("GET", f"{site.url}/repository/{large.path}", trust_env=False) as answer:
        next(answer.iter_raw(1000))
    assert site.get("/healthz").status_code == 200
    assert site.control.get_state().lan_bytes < large.size / 2


def test_the_agents_socket_is_its_owners_only_and_its_copy_is_not_lan_traffic(
    vendor: Vendor, site: SiteServer, blob: Blob
) -> None:
    assert stat.S_IMODE(site.socket.stat().st_mode) == 0o600
    answer = site.get_prepared(f"/{VERSION}/{blob.path}")
    assert answer.content == vendor.blob(blob).read_bytes()
    assert site.get_prepared(f"/{VERSION}/../../wrs.toml").status_code == 404
    assert site.get_prepared(f"/2026.9.9/{blob.path}").json()["code"] == "prepared_missing"
    assert site.control.get_state().lan_bytes == 0


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"version": 7}', b"x" * (2 << 20)])
def test_a_malformed_order_is_a_problem_not_a_crash(release_site: SiteServer, body: bytes) -> None:
    client = httpx.Client(transport=httpx.HTTPTransport(uds=str(release_site.socket)), base_url="http://mirror.invalid")
    with client:
        answer = client.post("/control/v1/prepare", content=body)
        assert answer.status_code == 422
        assert Problem(**answer.json()).code in ("request_malformed", "request_too_large")


def test_a_stop_is_quick_though_boxes_are_reading(vendor: Vendor, cloud: RangeServer, site: SiteServer) -> None:
    large = full_way(vendor.publish(VERSION, full_bytes=40_000_000).root).blob
    site.bring_into_service(VERSION, cloud.url)
    streams = [httpx.stream("GET", f"{site.url}/repository/{large.path}", trust_env=False) for _ in range(3)]
    answers = [stream.__enter__() for stream in streams]
    for answer in answers:
        next(answer.iter_raw(1000))
    begun = time.monotonic()
    assert site.stop() == 0
    assert time.monotonic() - begun < 12
    for answer in answers:
        answer.close()
    assert not [line for line in site.lines if line.get("level") in ("error", "critical")]
    assert not site.socket.exists()


def test_two_servers_do_not_share_a_folder(tmp_path: Path) -> None:
    lock_folder(tmp_path)
    with pytest.raises(Unavailable) as raised:
        lock_folder(tmp_path)
    assert raised.value.code == "mirror_in_use"
