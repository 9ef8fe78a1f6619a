import io
import stat
import subprocess
from pathlib import Path

from cebox.image.cpio import Entry, encode_archive, file, folder

_BLOCK = 4096


def make_entries() -> list[Entry]:
    return [file("init", b"#!/bin/sh\n", 0o755), folder("lib"), file("lib/large.ko", b"m" * 10_000), folder("proc")]


def test_the_order_in_which_entries_are_given_does_not_matter() -> None:
    assert encode_archive(make_entries()) == encode_archive(list(reversed(make_entries())))


def test_a_large_file_begins_on_a_block_so_that_a_patch_finds_it_again() -> None:
    archive = encode_archive(make_entries())

    assert archive.index(b"m" * 10_000) % _BLOCK == 0


def test_an_archive_is_what_other_programs_unpack(tmp_path: Path) -> None:
    """busybox is what the kernel's own unpacker is compared with: both follow the same description."""
    archive = encode_archive(make_entries())

    subprocess.run(["busybox", "cpio", "-i", "-d"], cwd=tmp_path, input=archive, check=True, capture_output=True)

    assert (tmp_path / "lib/large.ko").read_bytes() == b"m" * 10_000
    assert stat.S_IMODE((tmp_path / "init").stat().st_mode) == 0o755
    assert (tmp_path / "proc").is_dir()


def test_every_header_is_made_of_thirteen_numbers_and_begins_on_four_bytes() -> None:
    archive = encode_archive(make_entries())
    stream, names = io.BytesIO(archive), []
    while True:
        assert stream.tell() % 4 == 0
        header = stream.read(110)
        assert header[:6] == b"070701"
        fields = [int(header[6 + 8 * at : 14 + 8 * at], 16) for at in range(13)]
        name = stream.read(fields[11]).rstrip(b"\0").decode()
        stream.seek(-(-stream.tell() // 4) * 4)
        if name == "TRAILER!!!":
            break
        names.append(name)
        stream.seek(-(-(stream.tell() + fields[6]) // 4) * 4)

    assert names == ["init", "lib", "lib/large.ko", "proc"]
