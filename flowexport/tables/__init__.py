"""Tables of rows: text, NPY, Parquet and Arrow in blocks, so that memory does not grow with them, and frames."""

from .arrays import as_numbers
from .arrow import import_arrow
from .coded import Coder, label_number
from .dialect import Dialect
from .faults import Faults
from .frames import Frame, coded_cells, frame_like, frame_of, numbers_of
from .part import BLOCK_ROWS, require_once
from .read import Block, Table, block_of, open_table
from .source import ENDINGS, Given, expanded, sources_of
from .write import TableWriter, open_writer

__all__ = [
    "BLOCK_ROWS",
    "ENDINGS",
    "Block",
    "Coder",
    "Dialect",
    "Faults",
    "Frame",
    "Given",
    "Table",
    "TableWriter",
    "as_numbers",
    "block_of",
    "coded_cells",
    "expanded",
    "frame_like",
    "frame_of",
    "import_arrow",
    "label_number",
    "numbers_of",
    "open_table",
    "open_writer",
    "require_once",
    "sources_of",
]
