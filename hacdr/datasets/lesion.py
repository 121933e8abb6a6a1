"""What all data sets of lesions share: classes, colours, scores."""

import numpy as np
from mmcv.utils import print_log
from mmseg.datasets import DATASETS, CustomDataset

from hacdr.errors import InputError
from hacdr.evaluation import LESIONS, ImageScores, format_table, score_image, summarise


@DATASETS.register_module()
class LesionDataset(CustomDataset):
    """Fundus photographs with label maps of four lesions.

    Label values: 0 background, 1 EX (hard exudates), 2 HE (haemorrhages), 3 SE (soft
    exudates), 4 MA (microaneurysms), 255 ignored. Arguments as mmseg's
    ``CustomDataset``.
    """

    CLASSES = ('background', *LESIONS)
    PALETTE = [[0, 0, 0], [255, 0, 0], [0, 0, 255], [0, 255, 0], [255, 255, 0]]
    METRICS = ('mAUPR', 'mDice', 'mIoU')

    def __init__(self, img_suffix='.jpg', seg_map_suffix='.png', **kwargs):
        super().__init__(img_suffix=img_suffix, seg_map_suffix=seg_map_suffix, **kwargs)

    def pre_eval(self, preds, indices):
        """Reduce predictions to scores, one small object for each photograph.

        Args:
            preds (list[np.ndarray] | np.ndarray): for each photograph probabilities
                (num_classes, H, W), or a label map (H, W).
            indices (list[int]): which photographs.

        Returns:
            list[ImageScores]: the scores.

        Raises:
            InputError: a prediction that does not fit its label map.
        """
        preds = preds if isinstance(preds, list) else [preds]
        return [
            score_image(
                np.asarray(pred),
                self.get_gt_seg_map_by_idx(index),
                self.img_infos[index]['filename'],
                len(self.CLASSES),
            )
            for pred, index in zip(preds, indices)
        ]

    def evaluate(self, results, metric=METRICS, logger=None):
        """Print the table of scores and return its figures.

        Args:
            results (list): from :meth:`pre_eval`, or the predictions themselves, in
                the order of the photographs.
            metric (str | Sequence[str]): some of :attr:`METRICS`.
            logger (logging.Logger | str | None): where the table goes, see mmcv.

        Returns:
            dict[str, float]: 'mAUPR', 'mDice', 'mIoU' as asked for: means over the
            lesions, never over background, a lesion in no label map left out; and
            'AUPR.EX', ... for each lesion that is not.

        Raises:
            InputError: an unknown metric, or mAUPR of label maps.
        """
        metrics = [metric] if isinstance(metric, str) else list(metric)
        for name in metrics:
            if name not in self.METRICS:
                raise InputError(
                    f'unknown metric {name}, expected some of {", ".join(self.METRICS)}'
                )
        if not isinstance(results[0], ImageScores):
            results = self.pre_eval(list(results), range(len(results)))
        summary = summarise(results)
        if 'mAUPR' in metrics and 'AUPR' not in summary:
            raise InputError(
                'mAUPR needs probabilities, but the model returned label maps; use '
                "LesionEncoderDecoder with test_cfg.output='prob'"
            )
        summary = {name[1:]: summary[name[1:]] for name in metrics}
        print_log('\n' + format_table(summary, len(results)), logger)
        figures = {}
        for name, values in summary.items():
            figures[f'm{name}'] = values['mean']
            for lesion in LESIONS:
                if not np.isnan(values[lesion]):
                    figures[f'{name}.{lesion}'] = values[lesion]
        return figures
