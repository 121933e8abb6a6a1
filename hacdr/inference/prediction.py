"""From a photograph to its label map."""

import numpy as np
import torch
from mmcv.parallel import collate, scatter
from mmseg.datasets.pipelines import Compose

from hacdr.errors import InputError


def predict(model, path, thresholds=None):
    """Segment one photograph.

    Args:
        model (nn.Module): as :func:`hacdr.apis.init_model` returns it.
        path (str | Path): the photograph's file.
        thresholds (dict[str, float], optional): lesion -> probability from which on a
            pixel may have it; of several the one furthest above its threshold, as a
            ratio. Without, a pixel has the most probable class.

    Returns:
        np.ndarray: label map, uint8, (H, W).

    Raises:
        InputError: thresholds, and a model that predicts classes alone.
    """
    # mmseg's inference_segmentor brings a loader of its own, which leaves out what
    # pipelines without a resize step need.
    pipeline = Compose(model.cfg.data.test.pipeline)
    sample = pipeline(dict(img_info=dict(filename=str(path)), img_prefix=None))
    data = collate([sample], samples_per_gpu=1)
    device = next(model.parameters()).device
    if device.type == 'cuda':
        data = scatter(data, [device])[0]
    else:
        data['img_metas'] = [metas.data[0] for metas in data['img_metas']]
    with torch.no_grad():
        result = model(return_loss=False, rescale=True, **data)[0]
    return label_map(result, model.CLASSES, thresholds)


def label_map(prediction, classes, thresholds=None):
    """Make a label map of what a segmentor returns for a photograph.

    Args:
        prediction (np.ndarray): probabilities, float32, (len(classes), H, W), or
            classes (H, W).
        classes (Sequence[str]): background and lesions.
        thresholds (dict[str, float], optional): see :func:`predict`.

    Returns:
        np.ndarray: uint8, (H, W).

    Raises:
        InputError: thresholds for a prediction without probabilities.
    """
    if thresholds is not None:
        if prediction.ndim != 3:
            raise InputError(
                "thresholds need probabilities, test_cfg.output='prob'; got classes"
            )
        limits = np.array([thresholds[name] for name in classes[1:]], np.float32)
        ratios = prediction[1:] / np.maximum(limits, 1e-12)[:, None, None]
        # The background wins where no lesion reaches its threshold.
        below = np.full_like(ratios[:1], np.nextafter(np.float32(1), np.float32(0)))
        prediction = np.concatenate([below, ratios])
    if prediction.ndim == 3:
        prediction = prediction.argmax(0)
    return prediction.astype(np.uint8)
