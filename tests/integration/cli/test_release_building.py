import random
from pathlib import Path

import pytest

from tests.integration.cli.command import Person
from tests.integration.cli.terminal import Terminal

CREATED = ("--created", "2026-11-02T08:00:00")


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path / "nobody.json")


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "image"
    path.write_bytes(random.Random(1).randbytes(200_000))
    return path


@pytest.fixture
def out(tmp_path: Path, image: Path, person: Person) -> Path:
    """A folder with three releases."""
    for version in ("2026.9.1", "2026.10.1", "2026.11.1"):
        image.write_bytes(image.read_bytes() + version.encode())
        person.must("release", "build", image, "--version", version, "--output", tmp_path / "out" / version)
    return tmp_path / "out"


def list_patches(person: Person, image: Path, *words: object) -> set[str]:
    built = person.must("release", "build", image, "--version", "2026.11.2", "--json", *CREATED, *words).json
    return set(built["patch_bytes"])


def test_patches_are_made_from_all_releases_in_a_folder(out: Path, image: Path, person: Person) -> None:
    assert list_patches(person, image, "--from", out, "--output", out / "new") == {"2026.9.1", "2026.10.1", "2026.11.1"}


def test_patches_are_made_from_the_newest_that_are_asked_for(out: Path, image: Path, person: Person) -> None:
    assert list_patches(person, image, "--from", out, "--patches", 2, "--output", out / "a") == {
        "2026.10.1",
        "2026.11.1",
    }
    assert list_patches(person, image, "--from", out, "--patches", 0, "--output", out.parent / "b") == set()


def test_a_release_named_twice_is_taken_once(out: Path, image: Path, person: Person) -> None:
    words = ("--from", out / "2026.9.1", "--from", out / "2026.9.1", "--output", out / "new")

    assert list_patches(person, image, *words) == {"2026.9.1"}


def test_of_a_folder_of_releases_later_ones_and_those_without_their_image_are_left_out(
    out: Path, image: Path, person: Person
) -> None:
    person.must("release", "build", image, "--version", "2026.12.1", "--output", out / "later")
    (out / "2026.10.1/root.img").unlink()
    (out / "notes").mkdir()

    assert list_patches(person, image, "--from", out, "--output", out / "new") == {"2026.9.1", "2026.11.1"}


def test_a_release_that_is_named_must_have_its_image(out: Path, image: Path, person: Person) -> None:
    (out / "2026.10.1/root.img").unlink()
    words = ("--version", "2026.11.2", "--from", out / "2026.10.1", "--output", out / "new")
    said = person.type("release", "build", image, *words)

    assert (said.code, said.problem) == (2, "previous_image_missing")
    assert "root.img" in said.err
    assert not (out / "new").exists()


@pytest.mark.parametrize("wrong", ["nowhere", "empty", "image"])
def test_a_folder_without_releases_is_named(tmp_path: Path, image: Path, person: Person, wrong: str) -> None:
    (tmp_path / "empty").mkdir()
    words = ("--version", "2026.11.2", "--from", tmp_path / wrong, "--output", tmp_path / "new")
    said = person.type("release", "build", image, *words)

    assert (said.code, said.problem) == (2, "release_folder_invalid")
    assert "hint: " in said.err


def test_the_light_profile_makes_patches_for_slow_processors(out: Path, image: Path, person: Person) -> None:
    image.write_bytes(image.read_bytes()[:100_000] + b"in between" + image.read_bytes()[100_000:])
    kinds = {}
    for profile in ("smallest", "light"):
        new = out.parent / profile
        words = ("--from", out, "--patches", 1, "--profile", profile, "--output", new)
        assert list_patches(person, image, *words) == {"2026.11.1"}
        patch = min(new.glob("blobs/*/*"), key=lambda one: one.stat().st_size)
        kinds[profile] = {kind["codec"] for kind in person.must("patch", "show", patch, "--json").json["kinds"]}

    assert "hdiff-lzma" in kinds["smallest"]
    assert "hdiff-zstd" in kinds["light"]


def test_a_build_that_was_cut_off_says_that_it_goes_on(out: Path, image: Path, person: Person) -> None:
    shelf = out / "new/.building"
    shelf.mkdir(parents=True)
    (shelf / "some payload").write_bytes(b"x")
    said = person.must("release", "build", image, "--version", "2026.11.2", "--output", out / "new")

    assert "goes on where it was" in said.err
    assert not shelf.exists()
    again = person.type("release", "build", image, "--version", "2026.11.2", "--output", out / "new")
    assert (again.code, again.problem) == (5, "output_exists")
    assert "whole release" in again.err


def test_a_bar_shows_how_far_the_build_is(out: Path, image: Path) -> None:
    words = ("build", str(image), "--version", "2026.11.2", "--from", str(out), "--output", str(out / "new"))
    with Terminal(out.parent / "nobody.json", "release", *words) as terminal:
        assert terminal.wait() == 0
        assert "building 2026.11.2" in terminal.seen
        assert "100%" in terminal.seen
