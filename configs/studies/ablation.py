# What each part of the paper brings to hacdr_idrid_lean.py: with and without it. Data,
# iterations, folds and machine as in levers.py; for CPUs see ablation_cpu.py.
_base_ = './levers.py'
cross_entropy = dict(type='CrossEntropyLoss', class_weight=[1.0, 1.5, 1.5, 2.0, 3.0])
dice = dict(
    type='DiceLoss',
    class_weight=[0.0, 1.0, 1.0, 1.0, 1.0],
    ignore_index=255,
    smooth=100,
    loss_weight=0.5,
)
na_loss = dict(
    type='NALoss',
    # Label pixels, as in hacdr_idrid.py.
    cls_num_list=[645688315, 5318838, 6499117, 1248863, 704963],
    loss_weight=0.2,
)
entries = [
    dict(name='start', config='hacdr_idrid_lean'),
    dict(
        name='adaptive',
        config='hacdr_idrid_lean',
        cfg_options={'model.decode_head.mode': 'adaptive'},
    ),
    # ONFA.
    dict(
        name='near_far',
        config='hacdr_idrid_lean',
        cfg_options={'model.backbone.near_far_kernel': 7},
    ),
    # The losses of hacdr_idrid.py, then NALoss with the released mining.
    dict(
        name='na_loss_prob',
        config='hacdr_idrid_lean',
        cfg_options={'model.decode_head.loss_decode': [cross_entropy, dice, na_loss]},
    ),
    dict(
        name='na_loss_logit',
        config='hacdr_idrid_lean',
        cfg_options={
            'model.decode_head.loss_decode': [
                cross_entropy,
                dice,
                dict(na_loss, mining='logit', thresh=0.5, min_kept=1000000),
            ],
        },
    ),
    # Without MLKCC.
    dict(
        name='no_cross',
        config='hacdr_idrid_lean',
        cfg_options={'model.backbone.cross_kernels': []},
    ),
    # All offsets stay at zero, all masks at a half.
    dict(
        name='rigid',
        config='hacdr_idrid_lean',
        cfg_options={'optimizer.paramwise_cfg.custom_keys.conv_offset.lr_mult': 0},
    ),
    # Offsets start at random, as released.
    dict(
        name='random_offsets',
        config='hacdr_idrid_lean',
        cfg_options={'model.backbone.zero_offset_init': False},
    ),
    # With DCC, the 1x3 and 3x1 convolutions of each channel's own offsets.
    dict(name='own_offsets', config='hacdr_idrid_cpu'),
]
work_dir = 'work_dirs/study_ablation'
# No keys of a study.
del cross_entropy, dice, na_loss
