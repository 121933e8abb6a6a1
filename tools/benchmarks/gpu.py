"""What convolutions and network cost on a GPU: ``tools/benchmark.py --device cuda``.

In one process, turn by turn, medians, by the GPU's own clock. The network and its
training are those of configs/hacdr_idrid_gpu.py, with offsets of two pixels (standard
deviation) and a rate so small that they stay. A training step is forward, losses,
backward, clipping and the step of AdamW; a prediction is one of the fused network, up
to the logits. Other operators: torchvision's, and mmcv's where it was built for CUDA.

Layers are timed without the time that Python takes to start their kernels; training
steps with it, as trainings have it, without and with train_cfg.cuda_graph.
"""

import functools
import gc
import itertools
import logging
import multiprocessing
import re
import statistics
import time
from collections import namedtuple
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F
from benchmarks.compared import (
    interleave,
    kernel,
    machine,
    other_operators,
    spread_offsets,
    time_call,
    write_json,
)
from mmcv.runner import build_optimizer
from torch.profiler import ProfilerActivity, profile
from torchvision.ops import deform_conv2d

import hacdr.ops
from hacdr.apis import build_network, load_config
from hacdr.errors import first_line
from hacdr.models import fuse_for_inference
from hacdr.ops import choose_kernel, modulated_deform_conv2d_packed

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs' / 'hacdr_idrid_gpu.py'
MODES = 'float32', 'TF32', 'bfloat16'

Layer = namedtuple('Layer', 'name batch channels out size stride groups fields area')
LAYERS = (
    Layer('depthwise 5x5', 2, 32, 32, (5, 5), 1, 32, 1, (240, 360)),
    Layer('1x3, own offsets', 2, 64, 64, (1, 3), 1, 1, 64, (120, 180)),
    Layer('3x1, own offsets', 2, 64, 64, (3, 1), 1, 1, 64, (120, 180)),
    Layer('3x3, stride 2, two fields', 2, 32, 64, (3, 3), 2, 1, 2, (240, 360)),
    Layer('depthwise 1x7', 2, 32, 32, (1, 7), 1, 32, 1, (240, 360)),
    Layer('depthwise 5x5', 8, 32, 32, (5, 5), 1, 32, 1, (80, 80)),
    Layer('1x3, own offsets', 8, 32, 32, (1, 3), 1, 1, 32, (80, 80)),
)
# Batch, height and width of a training step.
STEPS = ((8, 320, 320), (1, 960, 1440))
PREDICTION = 960, 1440
COPY_BYTES = 1 << 30
# Times more seconds than this are not spent on one comparison, see interleave.
SECONDS = 4.0
# Changes to the config.
OPTIONS = {}


def benchmark(args):
    """Measure, report, and write the figures as they come.

    Args:
        args (argparse.Namespace): device, quick, dry_run, repeats, compile, json.
    """
    if args.dry_run:
        shrink()
    args.repeats = args.repeats or (1 if args.dry_run else 5 if args.quick else 11)
    torch.backends.cudnn.benchmark = True
    began = time.monotonic()
    kind = torch.device(args.device).type
    figures = {
        'machine': machine(args.device),
        'dry_run': args.dry_run,
        'kernel': {
            'depthwise': choose_kernel(kind, True),
            'general': choose_kernel(kind, False),
        },
    }
    args.others = other_operators(args.device)
    trainer = Trainer(args.device)
    modes = ('float32', 'bfloat16') if args.quick else MODES
    parts = [
        ('layers', lambda: measure_layers(args)),
        ('sampling', lambda: measure_sampling(args)),
        ('steps', lambda: measure_steps(args, trainer, modes)),
        ('predictions', lambda: measure_predictions(args, trainer, modes)),
        ('launches', lambda: measure_launches(trainer, modes)),
    ]
    if args.compile:
        parts.append(('compile', lambda: try_compile(args)))
    for name, measure in parts:
        figures[name] = measure()
        figures['goals'] = goals(figures)
        figures['seconds'] = time.monotonic() - began
        print(f'{name}: done after {figures["seconds"]:.0f} s', flush=True)
        if args.json:
            write_json(args.json, figures)
    print(format_report(figures))


