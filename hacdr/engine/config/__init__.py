"""Config files: read, checked before any work begins, and built."""

from .building import build_data, build_network
from .checks import check_config, check_prediction
from .fit import check_class_counts, check_metrics, check_output
from .reading import apply_options, choose_work_dir, load_config, parse_options

__all__ = [
    'apply_options',
    'build_data',
    'build_network',
    'check_class_counts',
    'check_config',
    'check_metrics',
    'check_output',
    'check_prediction',
    'choose_work_dir',
    'load_config',
    'parse_options',
]
