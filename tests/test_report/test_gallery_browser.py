"""The gallery in a real browser, opened from a file."""

import numpy as np
import pytest

pytest.importorskip('selenium')

import cv2
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from hacdr.report.gallery import write_gallery

from .browsing import WIDE, every, found, move, one, painted, show_as, wait
from .predicted import HEAD, HOSTILE, IMAGES, predict, record, write_predictions

COUNTED = """
const [width, height, plane, threshold] = arguments;
shown = {width, height, groundTruth: null, planes: [plane]};
const counted = [
  components(compare(0, threshold)).wrong, outline(plane, threshold).length];
shown = null;
return counted;
"""
FOREIGN = """
document.body.insertAdjacentHTML('beforeend',
  '<img src="data:," onerror="pwned = 1"><button onclick="pwned = 2">');
document.querySelector('body > button').click();
const script = document.createElement('script');
script.textContent = 'window.pwned = 3';
document.body.append(script);
"""
BY_AREA = ['eye_10.jpg', 'eye_2.jpg', 'eye_?.jpg', f'below/{HOSTILE}']


@pytest.fixture(scope='module')
def page(tmp_path_factory):
    return write_predictions(tmp_path_factory.mktemp('gallery'))


@pytest.fixture
def gallery(driver, page):
    show_as(driver, 1200)
    # The same address with another fragment would not load the page anew.
    driver.get('about:blank')
    driver.get(page.as_uri())
    yield driver
    assert driver.execute_script('return window.pwned') is None
    assert driver.get_log('browser') == []


@pytest.fixture
def viewer(gallery):
    """The gallery with eye_2.jpg open."""
    every(gallery, '#grid a')[1].click()
    wait(gallery, lambda: found(gallery, 0))
    return gallery


def names(driver):
    return [name.text for name in every(driver, '#grid .name')]


def choose(driver, order):
    one(driver, f'#order option[value="{order}"]').click()


def title(driver):
    return one(driver, '#shown').text


def is_open(driver):
    return driver.execute_script("return document.querySelector('dialog').open")


def press(driver, keys):
    ActionChains(driver).send_keys(keys).perform()


def test_sorting(gallery):
    assert names(gallery) == BY_AREA
    choose(gallery, 'shares 1')
    assert names(gallery)[:2] == ['eye_2.jpg', 'eye_10.jpg']
    # Equal numbers are in the order of the names.
    choose(gallery, 'numbers 1')
    assert names(gallery)[:2] == ['eye_2.jpg', 'eye_10.jpg']
    choose(gallery, 'warnings')
    assert names(gallery)[:2] == ['eye_10.jpg', f'below/{HOSTILE}']
    choose(gallery, 'name')
    assert names(gallery) == [
        f'below/{HOSTILE}',
        'eye_?.jpg',
        'eye_2.jpg',
        'eye_10.jpg',
    ]


def test_a_card_tells_numbers_amount_and_warnings(gallery):
    card = every(gallery, '#grid li')[0]
    assert [n.text for n in card.find_elements('css selector', '.number')] == [*'1200']
    assert '9.32 % of the field of view' in card.text
    assert 'blurred\ncut off at the lower border' in card.text
    thumbnail = card.find_element('css selector', 'img')
    wait(gallery, lambda: thumbnail.get_property('naturalWidth') == 160)


def test_searching(gallery):
    search = one(gallery, '#search')
    search.send_keys('EYE_1')
    assert names(gallery) == ['eye_10.jpg']
    search.clear()
    search.send_keys('below/<img')
    assert names(gallery) == [f'below/{HOSTILE}']
    search.send_keys('nothing')
    assert names(gallery) == []
    assert one(gallery, '#listed').text == '0 of 4 listed'
    search.clear()
    search.send_keys('e')
    one(gallery, '#warned').click()
    assert names(gallery) == ['eye_10.jpg', f'below/{HOSTILE}']


