"""What mkdocs does for the site beside reading docs/, see mkdocs.yml."""

import os
import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[1]
# Pages that lie elsewhere in the repository: file -> page.
PAGES = {
    'README.md': 'index.md',
    'CHANGELOG.md': 'changelog.md',
    'CODE_OF_CONDUCT.md': 'code_of_conduct.md',
    'CONTRIBUTING.md': 'contributing.md',
    'SECURITY.md': 'security.md',
    'weights/README.md': 'weights.md',
    'weights/hacdr_idrid_cpu.md': 'weights_idrid_cpu.md',
    'weights/hacdr_idrid_lean.md': 'weights_idrid_lean.md',
}
SOURCES = {page: source for source, page in PAGES.items()}
FENCE = re.compile(r'(^```.*?^```$)', re.S | re.M)
LINK = re.compile(r'(!?)\[([^\]]*)\]\(([^)#\s]*)((?:#[^)]*)?)\)')


def on_files(files, config):
    """Add the pages that lie outside of docs/."""
    for source, page in PAGES.items():
        content = (ROOT / source).read_text()
        files.append(File.generated(config, page, content=content))
    return files


def on_page_markdown(markdown, page, config, files):
    """Let links lead to pages; what is on no page keeps its words alone."""
    page = page.file.src_uri
    source = SOURCES.get(page, f'docs/{page}')

    def convert(match):
        mark, words, target, anchor = match.groups()
        if '://' in target or not target:
            return match[0]
        path = os.path.normpath(os.path.join(os.path.dirname(source), target))
        target = PAGES.get(path) or (path[5:] if path.startswith('docs/') else None)
        if target is None:
            return words
        target = os.path.relpath(target, os.path.dirname(page) or '.')
        return f'{mark}[{words}]({target}{anchor})'

    parts = FENCE.split(markdown)
    parts[::2] = [LINK.sub(convert, part) for part in parts[::2]]
    return ''.join(parts)
