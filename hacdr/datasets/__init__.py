"""Data sets of fundus photographs with lesions."""

from hacdr.datasets import pipelines
from hacdr.datasets.converted import ConvertedDataset
from hacdr.datasets.ddr import DDRDataset
from hacdr.datasets.idrid import IDRiDDataset
from hacdr.datasets.lesion import LesionDataset

__all__ = [
    'ConvertedDataset',
    'DDRDataset',
    'IDRiDDataset',
    'LesionDataset',
    'pipelines',
]
