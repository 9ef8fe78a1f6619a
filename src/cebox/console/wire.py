"""What the bodies of the admin API have in common: answers made from records, lists in pieces, short texts."""

from collections.abc import Callable
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints

from cebox.console.database.paging import Listed
from cebox.domain.version import Version

RecordT = TypeVar("RecordT")
ItemT = TypeVar("ItemT")

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=40)]


def _print_version(value: object) -> object:
    return str(value) if isinstance(value, Version) else value


VersionText = Annotated[str, BeforeValidator(_print_version), StringConstraints(max_length=32)]


class Asked(BaseModel):
    """The body of a request: a field nobody knows is a mistake, and said so."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(BaseModel):
    """The body of an answer, made with `model_validate` from a record with the same names."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Listing(Answer, Generic[ItemT]):
    """One piece of a list. `next`, given as `after`, asks for the following piece; null at the end."""

    items: list[ItemT]
    next: str | None = None


def make_listing(listed: Listed[RecordT], make: Callable[[RecordT], ItemT]) -> Listing[ItemT]:
    return Listing(items=[make(record) for record in listed.items], next=listed.next)


class ProblemBody(BaseModel):
    """Every refusal: `code` is stable, `message` says what is wrong, `hint` what to do."""

    code: str
    message: str
    hint: str = ""
