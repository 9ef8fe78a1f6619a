"""Disk images of systems: read, made from a tree, and laid out so that a small change stays small."""
