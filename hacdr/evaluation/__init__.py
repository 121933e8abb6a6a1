"""Scores: numbers in, numbers out."""

from .bootstrap import draw_weights, intervals, resample
from .comparison import check_comparable, compare, format_comparison
from .histogram import Histogram, key_scores, score_keys
from .matching import LesionMatches, froc, match_lesions
from .probabilities import write_probabilities
from .protocol import Protocol
from .results import read_results, write_results
from .scores import (
    Curve,
    ImageScores,
    average_precision,
    best_dice_thresholds,
    figures,
    pooled_curve,
    score_image,
)
from .summary import summarise
from .table import format_table
from .truth import truth_bits

__all__ = [
    'Curve',
    'Histogram',
    'ImageScores',
    'LesionMatches',
    'Protocol',
    'average_precision',
    'best_dice_thresholds',
    'check_comparable',
    'compare',
    'draw_weights',
    'figures',
    'format_comparison',
    'format_table',
    'froc',
    'intervals',
    'key_scores',
    'match_lesions',
    'pooled_curve',
    'read_results',
    'resample',
    'score_image',
    'score_keys',
    'summarise',
    'truth_bits',
    'write_probabilities',
    'write_results',
]
