"""What all data sets of lesions share: classes, colours, scores."""

import os
import os.path as osp

import numpy as np
import torch
from mmcv.utils import print_log
from mmseg.datasets import DATASETS, CustomDataset
from mmseg.datasets.pipelines import LoadAnnotations
from mmseg.utils import get_root_logger

from hacdr.datasets.classes import choose_classes, count_lesions
from hacdr.datasets.listing import list_images
from hacdr.errors import InputError
from hacdr.evaluation import (
    ImageScores,
    Protocol,
    format_table,
    ground_truth_bits,
    score_image,
    summarise,
    write_probabilities,
)
from hacdr.evaluation.matching import FROC_THRESHOLDS
from hacdr.images import read_map, read_photograph
from hacdr.lesions import CLASSES, IGNORED, PALETTE
from hacdr.preprocess.field_of_view import field_of_view
from hacdr.preprocess.maps import relabel, select_bits


@DATASETS.register_module()
class LesionDataset(CustomDataset):
    """Fundus photographs with label maps of lesions.

    Label values: 0 background, 1 EX (hard exudates), 2 HE (haemorrhages), 3 SE (soft
    exudates), 4 MA (microaneurysms), 255 ignored. Every photograph of the list and its
    label map must be there. mmseg's ``LoadAnnotations`` reads label maps here as all of
    hacdr does, and refuses what does not fit the photograph or the classes.

    ``classes=['background', 'EX']`` trains and scores these classes alone: values are
    counted anew, in the order given, and other lesions are background. Names of which
    the data set has none are new names of its classes, in the order of their values:
    ``classes=['background', 'drusen']`` for label maps of 0 and 1. The network has as
    many classes (``num_classes``).

    Other arguments as mmseg's ``CustomDataset``, and those of the scores:

    Args:
        ground_truth (str): 'labels', the label map, or 'masks', each lesion as the
            experts drew it, from 8-bit images in ``mask_dir`` (bit k for lesion
            k).
        mask_dir (str, optional): below ``data_root``; by default ``ann_dir`` with
            'masks' in place of its last 'labels', where there is such a folder.
            ``LoadPhotograph`` makes its labels of these masks.
        region (str): which pixels count, 'image' for all or 'fov' for those in the
            field of view.
        lesion_level (bool): match lesions one by one too (FROC).
        thresholds (dict[str, float], optional): lesion -> working threshold, chosen
            on other photographs; adds 'Dice@t' to the table.
        save_probabilities (str, optional): folder for small grey images of all
            probabilities.

    Raises:
        InputError: an argument of mmseg's that other label maps than these need, a
            photograph, label map or list is missing, none of the label maps
            to train on has a lesion, other classes than the data set has, an unknown
            ground truth or region, thresholds of other lesions, or masks as the
            ground truth and no folder of them known.
    """

    CLASSES = CLASSES
    PALETTE = PALETTE
    METRICS = ('mAUPR', 'mDice', 'mIoU')

    def __init__(
        self,
        img_suffix='.jpg',
        seg_map_suffix='.png',
        ground_truth='labels',
        mask_dir=None,
        region='image',
        lesion_level=False,
        thresholds=None,
        save_probabilities=None,
        **kwargs,
    ):
        self.protocol = Protocol.of(ground_truth, region, lesion_level)
        if kwargs.get('reduce_zero_label'):
            raise InputError('reduce_zero_label: the background is a class here')
        if kwargs.get('ignore_index', IGNORED) != IGNORED:
            raise InputError(
                f'ignore_index is {kwargs["ignore_index"]}, expected {IGNORED}, the '
                'value of ignored pixels in all label maps'
            )
        super().__init__(img_suffix=img_suffix, seg_map_suffix=seg_map_suffix, **kwargs)
        if thresholds is not None and set(thresholds) != set(self.lesions):
            raise InputError(
                f'thresholds for {", ".join(thresholds)}, expected '
                f'{", ".join(self.lesions)}'
            )
        self.thresholds = thresholds
        self.save_probabilities = save_probabilities
        self.pipeline.transforms = [
            self._replace_loading(step) for step in self.pipeline.transforms
        ]
        if mask_dir is not None:
            self.mask_dir = osp.join(self.data_root or '', mask_dir)
        else:
            self.mask_dir = self._masks_beside_labels()
        if not self.test_mode:
            self._require_lesions()

    @classmethod
    def choose_classes(cls, data_root=None, classes=None, palette=None):
        """Choose classes, see :func:`hacdr.datasets.classes.choose_classes`."""
        return choose_classes(cls.CLASSES, classes, palette, renames=True)

    def get_classes_and_palette(self, classes=None, palette=None):
        """Return names and colours of the classes, see ``CustomDataset``."""
        choice = self.choose_classes(self.data_root, classes, palette)
        self.label_map = choice.label_map
        self.custom_classes = choice.label_map is not None
        return choice.names, choice.palette

    @property
    def lesions(self):
        """Tuple[str, ...]: the classes without the background."""
        return tuple(self.CLASSES[1:])

    @property
    def _lesions_in_files(self):
        return count_lesions(self.label_map)

    def load_annotations(self, img_dir, img_suffix, ann_dir, seg_map_suffix, split):
        """List photographs and label maps, see ``CustomDataset``; all of them exist."""
        images = list_images(img_dir, img_suffix, ann_dir, seg_map_suffix, split)
        print_log(f'Loaded {len(images)} images', logger=get_root_logger())
        return images

    def _replace_loading(self, step):
        if type(step) is not LoadAnnotations:
            return step
        if step.reduce_zero_label:
            raise InputError(
                'LoadAnnotations.reduce_zero_label: the background is a class here'
            )
        return self._load_labels

    def _load_labels(self, results):
        """Do what ``LoadAnnotations`` does, and check it."""
        labels = self._read_labels(results['ann_info'])
        expected = results['img'].shape[:2] if 'img' in results else labels.shape
        if labels.shape != expected:
            raise InputError(
                f'{osp.join(self.ann_dir, results["ann_info"]["seg_map"])}: label map '
                f'of height and width {labels.shape}, expected those of '
                f'{results["filename"]}, {expected}'
            )
        results['gt_semantic_seg'] = labels
        results['seg_fields'].append('gt_semantic_seg')
        return results

    def _read_labels(self, ann_info):
        """Return the label map of the chosen classes, uint8 (H, W)."""
        path = osp.join(self.ann_dir, ann_info['seg_map'])
        values = read_map(path)
        unknown = (values > self._lesions_in_files) & (values != IGNORED)
        if unknown.any():
            raise InputError(
                f'{path}: label map with value {values[unknown][0]}, expected 0 to '
                f'{self._lesions_in_files} or {IGNORED} to ignore'
            )
        return relabel(values, self.label_map)

    def _require_lesions(self):
        """Refuse to train where no label map has a lesion; most often the first has."""
        if self.ann_dir is None or not self.img_infos:
            return
        for info in self.img_infos:
            labels = self._read_labels(info['ann'])
            if ((labels > 0) & (labels != IGNORED)).any():
                return
        values = ', '.join(map(str, np.unique(labels)))
        raise InputError(
            f'{osp.join(self.ann_dir, info["ann"]["seg_map"])}: label map with the '
            f'values {values}, and none of {len(self)} has a lesion; expected '
            + ', '.join(f'{value} {name}' for value, name in enumerate(self.CLASSES))
        )

    def _masks_beside_labels(self):
        masks = None
        if self.ann_dir is not None:
            below = osp.relpath(self.ann_dir, self.root).split(os.sep)
            if 'labels' in below:
                last = len(below) - 1 - below[::-1].index('labels')
                below[last] = 'masks'
                masks = osp.join(self.data_root or '', *below)
        if self.protocol.ground_truth == 'masks':
            if masks is None:
                raise InputError(
                    f"ground_truth='masks': no folder 'labels' in ann_dir "
                    f'{self.ann_dir} to find the masks beside; expected mask_dir'
                )
            return masks
        return masks if masks and osp.isdir(masks) else None

    def pre_pipeline(self, results):
        """Tell the pipeline where the masks are too, see ``CustomDataset``."""
        super().pre_pipeline(results)
        results['mask_prefix'] = self.mask_dir

    @property
    def root(self):
        """str: ``data_root``; if there is none, the working directory."""
        return self.data_root or '.'

    @property
    def photographs(self):
        """list[str]: files of the photographs, below :attr:`root`."""
        paths = [osp.join(self.img_dir, info['filename']) for info in self.img_infos]
        return [osp.relpath(path, self.root) for path in paths]

    @property
    def ground_truths(self):
        """list[str]: files of their label maps or masks, below :attr:`root`."""
        if self.protocol.ground_truth == 'labels':
            return self.label_maps
        return self._maps_below(self.mask_dir)

    @property
    def label_maps(self):
        """list[str]: files of their label maps, below :attr:`root`."""
        return self._maps_below(self.ann_dir)

    def _maps_below(self, folder):
        paths = [osp.join(folder, info['ann']['seg_map']) for info in self.img_infos]
        return [osp.relpath(path, self.root) for path in paths]

    def pre_eval(self, preds, indices):
        """Reduce predictions to scores, one small object for each photograph.

        Args:
            preds (list[np.ndarray] | np.ndarray): for each photograph probabilities
                (num_classes, H, W), or a label map (H, W).
            indices (list[int] | int): which photographs; of data sets that mmseg
                joins (``ConcatDataset``) one at a time.

        Returns:
            list[ImageScores]: the scores.

        Raises:
            InputError: a prediction that does not fit its label map, or a file that
                is missing.
        """
        preds = preds if isinstance(preds, list) else [preds]
        indices = [indices] if isinstance(indices, int) else indices
        return [
            self._score(np.asarray(pred), index) for pred, index in zip(preds, indices)
        ]

    def _score(self, pred, index):
        name = self.img_infos[index]['filename']
        thresholds = None
        if self.protocol.matching is not None:
            own = self.thresholds or {}
            thresholds = [
                [*FROC_THRESHOLDS, *([own[lesion]] if lesion in own else [])]
                for lesion in self.lesions
            ]
        ground_truth = self.ground_truth_of(index)
        scores = score_image(
            pred,
            ground_truth,
            name,
            thresholds,
            torch.get_num_threads(),
            len(self.lesions),
        )
        if self.save_probabilities is not None and pred.ndim == 3:
            stem = osp.splitext(name)[0].replace(os.sep, '_')
            scores.files = write_probabilities(
                self.save_probabilities, stem, pred, self.lesions
            )
        return scores

    def ground_truth_of(self, index):
        """Return the ground truth of a photograph as scores see it.

        Args:
            index (int): which photograph.

        Returns:
            np.ndarray: uint8 (H, W), see :func:`hacdr.evaluation.ground_truth_bits`.

        Raises:
            InputError: mask or photograph is missing or does not fit.
        """
        if self.ann_dir is None:
            raise InputError('a data set without ann_dir: no ground truth to score by')
        info = self.img_infos[index]
        masks = inside = None
        if self.protocol.ground_truth == 'masks':
            masks = read_map(osp.join(self.mask_dir, info['ann']['seg_map']))
        if self.protocol.region == 'fov':
            path = osp.join(self.img_dir, info['filename'])
            inside = field_of_view(read_photograph(path))
        path = osp.join(self.ann_dir, info['ann']['seg_map'])
        label = read_map(path)
        bits = ground_truth_bits(label, masks, inside, path, self._lesions_in_files)
        return select_bits(bits, self.label_map) if self.label_map else bits

    def evaluate(self, results, metric=METRICS, logger=None, gt_seg_maps=None):
        """Print the table of scores and return its figures.

        Args:
            results (list): from :meth:`pre_eval`, or the predictions themselves, in
                the order of the photographs.
            metric (str | Sequence[str]): some of :attr:`METRICS`.
            logger (logging.Logger | str | None): where the table goes, see mmcv.
            gt_seg_maps (None): mmseg's ``ConcatDataset`` passes it beside scores.

        Returns:
            dict[str, float]: 'mAUPR', 'mDice', 'mIoU' as asked for: means over the
            lesions, never over background, undefined ones left out, NaN if all are;
            and 'AUPR.EX', ... for each lesion that is defined.

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
        # Without intervals: other processes wait for the one that computes this.
        summary = self.summarise(results, with_intervals=False)
        print_log('\n' + self.table(summary, len(results), metrics), logger)
        figures = {}
        for name in metrics:
            for lesion, one in summary['figures'][name[1:]].items():
                if lesion == 'mean':
                    mean = one['value']
                    figures[name] = float('nan') if mean is None else mean
                elif one['value'] is not None:
                    figures[f'{name[1:]}.{lesion}'] = one['value']
        return figures

    def summarise(self, scores, **options):
        """Summarise scores, see :func:`hacdr.evaluation.summarise`."""
        return summarise(scores, self.thresholds, lesions=self.lesions, **options)

    def table(self, summary, photographs, metrics):
        """Format a summary.

        Args:
            summary (dict): from :meth:`summarise`.
            photographs (int): how many.
            metrics (Sequence[str]): some of :attr:`METRICS`.

        Returns:
            str: see :func:`hacdr.evaluation.format_table`.

        Raises:
            InputError: mAUPR of label maps.
        """
        names = [name[1:] for name in metrics]
        if 'AUPR' in names and 'AUPR' not in summary['figures']:
            raise InputError(
                'mAUPR needs probabilities, but the model returned label maps; use '
                "LesionEncoderDecoder with test_cfg.output='prob'"
            )
        if self.thresholds is not None:
            names.append('Dice@t')
        return format_table(summary, self.protocol, photographs, names)
