"""Installation keys as sticks: a bootable image with a signed release, and what a machine installed from it will be.

    1 MiB            partition table
    cebox-key-esp    EFI/BOOT/BOOTX64.EFI     the release's own boot image, which starts key and box alike
                     loader/credentials/…     its stub hands this file to the initrd: started from a key
                     cebox/                   settings of the installation, trust anchor, signed manifest
    cebox-key        the release's root image
    1 MiB            partition table again

`stick` lays it out and reads it as a stream; `release_source` gets what goes onto it; `contents` is what makers and
the installer both know of its files. `partition_table` and `fat` serve the installer's disks too.
"""
