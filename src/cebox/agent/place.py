"""Where this box is, as far as it can tell without asking anybody."""

from cebox.agent.box import Box
from cebox.domain.device import Place


def find_place(box: Box) -> Place:
    """By its addresses; where they do not tell, by whether the site's WRS answered the last time."""
    site = box.facts.site
    if site is None:
        return Place.AWAY
    place = box.machine.location.find_place(site)
    if place is None:
        return Place.SITE if box.live.wrs_reachable else Place.AWAY
    return place
