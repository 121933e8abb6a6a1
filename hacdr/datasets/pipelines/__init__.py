"""Transforms for mmseg's pipelines."""

from hacdr.datasets.pipelines.cut_context import CutContext
from hacdr.datasets.pipelines.fast_photometric_distortion import (
    FastPhotoMetricDistortion,
)
from hacdr.datasets.pipelines.fundus_crop import FundusCrop
from hacdr.datasets.pipelines.lesion_crop import LesionCrop
from hacdr.datasets.pipelines.load_photograph import LoadPhotograph
from hacdr.datasets.pipelines.local_contrast_normalize import LocalContrastNormalize
from hacdr.datasets.pipelines.normalize_and_format import NormalizeAndFormat
from hacdr.datasets.pipelines.random_gain_offset import RandomGainOffset
from hacdr.datasets.pipelines.random_quarter_turn import RandomQuarterTurn

__all__ = [
    'CutContext',
    'FastPhotoMetricDistortion',
    'FundusCrop',
    'LesionCrop',
    'LoadPhotograph',
    'LocalContrastNormalize',
    'NormalizeAndFormat',
    'RandomGainOffset',
    'RandomQuarterTurn',
]
