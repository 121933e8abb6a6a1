"""HACDR with MSCAN's weights computes what MSCAN computes."""

import pytest
import torch
import torch.nn as nn
import torch.nn.functional as F

from hacdr.errors import InputError
from hacdr.models import HACDR, convert_mscan_state_dict

TINY = dict(dims=(32, 64, 160, 256), depths=(3, 3, 5, 2), ratios=(8, 8, 4, 4))
SMALL = dict(dims=(8, 12, 16, 20), depths=(1, 2, 1, 1), ratios=(4, 4, 2, 2))
KERNELS = (7, 11, 21)


def shapes_of(dims, depths, ratios, dwconv='dwconv.dwconv'):
    """Names and shapes of MSCAN's weights as SegNeXt (or mmseg 1.x) saves them."""
    shapes = {}

    def conv(name, out, inside, *kernel):
        shapes[f'{name}.weight'] = (out, inside, *kernel)
        shapes[f'{name}.bias'] = (out,)

    def norm(name, channels, batch=True):
        for tensor in ('weight', 'bias'):
            shapes[f'{name}.{tensor}'] = (channels,)
        if batch:
            for tensor in ('running_mean', 'running_var'):
                shapes[f'{name}.{tensor}'] = (channels,)
            shapes[f'{name}.num_batches_tracked'] = ()

    for s, (c, depth, ratio) in enumerate(zip(dims, depths, ratios), 1):
        if s == 1:
            conv('patch_embed1.proj.0', c // 2, 3, 3, 3)
            norm('patch_embed1.proj.1', c // 2)
            conv('patch_embed1.proj.3', c, c // 2, 3, 3)
            norm('patch_embed1.proj.4', c)
        else:
            conv(f'patch_embed{s}.proj', c, dims[s - 2], 3, 3)
            norm(f'patch_embed{s}.norm', c)
        for j in range(depth):
            block = f'block{s}.{j}'
            gate = f'{block}.attn.spatial_gating_unit'
            norm(f'{block}.norm1', c)
            norm(f'{block}.norm2', c)
            for name in ('proj_1', 'proj_2', 'spatial_gating_unit.conv3'):
                conv(f'{block}.attn.{name}', c, c, 1, 1)
            conv(f'{gate}.conv0', c, 1, 5, 5)
            for p, k in enumerate(KERNELS):
                conv(f'{gate}.conv{p}_1', c, 1, 1, k)
                conv(f'{gate}.conv{p}_2', c, 1, k, 1)
            conv(f'{block}.mlp.fc1', c * ratio, c, 1, 1)
            conv(f'{block}.mlp.{dwconv}', c * ratio, 1, 3, 3)
            conv(f'{block}.mlp.fc2', c, c * ratio, 1, 1)
            for k in (1, 2):
                shapes[f'{block}.layer_scale_{k}'] = (c,)
        norm(f'norm{s}', c, batch=False)
    conv('head', 1000, dims[-1])
    return shapes


def mscan_weights(size, **names):
    generator = torch.Generator().manual_seed(0)
    weights = {}
    for name, shape in shapes_of(**size, **names).items():
        if 'num_batches' in name:
            weights[name] = torch.tensor(7)
        elif 'running_var' in name or ('norm' in name and name.endswith('weight')):
            weights[name] = torch.rand(shape, generator=generator) + 0.5
        else:
            fan_in = max(torch.Size(shape[1:]).numel(), 1)
            weights[name] = torch.randn(shape, generator=generator) / fan_in**0.5
    return weights


def mscan(weights, depths, x, dwconv='dwconv.dwconv', **_):
    """MSCAN in functions, from its paper (arXiv:2209.08575): the stages' features."""

    def conv(name, x, **kwargs):
        w = weights[f'{name}.weight']
        groups = x.shape[1] // w.shape[1]
        return F.conv2d(x, w, weights[f'{name}.bias'], groups=groups, **kwargs)

    def same(name, x):
        height, width = weights[f'{name}.weight'].shape[2:]
        return conv(name, x, padding=(height // 2, width // 2))

    def norm(name, x):
        tensors = ('running_mean', 'running_var', 'weight', 'bias')
        return F.batch_norm(x, *(weights[f'{name}.{tensor}'] for tensor in tensors))

    def attention(name, x):
        gate = F.gelu(conv(f'{name}.proj_1', x))
        unit = f'{name}.spatial_gating_unit'
        trunk = same(f'{unit}.conv0', gate)
        total = trunk
        for p in range(len(KERNELS)):
            total = total + same(f'{unit}.conv{p}_2', same(f'{unit}.conv{p}_1', trunk))
        return conv(f'{name}.proj_2', conv(f'{unit}.conv3', total) * gate) + x

    def mlp(name, x):
        x = F.gelu(same(f'{name}.{dwconv}', conv(f'{name}.fc1', x)))
        return conv(f'{name}.fc2', x)

    features = []
    for s, depth in enumerate(depths, 1):
        embed, down = f'patch_embed{s}', dict(stride=2, padding=1)
        if s == 1:
            x = F.gelu(norm(f'{embed}.proj.1', conv(f'{embed}.proj.0', x, **down)))
            x = norm(f'{embed}.proj.4', conv(f'{embed}.proj.3', x, **down))
        else:
            x = norm(f'{embed}.norm', conv(f'{embed}.proj', x, **down))
        for j in range(depth):
            block = f'block{s}.{j}'
            for k, branch, layer in ((1, 'attn', attention), (2, 'mlp', mlp)):
                scale = weights[f'{block}.layer_scale_{k}'].view(-1, 1, 1)
                x = x + scale * layer(f'{block}.{branch}', norm(f'{block}.norm{k}', x))
        last_axis = x.permute(0, 2, 3, 1)
        scale, shift = weights[f'norm{s}.weight'], weights[f'norm{s}.bias']
        x = F.layer_norm(last_axis, scale.shape, scale, shift).permute(0, 3, 1, 2)
        features.append(x)
    return features


def build(size, **kwargs):
    torch.manual_seed(0)
    backbone = HACDR(
        embed_dims=size['dims'],
        depths=size['depths'],
        ffn_ratios=size['ratios'],
        **kwargs,
    )
    backbone.init_weights()
    return backbone


def load(backbone, conversion):
    missing, unexpected = backbone.load_state_dict(conversion.state_dict, strict=False)
    assert not unexpected
    assert set(missing) == set(conversion.without_effect) | set(conversion.missing)
    return backbone.eval()


def difference(backbone, features, x):
    """Largest difference of all stages, relative to the largest feature."""
    with torch.no_grad():
        ours = backbone(x)
    return max(
        ((a - b).abs().max() / b.abs().max()).item() for a, b in zip(ours, features)
    )


PICTURE = torch.randn(2, 3, 70, 102, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize(
    'dwconv', ['dwconv.dwconv', 'dwconv'], ids=['segnext', 'mmseg']
)
@pytest.mark.parametrize(
    'kwargs',
    [
        {},
        dict(near_far_kernel=0),
        dict(deform_kernel=0, near_far_kernel=0),
        dict(ffn='mdconv'),
        dict(zero_offset_init=False),
    ],
    ids=['paper', 'released', 'cross_only', 'mdconv', 'random_offsets'],
)
def test_features_are_mscans(kwargs, dwconv):
    weights = mscan_weights(SMALL, dwconv=dwconv)
    backbone = build(SMALL, **kwargs)
    conversion = convert_mscan_state_dict(weights, backbone)
    assert conversion.exact
    assert set(conversion.unused) == {'head.weight', 'head.bias'}
    features = mscan(weights, **SMALL, x=PICTURE, dwconv=dwconv)
    assert difference(backbone.eval(), features, PICTURE) > 0.1
    assert difference(load(backbone, conversion), features, PICTURE) < 1e-5


def test_mscan_t_fits_the_default_network():
    weights = mscan_weights(TINY)
    conversion = convert_mscan_state_dict(weights, build(TINY))
    assert conversion.exact
    assert len(conversion.taken) == len(weights) - 2
    assert not conversion.missing
    picture = PICTURE[:1]
    features = mscan(weights, **TINY, x=picture)
    assert difference(load(build(TINY), conversion), features, picture) < 1e-5


def test_wrapped_checkpoints():
    weights = mscan_weights(SMALL)
    wrapped = {'state_dict': {f'module.backbone.{n}': t for n, t in weights.items()}}
    wrapped['state_dict']['decode_head.conv_seg.weight'] = torch.zeros(1)
    conversion = convert_mscan_state_dict(wrapped, build(SMALL))
    assert conversion.exact
    plain = convert_mscan_state_dict(weights, build(SMALL)).state_dict
    assert all(torch.equal(conversion.state_dict[name], t) for name, t in plain.items())


def test_silent_branches_learn():
    """Their last convolution has a gradient from the first step, the others later."""
    backbone = build(SMALL)
    conversion = convert_mscan_state_dict(mscan_weights(SMALL), backbone)
    load(backbone, conversion)
    for step in (1, 2):
        backbone.zero_grad()
        sum(x.square().sum() for x in backbone(PICTURE)).backward()
        for name, parameter in backbone.named_parameters():
            if 'column.weight' in name or (step == 2 and 'row.weight' in name):
                assert parameter.grad.abs().sum() > 0, (step, name)
        with torch.no_grad():
            for parameter in backbone.parameters():
                parameter.sub_(parameter.grad, alpha=1e-6)


@pytest.mark.parametrize(
    ('kwargs', 'where'),
    [
        (dict(cross_kernels=(5, 11, 21)), 'pairs.0'),
        (dict(cross_kernels=(7, 11)), None),
        (dict(in_channels=1), 'stages.0.embed.conv1.weight'),
        (dict(norm_cfg=dict(type='GN', num_groups=2)), None),
    ],
    ids=['other_kernels', 'fewer_kernels', 'one_channel', 'group_norm'],
)
def test_where_the_networks_differ_it_says_so(kwargs, where):
    backbone = build(SMALL, **kwargs)
    conversion = convert_mscan_state_dict(mscan_weights(SMALL), backbone)
    assert not conversion.exact
    assert bool(conversion.missing) == (where is not None)
    assert all(where in name for name in conversion.missing)
    load(backbone, conversion)


def test_what_is_not_mscan_is_refused():
    for weights in ({'a': torch.zeros(1)}, {'conv1.weight': torch.zeros(64, 3, 7, 7)}):
        with pytest.raises(InputError, match='no weights of MSCAN'):
            convert_mscan_state_dict(weights, build(SMALL))


def test_a_plain_convolution_is_a_deformable_one_with_half_the_kernel():
    """What the conversion rests on, at the rim of the picture too."""
    from hacdr.models import MDConv

    torch.manual_seed(0)
    plain = nn.Conv2d(4, 6, 3, stride=2, padding=1)
    deformable = MDConv(4, 6, 3, stride=2, padding=1, deform_groups=2)
    with torch.no_grad():
        deformable.weight.copy_(2 * plain.weight)
        deformable.bias.copy_(plain.bias)
        x = torch.randn(2, 4, 11, 14)
        torch.testing.assert_close(deformable(x), plain(x))
