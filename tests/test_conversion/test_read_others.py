"""FGADR, e-ophtha and Retinal-Lesions, in their layouts."""

import numpy as np
import pytest
from PIL import Image

from hacdr.conversion import check_conversion, convert, layout, open_source
from hacdr.conversion.e_ophtha import read_e_ophtha
from hacdr.conversion.fgadr import read_fgadr
from hacdr.conversion.retinal_lesions import read_retinal_lesions
from hacdr.errors import InputError

SIZE = 64, 48


def write(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def noise(seed):
    return np.random.default_rng(seed).integers(0, 256, (48, 64, 3), np.uint8)


def grey(value=255, edge=0):
    """A square of a value with an edge of another."""
    values = np.zeros((48, 64), np.uint8)
    values[9:21, 9:21], values[10:20, 10:20] = edge, value
    return values


def convert_all(read, root, output, **options):
    source = open_source(root)
    plan = read(source)
    manifest, _ = convert(source, plan, output, jobs=1, **options)
    assert check_conversion(output, jobs=1) == (len(plan.records), [])
    subsets = {record.name: record.subset for record in plan.records}
    assert {n for n, s in subsets.items() if s == 'test'} == {*plan.splits['test']}
    assert sorted(plan.splits['trainval'] + plan.splits['test']) == sorted(subsets)
    assert not {*plan.splits['train']} & {*plan.splits['val']}
    return plan, manifest


def labels_of(output, plan, name):
    (subset,) = {record.subset for record in plan.records if record.name == name}
    return np.asarray(Image.open(output / layout.label_path(subset, name)))


@pytest.fixture
def fgadr(tmp_path):
    root = tmp_path / 'Seg-set'
    for index in range(20):
        name = f'{index:04d}_1.png'
        write(root / 'Original_Images' / name, noise(index))
        for folder in ('Microaneurysms', 'HardExudate', 'SoftExudate', 'IRMA'):
            write(root / f'{folder}_Masks' / name, np.zeros((48, 64), np.uint8))
        write(root / 'Hemohedge_Masks' / name, grey(edge=127))
        write(root / 'Neovascularization_Masks' / name, grey())
    write(root / 'SoftExudate_Masks' / '0003_1.png', np.dstack([grey(128, 3)] * 3))
    return root


def test_fgadr(fgadr, tmp_path):
    plan, _manifest = convert_all(read_fgadr, fgadr, tmp_path / 'out')
    assert [len(plan.splits[s]) for s in ('train', 'val', 'test')] == [14, 2, 4]
    assert plan.warnings == ['20 photographs, the official set has 1842 (1822 missing)']
    # Soft edges below 128 are no lesion; IRMA and new vessels are left out.
    labels = labels_of(tmp_path / 'out', plan, '0000_1')
    assert (labels == 2).sum() == 100 == (labels > 0).sum()
    assert (labels_of(tmp_path / 'out', plan, '0003_1') == 3).sum() == 100
    (subset,) = {r.subset for r in plan.records if r.name == '0003_1'}
    photograph = tmp_path / 'out' / 'images' / subset / '0003_1.png'
    assert (
        photograph.read_bytes()
        == (fgadr / 'Original_Images' / '0003_1.png').read_bytes()
    )
    assert read_fgadr(open_source(fgadr)).splits == plan.splits


def test_fgadr_reduced_stays_png(fgadr, tmp_path):
    _plan, _ = convert_all(read_fgadr, fgadr, tmp_path / 'out', max_side=32)
    photographs = [*(tmp_path / 'out' / 'images').rglob('*.*')]
    assert len(photographs) == 20
    assert all(Image.open(path).format == 'PNG' for path in photographs)
    assert Image.open(photographs[0]).size == (32, 24)


@pytest.fixture
def e_ophtha(tmp_path):
    root = tmp_path / 'e_optha_EX'
    for index in range(10):
        name = f'E{index:07d}/C{index:07d}'
        folder = 'EX' if index < 6 else 'healthy'
        write(root / folder / f'{name}.jpg', noise(index))
        if index < 6:
            write(root / 'Annotation_EX' / f'{name}_EX.png', grey())
    write(root / 'EX' / 'E0000000' / 'C0000099.jpg', noise(99))
    write(root / 'Annotation_EX' / 'E0000000' / 'C0000099_EX.png', grey())
    (root / 'EX' / 'E0000000' / 'Thumbs.db').write_bytes(b'')
    return root


@pytest.mark.parametrize('part', ['.', '..'])
def test_e_ophtha(e_ophtha, tmp_path, part):
    plan, _manifest = convert_all(read_e_ophtha, e_ophtha / part, tmp_path / 'out')
    assert plan.dataset == 'e-ophtha EX'
    assert len(plan.records) == 11
    assert plan.warnings[1].startswith('only EX was drawn')
    assert (labels_of(tmp_path / 'out', plan, 'E0000003_C0000003') == 1).sum() == 100
    assert not labels_of(tmp_path / 'out', plan, 'E0000008_C0000008').any()
    # Photographs of one examination stay together.
    splits = [
        split
        for split in ('train', 'val', 'test')
        if any(name.startswith('E0000000') for name in plan.splits[split])
    ]
    assert len(splits) == 1


def test_e_ophtha_ma_names_its_masks_like_the_photographs(tmp_path):
    root = tmp_path / 'e_optha_MA'
    for index in range(10):
        name = f'E{index:07d}/C{index:07d}'
        write(root / 'MA' / f'{name}.jpg', noise(index))
        write(root / 'Annotation_MA' / f'{name}.png', grey())
    plan, _manifest = convert_all(read_e_ophtha, root, tmp_path / 'out')
    assert plan.dataset == 'e-ophtha MA'
    assert (labels_of(tmp_path / 'out', plan, 'E0000003_C0000003') == 4).sum() == 100


def test_both_e_ophthas_at_once(e_ophtha):
    write(e_ophtha.parent / 'e_optha_MA/MA/E01/C01.jpg', noise(0))
    write(e_ophtha.parent / 'e_optha_MA/Annotation_MA/E01/C01_MA.png', grey())
    with pytest.raises(InputError, match='both of e-ophtha EX and MA; looked for one'):
        read_e_ophtha(open_source(e_ophtha.parent))


@pytest.fixture
def retinal_lesions(tmp_path):
    root = tmp_path / 'retinal-lesions-v20191227'
    for patient in range(10):
        for eye in ('left', 'right'):
            name = f'{patient}_{eye}'
            write(root / 'images_896x896' / f'{name}.jpg', noise(patient))
            folder = root / 'lesion_segs_896x896' / name
            write(folder / 'microaneurysm.png', grey(255, edge=127))
            write(folder / 'vitreous_hemorrhage.png', grey())
    write(root / 'images_896x896' / '11_left.jpg', noise(11))
    return root


def test_retinal_lesions(retinal_lesions, tmp_path):
    plan, _manifest = convert_all(
        read_retinal_lesions, retinal_lesions, tmp_path / 'out'
    )
    labels = labels_of(tmp_path / 'out', plan, '3_left')
    assert (labels == 4).sum() == 100
    assert (labels == 255).sum() == 44
    assert not labels_of(tmp_path / 'out', plan, '11_left').any()
    for names in (plan.splits['train'], plan.splits['val'], plan.splits['test']):
        eyes = [name for name in names if name != '11_left']
        assert len(eyes) == 2 * len({name.split('_')[0] for name in eyes})


@pytest.mark.parametrize('read', [read_fgadr, read_e_ophtha, read_retinal_lesions])
def test_another_data_set(raw, read):
    with pytest.raises(InputError, match='looked for'):
        read(open_source(raw.root))


def test_mask_without_a_photograph(fgadr):
    (fgadr / 'Original_Images' / '0004_1.png').unlink()
    with pytest.raises(InputError, match=r'0004_1\.png: mask without a photograph'):
        read_fgadr(open_source(fgadr))
