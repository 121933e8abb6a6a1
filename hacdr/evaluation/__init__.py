"""Scores: numbers in, numbers out."""

from .results import read_results, write_results
from .scores import LESIONS, ImageScores, average_precision, score_image, summarise
from .table import format_table

__all__ = [
    'LESIONS',
    'ImageScores',
    'average_precision',
    'format_table',
    'read_results',
    'score_image',
    'summarise',
    'write_results',
]
