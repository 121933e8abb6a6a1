"""From a photograph to its label map and to an overlay to look at."""

from .folder import predict_folder
from .model import init_model
from .prediction import predict
from .thresholds import read_thresholds

__all__ = ['init_model', 'predict', 'predict_folder', 'read_thresholds']
