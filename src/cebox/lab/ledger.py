"""The proof's ledger: each rule with what was observed, printed as it is found."""

import sys
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Observation:
    rule: str
    statement: str
    is_kept: bool
    facts: str


@dataclass(slots=True)
class Ledger:
    """Collects observations; a rule is broken when one of its observations says so."""

    observations: list[Observation] = field(default_factory=list)

    def note(self, rule: str, statement: str, is_kept: bool, facts: str = "") -> None:
        self.observations.append(Observation(rule, statement, is_kept, facts))
        sys.stdout.write(f"{rule:4} {'kept  ' if is_kept else 'BROKEN'}  {statement}\n")
        if facts:
            sys.stdout.write(f"             {facts}\n")
        sys.stdout.flush()

    @property
    def broken(self) -> list[Observation]:
        return [one for one in self.observations if not one.is_kept]

    @property
    def rules(self) -> set[str]:
        return {one.rule for one in self.observations}
