"""What tests ask of a page in a browser."""

# Of the elements in sight those that are cut off or stick out of the page.
WIDE = """
const inside = (one, box) => one.getBoundingClientRect().left >= box.left - 0.5
  && one.getBoundingClientRect().right <= box.right + 0.5;
const shown = selector => [...document.querySelectorAll(selector)].filter(
  one => one.getClientRects().length);
const cut = [
  // Tables scroll within a frame of their own.
  ...shown('body *:not(.scroll *, svg *)').filter(one =>
    !inside(one, {left: 0, right: innerWidth})),
  ...shown('h1, h2, p, legend, label, figcaption, button, td, th, span').filter(one =>
    one.scrollWidth > one.clientWidth + 1 && one.clientWidth),
  ...shown('svg text').filter(one =>
    !inside(one, one.closest('svg').getBoundingClientRect())),
];
return cut.map(one => one.outerHTML.slice(0, 80));
"""
# A sum over what the viewer shows.
PAINTED = """
const data = pixels(canvas, canvas.width, canvas.height);
return data.reduce((sum, value) => (sum * 31 + value) % 1000003, 7);
"""


def wait(driver, condition):
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(driver, 20, 0.05).until(lambda _: condition())


def one(driver, selector):
    return driver.find_element('css selector', selector)


def every(driver, selector):
    return driver.find_elements('css selector', selector)


def found(driver, k):
    return one(driver, f'#found{k}').text


def painted(driver):
    return driver.execute_script(PAINTED)


def move(driver, k, value):
    """Move a slider."""
    driver.execute_script(
        'arguments[0].value = arguments[1];'
        "arguments[0].dispatchEvent(new Event('input', {bubbles: true}));",
        one(driver, f'.slider[data-lesion="{k}"]'),
        value,
    )


def show_as(driver, width, scheme='light', media='screen'):
    """Give the page a width, in pixels, and a colour scheme."""
    driver.execute_cdp_cmd(
        'Emulation.setDeviceMetricsOverride',
        dict(width=width, height=800, deviceScaleFactor=1, mobile=width < 600),
    )
    driver.execute_cdp_cmd(
        'Emulation.setEmulatedMedia',
        dict(media=media, features=[dict(name='prefers-color-scheme', value=scheme)]),
    )
    assert driver.execute_script('return innerWidth') == width
