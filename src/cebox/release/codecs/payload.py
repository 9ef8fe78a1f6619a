"""What all codecs share."""

from cebox.errors import Untrusted

Content = bytes | bytearray | memoryview


def undecodable(why: str) -> Untrusted:
    return Untrusted("payload_undecodable", f"a part of the patch cannot be decoded: {why}")
