"""Releases of the workstation variant to prove things with: a person's account in them, and witnesses of the screen."""

from bench.machines.systems import NO_TIMER_CHECK, Family, System
from cebox.lab import plan

_WORDS = (NO_TIMER_CHECK,)
OLD = System(plan.OLD, command_line=_WORDS)
NEW = System(plan.NEW, before=OLD.version, command_line=_WORDS)
WORKSTATIONS = Family("desktops", "workstation", (OLD, NEW), overlays=("overlay", "desktop-overlay"))
PERSON, PASSWORD = "poste", "bonjour"