def shrink():
    """Make everything tiny, so that all of it runs in seconds of a CPU."""
    global LAYERS, STEPS, PREDICTION, COPY_BYTES, SECONDS, OPTIONS
    OPTIONS = {
        'model.backbone.depths': [1] * 4,
        'model.backbone.embed_dims': [8] * 4,
        'model.decode_head.in_channels': [8] * 4,
    }
    LAYERS = tuple(layer._replace(area=(12, 10)) for layer in LAYERS)
    STEPS = ((2, 32, 32), (1, 32, 64))
    PREDICTION = 32, 64
    COPY_BYTES = 1 << 20
    SECONDS = 0.1


@contextmanager
def precision(mode):
    """Let products of float32 run in TF32 unless ``mode`` is 'float32'."""
    switches = torch.backends.cuda.matmul, torch.backends.cudnn
    before = [switch.allow_tf32 for switch in switches]
    for switch in switches:
        switch.allow_tf32 = mode != 'float32'
    try:
        yield
    finally:
        for switch, value in zip(switches, before):
            switch.allow_tf32 = value


def set_mode(model, mode):
    """Let a segmentor train and predict in 'bfloat16', or in float32 in other modes."""
    for cfg in (model.train_cfg, model.test_cfg):
        cfg['bfloat16'] = mode == 'bfloat16'


# --- single layers ----------------------------------------------------------------


