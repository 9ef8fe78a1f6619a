"""`/events`: one stream per open page. An event names what changed; the page fetches that part again.

It carries no content, so it can leak none; it ends at once when the hub closes, and says something every 15 s.
"""

import asyncio
from collections.abc import AsyncIterator

from starlette.responses import Response, StreamingResponse

from cebox.console.devices.service import get_record
from cebox.console.live.hub import Hub, account_topic, device_topic
from cebox.console.web.visit import Visit, page
from cebox.domain.ids import DeviceId

RELEASES = "releases"
BEAT_SECONDS = 15.0
# Several changes in one moment make one event: at most four a second.
_GATHER_SECONDS = 0.25


@page()
async def stream_events(visit: Visit) -> Response:
    """`?device=` listens for one device instead of the whole account. Raises NotFound (`device_unknown`)."""
    topics = [RELEASES]
    if device_id := visit.asked("device"):
        async with visit.console.database.read() as connection:
            record = await get_record(connection, visit.caller.scope, DeviceId(device_id))
        topics.append(device_topic(record.id))
    elif visit.account is not None:
        topics.append(account_topic(visit.account.id))
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_write_events(visit.console.hub, topics), media_type="text/event-stream", headers=headers)


async def _write_events(hub: Hub, topics: list[str]) -> AsyncIterator[str]:
    async with hub.subscribe(*topics) as subscription:
        yield "retry: 2000\nevent: beat\ndata: 0\n\n"
        while not hub.is_closed:
            changed = await subscription.wait(BEAT_SECONDS)
            if not changed:
                yield "event: beat\ndata: 0\n\n"
                continue
            yield f"event: changed\ndata: {' '.join(sorted(changed))}\n\n"
            await asyncio.sleep(_GATHER_SECONDS)
