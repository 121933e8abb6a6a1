import numpy as np
import pytest
import torch
from mmcv import ConfigDict
from mmseg.datasets.pipelines import MultiScaleFlipAug
from mmseg.models import build_segmentor

from hacdr.engine.cost import count_multiply_adds

BACKBONE = dict(
    type='HACDR',
    embed_dims=(8, 8, 8, 8),
    depths=(1, 1, 1, 1),
    ffn_ratios=(2, 2, 2, 2),
)


def build(**test_cfg):
    torch.manual_seed(0)
    config = ConfigDict(
        dict(
            type='LesionEncoderDecoder',
            backbone=BACKBONE,
            decode_head=dict(
                type='AdaptiveAggregationHead',
                in_channels=(8, 8, 8, 8),
                channels=8,
                num_classes=5,
                loss_decode=dict(type='CrossEntropyLoss'),
            ),
            test_cfg={'mode': 'whole', 'output': 'prob', **test_cfg},
        )
    )
    return build_segmentor(config).eval()


def test_whole_and_label_maps_by_default():
    """As mmseg's datasets score them."""
    config = ConfigDict(
        type='LesionEncoderDecoder',
        backbone=BACKBONE,
        decode_head=dict(
            type='AdaptiveAggregationHead',
            in_channels=(8, 8, 8, 8),
            channels=8,
            num_classes=5,
        ),
    )
    segmentor = build_segmentor(config)
    assert segmentor.test_cfg.mode == 'whole'
    assert segmentor.output == 'label'


def meta(**kwargs):
    return [
        dict(
            dict(ori_shape=(50, 70, 3), img_shape=(64, 96, 3), flip=False),
            pad_shape=(64, 96, 3),
            **kwargs,
        )
    ]


@pytest.fixture
def img():
    torch.manual_seed(1)
    return torch.randn(1, 3, 64, 96)


@pytest.mark.parametrize(
    'test_cfg', [{}, dict(mode='slide', crop_size=(64, 64), stride=(32, 32))]
)
def test_probabilities_at_the_photographs_own_size(img, test_cfg):
    with torch.no_grad():
        (result,) = build(**test_cfg).simple_test(img, meta())
    assert result.shape == (5, 50, 70)
    assert result.dtype == np.float32
    assert result.sum(0) == pytest.approx(1, abs=1e-5)


def test_label_maps_are_the_argmax(img):
    with torch.no_grad():
        (result,) = build().simple_test(img, meta())
        (label,) = build(output='label').simple_test(img, meta())
    assert (label == result.argmax(0)).all()


def test_aug_test_averages_probabilities(img):
    segmentor = build()
    flipped = meta(flip_direction='horizontal')
    flipped[0]['flip'] = True
    with torch.no_grad():
        (one,) = segmentor.simple_test(img, meta())
        (two,) = segmentor.simple_test(img.flip(3), flipped)
        (both,) = segmentor.aug_test([img, img.flip(3)], [meta(), flipped])
    assert both == pytest.approx((one + two) / 2, abs=1e-6)


def test_show_result_paints_both_kinds(img):
    segmentor = build()
    segmentor.CLASSES = ('background', 'EX', 'HE', 'SE', 'MA')
    photograph = np.full((50, 70, 3), 100, np.uint8)
    label = np.zeros((50, 70), np.int64)
    label[10:20, 10:20] = 1
    probabilities = np.eye(5, dtype=np.float32)[label].transpose(2, 0, 1)
    palette = [[0, 0, 0], [255, 0, 0], [0, 0, 255], [0, 255, 0], [255, 255, 0]]
    painted = [
        segmentor.show_result(photograph, [result], palette=palette, opacity=0.5)
        for result in (label, probabilities)
    ]
    assert (painted[0] == painted[1]).all()
    assert painted[0][15, 15, 2] > painted[0][15, 15, 0]


def test_unknown_output():
    with pytest.raises(ValueError, match="'logits'"):
        build(output='logits')


def test_bfloat16_changes_little_and_something(img):
    with torch.no_grad():
        (exact,) = build().simple_test(img, meta())
        (low,) = build(bfloat16=True).simple_test(img, meta())
    assert low.dtype == np.float32
    assert 0 < np.abs(low - exact).max() < 0.05


