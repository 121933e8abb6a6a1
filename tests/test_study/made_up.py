"""A config that is never trained, and scores that no network got."""

from pathlib import Path

LESIONS = ['EX', 'HE', 'SE', 'MA']
CONFIG = str(Path(__file__).parents[2] / 'configs' / 'hacdr_demo.py')


def summary(value):
    """Return made-up scores; the second lesion is in no photograph."""
    aupr = {**dict.fromkeys(LESIONS, value), 'HE': None, 'mean': value}
    dice = dict.fromkeys(aupr, value / 2)
    return {
        'figures': {
            metric: {lesion: {'value': one} for lesion, one in values.items()}
            for metric, values in (('AUPR', aupr), ('Dice', dice))
        }
    }
