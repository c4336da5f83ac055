"""The rows in the order of the table."""

from . import bus

ALL = [
    *bus.ROWS,
]
