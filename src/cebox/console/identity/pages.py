"""All pages about who is asking: signing in, one's own sign-in, who else works here, links that let somebody in."""

from starlette.routing import BaseRoute

from cebox.console.identity import link_pages, oidc_pages, security_pages, sign_in_pages, user_pages


def build_routes() -> list[BaseRoute]:
    rooms = (sign_in_pages, oidc_pages, link_pages, security_pages, user_pages)
    return [route for room in rooms for route in room.build_routes()]
