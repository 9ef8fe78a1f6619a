"""ceBox OS as a release: from a list of packages and a few files of our own to a root image and a boot image.

What the system consists of is in the folder `os/` of the sources (`recipe`). `bootstrap` makes the Debian tree,
`compose` what ours differs in, `verity` and `uki` the two images; `build` is the order of it all. Nothing here signs.
"""
