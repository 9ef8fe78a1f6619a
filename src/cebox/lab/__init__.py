"""The lab: virtual machines, the demo and the proof, the whole procedure on one machine.

`machine` is one virtual computer (firmware, power, processes), `control` its remote power button, `images` makes small
releases from real files, `cloud` runs the console and a counting repository server, `world` fills them with accounts
and boxes, `demo` keeps them alive for a person, `once` carries the procedure out and proves the rules.
"""
