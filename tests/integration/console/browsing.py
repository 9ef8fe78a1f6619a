"""A person at the console's pages without a browser: signs in by the form, sends the form secret as the pages do."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
from starlette.applications import Starlette

from cebox.console.gate import FORM_SECRET_HEADER
from tests.integration.console import office

DIALOG = {"hx-request": "true", "hx-target": "dialog"}


@asynccontextmanager
async def browse(app: Starlette, email: str, password: str = office.PASSWORD) -> AsyncIterator[httpx.AsyncClient]:
    async with office.open_client(app) as client:
        answer = await client.post("/sign-in", data={"email": email, "password": password, "next": "/security"})
        assert answer.status_code == 303, answer.text
        await keep_form_secret(client)
        yield client


async def keep_form_secret(client: httpx.AsyncClient) -> None:
    page = await client.get("/security")
    found = re.search(r'"X-CSRF-Token": "(\w+)"', page.text)
    assert found, page.text
    client.headers[FORM_SECRET_HEADER] = found[1]
