"""The log of a program: one JSON object per line on stderr, ours and the libraries' alike.

What is logged names states, versions and codes; never a token, a key or a password.
"""

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger


def configure_log(**facts: str) -> None:
    """Call once, first of all. `facts` stand in every line of this process, whichever thread writes it."""

    def add_facts(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {**event, **facts}

    steps: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        add_facts,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*steps, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=steps,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("cebox").setLevel(logging.INFO)
