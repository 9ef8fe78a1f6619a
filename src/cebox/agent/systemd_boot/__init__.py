"""A real machine: two slots on partitions, started by systemd-boot, which counts the tries.

What it expects of the system it runs on, all of it below one root folder so that tests can bring their own:

    /dev/disk/by-partlabel/cebox-root-a, -b   the slots
    /efi                                      the EFI system partition, mounted
    /efi/EFI/Linux/cebox_<version>+3.efi      a boot image on trial; without a counter: blessed
    /efi/loader/loader.conf                   its `default` names the release to start
    /sys/firmware/efi/efivars                 the firmware's memory, where it has one
    /run/cebox/slot                           `a` or `b`, written by the initrd that found the slot
    /proc/cmdline                             `cebox.version=` of the running system
    /proc/sys/kernel/random/boot_id           tells one start from every other

One boot image starts either slot: its initrd takes the one whose content fits. So a boot image says which root image it
is made for (`.osrel`), and the boot partition alone says what the slots hold: the running system's entry, and at most
one other, which is the other slot's.

Which of the two starts is the `default` pattern's word, not the order of versions: a release may be lower than the
running one. The pattern matches its release blessed or with tries left, and no longer when they are used up; then the
only other entry starts.
"""
