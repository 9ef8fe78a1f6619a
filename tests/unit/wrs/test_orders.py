"""Orders to the mirror that make no sense are refused before anything happens."""

import msgspec
import pytest

from cebox.errors import InvalidInput
from cebox.protocol.site import PrepareRequest
from cebox.wrs.orders import verify_order

ORDER = PrepareRequest(version="2026.11.1", repository_url="https://repository.example/")


def test_an_order_with_everything_is_accepted() -> None:
    verify_order(ORDER)
    verify_order(
        msgspec.structs.replace(
            ORDER,
            repository_url="http://127.0.0.1:8080/repository",
            reference_time="2026-11-01T08:00:00Z",
            download_bytes_per_second=1,
        )
    )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"version": "11"}, "version_malformed"),
        ({"version": "../2026.11.1"}, "version_malformed"),
        ({"repository_url": ""}, "repository_url_invalid"),
        ({"repository_url": "file:///etc"}, "repository_url_invalid"),
        ({"repository_url": "http://"}, "repository_url_invalid"),
        ({"repository_url": "http://[::1"}, "repository_url_invalid"),
        ({"repository_url": "http://a:99999"}, "repository_url_invalid"),
        ({"reference_time": "yesterday"}, "reference_time_malformed"),
        ({"download_bytes_per_second": 0}, "rate_invalid"),
    ],
)
def test_a_malformed_order_is_refused_with_its_reason(change: dict[str, object], code: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        verify_order(msgspec.structs.replace(ORDER, **change))
    assert raised.value.code == code
