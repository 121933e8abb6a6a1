# What makes a network learn: one change at a time to one starting point, for 600
# iterations each, tested on val. It takes a third of hacdr_idrid_cpu.py's network and
# smaller crops, to get further in the time. What that config changed since is undone.
seeds = [0]
iterations = 600
class_pixels = [645688315, 5318838, 6499117, 1248863, 704963]
cross_entropy = dict(type='CrossEntropyLoss', class_weight=[1.0, 1.5, 1.5, 2.0, 3.0])
dice = dict(
    type='DiceLoss',
    class_weight=[0.0, 1.0, 1.0, 1.0, 1.0],
    ignore_index=255,
    loss_weight=0.5,
)
na_loss = dict(type='NALoss', cls_num_list=class_pixels, loss_weight=0.2)
cfg_options = {
    'model.backbone.embed_dims': [16, 32, 64, 96],
    'model.backbone.depths': [1, 1, 2, 1],
    'model.backbone.layer_scale': 0.01,
    'model.decode_head.in_channels': [16, 32, 64, 96],
    'model.decode_head.channels': 16,
    'model.decode_head.loss_decode': [cross_entropy, dice],
    'data.train.dataset.pipeline.LoadPhotograph.crop': dict(
        crop_size=(320, 320), context=0
    ),
    'data.train.dataset.pipeline.CutContext': dict(
        type='RandomCrop', crop_size=(256, 256)
    ),
    'optimizer.lr': 1e-3,
    'custom_hooks': [],
}
entries = [
    dict(name='start', config='hacdr_idrid_cpu'),
    dict(
        name='dice_smooth_1000',
        config='hacdr_idrid_cpu',
        cfg_options={
            'model.decode_head.loss_decode': [
                cross_entropy,
                dict(dice, smooth=1000),
            ],
        },
    ),
    dict(
        name='layer_scale_0.3',
        config='hacdr_idrid_cpu',
        cfg_options={'model.backbone.layer_scale': 0.3},
    ),
    dict(
        name='lr_3e-3',
        config='hacdr_idrid_cpu',
        cfg_options={'optimizer.lr': 3e-3},
    ),
    dict(
        name='head_lr_1e-2',
        config='hacdr_idrid_cpu',
        cfg_options={
            'optimizer.paramwise_cfg.custom_keys.decode_head': dict(lr_mult=10),
        },
    ),
    dict(
        name='na_loss_prob',
        config='hacdr_idrid_cpu',
        cfg_options={'model.decode_head.loss_decode': [cross_entropy, dice, na_loss]},
    ),
    dict(
        name='na_loss_logit',
        config='hacdr_idrid_cpu',
        cfg_options={
            'model.decode_head.loss_decode': [
                cross_entropy,
                dice,
                dict(na_loss, mining='logit', thresh=0.5, min_kept=1000000),
            ],
        },
    ),
    dict(
        name='no_dropout',
        config='hacdr_idrid_cpu',
        cfg_options={
            'model.backbone.drop_rate': 0.0,
            'model.backbone.drop_path_rate': 0.0,
            'model.decode_head.dropout_ratio': 0.0,
        },
    ),
    dict(
        name='auxiliary',
        config='hacdr_idrid_cpu',
        cfg_options={
            'model.auxiliary_head': dict(
                type='FCNHead',
                in_channels=64,
                in_index=2,
                channels=32,
                num_convs=1,
                num_classes=5,
                norm_cfg=dict(type='BN'),
                align_corners=False,
                loss_decode=dict(cross_entropy, loss_weight=0.4),
                init_cfg=dict(type='ClassPrior', class_prior=class_pixels),
            ),
        },
    ),
    dict(
        name='offset_lr_1e-3',
        config='hacdr_idrid_cpu',
        cfg_options={
            'optimizer.paramwise_cfg.custom_keys.conv_offset': dict(lr_mult=1),
        },
    ),
    dict(
        name='adaptive',
        config='hacdr_idrid_cpu',
        cfg_options={'model.decode_head.mode': 'adaptive'},
    ),
    dict(
        name='near_far',
        config='hacdr_idrid_cpu',
        cfg_options={'model.backbone.near_far_kernel': 7},
    ),
    dict(
        name='group_norm',
        config='hacdr_idrid_cpu',
        cfg_options={
            'model.backbone.norm_cfg': dict(type='GN', num_groups=4),
            'model.decode_head.norm_cfg': dict(type='GN', num_groups=4),
        },
    ),
]
work_dir = 'work_dirs/study_learning'
# No keys of a study.
del class_pixels, cross_entropy, dice, na_loss
