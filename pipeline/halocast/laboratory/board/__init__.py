"""The scoreboard: every method on the field's problems, beside documented numbers.

boards.yaml     problems, methods, settings, documented numbers and where they are from
boards          reading them
carry_out       a trial a seed, in processes; what is done is not done again
scores          a row's score and how well it is known
page            the page, JSON and CSV
"""

from halocast.laboratory.board.boards import Board, BoardRow, load_boards
from halocast.laboratory.board.carry_out import BoardRun, run_boards
from halocast.laboratory.board.page import write_boards

__all__ = ["Board", "BoardRow", "BoardRun", "load_boards", "run_boards", "write_boards"]
