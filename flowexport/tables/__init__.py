"""Tables of rows: CSV, NPY and Parquet, read and written in blocks, so that memory does not grow with them."""

from .coded import Coder
from .read import Block, Table, open_table
from .write import TableWriter, open_writer

__all__ = ["Block", "Coder", "Table", "TableWriter", "open_table", "open_writer"]
