"""The kernel's command line, and what the boot image says of itself. Pure."""

from collections.abc import Sequence

from cebox.domain.version import Version
from cebox.image.verity import Verity

# A panic, or a slot that fails its hashes, must end in a restart: the boot loader counts it.
_ALWAYS = ("ro", "quiet", "panic=10", "systemd.gpt_auto=0", "systemd.firstboot=0")


def write_command_line(version: Version, verity: Verity, extra: Sequence[str]) -> str:
    """The initrd finds the slot whose tree has this root hash."""
    ours = (f"cebox.version={version}", f"cebox.roothash={verity.root_hash}", f"cebox.blocks={verity.blocks}")
    return " ".join((*extra, *_ALWAYS, *ours))


def write_os_release(version: Version) -> str:
    """As in the image's own /usr/lib/os-release."""
    facts = {
        "ID": "cebox",
        "ID_LIKE": "debian",
        "NAME": "ceBox OS",
        "PRETTY_NAME": f"ceBox OS {version}",
        "VERSION_ID": str(version),
        "IMAGE_ID": "cebox",
        "IMAGE_VERSION": str(version),
    }
    return "".join(f'{name}="{value}"\n' if " " in value else f"{name}={value}\n" for name, value in facts.items())


def describe_boot_image(version: Version, *, root_sha256: str, root_bytes: int) -> str:
    """The section `.osrel`: which root image this boot image starts."""
    return f"{write_os_release(version)}CEBOX_ROOT_SHA256={root_sha256}\nCEBOX_ROOT_BYTES={root_bytes}\n"
