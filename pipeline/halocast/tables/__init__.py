"""The paper's experiments as tables: our figures beside the published ones."""

from halocast.tables.carry_out import Result, run_cases
from halocast.tables.cases import Case, Method, load_cases
from halocast.tables.page import write_tables

__all__ = ["Case", "Method", "Result", "load_cases", "run_cases", "write_tables"]
