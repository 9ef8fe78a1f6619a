"""What mmdebstrap is told; `tests/integration/image` lets it do so."""

import subprocess
from pathlib import Path

from cebox.image.bootstrap import write_command

ANSWERS = (
    "locales locales/default_environment_locale select fr_FR.UTF-8",
    "some some/question string it's 50 % of $HOME",
)


def test_translations_of_the_languages_alone_are_kept() -> None:
    command = write_command(["udev"], ["fr"], [])
    excluded = command.index("--dpkgopt=path-exclude=/usr/share/locale/*")

    # dpkg heeds the last that matches.
    assert command.index("--dpkgopt=path-include=/usr/share/locale/fr/*") > excluded


def test_answers_reach_debconf_as_they_are_written(tmp_path: Path) -> None:
    (chroot := tmp_path / "chroot").write_text(f"#!/bin/sh\ncat > {tmp_path}/heard\n")
    chroot.chmod(0o755)
    (hook,) = (word for word in write_command(["udev"], [], ANSWERS) if word.startswith("--essential-hook="))
    script = hook.partition("=")[2]
    subprocess.run(["sh", "-c", script, "sh", "/tree"], check=True, env={"PATH": f"{tmp_path}:/usr/bin:/bin"})

    assert (tmp_path / "heard").read_text().splitlines() == list(ANSWERS)


def test_a_variant_that_asks_for_nothing_gets_nothing_more() -> None:
    command = write_command(["udev"], [], [])

    assert not [word for word in command if "path-include" in word or "essential-hook" in word]
