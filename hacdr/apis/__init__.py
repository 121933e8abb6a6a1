"""Entry points for Python.

They are imported when they are asked for: Predictor works without torch.
"""

import importlib

_PLACES = {
    'Predictor': 'hacdr.inference.predictor',
    'build_network': 'hacdr.engine.config',
    'check_config': 'hacdr.engine.config',
    'init_model': 'hacdr.inference.model',
    'load_config': 'hacdr.engine.config',
    'load_weights': 'hacdr.engine.weights',
    'predict_folder': 'hacdr.inference.folder',
}
__all__ = [*_PLACES]


def __getattr__(name):
    if name not in _PLACES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(importlib.import_module(_PLACES[name]), name)


def __dir__():
    return sorted({*globals(), *__all__})
