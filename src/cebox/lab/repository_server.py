"""The cloud's static repository over HTTP, with a counter of every byte it sent: evidence, not a product.

Production serves the same folder with nginx, an object store or a CDN.
"""

import argparse
import asyncio
import json
from collections import Counter
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COUNTERS_PATH = "/counters"
REPOSITORY_PATH = "/repository"


class CountSentBytes:
    """Counts body bytes per kind of file: `blobs`, `metadata`, `targets`. Each answer keeps to `bytes_per_second`."""

    def __init__(self, app: ASGIApp, bytes_per_second: int | None) -> None:
        self.app = app
        self.bytes_per_second = bytes_per_second
        self.sent: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def count(message: Message) -> None:
            if message["type"] == "http.response.body":
                size = len(message.get("body", b""))
                self.sent[scope["path"].removeprefix(REPOSITORY_PATH).split("/")[1]] += size
                if self.bytes_per_second:
                    await asyncio.sleep(size / self.bytes_per_second)
            await send(message)

        await self.app(scope, receive, count if scope["type"] == "http" else send)


def build_app(folder: Path, bytes_per_second: int | None = None) -> Starlette:
    files = CountSentBytes(StaticFiles(directory=folder), bytes_per_second)

    def show_counters(_request: Request) -> Response:
        return JSONResponse(dict(files.sent))

    return Starlette(routes=[Route(COUNTERS_PATH, show_counters), Mount(REPOSITORY_PATH, files)])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("--bytes-per-second", type=int, help="a slow line")
    arguments = parser.parse_args()
    uvicorn.run(
        build_app(arguments.folder, arguments.bytes_per_second),
        host="127.0.0.1",
        port=arguments.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=1,
    )


def parse_counters(content: bytes) -> dict[str, int]:
    return {str(name): int(value) for name, value in json.loads(content).items()}


if __name__ == "__main__":
    main()
