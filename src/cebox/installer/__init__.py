"""The program that runs when a machine was started from an installation key: it makes a ceBox or a WRS of it.

`disks` sees what is there, `choice` picks the one empty disk or nobody's, `layout` says where what goes, `installation`
does it. Nothing is mounted: all is written into the disk by offsets, so that a plain file is a disk as well.
"""
