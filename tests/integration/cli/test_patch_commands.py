import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.cli.command import Person, Said
from tests.integration.cli.terminal import Terminal


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path / "nobody.json")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `old.img`, `new.img`, `new.patch` between them and `full.patch`; never changed."""
    folder = tmp_path_factory.mktemp("patches")
    chance = random.Random(1)
    words = b"".join(b"%d bottles of %d\n" % (number, number * number) for number in range(30_000))
    old = chance.randbytes(300_000) + bytes(50_000) + words
    (folder / "old.img").write_bytes(old)
    (folder / "new.img").write_bytes(old[:100_000] + chance.randbytes(3000) + old[100_500:])
    person = Person(folder / "nobody.json")
    person.must("patch", "make", folder / "old.img", folder / "new.img", "--output", folder / "new.patch")
    person.must("patch", "make", "--full", folder / "new.img", "--output", folder / "full.patch")
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy to do anything with."""
    return Path(shutil.copytree(made, tmp_path / "work"))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def flip(path: Path, at: int) -> None:
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def has_one_line_and_a_hint(said: Said) -> bool:
    lines = said.err.splitlines()
    return len(lines) == 2 and lines[0].startswith("error: ") and lines[1].startswith("hint: ")


def test_a_patch_is_made_and_said_in_figures(folder: Path, person: Person) -> None:
    words = ("patch", "make", folder / "old.img", folder / "new.img", "--output")
    said = person.must(*words, folder / "again.patch")
    made = person.must(*words, folder / "other.patch", "--json").json

    assert sha256(folder / "again.patch") == sha256(folder / "new.patch") == made["patch"]["sha256"]
    assert "of the image" in said.out
    assert "memory" in said.out
    assert made["patch"]["file_bytes"] == (folder / "new.patch").stat().st_size < 5000
    assert made["patch"]["old"] == {"bytes": (folder / "old.img").stat().st_size, "sha256": sha256(folder / "old.img")}
    assert made["patch"]["new"]["sha256"] == sha256(folder / "new.img")
    assert made["seconds"] > 0


def test_a_made_patch_makes_the_image(folder: Path, person: Person) -> None:
    words = ("patch", "apply", folder / "new.patch", "--old", folder / "old.img", "--output")
    said = person.must(*words, folder / "made.img")

    assert "made and verified" in said.out
    assert (folder / "made.img").read_bytes() == (folder / "new.img").read_bytes()
    assert person.must(*words, folder / "other.img", "--json").json["sha256"] == sha256(folder / "new.img")


def test_a_full_patch_makes_the_image_from_nothing(folder: Path, person: Person) -> None:
    person.must("patch", "apply", folder / "full.patch", "--output", folder / "made.img")

    assert (folder / "made.img").read_bytes() == (folder / "new.img").read_bytes()


def test_with_full_the_old_image_may_be_named_all_the_same(folder: Path, person: Person) -> None:
    person.must("patch", "make", "--full", folder / "gone.img", folder / "new.img", "--output", folder / "same.patch")

    assert sha256(folder / "same.patch") == sha256(folder / "full.patch")


def test_the_light_profile_makes_another_patch_of_the_same_image(folder: Path, person: Person) -> None:
    words = ("patch", "make", folder / "old.img", folder / "new.img", "--profile", "light", "--output")
    kinds = person.must(*words, folder / "light.patch", "--json").json["patch"]["kinds"]

    assert not any("lzma" in kind["codec"] for kind in kinds)
    person.must("patch", "verify", folder / "light.patch", "--old", folder / "old.img", "--new", folder / "new.img")


def test_the_patch_between_equal_images_only_copies(folder: Path, person: Person) -> None:
    person.must("patch", "make", folder / "old.img", folder / "old.img", "--output", folder / "same.patch")
    shown = person.must("patch", "show", folder / "same.patch", "--json").json

    assert {kind["operation"] for kind in shown["kinds"]} == {"copy", "zero"}
    assert shown["file_bytes"] < 500
    assert "largest" in shown


def test_a_patch_is_shown_by_where_its_bytes_go(folder: Path, person: Person) -> None:
    said = person.must("patch", "show", folder / "new.patch")
    shown = person.must("patch", "show", folder / "new.patch", "--json").json

    assert sha256(folder / "new.img") in said.out
    assert sha256(folder / "old.img") in said.out
    assert "hdiff-zstd" in said.out
    assert sum(kind["made_bytes"] for kind in shown["kinds"]) == shown["new"]["bytes"]
    assert sum(kind["file_bytes"] for kind in shown["kinds"]) + shown["index_bytes"] == shown["file_bytes"]
    assert sum(kind["segments"] for kind in shown["kinds"]) == shown["segments"]
    assert shown["bounds"]["memory_bytes"] > 0
    assert [one["file_bytes"] for one in shown["largest"]] == sorted(
        (one["file_bytes"] for one in shown["largest"]), reverse=True
    )
    assert person.must("patch", "show", folder / "full.patch", "--json").json["old"] is None


