import mmcv
import numpy as np
import pytest

from hacdr.inference.preprocessing import Preprocessing


@pytest.mark.parametrize('to_rgb', [True, False])
def test_normalized_as_in_mmcv(to_rgb):
    photograph = np.random.RandomState(0).randint(0, 256, (40, 30, 3), np.uint8)
    values = dict(mean=[90.1, 60.2, 30.3], std=[40.4, 30.5, 20.6], to_rgb=to_rgb)
    preprocessing = Preprocessing((40, 40), False, dict(type='Normalize', **values))
    expected = mmcv.imnormalize(
        photograph, np.float32(values['mean']), np.float32(values['std']), to_rgb
    )
    planes = preprocessing.apply(photograph, (30, 40))
    np.testing.assert_array_equal(planes, expected.transpose(2, 0, 1))
