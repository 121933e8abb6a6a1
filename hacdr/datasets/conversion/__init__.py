"""Raw downloads -> photographs, label maps, bit maps, splits and a manifest."""

from hacdr.datasets.conversion.convert import Plan, Record, convert
from hacdr.datasets.conversion.idrid import read_idrid
from hacdr.datasets.conversion.sources import open_source

__all__ = ['Plan', 'Record', 'convert', 'open_source', 'read_idrid']
