"""Scores: numbers in, numbers out."""

from .bootstrap import draw_weights, intervals, resample
from .comparison import (
    check_comparable,
    compare,
    format_comparison,
    keep_common,
)
from .ground_truth import ground_truth_bits
from .histogram import Histogram, key_scores, score_keys
from .matching import LesionMatches, froc, match_lesions
from .metrics import (
    Curve,
    average_precision,
    best_dice_thresholds,
    figures,
    pooled_curve,
)
from .probabilities import write_probabilities
from .protocol import Protocol
from .results import SPLITS, read_content, read_results, results_name, write_results
from .scores import ImageScores, score_image
from .summary import summarise
from .table import format_table

__all__ = [
    'SPLITS',
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
    'ground_truth_bits',
    'intervals',
    'keep_common',
    'key_scores',
    'match_lesions',
    'pooled_curve',
    'read_content',
    'read_results',
    'resample',
    'results_name',
    'score_image',
    'score_keys',
    'summarise',
    'write_probabilities',
    'write_results',
]
