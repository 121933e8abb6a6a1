"""HACDR-Net for mmsegmentation 0.x: importing this package registers its parts."""

__version__ = '0.1.0'