def test_opening_stepping_and_closing_by_keys(gallery):
    every(gallery, '#grid a')[2].send_keys(Keys.ENTER)
    wait(gallery, lambda: is_open(gallery) and found(gallery, 0))
    assert title(gallery) == BY_AREA[2]
    for key, name in (('n', BY_AREA[3]), (Keys.ARROW_RIGHT, BY_AREA[0])):
        press(gallery, key)
        wait(gallery, lambda name=name: title(gallery) == name and found(gallery, 0))
    press(gallery, 'p' + Keys.ARROW_LEFT)
    wait(gallery, lambda: title(gallery) == BY_AREA[2])
    press(gallery, Keys.ESCAPE)
    wait(gallery, lambda: '#' not in gallery.current_url)
    assert not is_open(gallery)
    # The focus is where one was.
    focused = gallery.switch_to.active_element.text
    assert focused.startswith(BY_AREA[2])


def test_steps_go_through_what_is_listed(gallery):
    one(gallery, '#warned').click()
    choose(gallery, 'name')
    every(gallery, '#grid a')[1].click()
    wait(gallery, lambda: title(gallery) == 'eye_10.jpg')
    one(gallery, '#next').click()
    wait(gallery, lambda: title(gallery) == f'below/{HOSTILE}')
    one(gallery, '#close').click()
    wait(gallery, lambda: not is_open(gallery))


def test_back_closes_and_an_address_opens(viewer):
    address = viewer.current_url
    assert address.endswith('#eye_2')
    viewer.back()
    wait(viewer, lambda: not is_open(viewer))
    viewer.forward()
    wait(viewer, lambda: is_open(viewer))
    viewer.get('about:blank')
    viewer.get(address)
    wait(viewer, lambda: is_open(viewer) and title(viewer) == 'eye_2.jpg')
    wait(viewer, lambda: found(viewer, 0))
    one(viewer, '#close').click()
    wait(viewer, lambda: not is_open(viewer))
    # The address follows the dialog.
    page = address[: -len('#eye_2')]
    wait(viewer, lambda: viewer.current_url.rstrip('#') == page)


def test_counts_follow_the_sliders(viewer):
    assert found(viewer, 1) == '2 here; table: 2, 8.00 %'
    assert found(viewer, 2) == '0 here; table: 0, 0.00 %'
    before = painted(viewer)
    move(viewer, 1, 255)
    assert found(viewer, 1) == '0 here; table: 2, 8.00 %'
    assert painted(viewer) != before
    # All around is 0.1.
    move(viewer, 1, 10)
    assert found(viewer, 1).startswith('1 here')
    # They stay for the next photograph, until they are reset.
    press(viewer, 'n')
    wait(viewer, lambda: found(viewer, 0).endswith('table: 1, 4.00 %'))
    assert one(viewer, '#at1').text == '0.039'
    one(viewer, '#reset').click()
    assert one(viewer, '#at1').text == '0.302'


def test_notes_and_warnings_are_told(viewer):
    assert 'Exif orientation 6 was applied' in one(viewer, '#facts').text
    press(viewer, 'p')
    wait(viewer, lambda: title(viewer) == 'eye_10.jpg')
    warned = [text.text for text in every(viewer, '#facts .warning')]
    assert warned == ['blurred', 'cut off at the lower border']


@pytest.mark.parametrize('seed', range(3))
def test_lesions_are_counted_and_outlined_as_8_neighbours_are(gallery, seed):
    rng = np.random.default_rng(seed)
    plane = cv2.blur(rng.uniform(0, 255, (60, 80)), (3, 3)).astype(np.uint8)
    mask = (plane >= 150).astype(np.uint8)
    expected = cv2.connectedComponents(mask, connectivity=8)[0] - 1
    # A line is closed around each component and each of its holes (4 neighbours).
    holes = cv2.connectedComponents(np.pad(1 - mask, 1, constant_values=1), None, 4)[0]
    assert expected > 20
    assert holes - 2 > 0
    counted = gallery.execute_script(COUNTED, 80, 60, plane.ravel().tolist(), 150)
    assert counted == [expected, expected + holes - 2]


def test_marks_go_by_switch_and_by_key(viewer):
    whole = painted(viewer)
    press(viewer, '2')
    without = painted(viewer)
    assert without != whole
    press(viewer, 'm')
    bare = painted(viewer)
    assert bare not in (whole, without)
    one(viewer, '#marks').click()
    one(viewer, '.switch[value="1"]').click()
    assert painted(viewer) == whole
    press(viewer, 'gm')
    assert painted(viewer) not in (whole, bare)


