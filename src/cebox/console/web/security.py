"""The headers of every page: nothing is loaded from elsewhere, nothing inline runs, nobody frames the console."""

from collections.abc import Mapping
from types import MappingProxyType

PAGE_HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": "; ".join(
            (
                "default-src 'none'",
                "script-src 'self'",
                "style-src 'self'",
                "font-src 'self'",
                "img-src 'self'",
                "connect-src 'self'",
                "form-action 'self'",
                "base-uri 'none'",
                "frame-ancestors 'none'",
            )
        ),
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        # A page shows an account's data: no shared cache keeps it, and Back after sign-out shows nothing.
        "Cache-Control": "no-store",
    }
)