def test_a_patch_is_verified_alone_and_against_its_images(folder: Path, person: Person) -> None:
    patch, old, new = folder / "new.patch", ("--old", folder / "old.img"), ("--new", folder / "new.img")

    assert person.must("patch", "verify", patch, "--json").json | {"sha256": ""} == {
        "sha256": "",
        "is_made": False,
        "is_compared": False,
    }
    assert "bit for bit" in person.must("patch", "verify", patch, *old, *new).out
    assert person.must("patch", "verify", patch, *new, "--json").json["is_compared"]
    assert person.must("patch", "verify", folder / "full.patch", "--json").json["is_made"]


@pytest.mark.parametrize("place", ["head", "payload", "last"])
@pytest.mark.parametrize("command", ["verify", "apply", "verify with the image"])
def test_a_damaged_patch_is_found_out(folder: Path, person: Person, place: str, command: str) -> None:
    patch = folder / "new.patch"
    index_bytes = person.must("patch", "show", patch, "--json").json["index_bytes"]
    flip(patch, {"head": index_bytes // 2, "payload": index_bytes + 5, "last": -1}[place])
    before = names(folder)
    old = ("--old", folder / "old.img")
    words = {"verify": ("verify", patch), "apply": ("apply", patch, *old, "--output", folder / "made.img")}
    said = person.type("patch", *words.get(command, ("verify", patch, *old)))

    assert (said.code, said.problem) == (6, "patch_file_damaged")
    assert has_one_line_and_a_hint(said)
    assert names(folder) == before


@pytest.mark.parametrize("kept_bytes", [10, 20, 200, -1])
def test_a_patch_that_was_cut_off_is_found_out_before_anything_is_done(
    folder: Path, person: Person, kept_bytes: int
) -> None:
    patch = folder / "new.patch"
    patch.write_bytes(patch.read_bytes()[:kept_bytes])

    for words in (("show", patch), ("verify", patch), ("apply", patch, "--output", folder / "made.img")):
        said = person.type("patch", *words)
        assert (said.code, said.problem) == (6, "patch_file_damaged")
        assert has_one_line_and_a_hint(said)
    assert not (folder / "made.img").exists()


def test_exchanged_images_are_told_from_wrong_ones(folder: Path, person: Person) -> None:
    (folder / "third.img").write_bytes((folder / "old.img").read_bytes()[::-1])
    for option, exchanged, right in (("--old", "new.img", "old.img"), ("--new", "old.img", "new.img")):
        code = f"patch_{option[2:]}_differs"
        said = person.type("patch", "verify", folder / "new.patch", option, folder / exchanged)
        assert (said.code, said.problem) == (2, code)
        assert "exchanged" in said.err
        said = person.type("patch", "verify", folder / "new.patch", option, folder / "third.img")
        assert (said.code, said.problem) == (2, code)
        assert sha256(folder / right) in said.err


def test_a_wrong_old_image_leaves_nothing_under_the_final_name(folder: Path, person: Person) -> None:
    before = names(folder)
    words = ("patch", "apply", folder / "new.patch", "--output", folder / "made.img", "--old")
    content = bytearray((folder / "old.img").read_bytes())
    content[-5] ^= 1
    (folder / "old.img").write_bytes(content)

    for wrong in ("new.img", "old.img"):
        said = person.type(*words, folder / wrong)
        assert (said.code, said.problem) == (2, "patch_old_differs")
        assert has_one_line_and_a_hint(said)
    assert names(folder) == before


def test_an_old_image_in_a_larger_partition_is_as_good(folder: Path, person: Person) -> None:
    with (folder / "old.img").open("ab") as partition:
        partition.write(os.urandom(5000))

    person.must("patch", "verify", folder / "new.patch", "--old", folder / "old.img")


@pytest.mark.parametrize(
    ("words", "code", "problem"),
    [
        (["make", "nowhere.img", "new.img", "--output", "x"], 2, "file_missing"),
        (["make", "old.img", "nowhere.img", "--output", "x"], 2, "file_missing"),
        (["make", "old.img", "folder", "--output", "x"], 2, "file_unusable"),
        (["make", "old.img", "empty", "--output", "x"], 2, "file_unusable"),
        (["make", "old.img", "pipe", "--output", "x"], 2, "file_unusable"),
        (["make", "old.img", "--output", "x"], 2, "images_not_two"),
        (["make", "old.img", "new.img", "new.img", "--output", "x"], 2, "images_not_two"),
        (["make", "old.img", "new.img", "--output", "new.img"], 2, "output_is_input"),
        (["make", "old.img", "new.img", "--output", "old.img", "--force"], 2, "output_is_input"),
        (["make", "old.img", "new.img", "--output", "folder"], 5, "output_exists"),
        (["make", "old.img", "new.img", "--output", "new.patch"], 5, "output_exists"),
        (["make", "old.img", "new.img", "--output", "nowhere/x"], 2, "file_missing"),
        (["make", "old.img", "new.img"], 2, "usage"),
        (["make", "old.img", "new.img", "--output", "x", "--profile", "tiny"], 2, "usage"),
        (["show", "nowhere.patch"], 2, "file_missing"),
        (["show", "folder"], 2, "file_unusable"),
        (["show", "disc.iso"], 2, "no_patch_file"),
        (["verify", "disc.iso"], 2, "no_patch_file"),
        (["verify", "new.img", "--old", "old.img"], 2, "no_patch_file"),
        (["verify", "new.patch", "--old", "nowhere.img"], 2, "file_missing"),
        (["verify", "new.patch", "--new", "folder"], 2, "file_unusable"),
        (["verify", "full.patch", "--old", "old.img"], 2, "patch_needs_no_old"),
        (["apply", "new.patch", "--output", "x"], 2, "patch_needs_old"),
        (["apply", "full.patch", "--old", "old.img", "--output", "x"], 2, "patch_needs_no_old"),
        (["apply", "disc.iso", "--old", "old.img", "--output", "x"], 2, "no_patch_file"),
        (["apply", "new.patch", "--old", "old.img", "--output", "new.img"], 5, "output_exists"),
        (["apply", "new.patch", "--old", "old.img", "--output", "old.img"], 2, "output_is_input"),
        (["apply", "new.patch", "--old", "old.img", "--output", "new.patch", "--force"], 2, "output_is_input"),
    ],
)
def test_wrong_words_have_one_line_and_a_hint_and_leave_everything_as_it_was(
    folder: Path, person: Person, monkeypatch: pytest.MonkeyPatch, words: list[str], code: int, problem: str
) -> None:
    (folder / "folder").mkdir()
    (folder / "empty").touch()
    os.mkfifo(folder / "pipe")
    (folder / "disc.iso").write_bytes(bytes(0x8000) + b"\x01CD001\x01" + bytes(50_000))
    monkeypatch.chdir(folder)
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}

    said = person.type("patch", *words)

    assert (said.code, said.problem) == (code, problem)
    assert has_one_line_and_a_hint(said)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before


def test_force_replaces_what_is_there(folder: Path, person: Person) -> None:
    (folder / "x").write_text("something else")
    person.must("patch", "make", folder / "old.img", folder / "new.img", "--output", folder / "x", "--force")
    assert sha256(folder / "x") == sha256(folder / "new.patch")
    person.must("patch", "apply", folder / "full.patch", "--output", folder / "x", "--force")
    assert sha256(folder / "x") == sha256(folder / "new.img")


def test_a_patch_file_is_readable_by_others_whatever_the_umask(folder: Path, person: Person) -> None:
    earlier = os.umask(0o077)
    try:
        person.must("patch", "make", folder / "old.img", folder / "new.img", "--output", folder / "x")
    finally:
        os.umask(earlier)

    assert (folder / "x").stat().st_mode & 0o777 == 0o644


def test_an_image_without_a_known_file_system_needs_none(folder: Path, person: Person) -> None:
    (folder / "disc.iso").write_bytes(bytes(0x8000) + b"\x01CD001\x01" + os.urandom(50_000))
    person.must("patch", "make", folder / "disc.iso", folder / "new.img", "--output", folder / "x")
    person.must("patch", "verify", folder / "x", "--old", folder / "disc.iso", "--new", folder / "new.img")


def make_slow_pair(folder: Path) -> None:
    """Some seconds of work."""
    chance = random.Random(2)
    (folder / "a.img").write_bytes(chance.randbytes(24 << 20))
    (folder / "b.img").write_bytes(chance.randbytes(24 << 20))


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    make_slow_pair(tmp_path)
    before = names(tmp_path)
    words = ["patch", "make", str(tmp_path / "a.img"), str(tmp_path / "b.img"), "--output", str(tmp_path / "x.patch")]
    with subprocess.Popen([sys.executable, "-m", "cebox.cli.main", *words], stderr=subprocess.PIPE) as process:
        until = time.monotonic() + 30
        while names(tmp_path) == before:
            assert time.monotonic() < until
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)

    assert process.returncode == 130
    assert said == b""
    assert names(tmp_path) == before


def test_a_bar_shows_how_far_it_is_and_how_long_it_takes(folder: Path) -> None:
    words = ("make", str(folder / "old.img"), str(folder / "new.img"), "--output", str(folder / "x"))
    with Terminal(folder / "nobody.json", "patch", *words) as terminal:
        assert terminal.wait() == 0
        assert "making x" in terminal.seen
        assert "100%" in terminal.seen
        assert "0:00:00" in terminal.seen
