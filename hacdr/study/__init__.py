"""Studies: several configs, several seeds, one table."""

from .definition import Entry, Run, Study, read_study
from .execution import execute
from .report import write_report

__all__ = ['Entry', 'Run', 'Study', 'execute', 'read_study', 'write_report']
