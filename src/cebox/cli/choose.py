"""Things are named by their name or their id; a name that fits none is answered with those that come near."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Protocol, TypeVar

from cebox.errors import InvalidInput, NotFound


class Named(Protocol):
    @property
    def id(self) -> str: ...

    @property
    def name(self) -> str: ...


Thing = TypeVar("Thing", bound=Named)
_MOST_NEAR = 4


def choose(words: str, things: Sequence[Thing], *, kind: str) -> Thing:
    """The one thing that `words` names: its id, its name, or its name in other capitals.

    `kind` is a noun such as `device`. Raises NotFound (`device_unknown`, …) or InvalidInput (`device_ambiguous`, …).
    """
    for fits in (
        [thing for thing in things if thing.id == words],
        [thing for thing in things if thing.name == words],
        [thing for thing in things if thing.name.casefold() == words.casefold()],
    ):
        if len(fits) == 1:
            return fits[0]
        if fits:
            raise InvalidInput(
                f"{kind}_ambiguous",
                f"{len(fits)} {kind}s are called {words!r}",
                hint="Name one by its id: " + ", ".join(thing.id for thing in fits[:_MOST_NEAR]),
            )
    raise NotFound(f"{kind}_unknown", f"there is no {kind} {words!r}", hint=_hint_near(words, things, kind))


def _hint_near(words: str, things: Sequence[Named], kind: str) -> str:
    names = {thing.name.casefold(): thing.name for thing in things}
    asked = words.casefold()
    near = [name for folded, name in names.items() if asked and asked in folded]
    near += [names[folded] for folded in get_close_matches(asked, names, n=_MOST_NEAR) if names[folded] not in near]
    if near:
        return f"Did you mean: {', '.join(near[:_MOST_NEAR])}?"
    return f"List them with: cebox {kind} list"
