import stat
from pathlib import Path

import pytest

from bench.initrd import Entry, encode_archive, list_modules

_HEADER_BYTES = 110


def _read_archive(content: bytes) -> dict[str, tuple[int, bytes]]:
    """Names with mode and content, as the kernel reads them."""
    found: dict[str, tuple[int, bytes]] = {}
    at = 0
    while True:
        assert content[at : at + 6] == b"070701"
        fields = [int(content[at + 6 + 8 * one : at + 14 + 8 * one], 16) for one in range(13)]
        mode, content_bytes, name_bytes = fields[1], fields[6], fields[11]
        name = content[at + _HEADER_BYTES :].partition(b"\0")[0].decode()
        assert name_bytes <= 4096, "Linux leaves out what has a longer name"
        start = -(-(at + _HEADER_BYTES + name_bytes) // 4) * 4
        at = -(-(start + content_bytes) // 4) * 4
        if name == "TRAILER!!!":
            assert at == len(content)
            return found
        found[name] = (mode, content[start : start + content_bytes])


def test_an_archive_reads_back_as_it_was_written() -> None:
    entries = [
        Entry("lib", stat.S_IFDIR | 0o755),
        Entry("init", stat.S_IFREG | 0o755, b"#!/bin/sh\n"),
        Entry("lib/odd", stat.S_IFREG | 0o644, b"12345"),
    ]

    found = _read_archive(encode_archive(entries))

    assert found == {entry.name: (entry.mode, entry.content) for entry in entries}


def test_an_archive_is_the_same_in_whatever_order_its_entries_come() -> None:
    entries = [Entry(name, stat.S_IFREG | 0o644, name.encode()) for name in ("b", "a", "c")]

    assert encode_archive(entries) == encode_archive(entries[::-1])


def test_content_of_a_block_or_more_begins_on_a_block() -> None:
    large = [Entry(name, stat.S_IFREG | 0o644, name.encode() * 5001) for name in ("a", "b" * 100, "c")]

    archive = encode_archive([*large, Entry("between", stat.S_IFREG | 0o644, b"small")])

    assert [archive.index(entry.content) % 4096 for entry in large] == [0, 0, 0]
    assert set(_read_archive(archive)) == {*(entry.name for entry in large), "between"}


def test_modules_come_after_those_they_need(tmp_path: Path) -> None:
    (tmp_path / "modules.builtin").write_text("kernel/fs/erofs.ko\n")
    (tmp_path / "modules.dep").write_text(
        "k/first.ko:\nk/top-one.ko: k/second.ko k/first.ko\nk/second.ko: k/first.ko\n"
    )

    ordered = list_modules(tmp_path, ("top_one", "erofs"))

    assert [path.name for path in ordered] == ["first.ko", "second.ko", "top-one.ko"]


def test_a_module_that_the_kernel_does_not_have_is_refused(tmp_path: Path) -> None:
    (tmp_path / "modules.builtin").write_text("")
    (tmp_path / "modules.dep").write_text("")

    with pytest.raises(FileNotFoundError, match="nvme"):
        list_modules(tmp_path, ("nvme",))
