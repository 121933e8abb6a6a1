"""One HTML page of a test: figures, curves, and every photograph to look at."""

from .page import write_report

__all__ = ['write_report']
