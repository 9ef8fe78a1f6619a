"""The files a page needs, served by the console itself; an address holds the file's hash, so a browser may keep it."""

import hashlib
import mimetypes
from functools import cache
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response

STATIC_FOLDER = Path(__file__).parent / "static"
_FOR_EVER = "public, max-age=31536000, immutable"
mimetypes.add_type("font/woff2", ".woff2")


@cache
def asset_address(path: str) -> str:
    """Where the page finds `path`, such as `console.css`. Raises OSError for a file that is not there."""
    digest = hashlib.sha256((STATIC_FOLDER / path).read_bytes()).hexdigest()[:12]
    return f"/static/{path}?v={digest}"


async def serve_asset(request: Request) -> Response:
    path = request.path_params["path"]
    file = (STATIC_FOLDER / path).resolve()
    if not file.is_relative_to(STATIC_FOLDER) or not file.is_file():
        raise HTTPException(404)
    is_current = request.url.query == asset_address(path).partition("?")[2]
    # The style sheet names its font without a hash: those files are asked for again, and found unchanged.
    cache_control = _FOR_EVER if is_current else "no-cache"
    return FileResponse(file, headers={"Cache-Control": cache_control, "X-Content-Type-Options": "nosniff"})
