"""Datasets in the layout that ``hacdr convert`` writes."""

import os.path as osp
from contextlib import contextmanager

from mmseg.datasets import DATASETS

from hacdr.datasets.classes import choose_classes
from hacdr.datasets.lesion import LesionDataset
from hacdr.errors import InputError
from hacdr.images import read_map, read_photograph


@DATASETS.register_module()
class ConvertedDataset(LesionDataset):
    """Any converted data set, with the classes that it was converted with.

    A photograph that cannot be decoded is named when it is loaded. Arguments as of
    :class:`LesionDataset`, with the paths as converted: ``img_dir='images/train'``,
    ``ann_dir='labels/train'``, ``split='splits/train.txt'``. The manifest tells
    whether photographs are JPEG or PNG; without one, ``img_suffix`` does.

    Raises:
        InputError: ``data_root`` is not a converted data set, or one of another
            layout; see :class:`LesionDataset` too.
    """

    CONVERTER = 'NAME'
    """str: what ``hacdr convert`` calls the data set."""

    @classmethod
    def choose_classes(cls, data_root=None, classes=None, palette=None):
        """Choose among the classes that were converted, see :class:`LesionDataset`."""
        # Late: converting needs packages that importing hacdr does without.
        from hacdr.conversion import layout

        # Somebody may have put a set of this layout together by hand.
        manifest = layout.read_manifest(data_root or '.')
        own = cls.CLASSES if manifest is None else layout.classes_of(manifest)
        return choose_classes(own, classes, palette, renames=manifest is None)

    def load_annotations(self, img_dir, img_suffix, ann_dir, seg_map_suffix, split):
        """List photographs and label maps, see :class:`LesionDataset`."""
        from hacdr.conversion import layout

        if osp.isfile(osp.join(self.root, layout.MANIFEST)):
            manifest = layout.read_current_manifest(self.root)
            img_suffix = layout.SUFFIXES[manifest['photograph_format']]
        for path in (img_dir, ann_dir, split):
            if path is not None and not osp.exists(path):
                raise InputError(
                    f'{path}: not found, expected a converted data set; make it '
                    f'with: hacdr convert {self.CONVERTER} DOWNLOAD -o '
                    f'{self.data_root or "DATA_ROOT"}'
                )
        return super().load_annotations(
            img_dir, img_suffix, ann_dir, seg_map_suffix, split
        )

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
