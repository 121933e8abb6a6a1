"""Settings of mmcv's mixed precision that mmseg 0.30 would pass over in silence."""

from mmcv.runner import HOOKS, Fp16OptimizerHook

from hacdr.errors import InputError


def check_half_precision(cfg):
    """Refuse a config that asks for half precision and would not train in it.

    mmseg 0.30 reads ``fp16`` in tests alone: training in half precision is the
    optimizer hook's.

    Args:
        cfg (mmcv.Config): the config; left unchanged.

    Raises:
        InputError: a loss scale without the hook, or half precision and bfloat16 at
            once.
    """
    fp16 = cfg.get('fp16') or {}
    hook = HOOKS.get((cfg.get('optimizer_config') or {}).get('type', ''))
    trains_half = hook is not None and issubclass(hook, Fp16OptimizerHook)
    if 'loss_scale' in fp16 and not trains_half:
        raise InputError(
            'fp16.loss_scale: mmseg 0.30 ignores it and would train in float32; write '
            "optimizer_config=dict(type='Fp16OptimizerHook', loss_scale="
            f'{fp16["loss_scale"]!r}, ...) and fp16=dict()'
        )
    train_cfg = cfg.get('model', {}).get('train_cfg') or cfg.get('train_cfg') or {}
    if trains_half and train_cfg.get('bfloat16'):
        raise InputError(
            'optimizer_config and model.train_cfg.bfloat16 ask for half precision and '
            'bfloat16 at once; choose one'
        )
