"""The report: a run's story in one HTML page, and the one picture of it."""

from halocast.report.page import build_page, write_page

__all__ = ["build_page", "write_page"]
