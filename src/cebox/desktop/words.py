"""What the window says, in the language of the session."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Word(StrEnum):
    """`{…}` are filled in by `Words.write`."""

    RESTART = "restart"
    SHUTDOWN = "shutdown"
    RESTARTS_IN = "restarts_in"
    GOES_OFF_IN = "goes_off_in"
    RESTARTS_NOW = "restarts_now"
    GOES_OFF_NOW = "goes_off_now"
    SAVE = "save"
    HOURS = "hours"
    MINUTES = "minutes"
    SECONDS = "seconds"
    POSTPONE = "postpone"
    OFTEN = "often"
    ONCE = "once"
    NO_MORE = "no_more"
    CLOSE = "close"
    CALLED_OFF = "called_off"
    NOT_POSTPONED = "not_postponed"


_FRENCH: Mapping[Word, str] = MappingProxyType(
    {
        Word.RESTART: "Redémarrage de ce poste",
        Word.SHUTDOWN: "Arrêt de ce poste",
        Word.RESTARTS_IN: "Ce poste redémarre dans {time}.",
        Word.GOES_OFF_IN: "Ce poste s’éteint dans {time}.",
        Word.RESTARTS_NOW: "Ce poste redémarre maintenant.",
        Word.GOES_OFF_NOW: "Ce poste s’éteint maintenant.",
        Word.SAVE: "Votre administrateur l’a demandé. Enregistrez votre travail.",
        Word.HOURS: "{hours} h {minutes:02}",
        Word.MINUTES: "{minutes} min {seconds:02} s",
        Word.SECONDS: "{seconds} s",
        Word.POSTPONE: "Reporter de {time}",
        Word.OFTEN: "Vous pouvez reporter encore {left} fois.",
        Word.ONCE: "Vous pouvez reporter encore une fois.",
        Word.NO_MORE: "Il n’est plus possible de reporter.",
        Word.CLOSE: "Fermer",
        Word.CALLED_OFF: "Finalement, il n’a pas lieu.",
        Word.NOT_POSTPONED: "Le report n’a pas été accepté.",
    }
)
_ENGLISH: Mapping[Word, str] = MappingProxyType(
    {
        Word.RESTART: "Restart of this machine",
        Word.SHUTDOWN: "Shutdown of this machine",
        Word.RESTARTS_IN: "This machine restarts in {time}.",
        Word.GOES_OFF_IN: "This machine goes off in {time}.",
        Word.RESTARTS_NOW: "This machine restarts now.",
        Word.GOES_OFF_NOW: "This machine goes off now.",
        Word.SAVE: "Your administrator asked for it. Save your work.",
        Word.HOURS: "{hours} h {minutes:02} min",
        Word.MINUTES: "{minutes} min {seconds:02} s",
        Word.SECONDS: "{seconds} s",
        Word.POSTPONE: "Postpone by {time}",
        Word.OFTEN: "You can postpone it {left} more times.",
        Word.ONCE: "You can postpone it once more.",
        Word.NO_MORE: "It can no longer be postponed.",
        Word.CLOSE: "Close",
        Word.CALLED_OFF: "It does not take place after all.",
        Word.NOT_POSTPONED: "It was not postponed.",
    }
)
_MINUTE, _HOUR = 60, 3600


class Words:
    def __init__(self, *, is_french: bool) -> None:
        self._texts = _FRENCH if is_french else _ENGLISH

    def write(self, word: Word, **values: object) -> str:
        return self._texts[word].format(**values)

    def write_time(self, seconds: float) -> str:
        """As a person reads it off a clock that counts down."""
        whole = max(0, round(seconds))
        if whole >= _HOUR:
            return self.write(Word.HOURS, hours=whole // _HOUR, minutes=whole % _HOUR // _MINUTE)
        if whole >= _MINUTE:
            return self.write(Word.MINUTES, minutes=whole // _MINUTE, seconds=whole % _MINUTE)
        return self.write(Word.SECONDS, seconds=whole)

    def write_span(self, seconds: int) -> str:
        """A length of time that somebody has set: it is in whole minutes."""
        minutes = max(1, round(seconds / _MINUTE))
        if minutes * _MINUTE >= _HOUR:
            return self.write(Word.HOURS, hours=minutes // _MINUTE, minutes=minutes % _MINUTE)
        return f"{minutes} min"
