"""Which photographs a data set has, and where their label maps are."""

import os.path as osp

from hacdr.errors import InputError
from hacdr.files import read_list, walk_files


def list_images(img_dir, img_suffix, ann_dir=None, seg_map_suffix='.png', split=None):
    """List photographs with their label maps; all of them exist.

    Local files. Suffixes may be written in capitals; hidden files are left out.

    Args:
        img_dir (str): folder of the photographs, in folders of its own or not.
        img_suffix (str): their suffix, '.jpg'.
        ann_dir (str, optional): folder of the label maps; none without.
        seg_map_suffix (str): their suffix.
        split (str, optional): file with the name of a photograph a line, with its
            suffix or without; all of them without.

    Returns:
        list[dict]: as mmseg's ``CustomDataset`` has them: 'filename', and 'ann' with
        'seg_map', below the folders.

    Raises:
        InputError: no such folder or list, a file is missing, or there are none.
    """
    photographs = _find_files(img_dir, img_suffix)
    names = sorted(photographs, key=photographs.get)
    if split is not None:
        names = [_without(img_suffix, name, photographs) for name in read_list(split)]
    where = split or img_dir
    if not names:
        raise InputError(f'{where}: lists no photograph, expected some {img_suffix}')
    missing = [
        f'{osp.join(img_dir, name + img_suffix)}: photograph'
        for name in names
        if name not in photographs
    ]
    images = [dict(filename=photographs.get(name)) for name in names]
    if ann_dir is not None:
        maps = _find_files(ann_dir, seg_map_suffix)
        missing += [
            f'{osp.join(ann_dir, name + seg_map_suffix)}: label map'
            for name in names
            if name not in maps
        ]
        for image, name in zip(images, names):
            image['ann'] = dict(seg_map=maps.get(name))
    if missing:
        more = f' (and {len(missing) - 1} more files)' if missing[1:] else ''
        raise InputError(f'{missing[0]} of {where} is missing{more}')
    return images


def _find_files(folder, suffix):
    """Return the files below a folder, by their names without the suffix."""
    if not osp.isdir(folder):
        raise InputError(f'{folder}: no such folder')
    found = {}
    for file in walk_files(folder):
        hidden = osp.basename(file).startswith('.')
        if hidden or not file.lower().endswith(suffix.lower()):
            continue
        name = file[: -len(suffix)]
        if name in found:
            raise InputError(
                f'{osp.join(folder, file)}: there is {found[name]} too, expected one '
                'of them'
            )
        found[name] = file
    return found


def _without(suffix, name, photographs):
    """Return a name of a list without the photograph's suffix."""
    name = osp.normpath(name)
    if name not in photographs and name.lower().endswith(suffix.lower()):
        return name[: -len(suffix)]
    return name
