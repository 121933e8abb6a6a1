import base64
import html
import json
import re
import shutil

import cv2
import numpy as np
import pytest

from hacdr.errors import InputError
from hacdr.report.page import write_report

from .tested import NAMES, SIZE, write_test


def page_of(tested, **options):
    path = tested.folder / 'report.html'
    write_report(str(tested.results), str(path), **options)
    return path.read_text()


def test_it_is_self_contained_and_escaped(tested):
    page = page_of(tested)
    assert '<script>alert' not in page
    assert '<img' not in page
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert '@import' not in page
    assert [p.name for p in tested.folder.glob('report*')] == ['report.html']


def test_headline_figures_and_intervals(tested):
    page = page_of(tested)
    content = json.loads(tested.results.read_text())
    figures = content['summary']['figures']
    for metric in ('AUPR', 'Dice', 'Recall'):
        for lesion in ('EX', 'mean'):
            one = figures[metric][lesion]
            cell = f'{one["value"]:.3f} <span class="interval">{one["low"]:.3f}\u2013'
            assert cell in page
    assert '<td>\u2013</td>' in page
    assert 'AUPR protocol: exact' in page


def test_the_worst_photograph_comes_first(tested):
    rows = re.findall(r'class="open">(.*?)</button>', page_of(tested))
    rows = [html.unescape(row) for row in rows]
    content = json.loads(tested.results.read_text())
    means = {p['name']: p['figures']['AUPR']['mean'] for p in content['photographs']}
    assert rows == sorted(NAMES, key=means.get)


def test_one_page_without_lesions_matched(tmp_path):
    assert 'FROC' not in page_of(write_test(tmp_path, lesion_level=False))


@pytest.fixture(scope='module')
def tested_in_others(tmp_path_factory):
    """A test of two lesions out of a set that has EX, HE, NV and MA."""
    return write_test(
        tmp_path_factory.mktemp('others'),
        lesions=['HE', 'NV'],
        label_values={0: 0, 1: 0, 2: 1, 3: 2, 4: 0},
    )


def test_other_lesions_are_shown_where_they_are(tested_in_others):
    tested = tested_in_others
    page = page_of(tested)
    for name, ground_truth in read_ground_truths(page).items():
        label = cv2.imread(str(tested.label(name)), cv2.IMREAD_UNCHANGED)
        np.testing.assert_array_equal(ground_truth, (label == 2) * 1 + (label == 3) * 2)
    lesions = json.loads(re.search(r'id="lesions">(.*?)</script>', page)[1])
    assert [one['name'] for one in lesions['each']] == ['HE', 'NV']
    assert len({one['colour'] for one in lesions['each']}) == 2
    assert re.search(r'<text[^>]*>NV 0\.\d{3}</text>', page)


def use_masks(tested, ignored=np.s_[:2, :3]):
    """Put masks beside the label maps."""
    (tested.root / 'masks' / 'test').mkdir(parents=True)

    def edit(content):
        content['protocol']['ground_truth'] = 'masks'
        for entry in content['photographs']:
            entry['ground_truth'] = entry['ground_truth'].replace('labels', 'masks')

    tested.change(edit)
    for name in NAMES:
        label = cv2.imread(str(tested.label(name)), cv2.IMREAD_UNCHANGED)
        masks = np.where(label > 0, 1 << np.maximum(label, 1) - 1, 0).astype(np.uint8)
        masks[ignored] = 255
        path = tested.root / 'masks' / 'test' / f'{name}.png'
        path.write_bytes(cv2.imencode('.png', masks)[1].tobytes())


def read_ground_truths(page):
    """Return name -> ground truth on the page."""
    photographs = re.findall(r'class="photograph">(.*?)</script>', page)
    return {
        one['name']: cv2.imdecode(
            np.frombuffer(
                base64.b64decode(one['ground_truth'].split(',')[1]), np.uint8
            ),
            cv2.IMREAD_UNCHANGED,
        )
        for one in map(json.loads, photographs)
    }


