"""The site files of `deploy/nginx` in a real nginx: what boxes get, and what nobody gets."""

import hashlib
import http.client
import os
import shutil
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cebox.kit.clock import utc_now
from cebox.release.applying.apply import Applied, apply_best
from cebox.release.manifest import Blob, full_way
from cebox.release.publishing.publish import publish_release
from cebox.release.publishing.sign import Keyring
from cebox.release.trust.repository import HttpTransport, TrustedRepository
from tests.integration.release.samples import NOVEMBER, OCTOBER, build, make_slot, new_image, old_image, read_slot
from tests.integration.wrs.site_server import SiteServer
from tests.servers.nginx import Nginx
from tests.servers.range_server import RangeServer

LISTEN = {"listen 80;": "listen 127.0.0.1:{port};", "listen [::]:80;": "listen [::1]:{port};"}
IMMUTABLE = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Published:
    """Two releases, a patch between them, and beside them what must not be served."""

    folder: Path
    root: bytes
    blob: Blob

    @property
    def repository(self) -> Path:
        return self.folder / "repository"

    @property
    def content(self) -> bytes:
        return (self.repository / self.blob.path).read_bytes()


@pytest.fixture(scope="module")
def published() -> Iterator[Published]:
    """In a folder that another user may pass through, as nginx's workers must; pytest's own are private."""
    folder = Path(tempfile.mkdtemp(prefix="cebox-published-"))
    folder.chmod(0o755)
    keyring = Keyring.init(folder / "keyring", folder / "repository", clock=utc_now)
    old = build(folder, OCTOBER, old_image())
    new = build(folder, NOVEMBER, new_image(), [(old, folder / str(OCTOBER) / "root.img")])
    for version in (OCTOBER, NOVEMBER):
        publish_release(folder / str(version), folder / "repository", keyring, clock=utc_now)
    blob = full_way(new.root).blob
    metadata = folder / "repository/metadata"
    (folder / "secret").write_text("SECRET")
    (folder / "repository/secret").write_text("SECRET")
    for hidden in (metadata / ".hidden", metadata / ".timestamp.json.0a1b.part", metadata.parent / ".git"):
        hidden.write_text("SECRET")
    (metadata / "9.link.json").symlink_to(folder / "secret")
    part = folder / "repository" / blob.path
    part.with_name(f".{part.name}.0a1b.part").write_text("SECRET")
    yield Published(folder, keyring.load_anchor(), blob)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def nginx(published: Published) -> Iterator[Nginx]:
    with Nginx("cebox-repository.conf", LISTEN | {"/srv/cebox/repository": str(published.repository)}) as server:
        yield server


def get(nginx: Nginx, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    # Plain HTTP: reading the system's authorities in for each request would take most of the time.
    return httpx.request(method, nginx.url + path, headers=named, trust_env=False, verify=False)


def get_raw(nginx: Nginx, path: str) -> tuple[int, bytes]:
    """The path as it is; a client library would tidy it."""
    connection = http.client.HTTPConnection("127.0.0.1", nginx.port, timeout=10)
    connection.putrequest("GET", path, skip_accept_encoding=True)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body


def test_a_blob_is_bytes_that_any_cache_may_keep_for_ever(nginx: Nginx, published: Published) -> None:
    answer = get(nginx, f"/{published.blob.path}", Accept_Encoding="gzip")
    assert (answer.status_code, answer.content) == (200, published.content)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers.get_list("cache-control") == [IMMUTABLE]
    assert answer.headers["accept-ranges"] == "bytes"
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("path", "cache"),
    [
        ("/metadata/timestamp.json", "no-cache"),
        ("/metadata/1.root.json", "public, max-age=300"),
        (f"/targets/releases/{NOVEMBER}/manifest.json", "public, max-age=300"),
    ],
)
def test_what_is_signed_is_json_that_no_cache_keeps_long(
    nginx: Nginx, published: Published, path: str, cache: str
) -> None:
    answer = get(nginx, path, Accept_Encoding="gzip")
    assert (answer.status_code, answer.content) == (200, (published.repository / path[1:]).read_bytes())
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers.get_list("cache-control") == [cache]
    assert "content-encoding" not in answer.headers


def test_the_timestamp_is_asked_for_again_at_the_price_of_a_304(nginx: Nginx) -> None:
    etag = get(nginx, "/metadata/timestamp.json").headers["etag"]
    again = get(nginx, "/metadata/timestamp.json", If_None_Match=etag)
    assert (again.status_code, again.content) == (304, b"")


def test_everything_is_below_repository_too_as_it_is_on_a_site(nginx: Nginx, published: Published) -> None:
    assert get(nginx, f"/repository/{published.blob.path}").content == published.content
    assert get(nginx, "/repository/metadata/timestamp.json").headers["cache-control"] == "no-cache"
    assert get(nginx, "/repository/secret").status_code == 404


@pytest.mark.parametrize("path", ["/metadata/timestamp.json", "/metadata/404.json", "/nothing", "/repository"])
def test_every_answer_tells_browsers_to_keep_their_hands_off(nginx: Nginx, path: str) -> None:
    answer = get(nginx, path)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["server"] == "nginx"


