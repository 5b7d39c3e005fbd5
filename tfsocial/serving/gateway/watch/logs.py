"""A line of JSON a request; never a text."""

from __future__ import annotations

import logging
import sys

import structlog

from tfsocial.serving.gateway.guard import Seen


def setup() -> None:
    """Write the gateway's log as JSON lines to standard error."""
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def seen(request: Seen) -> None:
    """Write a request down: who, what, how long; 5xx as errors."""
    values = {key: value for key, value in vars(request).items() if value not in ("", 0)}
    values["seconds"] = round(request.seconds, 5)
    log = structlog.get_logger()
    (log.error if request.status >= 500 else log.info)("request", **values)
