"""A config that is never trained, and scores that no network got."""

from pathlib import Path

CONFIG = str(Path(__file__).parents[2] / 'configs' / 'hacdr_demo.py')


def summary(value):
    """Return made-up scores; the second lesion is in no photograph."""
    aupr = {'EX': value, 'HE': None, 'SE': value, 'MA': value, 'mean': value}
    dice = dict.fromkeys(aupr, value / 2)
    return {
        'figures': {
            metric: {lesion: {'value': one} for lesion, one in values.items()}
            for metric, values in (('AUPR', aupr), ('Dice', dice))
        }
    }
