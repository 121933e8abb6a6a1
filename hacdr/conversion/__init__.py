"""Raw downloads -> photographs, label maps, bit maps, splits and a manifest."""

from hacdr.conversion import own
from hacdr.conversion.checking import check_conversion
from hacdr.conversion.convert import convert
from hacdr.conversion.ddr import read_ddr
from hacdr.conversion.e_ophtha import read_e_ophtha
from hacdr.conversion.fgadr import read_fgadr
from hacdr.conversion.idrid import read_idrid
from hacdr.conversion.own import Options
from hacdr.conversion.plan import Plan, Record
from hacdr.conversion.retinal_lesions import read_retinal_lesions
from hacdr.conversion.sources import open_source

# As the command ``hacdr convert`` calls them: published data sets, ...
READERS = {
    'idrid': read_idrid,
    'ddr': read_ddr,
    'fgadr': read_fgadr,
    'e_ophtha': read_e_ophtha,
    'retinal_lesions': read_retinal_lesions,
}
# ... and data of one's own, of which a reader wants Options too.
OWN_READERS = {
    'masks': own.read_mask_folders,
    'label_maps': own.read_label_maps,
    'coco': own.read_coco,
    'labelme': own.read_labelme,
}

__all__ = [
    'OWN_READERS',
    'READERS',
    'Options',
    'Plan',
    'Record',
    'check_conversion',
    'convert',
    'open_source',
]
