"""The report: a run's story in one HTML page, and the one picture of it."""

from halocast.report.cover import write_picture
from halocast.report.page import build_page, write_report

__all__ = ["build_page", "write_picture", "write_report"]
