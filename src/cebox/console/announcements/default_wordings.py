"""What the product says of each kind of announcement where the vendor wrote nothing of its own."""

from collections.abc import Mapping
from types import MappingProxyType

from cebox.console.web.words import Language
from cebox.domain.announcement import AnnouncementKind
from cebox.domain.wording import Wording

DEFAULT_WORDINGS: Mapping[tuple[AnnouncementKind, Language], Wording] = MappingProxyType(
    {
        (AnnouncementKind.RELEASE, "fr"): Wording(
            "La version {version} est disponible",
            "La version **{version}** de ceBox OS est disponible.\n\n{notes}\n\n"
            "## Composants qui changent\n\n{changes}\n\n## Pour la tester\n\n"
            "Avec le tag de version qui vous est remis\u00a0: mettez à jour le WRS, redémarrez-le, "
            "puis faites de même avec les ceBox choisies. Les ceBox en télétravail se mettent à jour directement.",
        ),
        (AnnouncementKind.RELEASE, "en"): Wording(
            "Version {version} is available",
            "Version **{version}** of ceBox OS is available.\n\n{notes}\n\n## Components that change\n\n{changes}\n\n"
            "## To test it\n\nWith the version tag you are given: update the WRS, restart it, then do the same with "
            "the ceBox you choose. ceBox in telework update directly.",
        ),
        (AnnouncementKind.WITHDRAWAL, "fr"): Wording(
            "La version {version} est retirée",
            "La version **{version}** est retirée\u00a0: plus aucune mise à jour ne la prend. "
            "Les machines qui l’exécutent continuent de fonctionner\u202f; une version corrigée vous sera annoncée.",
        ),
        (AnnouncementKind.WITHDRAWAL, "en"): Wording(
            "Version {version} is withdrawn",
            "Version **{version}** is withdrawn: no update takes it any more. "
            "The machines that run it go on working; a corrected version will be announced to you.",
        ),
        (AnnouncementKind.MIGRATION, "fr"): Wording(
            "Votre compte est passé de {from} à {to}",
            "La version officielle de votre compte est maintenant **{to}**. Vous pouvez mettre à jour tout le parc, "
            "sans tag, dans cet ordre\u00a0:\n\n1. mettre à jour le WRS\n2. redémarrer le WRS\n"
            "3. mettre à jour les ceBox\n4. redémarrer les ceBox\n\n{keys}",
        ),
        (AnnouncementKind.MIGRATION, "en"): Wording(
            "Your account moved from {from} to {to}",
            "The official version of your account is now **{to}**. You can update the whole fleet, without a tag, "
            "in this order:\n\n1. update the WRS\n2. restart the WRS\n3. update the ceBox\n"
            "4. restart the ceBox\n\n{keys}",
        ),
        (AnnouncementKind.INFRASTRUCTURE, "fr"): Wording(
            "Console et APIs\u00a0: mise à jour le {day}",
            "La console d’administration et les APIs seront mises à jour le **{date}**. "
            "Vos ceBox continuent de fonctionner normalement pendant ce temps.\n\n## Nouvelles fonctionnalités\n\n- …",
        ),
        (AnnouncementKind.INFRASTRUCTURE, "en"): Wording(
            "Console and APIs: update on {day}",
            "The administration console and the APIs will be updated on **{date}**. "
            "Your ceBox go on working normally meanwhile.\n\n## New features\n\n- …",
        ),
        (AnnouncementKind.MESSAGE, "fr"): Wording("Message de l’éditeur", "Bonjour,\n\n…"),
        (AnnouncementKind.MESSAGE, "en"): Wording("Message from the vendor", "Hello,\n\n…"),
    }
)
