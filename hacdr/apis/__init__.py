"""Entry points for Python."""

from hacdr.engine import load_weights
from hacdr.engine.config import build_network, check_config, load_config
from hacdr.inference import init_model, predict, predict_folder

__all__ = [
    'build_network',
    'check_config',
    'init_model',
    'load_config',
    'load_weights',
    'predict',
    'predict_folder',
]
