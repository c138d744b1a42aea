"""Tables of rows: CSV, NPY and Parquet in blocks, so that memory does not grow with them, and frames in memory."""

from .arrays import as_numbers
from .arrow import import_arrow
from .coded import Coder, label_number
from .frames import Frame, coded_cells, frame_like, frame_of, numbers_of
from .read import Block, Table, block_of, open_table, require_once
from .write import TableWriter, open_writer

__all__ = [
    "Block",
    "Coder",
    "Frame",
    "Table",
    "TableWriter",
    "as_numbers",
    "block_of",
    "coded_cells",
    "frame_like",
    "frame_of",
    "import_arrow",
    "label_number",
    "numbers_of",
    "open_table",
    "open_writer",
    "require_once",
]
