"""Raw downloads -> photographs, label maps, bit maps, splits and a manifest."""

from hacdr.datasets.conversion.checking import check_conversion
from hacdr.datasets.conversion.convert import Plan, Record, convert
from hacdr.datasets.conversion.ddr import read_ddr
from hacdr.datasets.conversion.idrid import read_idrid
from hacdr.datasets.conversion.sources import open_source

__all__ = [
    'Plan',
    'Record',
    'check_conversion',
    'convert',
    'open_source',
    'read_ddr',
    'read_idrid',
]
