"""Networks on torch: what prediction asks of mmseg's segmentors."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch
from mmcv.parallel import collate, scatter
from mmseg.datasets.pipelines import Compose
from torch import nn

from hacdr.datasets.pipelines import LoadPhotograph, LocalContrastNormalize
from hacdr.engine.stored_config import prediction_config
from hacdr.errors import InputError, first_line
from hacdr.files import file_sha256, sha256
from hacdr.inference.model import init_model
from hacdr.inference.preprocessing import Preprocessing
from hacdr.models import fuse_for_inference
from hacdr.models.segmentors import LesionEncoderDecoder

OUR_STEPS = 'LoadPhotograph', 'MultiScaleFlipAug'
# A cache is made where a step is, and prediction decodes once.
NOT_NEEDED = 'type', 'cache_dir', 'cache_gb'


class TorchNetwork:
    """A segmentor with its weights.

    Args:
        weights (str): checkpoint file.
        config (str | None): config file; None takes the one in the checkpoint.
        device (str | None): 'cpu', 'cuda:0'; None takes the GPU where there is one.
        options (dict | None): changes to the config, dotted key -> value.
        fuse (bool): for less arithmetic and the same output, see
            :func:`~hacdr.models.fuse_for_inference`.

    Attributes:
        model (nn.Module): the segmentor.
        classes, palette: names and RGB colours of the label map's values.
        thresholds (dict | None): that came with the weights.
        trained_diameter (float | None): of the field of view in the photographs that
            they were trained on, in pixels, as the network saw them.
        preprocessing (Preprocessing | None): None where the config's test pipeline or
            its way to test is another than whole photographs by our steps; then
            :meth:`segment` predicts, not :meth:`logits`.
        averages_flips (bool): whether the config asks for mirror images.
        config_sha256 (str): of what prediction needs of the config.
        source_sha256 (str): of the file of weights.
        device (str): where it runs.

    Raises:
        InputError: weights, config or device are bad or do not fit each other.
    """

    def __init__(
        self,
        weights: str,
        config: str | None = None,
        device: str | None = None,
        options: dict | None = None,
        fuse: bool = True,
    ) -> None:
        device = device or ('cuda:0' if torch.cuda.is_available() else 'cpu')
        model = init_model(config, weights, device, options)
        self.classes, self.palette = model.CLASSES, model.PALETTE
        self.thresholds = model.thresholds
        self.trained_diameter = model.trained_diameter
        self.averages_flips = bool((model.test_cfg or {}).get('flips'))
        self.preprocessing = read_preprocessing(model)
        self.dataset = model.cfg.data.test.type
        text = prediction_config(model.cfg)
        self.config_sha256 = sha256(text.encode())
        self.source_sha256 = file_sha256(weights)
        self.device = str(next(model.parameters()).device)
        self.model = fuse_for_inference(model) if fuse else model

    @torch.no_grad()
    def logits(self, planes: np.ndarray) -> np.ndarray:
        """Run the network.

        Args:
            planes (np.ndarray): float32, (3, h, w).

        Returns:
            np.ndarray: float32, (classes, h, w).
        """
        img = torch.from_numpy(planes)[None].to(self.device)
        return self.model.encode_decode(img, None)[0].cpu().numpy()

    def segment(self, photograph: str | Path | np.ndarray) -> np.ndarray:
        """Predict as mmseg does, see :func:`segment`."""
        return segment(self.model, photograph)

    def require_flips(self) -> None:
        """Make :meth:`segment` average over mirror images.

        Raises:
            InputError: the segmentor does not.
        """
        if not isinstance(self.model, LesionEncoderDecoder):
            raise InputError(
                f'mirror images: {type(self.model).__name__} does not average them, '
                'expected a config of LesionEncoderDecoder'
            )
        self.model.test_cfg.flips = True


@torch.no_grad()
def segment(model: nn.Module, photograph: str | Path | np.ndarray) -> np.ndarray:
    """Predict as mmseg does, by the config's own pipeline.

    Args:
        model (nn.Module): as :func:`hacdr.apis.init_model` returns it.
        photograph (str | Path | np.ndarray): file, or BGR, uint8, (H, W, 3).

    Returns:
        np.ndarray: probabilities, float32, (classes, H, W), or classes (H, W).
    """
    if isinstance(photograph, np.ndarray):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'photograph.bmp')
            cv2.imwrite(path, photograph)
            return segment(model, path)
    # mmseg's inference_segmentor brings a loader of its own, which leaves out what
    # pipelines without a resize step need.
    pipeline = Compose(model.cfg.data.test.pipeline)
    sample = dict(img_info=dict(filename=str(photograph)), img_prefix=None)
    data = collate([pipeline(sample)], samples_per_gpu=1)
    device = next(model.parameters()).device
    if device.type == 'cuda':
        data = scatter(data, [device])[0]
    else:
        data['img_metas'] = [metas.data[0] for metas in data['img_metas']]
    return model(return_loss=False, rescale=True, **data)[0]


def read_preprocessing(model: nn.Module) -> Preprocessing | None:
    """Read what a config does to photographs before its network.

    Args:
        model (nn.Module): as :func:`hacdr.apis.init_model` returns it.

    Returns:
        Preprocessing | None: None where it does something else than a
        :class:`Preprocessing` can say, or predicts in another way than whole
        photographs by a softmax.
    """
    test_cfg = model.test_cfg or {}
    plain = (
        type(model) is LesionEncoderDecoder
        and test_cfg.get('mode') == 'whole'
        and model.output == 'prob'
        and model.out_channels > 1
        and not model.align_corners
        and model.cfg.get('fp16') is None
    )
    pipeline = model.cfg.data.test.pipeline
    if not plain or [s['type'] for s in pipeline] != [*OUR_STEPS]:
        return None
    load, augment = pipeline
    scales = augment.get('img_scale')
    scales = scales if isinstance(scales, list) else [scales]
    inner = [
        step
        for step in augment['transforms']
        if step['type'] not in ('RandomFlip', 'ImageToTensor', 'Collect')
    ]
    if augment.get('flip') or len(scales) != 1 or len(inner) != 1:
        return None
    values = dict(inner[0])
    if values['type'] == 'LocalContrastNormalize':
        step = LocalContrastNormalize(
            **{k: v for k, v in values.items() if k != 'type'}
        )
        values.update(
            sigma=step.sigma, gain=step.gain, fov_threshold=step.fov_threshold
        )
    elif values['type'] != 'Normalize':
        return None
    arguments = {k: v for k, v in load.items() if k not in NOT_NEEDED}
    try:
        loader = LoadPhotograph(**arguments)
    except (TypeError, ValueError) as error:
        raise InputError(f'data.test.pipeline[0]: {first_line(error)}') from error
    if loader.ratio_range or loader.crop:
        return None
    return Preprocessing(loader.img_scale, loader.reduced, values)
