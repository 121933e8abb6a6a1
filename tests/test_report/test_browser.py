"""The page in a real browser, opened from a file."""

import cv2
import numpy as np
import pytest

from hacdr.evaluation.matching import match_lesions
from hacdr.lesions import IGNORED_BIT
from hacdr.report.page import write_report

from .browsing import WIDE, every, found, move, one, painted, show_as, wait
from .tested import NAMES, write_test

pytest.importorskip('selenium')
COUNTED = """
const [width, height, groundTruth, plane, threshold] = arguments;
const before = shown;
shown = {width, height, groundTruth, planes: [null, plane]};
const {lesions, hit, wrong} = components(compare(1, threshold));
shown = before;
return [lesions, hit, wrong];
"""


@pytest.fixture(scope='module')
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp('report')
    tested = write_test(folder)
    path = folder / 'report.html'
    write_report(str(tested.results), str(path))
    return path


@pytest.fixture
def browser(driver, page):
    show_as(driver, 1200)
    driver.get(page.as_uri())
    wait(driver, lambda: found(driver, 0))
    yield driver
    assert driver.get_log('browser') == []


def names(driver):
    return [row.text for row in every(driver, '#list tbody .open') if row.text]


def test_the_slider_moves_the_overlay(browser):
    before = painted(browser)
    move(browser, 0, 255)
    assert found(browser, 0).startswith('0 of 1 found')
    assert painted(browser) != before
    move(browser, 0, 3)
    assert found(browser, 0).startswith('1 of 1 found')
    assert one(browser, '#at0').text == '0.012'


def test_keys_move_the_slider(browser):
    from selenium.webdriver.common.keys import Keys

    slider = one(browser, '.slider[data-lesion="1"]')
    before = int(slider.get_property('value'))
    slider.send_keys(Keys.ARROW_RIGHT)
    assert int(slider.get_property('value')) == before + 1
    assert one(browser, '#at1').text == f'{(before + 1) / 255:.3f}'


def test_a_false_finding_is_counted(browser):
    move(browser, 0, 100)
    assert found(browser, 0).endswith(', 1 false')


@pytest.mark.parametrize('seed', range(5))
def test_lesions_are_counted_as_in_the_tables(browser, seed):
    rng = np.random.default_rng(seed)
    noise = [cv2.blur(rng.uniform(size=(60, 80)), (5, 5)) for _ in range(3)]
    ground_truth = (noise[0] > 0.58) * 2 + (noise[1] > 0.6) * IGNORED_BIT
    plane = np.clip(1000 * (noise[0] + noise[2] - 0.95), 0, 255)
    ground_truth, plane = ground_truth.astype(np.uint8), plane.astype(np.uint8)
    threshold = 120
    expected = match_lesions(plane.astype(np.float32), ground_truth, 1, [threshold])
    hit = int((expected.found_at >= threshold).sum())
    assert 0 < hit < len(expected.found_at)
    counted = browser.execute_script(
        COUNTED,
        80,
        60,
        ground_truth.ravel().tolist(),
        plane.ravel().tolist(),
        threshold,
    )
    assert counted == [len(expected.found_at), hit, int(expected.false[0])]


def test_switches_take_marks_away(browser):
    whole = painted(browser)
    one(browser, '.switch[value="1"]').click()
    without = painted(browser)
    assert without != whole
    one(browser, '#marks').click()
    assert painted(browser) not in (whole, without)
    one(browser, '.switch[value="1"]').click()
    one(browser, '#marks').click()
    assert painted(browser) == whole


def test_sorting(browser):
    one(browser, '#more').click()
    button = one(browser, '[aria-label="sort by Dice EX"]')
    header = button.find_element('xpath', '..')
    cells = f'#list tbody td:nth-child({int(button.get_attribute("data-column")) + 1})'
    for state, reverse in (('ascending', False), ('descending', True)):
        button.click()
        assert header.get_attribute('aria-sort') == state
        values = [float(cell.text) for cell in every(browser, cells)]
        assert values == sorted(values, reverse=reverse)
    one(browser, '#list thead button').click()
    assert sorted(names(browser)) == sorted(NAMES)
    assert names(browser).index('eye_2') < names(browser).index('eye_10')


def test_what_is_not_defined_comes_last(browser):
    one(browser, '#more').click()
    button = one(browser, '[aria-label="sort by AUPR SE"]')
    cells = f'#list tbody td:nth-child({int(button.get_attribute("data-column")) + 1})'
    for reverse in (False, True):
        button.click()
        texts = [cell.text for cell in every(browser, cells)]
        assert texts[3:] == ['\u2013'] * (len(NAMES) - 3)
        values = [float(text) for text in texts[:3]]
        assert values == sorted(values, reverse=reverse)
        assert values[0] != values[2]


def test_ten_are_listed_at_first(browser):
    assert len(names(browser)) == 10
    one(browser, '#more').click()
    assert len(names(browser)) == len(NAMES)
    assert not one(browser, '#more').is_displayed()


def test_opening_a_photograph_by_keyboard(browser):
    from selenium.webdriver.common.keys import Keys

    button = every(browser, '#list .open')[3]
    name, before = button.text, painted(browser)
    button.send_keys(Keys.ENTER)
    wait(browser, lambda: one(browser, '#shown').text == name)
    assert painted(browser) != before
    one(browser, '#next').click()
    following = every(browser, '#list .open')[4].text
    wait(browser, lambda: one(browser, '#shown').text == following)


def test_previous_of_the_first_is_the_last(browser):
    one(browser, '#previous').click()
    last = names(browser)[-1]
    wait(browser, lambda: one(browser, '#shown').text == last)


def test_quick_steps_are_all_taken(browser):
    browser.execute_script(
        "const next = document.getElementById('next'); next.click(); next.click();"
    )
    third = names(browser)[2]
    wait(browser, lambda: one(browser, '#shown').text == third)


@pytest.mark.parametrize(('button', 'position'), [('next', 0), ('previous', 9)])
def test_steps_from_a_row_that_is_not_listed(browser, button, position):
    # Now the best comes first; the worst, still shown, is hidden.
    one(browser, '[aria-label="sort by AUPR mean"]').click()
    listed = names(browser)
    assert one(browser, '#shown').text not in listed
    one(browser, f'#{button}').click()
    wait(browser, lambda: one(browser, '#shown').text == listed[position])


@pytest.mark.parametrize('width', [375, 1200])
@pytest.mark.parametrize('scheme', ['light', 'dark'])
def test_nothing_overflows(browser, width, scheme):
    show_as(browser, width, scheme)
    assert browser.execute_script(WIDE) == []
    shade = browser.execute_script('return getComputedStyle(document.body).color')
    assert (shade == 'rgb(232, 232, 232)') == (scheme == 'dark')
    texts = browser.execute_script(
        "return [...document.querySelectorAll('figure svg text')]"
        '.map(one => getComputedStyle(one).fill)'
    )
    assert set(texts) == {shade}
