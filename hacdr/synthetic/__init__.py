"""Fundus-like photographs with the four lesions, for demo and tests.

They stand in where no real data is at hand: nothing is copied from real
photographs, only sizes, counts and colours follow IDRiD's. They say nothing
about how well a model does on real eyes.
"""

from .writing import generate_dataset, generate_photograph

__all__ = ['generate_dataset', 'generate_photograph']
