"""The rows in the order of the table."""

from . import bus, bus_python, hmr2, hmr2_cuda, light, parts

ALL = [
    *bus.ROWS,
    *bus_python.ROWS,
    *light.ROWS,
    *parts.ROWS,
    *hmr2.ROWS,
    *hmr2_cuda.ROWS,
]
