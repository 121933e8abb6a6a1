"""A tiny network on generated photographs, for tools that run as commands."""

from pathlib import Path

DEMO = Path(__file__).parents[2] / 'configs' / 'hacdr_demo.py'
CONFIG = """
_base_ = {demo!r}
model = dict(
    backbone=dict(embed_dims=[8, 8, 8, 8], depths=[1, 1, 1, 1]),
    decode_head=dict(in_channels=[8, 8, 8, 8], channels=8),
)
data = dict(
    samples_per_gpu=2,
    train=dict(dataset=dict(data_root={root!r}, pipeline={pipeline})),
    val=dict(data_root={root!r}),
    test=dict(data_root={root!r}),
)
checkpoint_config = dict(interval=2)
evaluation = dict(interval={interval})
"""
PIPELINE = [
    {'type': 'LoadImageFromFile'},
    {'type': 'LoadAnnotations'},
    {'type': 'LocalContrastNormalize', 'sigma': 10},
    {'type': 'LesionCrop', 'crop_size': (64, 64)},
    {'type': 'RandomFlip', 'prob': 0.5},
    {'type': 'DefaultFormatBundle'},
    {'type': 'Collect', 'keys': ['img', 'gt_semantic_seg']},
]


def write_config(path, data, interval, more=''):
    """Write a config of it that evaluates every ``interval`` iterations.

    Args:
        path (Path): of the config.
        data (Path): root of the converted photographs.
        interval (int): see above.
        more (str): further lines of the config.
    """
    text = CONFIG.format(
        demo=str(DEMO), root=str(data), pipeline=PIPELINE, interval=interval
    )
    path.write_text(text + more)
