"""Fixtures of the tests of what lies in deploy/ and of pipelines on several machines: those of the end-to-end tests."""

import importlib.util
import sys
from pathlib import Path

import pytest

END_TO_END = Path(__file__).resolve().parents[1] / "EndToEnd"
sys.path[:0] = [str(Path(__file__).parent), str(END_TO_END)]

_specification = importlib.util.spec_from_file_location("end_to_end_fixtures", END_TO_END / "conftest.py")
_module = importlib.util.module_from_spec(_specification)
_specification.loader.exec_module(_module)
globals().update({name: value for name, value in vars(_module).items() if not name.startswith("_")})


@pytest.fixture(scope="session")
def bundled(tmp_path_factory):
    """The bundle: its archive, and its folder."""
    import bundle

    return bundle.make(tmp_path_factory.mktemp("bundle"))
