"""Time and weigh the evaluation against scikit-learn's sort and the peers' way.

Predictions are made up at 960x1440 from masks of lesions (real ones where --masks
names a folder of them, bit k for lesion k) and enlarged to 2848x4288. The peers' way
(M2MRF) keeps the probability maps of all photographs and walks them once for each of
11 thresholds. Peak memory is that of this process while it works, without what it held
before.
"""

import argparse
import ctypes
import os
import pickle
import statistics
import tempfile
import time
from pathlib import Path

from hacdr_cli import run

from hacdr.errors import InputError

SIZE, NETWORK_SIZE = (2848, 4288), (960, 1440)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        '--masks', type=Path, metavar='DIR', help='PNG masks; default: made up'
    )
    parser.add_argument('--photographs', type=int, default=10, help='default: 10')
    parser.add_argument('--repeats', type=int, default=5, help='default: 5')
    args = parser.parse_args()
    if min(args.photographs, args.repeats) < 1:
        parser.error('--photographs and --repeats must be at least 1')

    import torch
    from tqdm import tqdm

    from hacdr.evaluation import figures, summarise

    ground_truths = make_ground_truths(args.masks, args.photographs)
    # The first call compiles the kernels.
    score(
        predict(ground_truths[0], 0)[:, :64], ground_truths[0][:64, : NETWORK_SIZE[1]]
    )
    scores, maps = [], []
    for seed, ground_truth in enumerate(
        tqdm(ground_truths, desc='photographs', leave=False)
    ):
        planes = enlarge(predict(ground_truth, seed))
        scores.append(score(planes, ground_truth))
        maps.append(planes[1:].copy())
    measured = measure(args, ground_truths[0], scores)
    start = time.perf_counter()
    fixed = walk_maps(maps, ground_truths)
    measured['peers'] = (time.perf_counter() - start) / len(maps)
    start = time.perf_counter()
    summarise(scores)
    measured['summary'] = time.perf_counter() - start
    kept = [sum(plane.nbytes for plane in maps), len(pickle.dumps(scores))]
    own = figures(scores)['m2mrf-11']
    print(
        f'{torch.get_num_threads()} threads, {len(ground_truths)} photographs of '
        f'{SIZE[0]}x{SIZE[1]}, medians of {args.repeats}'
    )
    report(measured, kept, max(abs(own - fixed)), len(ground_truths))


def make_ground_truths(folder, count):
    """Return lesions of photographs, uint8 (H, W), bit k for lesion k."""
    import cv2
    import numpy as np

    if folder is None:
        rng = np.random.default_rng(0)
        return [made_up_ground_truth(rng) for _ in range(count)]
    paths = sorted(folder.glob('*.png'))[:count]
    if len(paths) < count:
        raise InputError(f'{folder}: {len(paths)} masks (*.png), expected {count}')
    ground_truths = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in paths]
    for path, ground_truth in zip(paths, ground_truths):
        if ground_truth is None or ground_truth.shape != SIZE:
            shape = None if ground_truth is None else ground_truth.shape
            raise InputError(f'{path}: mask of size {shape}, expected {SIZE}')
    return ground_truths


def made_up_ground_truth(rng):
    import cv2
    import numpy as np

    ground_truth = np.zeros(SIZE, np.uint8)
    for lesion, (number, radius) in enumerate(((140, 14), (25, 40), (2, 60), (45, 9))):
        drawn = np.zeros(SIZE, np.uint8)
        for y, x in rng.integers(100, np.array(SIZE) - 100, (number, 2)):
            cv2.circle(drawn, (int(x), int(y)), radius, 1, -1)
        ground_truth |= drawn << lesion
    return ground_truth


def predict(ground_truth, seed):
    """Make up what a fair network says, float32 (5, 960, 1440)."""
    import cv2
    import numpy as np

    rng = np.random.default_rng(seed)
    size = NETWORK_SIZE[::-1]
    logits = [np.full(NETWORK_SIZE, 3, np.float32)]
    for lesion in range(4):
        there = ((ground_truth >> lesion) & 1).astype(np.float32)
        there = cv2.resize(there, size, interpolation=cv2.INTER_AREA)
        logit = 7 * cv2.GaussianBlur(there, (0, 0), 2) - 4
        for sigma, strength in ((3, 1.5), (40, 1)):
            noise = rng.normal(size=NETWORK_SIZE).astype(np.float32)
            noise = cv2.GaussianBlur(noise, (0, 0), sigma)
            logit += strength * noise / noise.std()
        logits.append(logit)
    powers = np.exp(np.stack(logits))
    return powers / powers.sum(0)


def enlarge(planes):
    """Return the planes at the photograph's size, float32 (5, 2848, 4288)."""
    import cv2
    import numpy as np

    large = np.empty((len(planes), *SIZE), np.float32)
    for plane, target in zip(planes, large):
        cv2.resize(plane, SIZE[::-1], dst=target, interpolation=cv2.INTER_LINEAR)
    return large