def test_ranges_of_a_blob_are_its_bytes(nginx: Nginx, published: Published) -> None:
    content, size = published.content, published.blob.size
    for asked, first, end in [
        ("bytes=0-0", 0, 1),
        ("bytes=1000-", 1000, size),
        ("bytes=-5", size - 5, size),
        (f"bytes={size - 10}-{1 << 40}", size - 10, size),
    ]:
        answer = get(nginx, f"/{published.blob.path}", Range=asked)
        assert (answer.status_code, answer.content) == (206, content[first:end])
        assert answer.headers["content-range"] == f"bytes {first}-{end - 1}/{size}"
        assert answer.headers.get_list("cache-control") == [IMMUTABLE]


def test_a_range_beyond_the_end_is_unsatisfiable(nginx: Nginx, published: Published) -> None:
    answer = get(nginx, f"/{published.blob.path}", Range=f"bytes={published.blob.size}-")
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{published.blob.size}"


def test_many_ranges_at_once_get_the_whole_file(nginx: Nginx, published: Published) -> None:
    answer = get(nginx, f"/{published.blob.path}", Range="bytes=0-1000,0-1001,0-1002")
    assert (answer.status_code, len(answer.content)) == (200, published.blob.size)


def test_head_tells_the_size_and_sends_nothing(nginx: Nginx, published: Published) -> None:
    answer = get(nginx, f"/{published.blob.path}", "HEAD")
    assert (answer.status_code, answer.headers["content-length"]) == (200, str(published.blob.size))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "NONSENSE"])
@pytest.mark.parametrize("path", ["/metadata/timestamp.json", "/", "/repository/metadata/1.root.json"])
def test_nothing_but_reading_is_allowed(nginx: Nginx, method: str, path: str) -> None:
    assert get(nginx, path, method).status_code == 405


@pytest.mark.parametrize("size_bytes", [2000, 5_000_000])
def test_a_request_with_a_body_is_refused(nginx: Nginx, size_bytes: int) -> None:
    with httpx.Client(trust_env=False, verify=False) as client:
        answer = client.request("GET", nginx.url + "/metadata/timestamp.json", content=b"x" * size_bytes)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/metadata",
        "/metadata/",
        "/blobs/",
        "/repository",
        "/repository/",
        "/repository/metadata/",
        "/targets/releases/",
        "/secret",
        "/../secret",
        "/metadata/../../secret",
        "/metadata/%2e%2e/%2e%2e/secret",
        "/metadata/..%2f..%2fsecret",
        "/repository/../../secret",
        "/repository/%2e%2e/%2e%2e/secret",
        "/targets/releases/../../../secret/manifest.json",
        "/targets/releases/%2e%2e/manifest.json",
        "//etc/passwd",
        "/repository//etc/passwd",
        "/metadata/.hidden",
        "/metadata/.timestamp.json.0a1b.part",
        "/.git",
        "/metadata/9.link.json",
        "/metadata/%00timestamp.json",
        "/metadata/timestamp.json%00",
        "/metadata/timestamp.json/",
        "/metadata/1.root.json/x",
        "/blobs/00/" + "0" * 63,
        "/" + "a" * 3000,
    ],
)
def test_nothing_but_the_repository_is_served(nginx: Nginx, path: str) -> None:
    status, body = get_raw(nginx, path)
    assert status in (400, 404)
    assert b"SECRET" not in body
    assert b"root:" not in body
    assert b"Index of" not in body


def test_a_part_that_is_being_written_is_not_served(nginx: Nginx, published: Published) -> None:
    folder, _, name = published.blob.path.rpartition("/")
    assert get(nginx, f"/{folder}/.{name}.0a1b.part").status_code == 404


def test_no_cache_remembers_that_something_was_not_there_yet(nginx: Nginx) -> None:
    for path in ("/blobs/00/" + "0" * 64, "/metadata/2.root.json", "/nothing"):
        answer = get(nginx, path)
        assert (answer.status_code, answer.headers.get_list("cache-control")) == (404, ["no-store"])


def test_a_request_line_without_end_is_refused(nginx: Nginx) -> None:
    assert get_raw(nginx, "/" + "a" * 20_000)[0] == 414


def test_it_answers_over_ipv6(nginx: Nginx, published: Published) -> None:
    answer = httpx.get(f"http://[::1]:{nginx.port}/{published.blob.path}", trust_env=False)
    assert answer.content == published.content


def update_box(published: Published, url: str, folder: Path) -> tuple[Applied, bytes]:
    """A box that runs OCTOBER takes NOVEMBER from `url`, as an agent does."""
    (folder / "old.img").write_bytes(old_image())
    with HttpTransport(url) as transport:
        image = TrustedRepository(transport, folder / "trust", published.root, now=utc_now).get_manifest(NOVEMBER).root
        slot = make_slot(folder / "slot.img", image.size)
        running = hashlib.sha256(old_image()).hexdigest()
        applied = apply_best(image, running, transport, slot=slot, old=folder / "old.img")
        return applied, read_slot(slot, image)


