import json
from datetime import UTC, datetime

from cebox.domain.version import Version
from cebox.image.sbom import write_sbom
from cebox.release.manifest import Component


def write() -> str:
    return write_sbom(
        Version.parse("2026.11.1"),
        root_sha256="ab" * 32,
        created=datetime(2026, 11, 22, tzinfo=UTC),
        packages=[Component("openssl", "3.0.17-1~deb12u2"), Component("bash", "5.2.15-2+b8")],
        libraries=[Component("tuf", "7.0.1")],
    )


def test_every_part_is_named_as_vulnerability_lists_name_it() -> None:
    addresses = {part["purl"] for part in json.loads(write())["components"]}

    assert addresses == {
        "pkg:deb/debian/openssl@3.0.17-1~deb12u2",
        "pkg:deb/debian/bash@5.2.15-2%2Bb8",
        "pkg:pypi/tuf@7.0.1",
    }


def test_it_says_which_system_it_is_of() -> None:
    said = json.loads(write())

    assert said["bomFormat"] == "CycloneDX"
    assert said["metadata"]["component"]["name"] == "cebox-os"
    assert said["metadata"]["component"]["version"] == "2026.11.1"


def test_the_same_system_gives_the_same_text() -> None:
    assert write() == write()