def test_bfloat16_where_autocast_knows_no_such_device():
    """Counting arithmetic runs the network on the meta device."""
    counts = [count_multiply_adds(build(bfloat16=b), (64, 96)) for b in (False, True)]
    assert counts[0] == counts[1]


def test_an_outer_autocast_stays(img):
    """As mmseg's tools set it for ``fp16 = dict()``; bfloat16 on a CPU."""
    segmentor = build()
    seen = []
    classifier = segmentor.decode_head.conv_seg
    classifier.register_forward_hook(lambda *args: seen.append(args[2]))
    with torch.no_grad(), torch.autocast('cpu', dtype=torch.bfloat16):
        logits = segmentor.encode_decode(img.bfloat16(), meta())
    assert seen[0].dtype == torch.bfloat16
    assert logits.dtype == torch.float32


def test_float64_stays(img):
    segmentor = build().double()
    with torch.no_grad():
        assert segmentor.encode_decode(img.double(), meta()).dtype == torch.float64


def test_bfloat16_training_with_auxiliary_heads(img):
    """Named and summed as mmseg does it; losses in float32."""
    label = torch.randint(0, 5, (2, 1, 64, 96))
    results = []
    for bfloat16 in (False, True):
        segmentor = build().train()
        head = dict(
            type='FCNHead',
            in_channels=8,
            channels=4,
            num_classes=5,
            dropout_ratio=0,
            norm_cfg=dict(type='BN'),
        )
        torch.manual_seed(0)
        heads = [dict(head, in_index=1), dict(head, in_index=2)]
        segmentor._init_auxiliary_head(heads)
        segmentor.decode_head.dropout = None
        segmentor.backbone.eval()
        segmentor.train_cfg = dict(bfloat16=bfloat16)
        images = torch.cat([img, img.flip(3)])
        results.append(segmentor.forward_train(images, meta() * 2, label))
    exact, low = results
    assert list(low) == list(exact)
    assert {'aux_0.loss_ce', 'aux_1.loss_ce', 'decode.loss_ce'} < set(low)
    for name, loss in low.items():
        assert loss.dtype == torch.float32
        if 'loss' in name:
            assert loss.item() == pytest.approx(exact[name].item(), rel=0.03)
            assert loss.item() != exact[name].item()


@pytest.mark.parametrize('flip', [None, 'horizontal', 'vertical'])
def test_a_fundus_crop_is_put_back_in_its_place(img, flip):
    model = build()
    flags = dict(flip=flip is not None, flip_direction=flip)
    plain = meta()[0]
    plain.update(flags)
    with torch.no_grad():
        (inside,) = model.simple_test(img, [plain])
        (whole,) = model.simple_test(img, [{**plain, 'fundus_box': (7, 11, 90, 120)}])
        (cropped,) = model.simple_test(img, [{**plain, 'fundus_box': (0, 0, 50, 70)}])
    assert whole.shape == (5, 90, 120)
    np.testing.assert_array_equal(whole[:, 7:57, 11:81], inside)
    np.testing.assert_array_equal(cropped, inside)
    whole[:, 7:57, 11:81] = 0
    assert whole[1:].sum() == 0
    assert whole[0].sum() == 90 * 120 - 50 * 70


def boxed(*boxes):
    return [{**meta()[0], 'fundus_box': box} for box in boxes]


def test_each_fundus_crop_of_a_batch_is_put_back_in_its_own_place(img):
    model = build()
    images = torch.cat([img, img.flip(3)])
    metas = boxed((7, 11, 90, 120), (30, 2, 90, 120))
    with torch.no_grad():
        both = model.simple_test(images, metas)
        alone = [
            model.simple_test(images[k : k + 1], metas[k : k + 1])[0] for k in (0, 1)
        ]
    np.testing.assert_allclose(both, alone, atol=1e-6)


def test_fundus_crops_of_photographs_of_two_sizes_do_not_fit_a_batch(img):
    metas = boxed((7, 11, 90, 120), (7, 11, 80, 120))
    with pytest.raises(ValueError, match='one size, got 80x120 and 90x120'):
        build().simple_test(torch.cat([img, img]), metas)


