"""A model ready to predict, from a config and a checkpoint."""

from mmcv.cnn.utils import revert_sync_batchnorm
from mmseg.datasets import DATASETS
from mmseg.models import build_segmentor

from hacdr.apis.config import check_config, load_config
from hacdr.engine.weights import check_classes, load_weights


def init_model(config, checkpoint, device='cuda:0', options=None):
    """Build the model of a config and load a checkpoint into it.

    Args:
        config (str): config file.
        checkpoint (str): checkpoint file; must fit the model entirely.
        device (str): 'cpu', 'cuda:0', ...
        options (dict, optional): changes to the config, dotted key -> value.

    Returns:
        nn.Module: the segmentor in evaluation mode, with CLASSES, PALETTE, cfg, and
        thresholds: lesion -> working threshold published with the weights, or None.

    Raises:
        InputError: config or checkpoint is bad, or they do not fit each other.
    """
    cfg = load_config(config, options)
    check_config(cfg)
    cfg.model.pretrained = None
    cfg.model.train_cfg = None
    model = build_segmentor(cfg.model, test_cfg=cfg.get('test_cfg'))
    meta = load_weights(model, checkpoint)
    dataset = DATASETS.get(cfg.data.test.type)
    check_classes(meta, dataset.CLASSES, checkpoint)
    model.CLASSES, model.PALETTE = dataset.CLASSES, dataset.PALETTE
    model.cfg = cfg
    model.thresholds = meta.get('thresholds')
    return revert_sync_batchnorm(model).to(device).eval()
