"""Real machines in QEMU: a disk as an installation leaves it, a computer with UEFI, and what its serial console says.

Software emulation only: a machine that offers virtualisation need not be able to start anything with it.
"""
