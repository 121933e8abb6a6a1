"""Lets the tests of all model folders import ``released``."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
