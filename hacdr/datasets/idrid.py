"""IDRiD, Indian Diabetic Retinopathy Image Dataset, lesion segmentation part."""

from mmseg.datasets import DATASETS

from hacdr.datasets.converted import ConvertedDataset


@DATASETS.register_module()
class IDRiDDataset(ConvertedDataset):
    """54 training and 27 test photographs of 4288x2848 (Porwal et al., 2018).

    Ten fixed training photographs are held out: splits train (44), val (10),
    trainval (54) and test (27).
    """

    CONVERTER = 'idrid'
