"""What the pages have in common: templates, one script, and what it is allowed."""

import base64
import hashlib
import math

from jinja2 import Environment, PackageLoader

from hacdr.errors import InputError
from hacdr.files import write_bytes
from hacdr.lesions import FULL_NAMES, mark_colours


def write_page(path, name, sources, **values):
    """Write a page; it appears whole or not at all.

    The page runs its own script alone, as the browser sees to by its hash, and loads
    nothing from elsewhere.

    Args:
        path (str | Path): the page.
        name (str): of its template and of its script.
        sources (str): from where it may load images and scripts too, for its
            Content-Security-Policy; '' for a page that is complete in itself.
        **values: for the template.

    Raises:
        InputError: it cannot be written.
    """
    environment = Environment(
        loader=PackageLoader('hacdr.report', 'page'), autoescape=True
    )
    # Names of files may hold what is no letter of any encoding: it becomes '?' below.
    environment.policies['json.dumps_kwargs'] = {'ensure_ascii': False}
    parts = [
        environment.loader.get_source(environment, script)[0]
        for script in ('viewer.js', f'{name}.js')
    ]
    script = '\n' + '\n'.join(parts)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src 'sha256-{digest}' {sources}; "
        f"style-src 'unsafe-inline'; img-src data: {sources}; base-uri 'none'; "
        "form-action 'none'"
    )
    page = environment.get_template(f'{name}.html').render(
        script=script, policy=policy, **values
    )
    try:
        write_bytes(path, page.encode(errors='replace'))
    except OSError as error:
        raise InputError(f'{path}: {error.strerror}') from error


def describe_lesions(names, palette, thresholds):
    """Return what the viewer is told of each lesion.

    Args:
        names (Sequence[str]): of the lesions.
        palette (Sequence[Sequence[int]]): their RGB in label maps.
        thresholds (dict[str, float]): where the sliders stand first.

    Returns:
        List[dict]: 'name', 'full', 'colour' ('#rrggbb') and 'start', 1 to 255.
    """
    return [
        {
            'name': name,
            'full': FULL_NAMES.get(name, ''),
            'colour': '#{:02x}{:02x}{:02x}'.format(*colour),
            # Of 255 levels the first one that reaches the threshold.
            'start': min(255, max(1, math.ceil(255 * thresholds[name]))),
        }
        for name, colour in zip(names, mark_colours(names, palette))
    ]
