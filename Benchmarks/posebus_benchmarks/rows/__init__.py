"""The rows in the order of the table."""

from . import bus, bus_python, gateway, growth, hmr2, hmr2_cuda, light, parts

ALL = [
    *bus.ROWS,
    *bus_python.ROWS,
    *light.ROWS,
    *parts.ROWS,
    *gateway.ROWS,
    *growth.ROWS,
    *hmr2.ROWS,
    *hmr2_cuda.ROWS,
]