@pytest.mark.parametrize("below", ["", "/repository"])
def test_a_box_takes_a_whole_release(nginx: Nginx, published: Published, tmp_path: Path, below: str) -> None:
    applied, content = update_box(published, nginx.url + below, tmp_path)
    assert content == new_image()
    assert (applied.way, applied.fell_back) == (f"patch from {OCTOBER}", None)


def test_a_box_leaves_no_complaint_in_the_log(nginx: Nginx, published: Published, tmp_path: Path) -> None:
    before = nginx.read_log()
    update_box(published, nginx.url, tmp_path)
    assert nginx.read_log() == before
    assert "[warn]" not in before


def test_with_its_lines_taken_into_use_it_speaks_tls(published: Published) -> None:
    changes = LISTEN | {
        "/srv/cebox/repository": str(published.repository),
        "    #listen 443 ssl;": "    listen 127.0.0.1:{tls_port} ssl;",
        "    #listen [::]:443 ssl;": "    listen [::1]:{tls_port} ssl;",
        "    #include snippets/cebox-tls.conf;": "    include snippets/cebox-tls.conf;",
    }
    certificate, key = make_certificate()
    server = Nginx("cebox-repository.conf", changes)
    (server.folder / "cert.pem").write_bytes(certificate)
    (server.folder / "key.pem").write_bytes(key)
    server.snippets["cebox-tls.conf"] = (
        f"ssl_certificate {server.folder}/cert.pem;\nssl_certificate_key {server.folder}/key.pem;\n"
    )
    with server:
        trusted = ssl.create_default_context(cadata=certificate.decode())
        url = f"https://127.0.0.1:{server.tls_port}/{published.blob.path}"
        answer = httpx.get(url, verify=trusted, trust_env=False, headers={"range": "bytes=5-9"})
        assert (answer.status_code, answer.content) == (206, published.content[5:10])


def make_certificate() -> tuple[bytes, bytes]:
    """For 127.0.0.1, signed by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


@pytest.fixture
def site(published: Published) -> Iterator[SiteServer]:
    """A WRS whose folder nginx's own user may pass through."""
    folder = Path(tempfile.mkdtemp(prefix="cebox-site-"))
    folder.chmod(0o755)
    with SiteServer(folder / "wrs", published.root) as server, RangeServer(published.repository) as cloud:
        server.enrol()
        server.bring_into_service(str(OCTOBER), cloud.url)
        server.prepare_and_wait(str(NOVEMBER), cloud.url, box_versions=(str(OCTOBER),))
        yield server
    shutil.rmtree(folder)


@pytest.fixture
def front(site: SiteServer) -> Iterator[Nginx]:
    changes = {
        "listen 8420;": "listen 127.0.0.1:{port};",
        "listen [::]:8420;": "listen [::1]:{port};",
        "/var/lib/cebox/wrs/mirror": str(site.mirror),
        "http://127.0.0.1:8421": site.url,
    }
    with Nginx("cebox-wrs.conf", changes) as server:
        yield server


def test_in_front_of_a_wrs_boxes_get_its_release_from_nginx_and_its_word_from_itself(
    site: SiteServer, front: Nginx, published: Published, tmp_path: Path
) -> None:
    assert get(front, f"/repository/{published.blob.path}").status_code == 404
    site.serve(str(NOVEMBER))
    answer = get(front, "/site.json?nonce=0123456789")
    assert answer.headers.get_list("cache-control") == ["no-store"]
    assert str(NOVEMBER) in answer.text
    applied, content = update_box(published, f"{front.url}/repository", tmp_path)
    assert (applied.way, content) == (f"patch from {OCTOBER}", new_image())
    assert site.control.get_state().lan_bytes == 0


def test_in_front_of_a_wrs_nothing_else_of_it_is_on_the_lan(site: SiteServer, front: Nginx) -> None:
    for path in ("/prepared/2026.11.1/metadata/timestamp.json", "/control/v1/state", "/mirror.json", "/wrs.toml"):
        assert get(front, path).status_code == 404
    assert get(front, "/site.json?nonce=0123456789", "POST").status_code == 405
    assert get(front, "/healthz").json()["status"] == "ok"


def test_in_front_of_a_wrs_that_is_down_the_release_still_flows(
    site: SiteServer, front: Nginx, published: Published
) -> None:
    site.kill()
    assert get(front, "/site.json?nonce=0123456789").status_code == 502
    old = next((site.mirror / "served/blobs").rglob("?" * 64))
    assert get(front, f"/repository/blobs/{old.parent.name}/{old.name}").content == old.read_bytes()


def test_another_user_may_read_what_a_wrs_serves_and_not_its_key(site: SiteServer) -> None:
    served = (site.mirror / "served").resolve()
    for path in [site.mirror, served, *served.rglob("*")]:
        wanted = 0o555 if path.is_dir() else 0o444
        assert path.stat().st_mode & wanted == wanted, path
    assert not (site.folder / "device.key").stat().st_mode & 0o077
    assert os.access(site.folder / "device.key", os.R_OK)
