import csv
import io
import json

import pytest

from hacdr.errors import InputError
from hacdr.inference.records import claim_folder, digest, end_part, write_record
from hacdr.inference.tables import join_tables

from .fake_predictor import read_tree
from .records_of_two import HEAD, make_record, predict


def read_table(output):
    text = (output / 'findings.csv').read_text(encoding='utf-8-sig')
    return list(csv.DictReader(io.StringIO(text)))


@pytest.fixture
def output(tmp_path):
    (tmp_path / 'out').mkdir()
    claim_folder(tmp_path / 'out', HEAD)
    return tmp_path / 'out'


def test_a_row_and_a_record_for_each_image(output):
    predict(output, make_record('b'))
    predict(output, make_record('sub/a', warnings=['too dark', 'blurred']))
    head, number, _ = join_tables(output)
    assert number == 2
    assert head['classes'] == HEAD['classes']
    findings = json.loads((output / 'findings.json').read_text())
    assert findings['version'] == 1
    assert findings['made_by'] == HEAD['made_by']
    assert [image['output'] for image in findings['images']] == ['b', 'sub/a']
    assert {'made_by', 'experts', 'source'}.isdisjoint(findings['images'][0])
    one, other = read_table(output)
    assert one['image'] == 'b.jpg'
    assert one['EX_number'] == '2'
    assert one['EX_share'] == '0.00001'
    assert one['HE_mean_probability'] == ''
    assert one['warnings'] == ''
    assert other['warnings'] == 'too dark; blurred'


def test_of_no_image(output):
    assert join_tables(output)[1] == 0
    assert json.loads((output / 'findings.json').read_text())['images'] == []
    assert read_table(output) == []


def test_records_of_others_and_unfinished_files_are_left_out(output):
    predict(output, make_record('a'))
    # Another version's, which may lack what ours have, and without its label map.
    other = dict(make_record('b'), made_by=digest({}))
    del other['findings']
    write_record(output, other)
    (output / 'records' / '.a.json.0123abcd.tmp').write_text('{}')
    (output / 'records' / '._a.json').write_bytes(b'\0\5\x16\7')
    (output / '.findings.csv.0123abcd.tmp').write_text('half')
    assert join_tables(output)[1] == 1
    assert {path.name for path in output.glob('.*')} == {'.lock'}


@pytest.mark.parametrize('content', ['', '{', '[]', '{"made_by":', None])
def test_a_damaged_record_is_told(output, content):
    for name in 'abcd':
        predict(output, make_record(name))
    join_tables(output, ['coco'])
    before = read_tree(output)
    if content is None:
        lacking = make_record('c')
        del lacking['findings']
        content = json.dumps(lacking)
    (output / 'records' / 'c.json').write_text(content)
    (output / 'd.png').unlink()
    with pytest.raises(
        InputError,
        match=r'records/c\.json: damaged; of 4 records 2 damaged or without label map',
    ):
        join_tables(output, ['coco'])
    after = read_tree(output)
    for name in ('findings.csv', 'findings.json', 'coco.json'):
        assert after[name] == before[name]


def test_a_label_map_that_is_missing_is_told(output):
    for name in ('a', 'sub/b'):
        predict(output, make_record(name))
    (output / 'sub' / 'b.png').unlink()
    with pytest.raises(InputError, match=r'sub/b\.png: no such file; of 2 records 1 '):
        join_tables(output)


@pytest.mark.parametrize(
    ('name', 'cell'),
    [
        ('=cmd|/c calc!A1', "'=cmd|/c calc!A1.jpg"),
        ('+1', "'+1.jpg"),
        ('-1', "'-1.jpg"),
        ('@SUM(1)', "'@SUM(1).jpg"),
        (' =1', "' =1.jpg"),
        ('a,"b";c', 'a,"b";c.jpg'),
        ('a;=1+1', "a;'=1+1.jpg"),
        ('a";;  -1,+2', "a\";;'  -1,'+2.jpg"),
        ('\uff1d1', "'\uff1d1.jpg"),
        ('a;\uff201', "a;'\uff201.jpg"),
        ('\x1b[31mred\n', r'\x1b[31mred\n.jpg'),
        ('\u202egpj', r'\u202egpj.jpg'),
        ('Auge \u00e4 \u773c', 'Auge \u00e4 \u773c.jpg'),
        ('\udcff', r'\udcff.jpg'),
    ],
)
def test_names_that_do_harm_in_a_spreadsheet(output, name, cell):
    record = make_record('a')
    predict(output, dict(record, image=f'{name}.jpg'))
    join_tables(output)
    (row,) = read_table(output)
    assert row['image'] == cell
    (image,) = json.loads((output / 'findings.json').read_text())['images']
    assert image['image'] == f'{name}.jpg'


def test_texts_are_in_quotes_and_numbers_are_not(output):
    predict(output, dict(make_record('a'), image='a;b.jpg'))
    join_tables(output)
    head, row = (output / 'findings.csv').read_text(encoding='utf-8-sig').splitlines()
    assert head.startswith('"image","width","height","fov_area","EX_number",')
    assert row.startswith('"a;b.jpg",40,30,1200000,2,12,0.00001,10,0.5,0,0,0,0,,')


def test_a_row_for_each_photograph(output):
    """Also where one was passed over whose earlier prediction is there."""
    predict(output, make_record('a'))
    passed_over = [dict(image=f'{name}.jpg', reason='=1') for name in 'ab']
    end_part(output, (1, 1), '0', passed_over)
    join_tables(output)
    one, other = read_table(output)
    assert [row['image'] for row in (one, other)] == ['a.jpg', 'b.jpg']
    assert [row['EX_number'] for row in (one, other)] == ['2', '']
    assert [row['passed_over'] for row in (one, other)] == ["'=1", "'=1"]


def test_another_folder_is_refused(tmp_path, output):
    with pytest.raises(InputError, match='expected a folder of hacdr predict'):
        join_tables(tmp_path)
    for head in ('{"version": 99}', '{"version": 1}', '[]', ''):
        (output / 'predictions.json').write_text(head)
        with pytest.raises(InputError, match='another version, expected 1'):
            join_tables(output)
