"""What every part of the proof works with: the world, its releases, sticks and networks, and where findings go."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench.measures import Measures
from cebox.domain.version import Version
from cebox.lab import plan
from cebox.lab.hands import Hands
from cebox.lab.ledger import Ledger
from cebox.lab.plan import PlannedUser
from cebox.lab.vm.guest import PATIENCE_SECONDS, PLAIN, Guest, Model
from cebox.lab.vm.lan import Lan
from cebox.lab.vm.sticks import StickMaker, Wanted
from cebox.lab.world import World
from cebox.protocol.admin import Account
from cebox.release.manifest import Manifest

# A machine in an emulator takes its time, and needs the processor more than the console does.
LOOK_EVERY_SECONDS = 0.5


@dataclass(slots=True)
class Stage:
    """Parts of the proof run in threads side by side: what they share is guarded by `lock`."""

    world: World
    manifests: tuple[Manifest, ...]
    sticks: StickMaker
    lan: Lan
    ledger: Ledger
    measures: Measures
    lock: threading.Lock = field(default_factory=threading.Lock)
    guests: list[Guest] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)

    @property
    def old(self) -> Version:
        return self.manifests[0].version

    @property
    def new(self) -> Version:
        return self.manifests[1].version

    @property
    def bad(self) -> Version:
        return self.manifests[2].version

    def open_hands(self, user: PlannedUser = plan.NORD_ADMIN, *, starts: int = 1) -> Hands:
        """With patience for so many starts of a machine, one after the other."""
        with self.lock:
            console = self.world.office.open_console(user)
            return Hands(console, patience_seconds=starts * PATIENCE_SECONDS, every_seconds=LOOK_EVERY_SECONDS)

    def get_account(self, hands: Hands) -> Account:
        return hands.console.list_accounts()[0]

    def make_stick(self, hands: Hands, wanted: Wanted, account: Account | None = None) -> Path:
        """Of the person's own account, unless it is said which one."""
        with self.lock:
            return self.sticks.make(hands.console, account or self.get_account(hands), wanted)

    def install(self, guest: Guest, hands: Hands, wanted: Wanted, account: Account | None = None) -> None:
        """What a key does to an empty disk, without starting a machine for it."""
        stick = self.make_stick(hands, wanted, account)
        guest.install_from_outside(stick)
        stick.unlink()

    def open_account(self, operator: Hands, name: str, tag: str) -> Account:
        """A customer on the old version, to whom `tag` gives the new one."""
        account = operator.console.create_account(name, str(self.old))
        operator.console.hand_out_tag(tag, str(self.new), [account.id], "")
        return account

    def add_guest(self, name: str, *, netdev: str = "user", model: Model = PLAIN) -> Guest:
        with self.lock:
            number = len(self.guests) + 1
            guest = Guest(name, self.world.folder / "guests", number, netdev, model)
            self.guests.append(guest)
            return guest

    def note(self, rule: str, statement: str, is_kept: bool, facts: str = "") -> None:
        with self.lock:
            minutes, seconds = divmod(int(time.monotonic() - self.began), 60)
            self.ledger.note(rule, f"{minutes:02}:{seconds:02} {statement}", is_kept, facts)

    def measure(self, name: str, value: float | None, unit: str, goal: str | None = None, note: str = "") -> None:
        with self.lock:
            self.measures.add(name, value, unit, goal, note)


Part = Callable[[Stage], None]
