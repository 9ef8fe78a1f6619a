"""A machine made of files in one folder: no root, no hypervisor.

The folder's contract with whoever plays the power supply (the lab):

    machine.json     slot size, made by `machine.create_machine`
    slot-a.img, slot-b.img
    boot.json        boot entries, the default, and what booted last; the firmware's and the boot loader's
    network.json     {"place": "site" | "away"}: the cable; change it at any time
    people          names of those signed in, written by whoever plays them; without it nobody is
    screen          what they were shown, line by line
    power-request    "shutdown" or "reboot": the button. Write it, then send the agent SIGTERM

Power-on: call `firmware.boot(folder)`, then start the agent process (`agent.main.run_agent`). It ends with 85: power on
again; 86: the power is off; 0: the agent was stopped (SIGTERM without a request) and the machine still runs; anything
else, or a signal: the agent died on a running machine, start the *process* again without the firmware. Pulling the plug
is SIGKILL to the agent, then nothing until the next power-on.
"""
