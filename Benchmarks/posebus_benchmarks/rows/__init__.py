"""The rows in the order of the table."""

from . import bus, bus_python, light, parts

ALL = [
    *bus.ROWS,
    *bus_python.ROWS,
    *light.ROWS,
    *parts.ROWS,
]
