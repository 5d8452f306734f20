"""One line of JSON per event: control characters are escaped, so a line can never be forged."""

import json
import logging
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

# Which request a line belongs to; set by the middleware, empty outside requests.
REQUEST_ID: ContextVar[str] = ContextVar("request_id", default="")


class JsonFormatter(logging.Formatter):
    """Time, level, logger and message, plus whatever `extra={"data": {...}}` carries."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **({"request_id": REQUEST_ID.get()} if REQUEST_ID.get() else {}),
            **getattr(record, "data", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=True, default=str)


class TextFormatter(logging.Formatter):
    """The same for people; escapes what could move a terminal's cursor or start a new line. The
    lines of a traceback are indented: none of them can pass for an event.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        line = super().formatMessage(record)
        if REQUEST_ID.get():
            line = f"{line} [{REQUEST_ID.get()}]"
        return _escaped(line)

    def formatException(self, ei: Any) -> str:  # noqa: N802
        lines = super().formatException(ei).split("\n")
        return "\n".join(f"  {_escaped(line)}" for line in lines)


def _escaped(line: str) -> str:
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


class Unexpected(logging.Filter):
    """Lets pass what nobody meant to answer: a 503 is back-pressure, said on purpose."""

    def filter(self, record: logging.LogRecord) -> bool:
        return getattr(record, "status_code", None) != 503 or bool(record.exc_info)


def configuration(level: str, line_format: str, file: str) -> dict[str, Any]:
    """Django's LOGGING: standard error always, and a file that log rotation may move away."""
    handlers: dict[str, Any] = {
        "standard_error": {"class": "logging.StreamHandler", "formatter": line_format}
    }
    if file:
        handlers["file"] = {
            "class": "logging.handlers.WatchedFileHandler",
            "filename": file,
            "formatter": line_format,
        }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "text": {
                "()": "aliceproject.logs.TextFormatter",
                "format": "%(asctime)s %(levelname)-7s %(name)s: %(message)s",
            },
            "json": {"()": "aliceproject.logs.JsonFormatter"},
        },
        "filters": {"unexpected": {"()": "aliceproject.logs.Unexpected"}},
        "handlers": handlers,
        "root": {"handlers": list(handlers), "level": level.upper()},
        # django-q says one line per wake-up, and Django one per 4xx we answered on purpose.
        "loggers": {
            "django-q": {"level": "WARNING"},
            "django.request": {"level": "ERROR", "filters": ["unexpected"]},
            "daphne": {"level": "WARNING"},
            # A line at every sign-in about attempts that ran out; the audit log tells of them.
            "axes": {"level": "WARNING"},
        },
    }
