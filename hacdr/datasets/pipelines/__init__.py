"""Transforms for mmseg's pipelines."""

from hacdr.datasets.pipelines.lesion_crop import LesionCrop
from hacdr.datasets.pipelines.local_contrast_normalize import LocalContrastNormalize

__all__ = ['LesionCrop', 'LocalContrastNormalize']
