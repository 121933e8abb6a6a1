"""Entry points for Python and the command line tools."""

from hacdr.engine import check_classes, file_sha256, load_weights

from .config import check_config, check_metrics, load_config
from .environment import describe_environment
from .model import build_network, init_model
from .prediction import predict, predict_folder
from .testing import (
    average_versions,
    check_scored,
    dataset_to_test,
    read_thresholds,
)

__all__ = [
    'average_versions',
    'build_network',
    'check_classes',
    'check_config',
    'check_metrics',
    'check_scored',
    'dataset_to_test',
    'describe_environment',
    'file_sha256',
    'init_model',
    'load_config',
    'load_weights',
    'predict',
    'predict_folder',
    'read_thresholds',
]
