"""Where log lines go: to people as text, or to machines as one JSON object a line.

Every logger below ``halocast`` is shown. A record may carry ``event``, its kind, and ``data``, what
a machine wants of it (``logger.info(text, extra={"event": …, "data": {…}})``).
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from enum import StrEnum

from rich.console import Console

TEXT_FORMAT = "%(asctime)s  %(message)s"
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"

# events a person is told otherwise: errors by the command line, cycles on a terminal by the bar
FAILED, CYCLE = "failed", "cycle"


class LogFormat(StrEnum):
    """How log lines are written."""

    TEXT = "text"
    JSON = "json"


class JsonFormatter(logging.Formatter):
    """One JSON object a record: time, level, event, text, and what the event has to say."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object, without a line break."""
        return json.dumps(
            {
                "time": datetime.fromtimestamp(record.created, UTC).isoformat("T", "milliseconds"),
                "level": record.levelname.lower(),
                "event": getattr(record, "event", "message"),
                "text": record.getMessage(),
                **getattr(record, "data", {}),
            },
            default=str,
        )


class ConsoleHandler(logging.Handler):
    """Prints records on a console, above a bar where there is one."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self.setFormatter(logging.Formatter(TEXT_FORMAT, TIME_FORMAT))
        told = {FAILED, CYCLE} if console.is_terminal else {FAILED}
        self.addFilter(lambda record: getattr(record, "event", "") not in told)

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        self._console.print(self.format(record), markup=False, soft_wrap=True)


def start_logging(console: Console, log_format: LogFormat) -> None:
    """Send all log lines to the console, or as JSON to standard output.

    With JSON the console falls silent, so that every line of standard output is an object.
    """
    handler: logging.Handler = ConsoleHandler(console)
    if log_format is LogFormat.JSON:
        console.quiet = True
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(JsonFormatter())
    logger = logging.getLogger("halocast")
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