def test_masks_with_pixels_that_do_not_count(tested):
    labels = read_ground_truths(page_of(tested))
    use_masks(tested)
    for name, ground_truth in read_ground_truths(page_of(tested)).items():
        labels[name][:2, :3] = 128
        np.testing.assert_array_equal(ground_truth, labels[name])


def test_masks_over_label_maps_with_pixels_that_do_not_count(tested):
    use_masks(tested, ignored=np.s_[:0])
    expected = read_ground_truths(page_of(tested))[NAMES[1]]
    path = tested.label(NAMES[1])
    label = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    label[5:9], expected[5:9] = 255, 128
    path.write_bytes(cv2.imencode('.png', label)[1].tobytes())
    np.testing.assert_array_equal(
        read_ground_truths(page_of(tested))[NAMES[1]], expected
    )


@pytest.mark.parametrize('masks', [False, True])
def test_ground_truth_of_unknown_values(tested, masks):
    folder = 'labels'
    if masks:
        use_masks(tested)
        folder = 'masks'
    path = tested.root / folder / 'test' / f'{NAMES[1]}.png'
    values = np.full(SIZE, 76, np.uint8)
    path.write_bytes(cv2.imencode('.png', values)[1].tobytes())
    with pytest.raises(InputError, match=rf'{NAMES[1]}\.jpg: .* with value 76, expect'):
        page_of(tested)


def test_label_maps_with_pixels_that_do_not_count(tested):
    path = tested.label(NAMES[1])
    label = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    expected = read_ground_truths(page_of(tested))[NAMES[1]]
    label[5:9], expected[5:9] = 255, 128
    path.write_bytes(cv2.imencode('.png', label)[1].tobytes())
    np.testing.assert_array_equal(
        read_ground_truths(page_of(tested))[NAMES[1]], expected
    )


def test_pixels_outside_the_field_of_view(tested):
    photograph = np.full((*SIZE, 3), 200, np.uint8)
    photograph[:, 100:] = 0
    path = tested.image(NAMES[1])
    path.write_bytes(cv2.imencode('.jpg', photograph)[1].tobytes())
    assert not (read_ground_truths(page_of(tested))[NAMES[1]] & 128).any()
    tested.change(lambda content: content['protocol'].update(region='fov'))
    ignored = read_ground_truths(page_of(tested))[NAMES[1]] & 128
    assert ignored[:, 110:].all()
    assert not ignored[:, :90].any()


def test_another_data_root(tested):
    tested.root.rename(tested.folder / 'moved')
    with pytest.raises(InputError, match='no such file'):
        page_of(tested)
    page_of(tested, data_root=str(tested.folder / 'moved'))


def test_another_data_set_of_the_same_names(tested):
    """Its photographs are not shown under these scores."""
    other = tested.folder / 'other'
    shutil.copytree(tested.root, other)
    label = np.zeros(SIZE, np.uint8)
    label[:10, :41] = 1
    path = other / 'labels' / 'test' / f'{NAMES[1]}.png'
    path.write_bytes(cv2.imencode('.png', label)[1].tobytes())
    with pytest.raises(
        InputError,
        match=rf'^{other}: another ground truth for images/test/{NAMES[1]}\.jpg, EX in '
        '410 pixels, expected 400 as tested$',
    ):
        page_of(tested, data_root=str(other))
    assert not list(tested.folder.glob('report*'))


def test_folders_of_any_name(tested):
    def edit(content):
        for entry in content['photographs']:
            entry['image'] = entry['image'].replace('images', 'img_dir')
            entry['ground_truth'] = entry['ground_truth'].replace('labels', 'ann_dir')

    before = page_of(tested)
    (tested.root / 'images').rename(tested.root / 'img_dir')
    (tested.root / 'labels').rename(tested.root / 'ann_dir')
    tested.change(edit)
    assert page_of(tested) == before


