"""Imports of libraries that a piece of public code names and that what we run of it never uses."""

import importlib.abc
import importlib.machinery
from unittest.mock import MagicMock


class Nothing(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports of the named modules, and of all below them, succeed and give nothing."""

    def __init__(self, names):
        self.names = names

    def find_spec(self, name, path=None, target=None):
        if any(name == unused or name.startswith(f"{unused}.") for unused in self.names):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        module = MagicMock(name=spec.name)
        module.__spec__, module.__path__ = spec, []
        return module

    def exec_module(self, module):
        pass
