"""One request to a webhook: to a judged address, short, and believed only as far as its status."""

import asyncio
from urllib.parse import urlsplit

import httpx

from cebox.console.deliveries.records import LONGEST_ANSWER, Outcome
from cebox.console.webhooks.addresses import Place, Reach, find_place
from cebox.errors import CeboxError
from cebox.kit.tls import get_tls_context

# The whole request: a receiver that takes longer queues what it is told and answers first.
WHOLE_SECONDS = 10.0
_USER_AGENT = "ceBox-Console"
_GONE = 410


async def post(url: str, body: bytes, headers: dict[str, str], reach: Reach) -> Outcome:
    """2xx is accepted, 410 never asked again; whatever else happens may be otherwise another time."""
    try:
        async with asyncio.timeout(WHOLE_SECONDS):
            place = await find_place(url, reach)
            return await _send(_build_request(url, place, body, headers), place)
    except CeboxError as error:
        return Outcome(False, is_final=not error.is_transient, code=error.code)
    except TimeoutError:
        return Outcome(False, code="webhook_silent")
    except httpx.ConnectError as error:
        code = "webhook_untrusted" if "CERTIFICATE" in str(error).upper() else "webhook_unreachable"
        return Outcome(False, code=code)
    except (httpx.HTTPError, httpx.InvalidURL):
        return Outcome(False, code="webhook_unreachable")


def _build_request(url: str, place: Place, body: bytes, headers: dict[str, str]) -> httpx.Request:
    """To the address that was judged, under the name that was written."""
    parts = urlsplit(url)
    target = httpx.URL(url).copy_with(host=place.address)
    all_headers = {
        "host": parts.netloc,
        "content-type": "application/json",
        "user-agent": _USER_AGENT,
        # A page of errors need not be unpacked.
        "accept-encoding": "identity",
        **headers,
    }
    return httpx.Request("POST", target, content=body, headers=all_headers, extensions={"sni_hostname": place.host})


async def _send(request: httpx.Request, place: Place) -> Outcome:
    # No proxy of the environment and no redirect: either would lead elsewhere than where was looked.
    client = httpx.AsyncClient(
        verify=get_tls_context() if place.is_tls else False,
        trust_env=False,
        follow_redirects=False,
        timeout=WHOLE_SECONDS,
    )
    async with client:
        response = await client.send(request, stream=True)
        try:
            answer = await _read_start(response)
        finally:
            await response.aclose()
    said = f"{response.status_code} {answer}".strip()
    if response.is_success:
        return Outcome(True, answer=said)
    if response.is_redirect:
        return Outcome(False, code="webhook_redirects", answer=said)
    return Outcome(False, is_final=response.status_code == _GONE, code="webhook_refused", answer=said)


async def _read_start(response: httpx.Response) -> str:
    start = b""
    async for chunk in response.aiter_raw(LONGEST_ANSWER):
        start += chunk
        if len(start) >= LONGEST_ANSWER:
            break
    return start[:LONGEST_ANSWER].decode("utf-8", "replace")
