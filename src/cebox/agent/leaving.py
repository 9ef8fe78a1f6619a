"""The work before power goes: say goodbye, then let go. What is reported of it was saved before (`orders`)."""

from cebox.agent.box import Box, Ending


def reboot_machine(box: Box) -> Ending:
    box.say_goodbye()
    box.machine.power.reboot()
    return Ending.REBOOT


def power_off_machine(box: Box) -> Ending:
    box.say_goodbye()
    box.machine.power.power_off()
    return Ending.POWER_OFF
