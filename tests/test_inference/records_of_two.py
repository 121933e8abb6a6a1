"""Records of photographs with two exudates, one of them in parts that touch."""

from hacdr.inference.records import digest, write_record
from hacdr.lesions import CLASSES, PALETTE

HEAD = dict(
    made_by={'weights': '0'},
    classes=list(CLASSES),
    colours=PALETTE,
    thresholds=None,
)
# A square of three pixels beside one of one pixel that it touches by a corner.
TOUCHING = [[10, 5], [10, 8], [13, 8], [13, 9], [14, 9], [14, 8], [13, 8], [13, 5]]


def predict(output, record):
    """Write a record, and a file for the label map it stands for."""
    label_map = output / f'{record["output"]}.png'
    label_map.parent.mkdir(exist_ok=True)
    label_map.touch()
    write_record(output, record)


def make_record(name, warnings=(), source='/photographs'):
    found = dict(number=2, area=12, share=0.00001, largest=10, mean_probability=0.5)
    nothing = dict(number=0, area=0, share=0.0, largest=0, mean_probability=None)
    sure = dict(lesion='EX', mean_probability=0.5, largest_probability=0.75)
    square = [[1, 1], [1, 3], [2, 3], [2, 1]]
    return {
        'image': f'{name}.jpg',
        'output': name,
        'source': str(source),
        'sha256': '0',
        'experts': None,
        'made_by': digest(HEAD['made_by']),
        'width': 40,
        'height': 30,
        'fov_area': 1200000,
        'lesions': {'EX': found, 'HE': nothing, 'SE': nothing, 'MA': nothing},
        'notes': [],
        'warnings': list(warnings),
        'findings': [
            dict(sure, area=2, box=[1, 1, 1, 2], contour=square),
            dict(sure, area=10, box=[10, 5, 4, 4], contour=TOUCHING),
        ],
    }
