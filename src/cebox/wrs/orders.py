"""What an order to the mirror must look like, checked before anything is saved or fetched."""

from urllib.parse import urlsplit

from cebox.domain.version import Version
from cebox.errors import InvalidInput
from cebox.protocol.site import PrepareRequest
from cebox.wrs.reference_clock import parse_reference_time


def verify_order(request: PrepareRequest) -> None:
    """Raises InvalidInput (`version_malformed`, `repository_url_invalid`, `rate_invalid`,
    `reference_time_malformed`).
    """
    Version.parse(request.version)
    if request.reference_time:
        parse_reference_time(request.reference_time)
    if not _is_http_url(request.repository_url):
        raise InvalidInput("repository_url_invalid", f"{request.repository_url!r} is not the address of a repository")
    if request.download_bytes_per_second is not None and request.download_bytes_per_second <= 0:
        raise InvalidInput("rate_invalid", "a download rate is above 0, or left out for no limit")


def _is_http_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
