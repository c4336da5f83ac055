"""The rows in the order of the table."""

from . import bus, light

ALL = [
    *bus.ROWS,
    *light.ROWS,
]
