"""Datasets in the layout that ``hacdr convert`` writes."""

import os.path as osp
from contextlib import contextmanager

from mmseg.datasets import DATASETS

from hacdr.datasets.lesion import LesionDataset
from hacdr.errors import InputError
from hacdr.images import read_map, read_photograph


@DATASETS.register_module()
class ConvertedDataset(LesionDataset):
    """Any converted data set, checked when it is opened.

    Every photograph and label map of the split must be there; one that cannot be
    decoded is named when it is loaded. Arguments as mmseg's ``CustomDataset``,
    with the paths as converted: ``img_dir='images/train'``,
    ``ann_dir='labels/train'``, ``split='splits/train.txt'``; where photographs are
    PNG, ``img_suffix='.png'``.

    Raises:
        InputError: ``data_root`` is not a converted data set, or one of another
            layout; or a photograph or label map of the split is missing.
    """

    CONVERTER = 'NAME'
    """str: what ``hacdr convert`` calls the data set."""

    def load_annotations(self, img_dir, img_suffix, ann_dir, seg_map_suffix, split):
        """List the photographs, see ``CustomDataset``; all of them exist."""
        # Late: converting needs packages that importing hacdr does without.
        from hacdr.conversion import layout

        # Somebody may have put a set of this layout together by hand.
        if osp.isfile(osp.join(self.data_root or '.', layout.MANIFEST)):
            layout.read_current_manifest(self.data_root or '.')
        for path in (img_dir, ann_dir, split):
            if path is not None and not self.file_client.exists(path):
                raise InputError(
                    f'{path}: not found, expected a converted data set; make it '
                    f'with: hacdr convert {self.CONVERTER} DOWNLOAD -o '
                    f'{self.data_root or "DATA_ROOT"}'
                )
        img_infos = super().load_annotations(
            img_dir, img_suffix, ann_dir, seg_map_suffix, split
        )
        if not img_infos:
            raise InputError(f'{split or img_dir}: lists no photograph')
        files = [(img_dir, info['filename'], 'photograph') for info in img_infos]
        files += [
            (ann_dir, info['ann']['seg_map'], 'label map')
            for info in img_infos
            if 'ann' in info
        ]
        missing = [
            (osp.join(folder, file), kind)
            for folder, file, kind in files
            if not self.file_client.isfile(osp.join(folder, file))
        ]
        if missing:
            path, kind = missing[0]
            more = f' (and {len(missing) - 1} more files)' if missing[1:] else ''
            raise InputError(f'{path}: {kind} of {split or img_dir} is missing{more}')
        return img_infos

    def prepare_train_img(self, idx):
        """Load a sample with its label map, see ``CustomDataset``."""
        with self._file_named(idx):
            return super().prepare_train_img(idx)

    def prepare_test_img(self, idx):
        """Load a sample, see ``CustomDataset``."""
        with self._file_named(idx):
            return super().prepare_test_img(idx)

    @contextmanager
    def _file_named(self, idx):
        """Name photograph or label map if it is why a sample failed to load.

        mmcv returns None for one that is cut off, and mmseg fails on that later
        without the file's name.
        """
        try:
            yield
        except InputError:
            raise
        except Exception:
            info = self.img_infos[idx]
            read_photograph(osp.join(self.img_dir, info['filename']))
            if 'ann' in info and not self.test_mode:
                read_map(osp.join(self.ann_dir, info['ann']['seg_map']))
            raise
