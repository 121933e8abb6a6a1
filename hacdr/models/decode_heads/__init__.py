"""Decode heads."""

from .adaptive_aggregation_head import AdaptiveAggregationHead

__all__ = ['AdaptiveAggregationHead']