def score(planes, ground_truth):
    """Score a photograph as a test does, with all threads."""
    import torch

    from hacdr.evaluation import score_image

    return score_image(planes, ground_truth, threads=torch.get_num_threads())


def measure(args, ground_truth, scores):
    """Return seconds, MiB and differences for one photograph."""
    from sklearn.metrics import average_precision_score

    from hacdr.evaluation import average_precision, match_lesions
    from hacdr.evaluation import write_probabilities as write

    small = predict(ground_truth, 0)
    planes = enlarge(small)
    result = {
        'score': seconds(args, lambda: score(planes, ground_truth)),
        'processor': seconds(
            args, lambda: score(planes, ground_truth), time.process_time
        ),
        'resize': seconds(args, lambda: score(enlarge(small), ground_truth)),
        'matching': seconds(
            args,
            lambda: [match_lesions(planes[k + 1], ground_truth, k) for k in range(4)],
        ),
        'memory': peak(lambda: score(planes, ground_truth)),
        'memory, resize': peak(lambda: score(enlarge(small), ground_truth)),
    }
    there = [k for k in range(4) if (ground_truth >> k & 1).any()]

    def sort():
        return [
            average_precision_score(
                (ground_truth >> k & 1).ravel(), planes[k + 1].ravel()
            )
            for k in there
        ]

    start = time.perf_counter()
    exact = sort()
    # A lesion that is absent costs as much as one that is there.
    result['sort'] = (time.perf_counter() - start) * 4 / len(there)
    result['difference'] = max(
        abs(average_precision(scores[:1], k) - value) for k, value in zip(there, exact)
    )
    with tempfile.TemporaryDirectory() as folder:
        files = write(folder, 'a', planes).values()
        sizes = [os.path.getsize(os.path.join(folder, file)) for file in files]
    result['images'] = sum(sizes) / 2**10
    return result


def seconds(args, call, clock=time.perf_counter):
    times = []
    for _ in range(args.repeats):
        start = clock()
        call()
        times.append(clock() - start)
    return statistics.median(times)


def peak(call):
    """Return by how many MiB the process grows at most while it calls."""
    # Memory that was freed but not given back would hide what is taken.
    ctypes.CDLL(None).malloc_trim(0)
    # Sets the peak back to what is held now.
    Path('/proc/self/clear_refs').write_text('5')
    before = _status('VmRSS')
    call()
    return (_status('VmHWM') - before) / 2**10


def _status(key):
    lines = Path('/proc/self/status').read_text().splitlines()
    (value,) = (line.split()[1] for line in lines if line.startswith(f'{key}:'))
    return int(value)


def walk_maps(maps, ground_truths):
    """Area under precision and recall at 11 thresholds, the peers' way, (4,)."""
    import numpy as np
    from scipy.integrate import trapezoid

    areas = []
    for k in range(4):
        precision, recall = [], []
        for threshold in np.linspace(0, 1, 11).astype(np.float32):
            hits = predicted = actual = 0
            for planes, ground_truth in zip(maps, ground_truths):
                there, positive = (ground_truth >> k) & 1 == 1, planes[k] > threshold
                hits += np.count_nonzero(there & positive)
                predicted += np.count_nonzero(positive)
                actual += np.count_nonzero(there)
            precision.append(hits / predicted if predicted else 1)
            recall.append(hits / actual if actual else np.nan)
        areas.append(-trapezoid(precision, recall))
    return np.array(areas)


def report(measured, kept, difference, photographs):
    from hacdr.evaluation.bootstrap import DRAWS

    peers, own = kept
    rows = [
        ('scoring one photograph, s', measured['score'], '<= 0.6'),
        ('its processor time, all threads, s', measured['processor'], ''),
        ('with enlarging from 960x1440, s', measured['resize'], '<= 1.2'),
        ('extra memory of scoring, MiB', measured['memory'], '<= 600'),
        ('with enlarging, MiB', measured['memory, resize'], '<= 600'),
        ("scikit-learn's sort, s a photograph", measured['sort'], ''),
        ('scikit-learn / ours', measured['sort'] / measured['score'], '>= 15'),
        ("difference to scikit-learn's AP", measured['difference'], '<= 0.0001'),
        ("peers' 11 passes, s a photograph", measured['peers'], ''),
        ("difference to the peers' area", difference, '0'),
        (f"peers' maps of {photographs} photographs, MiB", peers / 2**20, ''),
        (f'ours of {photographs} photographs, MiB', own / 2**20, ''),
        ("peers' / ours", peers / own, '>= 50'),
        ('matching lesions one by one, s', measured['matching'], ''),
        (f'all figures, {DRAWS} draws, s', measured['summary'], ''),
        ('images of probabilities, KiB', measured['images'], '<= 316'),
    ]
    print(f'{"":<44}{"measured":>12}{"must":>12}')
    for name, value, must in rows:
        shown = f'{value:.1e}' if 0 < abs(value) < 0.001 else f'{value:.3g}'
        if value >= 100:
            shown = f'{value:.0f}'
        print(f'{name:<44}{shown:>12}{must:>12}')


if __name__ == '__main__':
    run(main)
