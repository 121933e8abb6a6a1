"""What comes with the package beside its code: configs, tools and weights.

An installed package has them in its folder ``.mim``, where mim looks for them, a clone
has them beside the package.
"""

from pathlib import Path

from hacdr.errors import InputError

PACKAGE = Path(__file__).parent
# Of config files, as mmcv reads them.
CONFIG_SUFFIXES = '.py', '.json', '.yaml', '.yml'


def find_shipped(name):
    """Find a file or folder that comes with the package.

    Args:
        name (str): 'configs', 'weights', 'configs/hacdr_idrid.py', ...

    Returns:
        Path: the file or folder.

    Raises:
        InputError: this installation lacks it.
    """
    for folder in (PACKAGE / '.mim', PACKAGE.parent):
        if (folder / name).exists():
            return folder / name
    raise InputError(
        f'{name} is missing in this installation of hacdr ({PACKAGE}); install its '
        'wheel, or run it from its repository'
    )


def list_configs():
    """Return the names of the configs that come with the package.

    Returns:
        list[str]: 'hacdr_idrid', 'baselines/unet', ...; those that only others build on
        are left out.
    """
    folder = find_shipped('configs')
    files = (path.relative_to(folder) for path in folder.rglob('*.py'))
    return sorted(
        file.with_suffix('').as_posix() for file in files if file.parts[0] != '_base_'
    )


def find_config(config):
    """Find a config.

    Args:
        config (str): a file, or the name of a config that comes with the package.

    Returns:
        str: the file.

    Raises:
        InputError: neither, or a file whose name is not that of a config.
    """
    is_file = Path(config).is_file()
    if is_file and config.endswith(CONFIG_SUFFIXES):
        return config
    # mim's commands take names with their suffix.
    name = config[:-3] if config.endswith('.py') else config
    if name in list_configs():
        return str(find_shipped(f'configs/{name}.py'))
    if is_file:
        raise InputError(
            f'{config}: no config file, expected a name that ends in '
            f'{", ".join(CONFIG_SUFFIXES)}'
        )
    raise InputError(
        f'{config}: no such config file, nor the name of one that comes with hacdr '
        '(hacdr config lists them)'
    )
