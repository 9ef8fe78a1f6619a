"""The site's server (WRS): mirrors one release, serves it to the LAN, signs what the site runs."""
