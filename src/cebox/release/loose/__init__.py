"""Patch files that lie on a disk without repository or signature: for measuring and for laboratories."""
