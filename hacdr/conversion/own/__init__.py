"""Data of one's own: photographs, and whatever says where the lesions are in them."""

from hacdr.conversion.own.coco import read_coco
from hacdr.conversion.own.label_maps import read_label_maps
from hacdr.conversion.own.labelme import read_labelme
from hacdr.conversion.own.masks import read_mask_folders
from hacdr.conversion.own.photographs import Options

__all__ = [
    'Options',
    'read_coco',
    'read_label_maps',
    'read_labelme',
    'read_mask_folders',
]
