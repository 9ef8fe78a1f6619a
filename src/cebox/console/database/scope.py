"""Whose rows a repository may see: one account's, or, for the vendor, all. Every repository takes one."""

from dataclasses import dataclass

from sqlalchemy import Column, ColumnElement, true

from cebox.domain.ids import AccountId


@dataclass(frozen=True, slots=True)
class Scope:
    """`account_id` None is the vendor's and the jobs' view of all accounts; spell it `Scope.everything()`."""

    account_id: AccountId | None

    @classmethod
    def account(cls, account_id: AccountId) -> "Scope":
        return cls(account_id)

    @classmethod
    def everything(cls) -> "Scope":
        return cls(None)

    def filter(self, column: Column[str]) -> ColumnElement[bool]:
        """The condition that keeps another account's rows out of a statement."""
        return true() if self.account_id is None else column == self.account_id
