"""The page of a test on some of the lesions shows these, as they were scored."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from hacdr.errors import InputError
from hacdr.evaluation import read_results, write_results
from hacdr.report.layers import encode_layers
from hacdr.report.page import write_report
from tests.test_datasets.distributed import make_dataset, write_photographs

CHOICES = {
    'some': ['background', 'SE', 'EX'],
    'others': ['background', *'abcd'],
}


@pytest.mark.parametrize('region', ['image', 'fov'])
@pytest.mark.parametrize('ground_truth', ['labels', 'masks'])
@pytest.mark.parametrize('name', CHOICES)
def test_what_was_scored_is_shown(tmp_path, name, ground_truth, region):
    write_photographs(tmp_path, 'ab')
    planes = tmp_path / 'planes'
    dataset = make_dataset(
        tmp_path,
        classes=CHOICES[name],
        ground_truth=ground_truth,
        region=region,
        save_probabilities=str(planes),
    )
    rng = np.random.default_rng(0)
    p = rng.random((2, len(dataset.CLASSES), 24, 32), np.float32)
    scores = dataset.pre_eval(list(p), [0, 1])
    path = str(tmp_path / 'results.json')
    write_results(
        path,
        scores,
        dataset.photographs,
        dataset.ground_truths,
        dataset.summarise(scores),
        dataset.protocol,
        dataset.label_maps,
        dataset.lesions,
        split='test',
        dataset='LesionDataset',
        data_root=str(tmp_path),
        config='a.py',
        label_values=dataset.label_map,
        checkpoint_sha256='00',
        probabilities='planes',
    )
    content, _ = read_results(path)
    for index, entry in enumerate(content['photographs']):
        layers = encode_layers(entry, path, content, str(tmp_path))
        data = base64.b64decode(layers['ground_truth'].split(',')[1])
        shown = np.asarray(Image.open(io.BytesIO(data)))
        np.testing.assert_array_equal(shown, dataset.ground_truth_of(index))
        assert len(layers['planes']) == len(dataset.lesions)
    page = tmp_path / 'page.html'
    write_report(path, str(page))
    assert all(lesion in page.read_text() for lesion in dataset.lesions)
    map_path = tmp_path / ground_truth / 'b.png'
    free, scored = {'labels': (2, 1), 'masks': (0b10, 0b1)}[ground_truth]
    if name == 'some':
        draw_pixel(map_path, free)
        write_report(path, str(page))
    draw_pixel(map_path, scored)
    with pytest.raises(InputError, match=r'another ground truth .*/b\.png, (EX|a) in'):
        write_report(path, str(page))


def draw_pixel(path, value):
    """Change a map where no lesion is."""
    values = np.array(Image.open(path))
    values[15, 10] = value
    Image.fromarray(values).save(path)
