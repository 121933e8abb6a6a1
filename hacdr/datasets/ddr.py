"""DDR, lesion segmentation part."""

from mmseg.datasets import DATASETS

from hacdr.datasets.converted import ConvertedDataset


@DATASETS.register_module()
class DDRDataset(ConvertedDataset):
    """383 training, 149 validation, 225 test photographs (Li et al., 2019)."""

    CONVERTER = 'ddr'
