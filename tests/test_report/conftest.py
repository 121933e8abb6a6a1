import shutil

import pytest

from .tested import Tested, write_test

BROWSER, DRIVER = map(shutil.which, ('chromium', 'chromedriver'))


@pytest.fixture(scope='session')
def written(tmp_path_factory):
    """A test that is only copied: to score twelve photographs takes seconds."""
    return write_test(tmp_path_factory.mktemp('tested'))


@pytest.fixture
def tested(written, tmp_path):
    folder = tmp_path / 'tested'
    shutil.copytree(written.folder, folder)
    copy = Tested(folder)
    text = copy.results.read_text()
    copy.results.write_text(text.replace(str(written.folder), str(folder)))
    return copy


@pytest.fixture(scope='session')
def driver():
    """A browser; one for all pages."""
    if not (BROWSER and DRIVER):
        pytest.skip('no chromium and chromium-driver on this machine')
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for argument in ('headless=new', 'no-sandbox', 'disable-gpu'):
        options.add_argument(f'--{argument}')
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
    service = webdriver.ChromeService(DRIVER)
    with webdriver.Chrome(options, service) as driver:
        driver.set_window_size(1200, 900)
        yield driver