def test_results_that_name_no_ground_truth(tested):
    tested.change(lambda content: content['photographs'][3].pop('ground_truth'))
    with pytest.raises(InputError, match=r'no ground truth of .* is named; test again'):
        page_of(tested)


@pytest.mark.parametrize('name', ['work/results.json', 'page.pdf', 'html', 'a.html/'])
def test_what_is_no_page_is_not_overwritten(tested, name):
    before = tested.results.read_bytes()
    with pytest.raises(
        InputError, match=r'expected a name that ends in \.html or \.htm'
    ):
        # Told before anything is read.
        write_report('no results', f'{tested.folder}/{name}')
    assert tested.results.read_bytes() == before
    write_report(str(tested.results), str(tested.folder / 'page.HTM'))


def test_figures_that_are_null_or_missing(tested):
    def edit(content):
        summary = content['summary']
        for metric in summary['figures'].values():
            for one in metric.values():
                one.update(dict.fromkeys(one))
        summary['bootstrap'] = content['checkpoint_sha256'] = None
        summary['froc']['EX']['score'] = summary['froc']['EX']['sensitivity'][0] = None
        for entry in content['photographs']:
            for metric in entry['figures'].values():
                metric.update(dict.fromkeys(metric))

    tested.change(edit)
    page = page_of(tested)
    assert '>EX -</text>' in page
    assert 'checkpoint <code>unknown</code>' in page
    assert 'bootstrap over' not in page


@pytest.mark.parametrize(
    'edit',
    [
        lambda c: c['summary']['figures']['AUPR']['SE'].pop('low'),
        lambda c: c['summary']['figures']['Dice'].update(mean='high'),
        lambda c: c['photographs'][2]['figures'].pop('Dice'),
        lambda c: c['summary']['froc'].pop('MA'),
        lambda c: c['photographs'][0].pop('name'),
        lambda c: c.pop('packages'),
    ],
)
def test_results_that_were_edited(tested, edit):
    tested.change(edit)
    with pytest.raises(InputError, match=r'results\.json: damaged at .*, expected'):
        page_of(tested)


def test_a_folder_that_is_missing_is_told_first(tested):
    tested.image(NAMES[0]).unlink()
    path = tested.folder / 'missing' / 'report.html'
    with pytest.raises(InputError, match=r'report\.html: no folder .*missing'):
        write_report(str(tested.results), str(path))


def test_a_page_that_cannot_be_written(tested):
    (tested.folder / 'report.html').mkdir()
    with pytest.raises(InputError, match=r'report\.html: Is a directory'):
        page_of(tested)


def drop_probabilities(content):
    content['photographs'][3]['probabilities'] = {}


def test_results_without_probabilities(tested):
    tested.change(drop_probabilities)
    with pytest.raises(InputError, match='save-probabilities'):
        page_of(tested)


@pytest.mark.parametrize('which', ['photograph', 'ground truth', 'plane'])
@pytest.mark.parametrize('how', ['missing', 'damaged', 'of another size'])
def test_a_file_that_does_not_do(which, how, tested):
    path = {
        'photograph': tested.image(NAMES[2]),
        'ground truth': tested.label(NAMES[2]),
        'plane': tested.planes / '2_HE.png',
    }[which]
    if how == 'missing':
        path.unlink()
    elif how == 'damaged':
        path.write_bytes(b'no image')
    else:
        other = np.zeros((50, 60), np.uint8)
        path.write_bytes(cv2.imencode(path.suffix, other)[1].tobytes())
    with pytest.raises(InputError, match=re.escape(str(path))):
        page_of(tested)
    assert not list(tested.folder.glob('report*'))


def test_the_bar_does_not_wipe_the_error(tested, run_script):
    tested.image(NAMES[2]).unlink()
    result = run_script('tools/report.py', tested.results)
    assert result.returncode == 2
    last = re.split('[\r\n]', result.stderr.rstrip('\n'))[-1]
    assert last == f'error: {tested.image(NAMES[2])}: no such file'
