import pytest
from mmcv import Config

from hacdr.engine.half_precision import check_half_precision
from hacdr.errors import InputError

HOOK = dict(type='Fp16OptimizerHook', loss_scale='dynamic')


@pytest.mark.parametrize(
    'cfg',
    [
        dict(),
        dict(fp16=None, optimizer_config=None),
        # A training in float32 that is tested in half.
        dict(fp16=dict(), optimizer_config=dict(grad_clip=None)),
        dict(fp16=dict(), optimizer_config=HOOK),
        dict(fp16=dict(loss_scale=512.0), optimizer_config=HOOK),
        dict(
            fp16=dict(loss_scale=512.0),
            optimizer_config=dict(HOOK, type='GradientCumulativeFp16OptimizerHook'),
        ),
        dict(model=dict(train_cfg=dict(bfloat16=True)), optimizer_config=dict()),
    ],
)
def test_accepts(cfg):
    check_half_precision(Config(cfg))


@pytest.mark.parametrize(
    'optimizer_config', [None, dict(), dict(type='OptimizerHook', grad_clip=None)]
)
def test_a_loss_scale_that_training_would_ignore(optimizer_config):
    cfg = Config(dict(fp16=dict(loss_scale=512.0), optimizer_config=optimizer_config))
    with pytest.raises(InputError, match=r"Fp16OptimizerHook', loss_scale=512\.0") as e:
        check_half_precision(cfg)
    assert '\n' not in str(e.value)


@pytest.mark.parametrize('place', ['model', 'top'])
def test_half_and_bfloat16_at_once(place):
    train_cfg = dict(train_cfg=dict(bfloat16=True))
    train_cfg = dict(model=train_cfg) if place == 'model' else train_cfg
    with pytest.raises(InputError, match='at once'):
        check_half_precision(Config(dict(optimizer_config=HOOK, **train_cfg)))
