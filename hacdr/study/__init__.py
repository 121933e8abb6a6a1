"""Studies: several configs, several seeds, one table."""

from .definition import Entry, Run, Study, read_study, require_lists
from .execution import execute
from .table import write_table

__all__ = [
    'Entry',
    'Run',
    'Study',
    'execute',
    'read_study',
    'require_lists',
    'write_table',
]
