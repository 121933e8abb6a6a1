"""Files: written whole or not at all, locked, read whoever wrote them, named."""

from hacdr.files.locks import LOCK, lock_folder
from hacdr.files.names import fold_name, part_of_name
from hacdr.files.reading import (
    decode_list,
    file_sha256,
    open_file,
    read_json,
    read_list,
    refuse_folder,
    require_checkpoint,
    sha256,
    unreadable_folder,
    walk_files,
)
from hacdr.files.writing import (
    LONGEST_NAME,
    atomic_write,
    make_folder,
    remove_unfinished,
    require_folder,
    temporary_name,
    write_bytes,
    write_json,
    write_text,
)

__all__ = [
    'LOCK',
    'LONGEST_NAME',
    'atomic_write',
    'decode_list',
    'file_sha256',
    'fold_name',
    'lock_folder',
    'make_folder',
    'open_file',
    'part_of_name',
    'read_json',
    'read_list',
    'refuse_folder',
    'remove_unfinished',
    'require_checkpoint',
    'require_folder',
    'sha256',
    'temporary_name',
    'unreadable_folder',
    'walk_files',
    'write_bytes',
    'write_json',
    'write_text',
]
