"""Tables of rows: CSV, NPY and Parquet in blocks, so that memory does not grow with them, and frames in memory."""

from .arrays import as_numbers
from .coded import Coder, label_number
from .frames import Frame, coded_cells, frame_like, frame_of, numbers_of
from .read import Block, Table, open_table
from .write import TableWriter, open_writer

__all__ = [
    "Block",
    "Coder",
    "Frame",
    "Table",
    "TableWriter",
    "as_numbers",
    "coded_cells",
    "frame_like",
    "frame_of",
    "label_number",
    "numbers_of",
    "open_table",
    "open_writer",
]
