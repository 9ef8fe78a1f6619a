"""What the installer says to the person at the machine, in the key's language. Errors are support's, in English."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType

from cebox.domain.text import is_printable
from cebox.installer.disks import Content, Disk
from cebox.keys.contents import Afterwards, InstallSettings, Language

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


class Step(StrEnum):
    DIVIDE = "divide"
    COPY = "copy"
    VERIFY = "verify"
    DATA = "data"
    BOOT = "boot"
    FINISH = "finish"


_ENGLISH = {
    "title": "ceBox installation: {version}, {kind}, account {account}, site {site}, key {key}",
    "no_site": "none (telework)",
    "chosen": "Installing on {disk}, as {machine}.",
    "none_free": "There is not exactly one empty disk in this machine, so say which one to take.",
    "no_disk": "This machine has no disk. Connect one and press Enter.",
    "too_small": "  (too small: {needed} are needed)",
    "ask": "Number of the disk, or Enter to look again:",
    "unknown": "There is no such number.",
    "lost": "ALL DATA ON {disk} WILL BE LOST. To go on, type its name, {name}; anything else goes back:",
    "kept": "Nothing was changed.",
    "failed": "The installation failed: {error}",
    "again": "Press Enter to begin again.",
    "done": "ceBox {version} is installed on {disk}. REMOVE THE KEY.",
    Content.EMPTY: "empty",
    Content.UNFINISHED: "begun and not finished",
    Content.USED: "NOT EMPTY",
    "external": "external",
    Step.DIVIDE: "Dividing the disk",
    Step.COPY: "Copying the system",
    Step.VERIFY: "Checking the copy",
    Step.DATA: "Preparing the data",
    Step.BOOT: "Preparing the start",
    Step.FINISH: "Finishing",
    Afterwards.REBOOT: "The machine restarts in {seconds} seconds.",
    Afterwards.POWER_OFF: "The machine switches itself off in {seconds} seconds.",
}
# With the letters of the kernel's own font, which has no fine space and no typographic apostrophe.
_FRENCH = {
    "title": "Installation de ceBox : {version}, {kind}, compte {account}, site {site}, clé {key}",
    "no_site": "aucun (télétravail)",
    "chosen": "Installation sur {disk}, sous le nom {machine}.",
    "none_free": "Cette machine n'a pas un disque vide et un seul : indiquez lequel prendre.",
    "no_disk": "Cette machine n'a pas de disque. Branchez-en un et appuyez sur Entrée.",
    "too_small": "  (trop petit : il faut {needed})",
    "ask": "Numéro du disque, ou Entrée pour chercher encore :",
    "unknown": "Ce numéro n'existe pas.",
    "lost": "TOUTES LES DONNÉES DE {disk} SERONT PERDUES. Pour continuer, tapez son nom, {name} ; sinon, retour :",
    "kept": "Rien n'a été modifié.",
    "failed": "L'installation a échoué : {error}",
    "again": "Appuyez sur Entrée pour recommencer.",
    "done": "ceBox {version} est installée sur {disk}. RETIREZ LA CLÉ.",
    Content.EMPTY: "vide",
    Content.UNFINISHED: "commencé et non terminé",
    Content.USED: "NON VIDE",
    "external": "externe",
    Step.DIVIDE: "Partition du disque",
    Step.COPY: "Copie du système",
    Step.VERIFY: "Vérification de la copie",
    Step.DATA: "Préparation des données",
    Step.BOOT: "Préparation du démarrage",
    Step.FINISH: "Fin de l'installation",
    Afterwards.REBOOT: "La machine redémarre dans {seconds} secondes.",
    Afterwards.POWER_OFF: "La machine s'éteint dans {seconds} secondes.",
}
TEXTS: Mapping[Language, Mapping[str, str]] = MappingProxyType({Language.ENGLISH: _ENGLISH, Language.FRENCH: _FRENCH})


class Words:
    def __init__(self, language: Language = Language.ENGLISH) -> None:
        self._texts = TEXTS[language]

    def write(self, text: str, **facts: object) -> str:
        return self._texts[text].format(**{name: clean(str(fact)) for name, fact in facts.items()})

    def write_title(self, settings: InstallSettings) -> str:
        return self.write(
            "title",
            version=settings.version,
            kind="WRS" if settings.kind == "wrs" else "ceBox",
            account=settings.account,
            site=settings.site or self._texts["no_site"],
            key=settings.key,
        )

    def list_disks(self, disks: Sequence[Disk], needed_bytes: int) -> str:
        return "\n".join(
            f"  {number}. {self._describe(disk, needed_bytes)}" for number, disk in enumerate(disks, start=1)
        )

    def _describe(self, disk: Disk, needed_bytes: int) -> str:
        parts = [name_disk(disk), self._texts[disk.content]]
        if disk.is_external:
            parts.append(self._texts["external"])
        labels = ", ".join(label for label in disk.labels if label)
        small = self.write("too_small", needed=format_size(needed_bytes)) if disk.size_bytes < needed_bytes else ""
        return clean(" · ".join(parts) + (f" ({labels})" if labels else "")) + small


def name_disk(disk: Disk) -> str:
    return f"{disk.name} ({' '.join(filter(None, (disk.model, format_size(disk.size_bytes))))})"


def format_size(size_bytes: int) -> str:
    """As it is printed on a disk's box."""
    size, unit = float(size_bytes), 0
    while size >= 999.5 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.0f} {_UNITS[unit]}" if size >= 10 or unit == 0 else f"{size:.1f} {_UNITS[unit]}"


def clean(text: str) -> str:
    """What a disk says of itself commands no terminal."""
    return "".join(one if is_printable(one) else "\N{REPLACEMENT CHARACTER}" for one in text)
