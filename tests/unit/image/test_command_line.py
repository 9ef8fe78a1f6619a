from cebox.domain.version import Version
from cebox.image.command_line import describe_boot_image, write_command_line, write_os_release
from cebox.image.verity import Verity

NOVEMBER = Version.parse("2026.11.1")


def test_the_initrd_is_told_version_root_hash_and_blocks() -> None:
    words = write_command_line(NOVEMBER, Verity("ab" * 32, 1000), ["console=ttyS0"]).split()

    assert words[0] == "console=ttyS0"
    assert words[-3:] == ["cebox.version=2026.11.1", f"cebox.roothash={'ab' * 32}", "cebox.blocks=1000"]


def test_a_panic_restarts_the_machine() -> None:
    assert "panic=10" in write_command_line(NOVEMBER, Verity("ab" * 32, 1), []).split()


def test_a_boot_image_names_the_root_image_it_starts() -> None:
    facts = dict(
        line.split("=", 1)
        for line in describe_boot_image(NOVEMBER, root_sha256="cd" * 32, root_bytes=4096).splitlines()
    )

    assert facts["IMAGE_ID"] == "cebox"
    assert facts["IMAGE_VERSION"] == "2026.11.1"
    assert facts["CEBOX_ROOT_SHA256"] == "cd" * 32
    assert facts["CEBOX_ROOT_BYTES"] == "4096"


def test_the_system_says_the_same_of_itself() -> None:
    assert describe_boot_image(NOVEMBER, root_sha256="", root_bytes=0).startswith(write_os_release(NOVEMBER))
