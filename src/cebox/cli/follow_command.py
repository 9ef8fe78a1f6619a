"""Watching a group command until all its actions rest."""

import sys
import time
from collections.abc import Sequence

from cebox.cli.follow import POLL_SECONDS, Patience, has_ended, leaving_it_running
from cebox.cli.group_words import describe_counts
from cebox.cli.output import remark
from cebox.domain.action import TERMINAL, ActionState
from cebox.protocol.admin import Action, Command
from cebox.protocol.admin_client import AdminClient

_HINT = "cebox device list"


def follow_command(client: AdminClient, command: Command, *, resting: frozenset[ActionState] = frozenset()) -> Command:
    """The command once every action of it has ended or is `resting`; those that wait for a next start count as resting.

    Ctrl-C leaves it running and says so. Raises Unavailable (`console_unreachable`) when the console stays away.
    """
    rests = {*TERMINAL, *resting}
    said = ""
    with leaving_it_running(_HINT):
        patience = Patience()
        while _count_moving(command, rests):
            time.sleep(POLL_SECONDS)
            with patience:
                command = client.get_command(command.id)
                said = _say_once(describe_counts(command), said)
    return command


def follow_trials(client: AdminClient, actions: Sequence[Action]) -> list[Action]:
    """The updates that a reboot finalises, each as it ended."""
    ended = {}
    with leaving_it_running(_HINT):
        patience = Patience()
        left = [action.id for action in actions]
        while left:
            with patience:
                for action_id in list(left):
                    action = client.get_action(action_id)
                    if has_ended(action):
                        ended[action_id] = action
                        left.remove(action_id)
            if left:
                time.sleep(POLL_SECONDS)
    return [ended[action.id] for action in actions]


def _count_moving(command: Command, rests: set[ActionState]) -> int:
    return sum(count for state, count in command.counts.items() if state not in rests)


def _say_once(words: str, said: str) -> str:
    if words != said and sys.stderr.isatty():
        remark(words)
    return words
