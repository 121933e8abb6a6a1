"""Segmentors."""

from .lesion_encoder_decoder import LesionEncoderDecoder

__all__ = ['LesionEncoderDecoder']
