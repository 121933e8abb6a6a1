"""A user's folder of small photographs, and what is converted of it."""

import json

import numpy as np
from PIL import Image

from hacdr.conversion import Options, check_conversion, convert, open_source
from hacdr.conversion.layout import label_path, mask_path
from hacdr.images import read_map

SHAPE = 48, 64


class Folder:
    def __init__(self, root):
        self.root = root

    def photograph(self, path, seed=0, **options):
        noise = np.random.default_rng(seed).integers(0, 256, (*SHAPE, 3), np.uint8)
        return self.image(path, noise, **options)

    def image(self, path, values, **options):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values).save(path, **options)
        return path

    def square(self, path, top=10, value=255):
        """A mask of 5x5 pixels."""
        values = np.zeros(SHAPE, np.uint8)
        values[top : top + 5, 20:25] = value
        return self.image(path, values)

    def json(self, path, content):
        path = self.root / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))
        return path


def convert_own(read, root, output, **options):
    """Convert and check; returns the plan and the manifest."""
    source = open_source(root)
    plan = read(source, Options(**options))
    manifest, _ = convert(source, plan, output, jobs=1)
    assert check_conversion(output, jobs=1) == (len(plan.records), [])
    return plan, manifest


def read_maps(output, plan, name):
    """The label map and the bit map of a photograph."""
    (subset,) = {record.subset for record in plan.records if record.name == name}
    return (
        read_map(output / label_path(subset, name)),
        read_map(output / mask_path(subset, name)),
    )
