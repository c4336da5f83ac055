"""The rows in the order of the table."""

from . import bus, bus_python, gateway, hmr2, hmr2_cuda, light, parts

ALL = [
    *bus.ROWS,
    *bus_python.ROWS,
    *light.ROWS,
    *parts.ROWS,
    *gateway.ROWS,
    *hmr2.ROWS,
    *hmr2_cuda.ROWS,
]
