"""What the person at the box reads, in the language of the machine."""

import os
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from cebox.kit.language import is_french


class Word(StrEnum):
    """`{…}` are filled in by `say`."""

    INSTALLING = "installing"
    INSTALLING_LEFT = "installing_left"
    KEEP_ON = "keep_on"
    RESTART = "restart"
    SHUTDOWN = "shutdown"
    RESTART_NOW = "restart_now"
    SHUTDOWN_NOW = "shutdown_now"
    MAY_POSTPONE = "may_postpone"
    CALLED_OFF = "called_off"


_FRENCH: Mapping[Word, str] = MappingProxyType(
    {
        Word.INSTALLING: "Installation de la version {version} avant l'arrêt : {percent} %",
        Word.INSTALLING_LEFT: "Installation de la version {version} avant l'arrêt : {percent} %, reste {minutes} min",
        Word.KEEP_ON: "La version {version} s'installe avant l'arrêt. Ne débranchez pas le poste, il s'éteindra seul.",
        Word.RESTART: "Ce poste redémarre dans {minutes} min à la demande de votre administrateur. Enregistrez.",
        Word.SHUTDOWN: "Ce poste s'éteint dans {minutes} min à la demande de votre administrateur. Enregistrez.",
        Word.RESTART_NOW: "Ce poste redémarre maintenant, à la demande de votre administrateur.",
        Word.SHUTDOWN_NOW: "Ce poste s'éteint maintenant, à la demande de votre administrateur.",
        Word.MAY_POSTPONE: "Reporter (encore {left} fois) : cebox-agent postpone",
        Word.CALLED_OFF: "Le redémarrage ou l'arrêt annoncé n'a pas lieu.",
    }
)
_ENGLISH: Mapping[Word, str] = MappingProxyType(
    {
        Word.INSTALLING: "Installing version {version} before shutdown: {percent} %",
        Word.INSTALLING_LEFT: "Installing version {version} before shutdown: {percent} %, about {minutes} min left",
        Word.KEEP_ON: "Version {version} is installed before shutdown. Do not pull the plug; it goes off by itself.",
        Word.RESTART: "This machine restarts in {minutes} min, as your administrator asked. Save your work.",
        Word.SHUTDOWN: "This machine goes off in {minutes} min, as your administrator asked. Save your work.",
        Word.RESTART_NOW: "This machine restarts now, as your administrator asked.",
        Word.SHUTDOWN_NOW: "This machine goes off now, as your administrator asked.",
        Word.MAY_POSTPONE: "To postpone ({left} times more): cebox-agent postpone",
        Word.CALLED_OFF: "The announced restart or shutdown does not take place.",
    }
)


def say(word: Word, **values: object) -> str:
    return (_FRENCH if is_french(os.environ) else _ENGLISH)[word].format(**values)
