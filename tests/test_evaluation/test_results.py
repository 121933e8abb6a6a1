import json

import numpy as np
import pytest

from hacdr.errors import InputError
from hacdr.evaluation import (
    format_table,
    read_results,
    score_image,
    summarise,
    write_results,
)

ABOUT = dict(config='a.py', checkpoint_sha256='00', dataset='IDRiDDataset')


@pytest.fixture
def scores():
    rng = np.random.default_rng(0)
    images = []
    for _ in range(2):
        probabilities = rng.dirichlet(np.ones(5), (20, 30)).transpose(2, 0, 1)
        label = rng.integers(0, 4, (20, 30)).astype(np.uint8)
        images.append(score_image(probabilities.astype(np.float32), label))
    return images


def test_what_is_written_is_read(scores, tmp_path):
    path = str(tmp_path / 'results.json')
    write_results(path, scores, photographs=['a.jpg', 'b.jpg'], **ABOUT)
    content, read = read_results(path)
    assert content['protocol']['name'] == 'exact'
    assert [image['name'] for image in content['photographs']] == ['a.jpg', 'b.jpg']
    # MA is in no label map: null in the file, NaN when computed.
    assert content['summary']['AUPR']['MA'] is None
    assert summarise(read)['AUPR']['mean'] == summarise(scores)['AUPR']['mean']
    assert list(tmp_path.iterdir()) == [tmp_path / 'results.json']


def test_a_file_that_is_cut_off(scores, tmp_path):
    path = tmp_path / 'results.json'
    write_results(str(path), scores, photographs=['a.jpg', 'b.jpg'], **ABOUT)
    path.write_text(path.read_text()[:1000])
    with pytest.raises(InputError, match='not JSON or cut off'):
        read_results(str(path))


@pytest.mark.parametrize('text', ['{}', 'null', json.dumps(dict(format='other'))])
def test_a_file_of_another_kind(text, tmp_path):
    (tmp_path / 'a.json').write_text(text)
    with pytest.raises(InputError, match='not a results file'):
        read_results(str(tmp_path / 'a.json'))


def test_no_file(tmp_path):
    with pytest.raises(InputError, match='No such file'):
        read_results(str(tmp_path / 'a.json'))


def test_the_table_fits_and_says_what_it_is(scores):
    table = format_table(summarise(scores), 2)
    assert max(map(len, table.splitlines())) <= 80
    assert '2 photographs' in table
    assert 'exact' in table
    assert 'MA in no label map' in table