def view_of(driver):
    return driver.execute_script('return [view.x, view.y, view.scale]')


def test_zooming_and_moving(viewer):
    fitted = view_of(viewer)
    frame = one(viewer, '#frame')
    press(viewer, '+')
    assert view_of(viewer)[2] == pytest.approx(1.5 * fitted[2])
    x, y, scale = view_of(viewer)
    press(viewer, Keys.ARROW_RIGHT)
    assert view_of(viewer) == pytest.approx([x - 60, y, scale])
    assert title(viewer) == 'eye_2.jpg'
    ActionChains(viewer).drag_and_drop_by_offset(frame, 25, 10).perform()
    assert view_of(viewer) == pytest.approx([x - 35, y + 10, scale])
    # Never out of the frame.
    ActionChains(viewer).drag_and_drop_by_offset(frame, 400, 300).perform()
    ActionChains(viewer).drag_and_drop_by_offset(frame, 400, 300).perform()
    assert view_of(viewer) == [0, 0, scale]
    one(viewer, '#fit').click()
    assert view_of(viewer) == pytest.approx(fitted)
    ActionChains(viewer).double_click(frame).perform()
    assert view_of(viewer)[2] == pytest.approx(4 * fitted[2])
    press(viewer, '0')
    assert view_of(viewer) == pytest.approx(fitted)


def test_the_wheel_zooms_at_the_pointer(viewer):
    turn = """
    const box = frame.getBoundingClientRect();
    const x = Math.round(box.left) + 100, y = Math.round(box.top) + 90;
    const state = () => [
      (x - box.left - view.x) / view.scale,
      (y - box.top - view.y) / view.scale,
      view.scale,
    ];
    const before = state();
    frame.dispatchEvent(new WheelEvent(
      'wheel', {deltaY: -300, cancelable: true, clientX: x, clientY: y}));
    return [before, state()];
    """
    (x, y, scale), after = viewer.execute_script(turn)
    assert after == pytest.approx([x, y, np.exp(300 / 400) * scale])


def test_two_fingers_zoom(viewer):
    wide = view_of(viewer)
    show_as(viewer, 390)
    wait(viewer, lambda: view_of(viewer) != wide)
    fitted = view_of(viewer)
    box = one(viewer, '#frame').rect
    x, y = box['x'] + box['width'] / 2, box['y'] + box['height'] / 2
    for kind, apart in (('touchStart', 40), ('touchMove', 80), ('touchEnd', None)):
        fingers = [dict(x=x - apart, y=y), dict(x=x + apart, y=y)] if apart else []
        viewer.execute_cdp_cmd(
            'Input.dispatchTouchEvent', dict(type=kind, touchPoints=fingers)
        )
    wait(viewer, lambda: view_of(viewer)[2] == pytest.approx(2 * fitted[2]))
    # What was in the middle still is.
    assert view_of(viewer)[0] == pytest.approx(fitted[0] * 2 - box['width'] / 2, abs=2)


def test_a_file_that_is_missing_or_cut_off_is_told(viewer, page):
    path = page.parent / 'viewer' / 'eye_10.js'
    whole = path.read_bytes()
    try:
        for broken in (whole[:1000], None):
            path.unlink() if broken is None else path.write_bytes(broken)
            press(viewer, 'p')
            wait(viewer, lambda: one(viewer, '#trouble').is_displayed())
            assert 'viewer/eye_10.js cannot be loaded' in one(viewer, '#trouble').text
            press(viewer, 'n')
            wait(viewer, lambda: not one(viewer, '#trouble').is_displayed())
            assert found(viewer, 1).startswith('2 here')
    finally:
        path.write_bytes(whole)
    messages = [entry['message'] for entry in viewer.get_log('browser')]
    assert len(messages) == 2
    assert all('eye_10.js' in message for message in messages)


