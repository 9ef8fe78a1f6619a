"""Which of our two languages a person reads."""

from collections.abc import Mapping

_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")
_NO_LANGUAGE = ("", "C", "POSIX", "C.UTF-8")


def is_french(environment: Mapping[str, str]) -> bool:
    """As programs choose: LANGUAGE first, but not for those who want no language at all."""
    chosen = next((value for name in _VARIABLES if (value := environment.get(name))), "")
    if chosen not in _NO_LANGUAGE:
        chosen = environment.get("LANGUAGE") or chosen
    return chosen.startswith("fr")