def test_flips_average_the_four_mirror_images(img):
    def mirrored(axes):
        (result,) = build().simple_test(img.flip(axes), meta())
        return torch.from_numpy(result).flip([axis - 1 for axis in axes])

    with torch.no_grad():
        (result,) = build(flips=True).simple_test(img, meta())
        images = [mirrored(axes) for axes in ((), (2,), (3,), (2, 3))]
    assert not torch.equal(images[0], images[3])
    assert result == pytest.approx(torch.stack(images).mean(0).numpy(), abs=1e-6)


def test_flips_refuse_padded_pictures(img):
    padded = meta()
    padded[0]['img_shape'] = (60, 96, 3)
    with pytest.raises(ValueError, match='size_divisor'):
        build(flips=True).simple_test(img, padded)


def test_size_divisor_fills_up_and_cuts_back(img):
    seen = []
    segmentor = build(size_divisor=40)
    segmentor.backbone.register_forward_pre_hook(lambda _, x: seen.append(x[0]))
    with torch.no_grad():
        logits = segmentor.encode_decode(img, meta())
        (filled,) = seen
        expected = build().encode_decode(filled, meta())
    assert filled.shape == (1, 3, 80, 120)
    assert torch.equal(filled[:, :, :64, :96], img)
    assert filled[:, :, 64:].abs().sum() == filled[:, :, :, 96:].abs().sum() == 0
    assert torch.equal(logits, expected[:, :, :64, :96])


def test_mmsegs_own_flips_count_the_picture_itself_twice():
    """Why ``flips`` is there: mmseg repeats the unflipped one and knows no diagonal."""
    step = MultiScaleFlipAug(
        [dict(type='RandomFlip')],
        img_scale=(70, 50),
        flip=True,
        flip_direction=['horizontal', 'vertical'],
    )
    picture = np.arange(50 * 70 * 3).reshape(50, 70, 3)
    versions = step(dict(img=picture, img_fields=['img']))
    assert versions['flip'] == [False, False, True, True]
    assert (versions['img'][0] == versions['img'][1]).all()


@pytest.mark.parametrize('flips', [False, True])
def test_one_logit_for_two_classes(flips):
    """As mmseg's EncoderDecoder has it, by the threshold of the head."""
    torch.manual_seed(0)
    config = ConfigDict(
        backbone=BACKBONE,
        decode_head=dict(
            type='FCNHead',
            in_channels=8,
            in_index=3,
            channels=4,
            num_classes=2,
            out_channels=1,
            threshold=0.3,
            loss_decode=dict(type='CrossEntropyLoss', use_sigmoid=True),
        ),
        test_cfg=dict(mode='whole'),
    )
    theirs = build_segmentor(ConfigDict(config, type='EncoderDecoder')).eval()
    img = torch.randn(1, 3, 64, 96)
    with torch.no_grad():
        middle = theirs.encode_decode(img, meta()).median()
        theirs.decode_head.conv_seg.bias -= middle + 0.8
        (expected,) = theirs.simple_test(img, meta())
        for output in ('label', 'prob'):
            test_cfg = dict(mode='whole', output=output, flips=flips)
            ours = build_segmentor(
                ConfigDict(config, type='LesionEncoderDecoder', test_cfg=test_cfg)
            ).eval()
            ours.load_state_dict(theirs.state_dict())
            upright = [dict(meta()[0], pad_shape=(64, 96, 3))]
            (found,) = ours.simple_test(img, upright)
            if flips:
                continue
            label = found if output == 'label' else found[1] > 0.3
            assert 0 < expected.mean() < 1
            np.testing.assert_array_equal(label, expected)
    assert found.sum(0) == pytest.approx(np.ones((50, 70)), abs=1e-6)
    palette = [[0, 0, 0], [255, 0, 0]]
    ours.CLASSES = ('background', 'EX')
    black = np.zeros((50, 70, 3), np.uint8)
    painted = ours.show_result(black, [found], palette=palette, opacity=1)
    np.testing.assert_array_equal(painted[..., 2] > 0, found[1] > 0.3)
