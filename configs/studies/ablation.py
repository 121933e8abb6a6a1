# What each part of the paper brings to hacdr_idrid_cpu.py: with and without it, 600
# iterations, three folds of the 54 training photographs, pooled. On a GPU, several
# trainings at once: --devices 0 0 0 0; on a CPU with OMP_NUM_THREADS=1 and --devices
# cpu cpu.
_base_ = './levers.py'
entries = [
    dict(name='start', config='configs/hacdr_idrid_cpu.py'),
    dict(
        name='near_far',
        config='configs/hacdr_idrid_cpu.py',
        cfg_options={'model.backbone.near_far_kernel': 7},
    ),
    dict(
        name='no_cross',
        config='configs/hacdr_idrid_cpu.py',
        cfg_options={'model.backbone.cross_kernels': []},
    ),
    # Without the deformable convolutions of each channel's own offsets.
    dict(
        name='no_own_offsets',
        config='configs/hacdr_idrid_cpu.py',
        cfg_options={'model.backbone.deform_kernel': 0},
    ),
    # All offsets stay at zero, all masks at a half.
    dict(
        name='rigid',
        config='configs/hacdr_idrid_cpu.py',
        cfg_options={'optimizer.paramwise_cfg.custom_keys.conv_offset.lr_mult': 0},
    ),
    # Offsets start at random, as released.
    dict(
        name='random_offsets',
        config='configs/hacdr_idrid_cpu.py',
        cfg_options={'model.backbone.zero_offset_init': False},
    ),
    dict(
        name='adaptive',
        config='configs/hacdr_idrid_cpu.py',
        cfg_options={'model.decode_head.mode': 'adaptive'},
    ),
    # Losses as in hacdr_idrid.py.
    dict(
        name='na_loss_prob',
        config='configs/hacdr_idrid_cpu.py',
        cfg_options={
            'model.decode_head.loss_decode': [
                dict(type='CrossEntropyLoss', class_weight=[1.0, 1.5, 1.5, 2.0, 3.0]),
                dict(
                    type='DiceLoss',
                    class_weight=[0.0, 1.0, 1.0, 1.0, 1.0],
                    ignore_index=255,
                    smooth=100,
                    loss_weight=0.5,
                ),
                dict(
                    type='NALoss',
                    cls_num_list=[645688315, 5318838, 6499117, 1248863, 704963],
                    mining='prob',
                    loss_weight=0.2,
                ),
            ],
        },
    ),
    dict(
        name='na_loss_logit',
        config='configs/hacdr_idrid_cpu.py',
        cfg_options={
            'model.decode_head.loss_decode': [
                dict(type='CrossEntropyLoss', class_weight=[1.0, 1.5, 1.5, 2.0, 3.0]),
                dict(
                    type='DiceLoss',
                    class_weight=[0.0, 1.0, 1.0, 1.0, 1.0],
                    ignore_index=255,
                    smooth=100,
                    loss_weight=0.5,
                ),
                dict(
                    type='NALoss',
                    cls_num_list=[645688315, 5318838, 6499117, 1248863, 704963],
                    mining='logit',
                    loss_weight=0.2,
                ),
            ],
        },
    ),
]
work_dir = 'work_dirs/study_ablation'
