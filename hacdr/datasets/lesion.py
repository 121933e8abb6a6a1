from mmseg.datasets import DATASETS, CustomDataset


@DATASETS.register_module()
class LesionDataset(CustomDataset):
    """Stand-in."""

    CLASSES = ('background', 'EX', 'HE', 'SE', 'MA')
    PALETTE = [[0, 0, 0], [255, 0, 0], [0, 0, 255], [0, 255, 0], [255, 255, 0]]
