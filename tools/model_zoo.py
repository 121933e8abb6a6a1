"""Print the table of models, which README holds, from the metafiles."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
COLUMNS = {
    'EX': 'AUPR EX',
    'HE': 'AUPR HE',
    'SE': 'AUPR SE',
    'MA': 'AUPR MA',
    'mean': 'mAUPR',
    'Dice, mean': 'mDice',
}


def make_table():
    """Return the rows, in Markdown.

    Returns:
        list[str]: a line for each result of each model.
    """
    rows = [('model', 'scored on', *COLUMNS)]
    for name in yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']:
        for model in yaml.safe_load((ROOT / name).read_text())['Models']:
            link = f'[{model["Name"]}]({model["Config"]})'
            for result in model['Results']:
                figures = (result['Metrics'][name] for name in COLUMNS.values())
                cells = (f'{figure / 100:.3f}' for figure in figures)
                rows.append((link, result['Dataset'], *cells))
    head, *lines = (f'| {" | ".join(row)} |' for row in rows)
    return [head, '|' + '---|' * len(rows[0]), *lines]


if __name__ == '__main__':
    print('\n'.join(make_table()))