def layer_inputs(layer, device, seed=0):
    """Return x, packed, weight, bias, and the geometry of a layer; offsets of 2 px."""
    torch.manual_seed(seed)
    padding = tuple(k // 2 for k in layer.size)
    height, width = (
        (length + 2 * p - k) // layer.stride + 1
        for length, k, p in zip(layer.area, layer.size, padding)
    )
    taps = layer.fields * layer.size[0] * layer.size[1]
    packed = torch.randn(layer.batch, 3 * taps, height, width, device=device)
    packed[:, : 2 * taps] *= 2
    x = torch.randn(layer.batch, layer.channels, *layer.area, device=device)
    weight = torch.randn(
        layer.out, layer.channels // layer.groups, *layer.size, device=device
    )
    bias = torch.randn(layer.out, device=device)
    geometry = (layer.stride, padding, 1, layer.groups, layer.fields)
    return (x, packed, weight, bias), geometry


def layer_calls(layer, args):
    """Return name -> (operator on its inputs, inputs that want gradients)."""
    (x, packed, weight, bias), geometry = layer_inputs(layer, args.device)
    split = packed.shape[1] // 3 * 2
    ours = [t.requires_grad_() for t in (x, packed, weight, bias)]
    theirs = [packed[:, :split].detach(), packed[:, split:].detach().sigmoid()]
    theirs = [t.contiguous().requires_grad_() for t in theirs]
    stride, padding, dilation, groups, _ = geometry

    def packed_op():
        return modulated_deform_conv2d_packed(*ours, *geometry)

    def packed_bfloat16():
        low = x.detach().bfloat16(), packed.detach().bfloat16()
        low = [t.requires_grad_() for t in low]
        leaves = [*low, weight, bias]
        return lambda: modulated_deform_conv2d_packed(*leaves, *geometry), leaves

    def plain():
        return F.conv2d(x, weight, bias, stride, padding, dilation, groups)

    def theirs_op():
        offset, mask = theirs
        return deform_conv2d(x, offset, weight, bias, stride, padding, dilation, mask)

    def mmcv_op():
        return hacdr.ops.modulated_deform_conv2d(x, *theirs, weight, bias, *geometry)

    calls = {
        'ours': (packed_op, ours),
        'floor': (plain, [x, weight, bias]),
        'torchvision': (theirs_op, [x, *theirs, weight, bias]),
        'ours, bf16': packed_bfloat16(),
    }
    if not args.quick:
        calls['torch'] = (packed_op, ours)
    if 'mmcv' in args.others:
        calls['mmcv'] = (mmcv_op, [x, *theirs, weight, bias])
    return calls


def measure_layers(args):
    """Return a row for each layer, milliseconds forward and both ways."""
    rows = []
    for layer in LAYERS:
        calls = layer_calls(layer, args)
        row = layer._asdict()
        for what in ('forward', 'both ways'):
            timed = {
                name: one_layer(name, operator, leaves, what)
                for name, (operator, leaves) in calls.items()
            }
            label = f'{layer.name}, {what}'
            with precision('float32'):
                row[what] = interleave(
                    timed, args.repeats, args.device, label, SECONDS / 4, queued=True
                )
        rows.append(row)
    return rows


def one_layer(name, operator, leaves, what):
    """Return a call of one layer, forward alone or with its backward."""
    forced = name if name in ('torch', 'mmcv') else 'ours'

    def forward():
        with kernel(forced), torch.no_grad():
            operator()

    def both():
        with kernel(forced):
            out = operator()
            torch.autograd.grad(out, leaves, cotangent(out))

    return forward if what == 'forward' else both


def cotangent(out):
    """Return a gradient for ``out``, always the same memory for the same shape."""
    key = (tuple(out.shape), out.dtype, out.device)
    if key not in _COTANGENTS:
        _COTANGENTS.clear()
        _COTANGENTS[key] = torch.randn(out.shape, dtype=out.dtype, device=out.device)
    return _COTANGENTS[key]


_COTANGENTS = {}


def measure_sampling(args):
    """Return the bandwidth of a copy, and the share of it that sampling reaches."""
    rate = copy_rate(args.device)
    rows = [sampling_row(layer, rate, args) for layer in LAYERS[:2]]
    return {'copy_gigabytes_a_second': rate / 1e9, 'layers': rows}


def copy_rate(device):
    """Return bytes read and written a second by a large copy on the device."""
    source = torch.randn(COPY_BYTES // 4, device=device)
    target = torch.empty_like(source)
    times = [time_call(lambda: target.copy_(source), device)[0] for _ in range(11)]
    return 2 * COPY_BYTES / (statistics.median(times[1:]) / 1000)


def sampling_row(layer, rate, args):
    """Count every tensor once: x, offsets and masks, output, columns if there are any.

    Several sets of inputs take turns, so that none is found in the GPU's cache.
    """
    sets = [layer_inputs(layer, args.device, seed) for seed in range(4)]
    row = {'layer': layer.name}
    for mode in ('float32', 'bfloat16'):
        kind = getattr(torch, mode)
        inputs = [
            ((x.to(kind), packed.to(kind), weight, bias), geometry)
            for (x, packed, weight, bias), geometry in sets
        ]

        def forward(inputs=inputs):
            with kernel('ours'), torch.no_grad(), precision('float32'):
                for tensors, geometry in inputs:
                    out = modulated_deform_conv2d_packed(*tensors, *geometry)
            return out

        out = forward()
        kernels = device_kernels(forward, args.device)
        x, packed = inputs[0][0][:2]
        sampled = [k for k in kernels if k['name'].startswith(our_kernels())]
        products = any(PRODUCT.search(k['name']) for k in kernels)
        taps = layer.size[0] * layer.size[1]
        moved = x.nbytes + packed.nbytes
        moved += layer.channels * taps * out[:, 0].nbytes if products else out.nbytes
        whole = sum(k['ms'] for k in kernels) / len(sets)
        alone = sum(k['ms'] for k in sampled) / len(sets)
        row[mode] = {
            'bytes': moved,
            'columns': products,
            'kernel_ms': alone,
            'layer_ms': whole,
            'kernel_share': moved / rate / alone * 1000 if alone else None,
            'layer_share': moved / rate / whole * 1000 if whole else None,
        }
    return row


# Names that libraries give to kernels that multiply matrices.
PRODUCT = re.compile(r'gemm|nvjet|cutlass|gemv', re.IGNORECASE)


def our_kernels():
    """Return the names of the package's Triton kernels."""
    folder = Path(hacdr.ops.__file__).parent
    sources = [path.read_text() for path in folder.glob('triton*.py')]
    return tuple(
        name
        for source in sources
        for name in re.findall(r'@triton\.jit\b[^\n]*\ndef (\w+)', source)
    )


def device_kernels(call, device):
    """Return what ran on the GPU in a call: name, calls, ms, by time; and launches.

    Returns:
        list[dict]: one for each kernel or copy; empty on a CPU.
    """
    return recorded(call, device)[0]


def recorded(call, device):
    """Return (kernels, launches) of a call, as torch's profiler sees them."""
    if torch.device(device).type != 'cuda':
        with profile(activities=[ProfilerActivity.CPU]):
            call()
        return [], 0
    torch.cuda.synchronize(device)
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as record:
        call()
        torch.cuda.synchronize(device)
    rows = record.key_averages()
    kernels = [
        {'name': row.key, 'calls': row.count, 'ms': row.self_device_time_total / 1000}
        for row in rows
        if row.device_type == torch.autograd.DeviceType.CUDA
        and not row.is_user_annotation
    ]
    launches = sum(row.count for row in rows if 'LaunchKernel' in row.key)
    return sorted(kernels, key=lambda k: -k['ms']), launches


# --- the network ------------------------------------------------------------------


class Trainer:
    """Network, optimizer and batches, as configs/hacdr_idrid_gpu.py has them."""

    def __init__(self, device):
        self.device = device
        cfg = load_config(str(CONFIG), OPTIONS)
        torch.manual_seed(0)
        self.model = build_network(cfg)
        # mmcv says of every weight how it began.
        logging.getLogger('mmcv').setLevel(logging.WARNING)
        self.model.init_weights()
        network = torch.nn.Sequential(self.model.backbone, self.model.decode_head)
        with kernel('ours'):
            spread_offsets(network, torch.randn(1, 3, 256, 256))
        self.network = network.to(device)
        # Steps cost the same at any rate; at this one all variants see one network.
        self.optimizer = build_optimizer(self.model, dict(cfg.optimizer, lr=1e-9))
        self.clip = cfg.optimizer_config.grad_clip.max_norm
        self.recorded = {}

    def batch(self, size):
        """Return photographs and label maps of (batch, height, width)."""
        generator = torch.Generator().manual_seed(0)
        batch, height, width = size
        picture = torch.randn(batch, 3, height, width, generator=generator)
        # One pixel in fifty is of a lesion, each of the four as often.
        drawn = torch.randint(200, (batch, 1, height, width), generator=generator)
        label = torch.where(drawn < 4, drawn + 1, torch.zeros_like(drawn))
        shape = (height, width, 3)
        meta = dict(ori_shape=shape, img_shape=shape, pad_shape=shape, flip=False)
        return dict(
            img=picture.to(self.device),
            img_metas=[meta] * batch,
            gt_semantic_seg=label.to(self.device),
        )

    def step(self, which, mode, batch, graph=False):
        """Do one training step, with ``graph`` in those that the first one records."""
        set_mode(self.model, mode)
        self.model.train_cfg['cuda_graph'] = graph
        self.model._graphed = self.recorded.get(which)
        with kernel(which), precision(mode):
            loss = self.model.train().train_step(batch, self.optimizer)['loss']
            self.descend(loss)
        self.recorded[which] = self.model._graphed

    def forget_graphs(self):
        """Give back the memory of recorded steps."""
        self.recorded.clear()
        self.model._graphed = None

    def descend(self, loss):
        """Do what mmcv's OptimizerHook does with a loss."""
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.optimizer.step()

    def peak_memory(self, call):
        """Return the MiB that a call takes at the most, those held before included."""
        if torch.device(self.device).type != 'cuda':
            call()
            return None
        self.optimizer.zero_grad()
        gc.collect()
        torch.cuda.synchronize(self.device)
        torch.cuda.reset_peak_memory_stats(self.device)
        call()
        torch.cuda.synchronize(self.device)
        return torch.cuda.max_memory_allocated(self.device) / 2**20


def measure_steps(args, trainer, modes):
    """Return a row for each size, mode and way: ms and MiB of each variant."""
    rows = []
    ways = (False, True) if torch.device(args.device).type == 'cuda' else (False,)
    for size in STEPS[: 1 if args.quick else None]:
        batch = trainer.batch(size)
        for mode, graph in itertools.product(modes, ways):
            calls = {
                which: functools.partial(trainer.step, which, mode, batch, graph)
                for which in ('ours', 'floor', *args.others)
            }
            first = time.monotonic()
            calls['ours']()
            wait(args.device)
            first = time.monotonic() - first
            label = f'step {show(size)}, {mode}' + graph * ', CUDA graph'
            times = interleave(calls, args.repeats, args.device, label, SECONDS)
            # What a graph holds between its steps is not counted as allocated.
            memory = {
                name: None if graph else trainer.peak_memory(call)
                for name, call in calls.items()
            }
            trainer.forget_graphs()
            rows.append(
                {
                    'size': show(size),
                    'mode': mode,
                    'graph': graph,
                    'ms': times,
                    'MiB': memory,
                    'first_step_seconds': first,
                }
            )
    return rows


def measure_predictions(args, trainer, modes):
    """Return a row for each mode: milliseconds and MiB of one photograph."""
    picture = torch.randn(1, 3, *PREDICTION, device=args.device)
    fused = fuse_for_inference(trainer.model)
    rows = []
    for mode in modes:

        def predict(which, mode=mode):
            set_mode(fused, mode)
            with kernel(which), precision(mode), torch.no_grad():
                fused.encode_decode(picture, None)

        calls = {
            which: lambda which=which, predict=predict: predict(which)
            for which in ('ours', 'floor', *args.others)
        }
        label = f'prediction, {mode}'
        times = interleave(calls, args.repeats, args.device, label, SECONDS / 2)
        memory = {name: trainer.peak_memory(call) for name, call in calls.items()}
        rows.append(
            {'size': show(PREDICTION), 'mode': mode, 'ms': times, 'MiB': memory}
        )
    return rows


def measure_launches(trainer, modes):
    """Return for each mode and variant what one small step runs on the GPU."""
    batch = trainer.batch(STEPS[0])
    rows = []
    for mode in modes[:: len(modes) - 1]:
        for which in ('ours', 'floor'):
            kernels, launches = recorded(
                lambda which=which, mode=mode: trainer.step(which, mode, batch),
                trainer.device,
            )
            rows.append(
                {
                    'which': which,
                    'mode': mode,
                    'launches': launches,
                    'busy_ms': sum(k['ms'] for k in kernels),
                    'kernels': kernels[:25],
                }
            )
    return rows


def show(size):
    """Return 8x320x320 for (8, 320, 320)."""
    return 'x'.join(map(str, size))


def wait(device):
    """Wait until a GPU has done what it was given."""
    if torch.device(device).type == 'cuda':
        torch.cuda.synchronize(device)


# --- compilation ------------------------------------------------------------------


def try_compile(args):
    """Return the time of a small step with torch.compile, or why there is none."""
    context = multiprocessing.get_context('spawn')
    with context.Pool(1) as pool:
        job = pool.apply_async(compiled_step, (args.device, args.repeats, STEPS[0]))
        try:
            return job.get(timeout=args.compile)
        except multiprocessing.TimeoutError:
            return {'failed': f'not done after {args.compile:.0f} seconds'}
        except Exception as error:
            return {'failed': f'{type(error).__name__}: {first_line(error)}'[:200]}


def compiled_step(device, repeats, size):
    """Measure it; runs in a process of its own, which can be given up."""
    torch.backends.cudnn.benchmark = True
    trainer = Trainer(device)
    batch = trainer.batch(size)
    model = trainer.model.train()
    compiled = torch.compile(trainer.network)

    def step():
        kind = torch.device(device).type
        with kernel('ours'), torch.autocast(kind, torch.bfloat16):
            logits = compiled(batch['img'])
        losses = model.decode_head.losses(logits.float(), batch['gt_semantic_seg'])
        trainer.descend(sum(v for name, v in losses.items() if 'loss' in name))

    began = time.monotonic()
    step()
    wait(device)
    seconds = time.monotonic() - began
    calls = {
        'plain': lambda: trainer.step('ours', 'bfloat16', batch),
        'compiled': step,
    }
    times = interleave(calls, repeats, device, 'torch.compile', SECONDS)
    return {'mode': 'bfloat16', 'compile_seconds': seconds, 'ms': times}


# --- report -----------------------------------------------------------------------


def fastest_other(times):
    """Return the milliseconds of the faster of the other operators."""
    return min(ms for name, ms in times.items() if name in ('torchvision', 'mmcv'))


def goals(figures):
    """Return rows of (name, must, target, measured) of what was measured so far."""
    rows = []
    small = {
        (row['mode'], row['graph']): row
        for row in figures.get('steps', [])
        if row['size'] == show(STEPS[0])
    }
    for (mode, graph), row in small.items():
        times = row['ms']
        name = f'step {row["size"]}, {mode}' + graph * ', graph'
        ratio = fastest_other(times) / times['ours']
        rows.append((f'{name}: other / ours', '>= 4', '10', ratio))
        ratio = times['ours'] / times['floor']
        rows.append((f'{name}: ours / floor', '<= 1.4', '1.15', ratio))
    for index, (must, target) in {0: ('>= 15', '40'), 1: ('>= 4', '10')}.items():
        if 'layers' in figures:
            times = figures['layers'][index]['both ways']
            ratio = fastest_other(times) / times['ours']
            name = f'{LAYERS[index].name}, both ways: other / ours'
            rows.append((name, must, target, ratio))
    if 'sampling' in figures:
        for row, must, target in zip(
            figures['sampling']['layers'], ('>= 0.15', '>= 0.40'), ('0.30', '0.65')
        ):
            share = row['float32']['kernel_share']
            name = f'{row["layer"]}, forward: share of copy bandwidth'
            rows.append((name, must, target, share))
    for graph in (False, True):
        low, full = small.get(('bfloat16', graph)), small.get(('float32', graph))
        if low and full:
            ratio = low['ms']['ours'] / full['ms']['ours']
            name = 'bfloat16 step / float32 step' + graph * ', graph'
            rows.append((name, '<= 0.75', '0.5', ratio))
    for (mode, graph), row in small.items():
        memory = row['MiB']
        ratio = memory['ours'] and memory['ours'] / memory['floor']
        if not graph:
            name = f'peak memory of a step, {mode}: ours / floor'
            rows.append((name, '<= 1.05', '1.02', ratio))
    return rows


def format_report(figures):
    """Return all figures as tables of at most 80 columns, the goals last."""
    info = figures['machine']
    lines = [
        f'{info["processor"]}, torch {info["torch"]}, Python {info["python"]}; '
        f'{figures["seconds"]:.0f} s in all',
        'ours: {depthwise} (depthwise), {general} (others)'.format(**figures['kernel']),
        '',
        *layer_lines(figures['layers']),
        '',
        f'copy {figures["sampling"]["copy_gigabytes_a_second"]:.0f} GB/s; share of it, '
        'forward:    kernel  whole layer',
    ]
    for row in figures['sampling']['layers']:
        for mode in ('float32', 'bfloat16'):
            one = row[mode]
            columns = ' columns' if one['columns'] else ''
            what = f'{row["layer"]}, {mode}, {one["bytes"] / 1e6:.0f} MB{columns}'
            lines.append(
                f'{what:<46}{number(one["kernel_share"]):>8}'
                f'{number(one["layer_share"]):>13}'
            )
    for name, what in (('steps', 'training step'), ('predictions', 'prediction')):
        lines += ['', *network_lines(what, figures[name])]
    lines += ['', f'{"one small step":<30}{"launches":>10}{"GPU busy, ms":>14}']
    for row in figures['launches']:
        name = f'{row["which"]}, {row["mode"]}'
        lines.append(f'{name:<30}{row["launches"]:>10}{row["busy_ms"]:>14.1f}')
    for row in figures['launches'][-2:-1]:
        lines += [
            f'{k["ms"]:>8.2f} ms {k["calls"]:>5}x  {k["name"][:60]}'
            for k in row['kernels'][:10]
        ]
    if 'compile' in figures:
        row = figures['compile']
        text = row.get('failed') or (
            '{plain:.1f} ms, {compiled:.1f} ms after {s:.0f} s of compiling'.format(
                s=row['compile_seconds'], **row['ms']
            )
        )
        lines.append(f'torch.compile, bfloat16: {text}'[:80])
    lines += ['', f'{"goal":<52}{"must":>9}{"target":>9}{"measured":>10}']
    lines += [
        f'{name:<52}{must:>9}{target:>9}{number(measured):>10}'
        for name, must, target, measured in figures['goals']
    ]
    return '\n'.join(lines)


def layer_lines(rows):
    """Return the table of the layers, milliseconds."""
    names = [*rows[0]['forward']]
    lines = ['layers, ms: forward, then both ways']
    lines.append(f'{"":<28}' + ''.join(f'{short(name):>8}' for name in names))
    for row in rows:
        title = f'{row["name"][:16]} {row["batch"]}x{row["channels"]}x{row["area"][0]}'
        for what in ('forward', 'both ways'):
            cells = ''.join(f'{row[what][name]:>8.2f}' for name in names)
            lines.append(f'{title if what == "forward" else "":<28}{cells}')
    return lines


def short(name):
    """Return a name of at most eight characters."""
    return {'torchvision': 'torchv.', 'ours, bf16': 'bf16'}.get(name, name)


def network_lines(what, rows):
    """Return the table of steps or predictions, milliseconds and GiB."""
    names = [*rows[0]['ms']]
    lines = [
        f'{what + ", ms":<30}'
        + ''.join(f'{short(name):>8}' for name in names)
        + '   GiB'
        + ''.join(f'{short(name):>8}' for name in names[:2])
    ]
    for row in rows:
        times = ''.join(f'{row["ms"][name]:>8.1f}' for name in names)
        memory = ''.join(
            f'{number(row["MiB"][name] and row["MiB"][name] / 1024):>8}'
            for name in names[:2]
        )
        title = f'{row["size"]} {row["mode"]}' + row.get('graph', False) * ', graph'
        lines.append(f'{title:<30}{times}      {memory}')
    first = max((row.get('first_step_seconds', 0) for row in rows), default=0)
    if first:
        lines.append(f'longest first step (kernels are compiled): {first:.0f} s')
    return lines


def number(value):
    """Return a figure of two decimals, or a dash."""
    return '-' if value is None else f'{value:.2f}'


def format_markdown(figures):
    """Return goals, layers, steps and predictions as tables in Markdown."""
    info = figures['machine']
    goals = [
        [name, must, target, number(measured)]
        for name, must, target, measured in figures['goals']
    ]
    layers = [
        [f'{row["name"]}, {row["batch"]} x {row["channels"]} x {show(row["area"])}']
        + [
            f'{row["forward"][name]:.2f} / {row["both ways"][name]:.2f}'
            for name in row['forward']
        ]
        for row in figures['layers']
    ]
    networks = [
        [f'{what} {row["size"]}, {row["mode"]}' + row.get('graph', False) * ', graph']
        + [f'{row["ms"][name]:.1f}' for name in row['ms']]
        + [number(row['MiB'][n] and row['MiB'][n] / 1024) for n in ('ours', 'floor')]
        for what, name in (('step', 'steps'), ('prediction', 'predictions'))
        for row in figures[name]
    ]
    variants = [*figures['steps'][0]['ms']]
    tables = [
        markdown(['goal', 'must', 'target', 'measured'], goals),
        markdown(['forward / both ways, ms', *figures['layers'][0]['forward']], layers),
        markdown(['ms', *variants, 'GiB: ours', 'GiB: floor'], networks),
    ]
    title = f'{info["processor"]}, torch {info["torch"]}, Python {info["python"]}:'
    return '\n\n'.join([title, *tables])


def markdown(head, rows):
    """Return a table in Markdown."""
    lines = [head, ['---'] * len(head), *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)