def test_a_browser_that_falsifies_images_is_told(viewer):
    viewer.execute_script(
        'const read = CanvasRenderingContext2D.prototype.getImageData;'
        'CanvasRenderingContext2D.prototype.getImageData = function (...area) {'
        '  const image = read.apply(this, area);'
        '  image.data.forEach((_, i) => { image.data[i] += 3; });'
        '  return image;'
        '};'
    )
    press(viewer, 'n')
    wait(viewer, lambda: one(viewer, '#trouble').is_displayed())
    assert 'falsifies' in one(viewer, '#trouble').text
    assert found(viewer, 0) == ''


def test_the_page_runs_no_other_script(gallery):
    gallery.execute_script(FOREIGN)
    wait(gallery, lambda: len(blocked := gallery.get_log('browser')) and blocked)
    assert gallery.execute_script('return window.pwned') is None


@pytest.mark.parametrize('width', [390, 820, 1440])
def test_nothing_overflows(viewer, width):
    for scheme in ('light', 'dark'):
        show_as(viewer, width, scheme)
        assert viewer.execute_script(WIDE) == []
    one(viewer, 'details.about summary').click()
    assert viewer.execute_script(WIDE) == []
    press(viewer, Keys.ESCAPE)
    wait(viewer, lambda: not is_open(viewer))
    assert viewer.execute_script(WIDE) == []
    shade = viewer.execute_script('return getComputedStyle(document.body).color')
    assert shade == 'rgb(232, 232, 232)'


def test_paper_shows_what_is_there_to_read(viewer):
    show_as(viewer, 800, 'dark', media='print')
    assert one(viewer, '#photograph').is_displayed()
    assert found(viewer, 1).startswith('2 here')
    for control in ('#close', '.slider', '#marks', '#grid'):
        assert not one(viewer, control).is_displayed()
    viewer.execute_script('history.back()')
    wait(viewer, lambda: not is_open(viewer))
    assert one(viewer, '#grid').is_displayed()
    assert not one(viewer, '#search').is_displayed()
    assert viewer.execute_script(WIDE) == []
    shade = viewer.execute_script('return getComputedStyle(document.body).color')
    assert shade == 'rgb(26, 26, 26)'


def test_of_a_thousand_images_little_is_laid_out_and_loaded(driver, tmp_path):
    images = {f'{k // 100}/eye_{k}.jpg': IMAGES['eye_2.jpg'] for k in range(3)}
    write_predictions(tmp_path, images)
    # One file under a thousand names.
    folder = tmp_path / 'viewer'
    like = record('eye.jpg', predict(10, 20))
    records = []
    for k in range(1000):
        output = f'{k // 100}/eye_{k}'
        lesions = {**like['lesions'], 'EX': {'number': 1, 'area': k}}
        one_record = dict(like, image=f'{output}.jpg', output=output, lesions=lesions)
        records.append(one_record)
        stem = folder / one_record['output']
        stem.parent.mkdir(exist_ok=True)
        for suffix in ('.js', '.jpg'):
            if not stem.with_suffix(suffix).exists():
                stem.with_suffix(suffix).symlink_to(folder / '0' / f'eye_0{suffix}')
    page = write_gallery(tmp_path, HEAD, records)
    show_as(driver, 1200)
    driver.get(page.as_uri())
    loaded = 'return [...document.images].filter(i => i.naturalWidth).length'
    wait(driver, lambda: driver.execute_script(loaded) > 5)
    assert driver.execute_script(loaded) < 200
    assert one(driver, '#grid .name').text == '9/eye_999.jpg'
    cards = 'return document.querySelectorAll("#grid li").length'
    assert driver.execute_script(cards) == 120
    # More are there when one comes to the end, or to an image beyond it.
    driver.execute_script('scrollTo(0, document.body.scrollHeight)')
    wait(driver, lambda: driver.execute_script(cards) >= 240)
    driver.get(f'{page.as_uri()}#5/eye_500')
    wait(driver, lambda: title(driver) == '5/eye_500.jpg' and found(driver, 0))
    press(driver, Keys.ESCAPE)
    wait(driver, lambda: not is_open(driver))
    assert driver.switch_to.active_element.text.startswith('5/eye_500.jpg')
    assert 500 <= driver.execute_script(cards) < 1000
    assert driver.get_log('browser') == []
