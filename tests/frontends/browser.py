"""Headless Chromium, at Cockpit's login page and behind it. The way in is Browser(directory)."""

from selenium.common.exceptions import JavascriptException, StaleElementReferenceException, WebDriverException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.wait import WebDriverWait

SECONDS = 30
# A fresh profile, and nothing that would go out to the network or that a container lacks.
OPTIONS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
           "--disable-background-networking", "--disable-component-update", "--disable-sync",
           "--disable-extensions", "--no-proxy-server", "--lang=en-US", "--window-size=1200,900")


class Browser:
    def __init__(self, directory):
        directory.mkdir(mode=0o700)
        options = ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for option in (*OPTIONS, f"--user-data-dir={directory}/profile"):
            options.add_argument(option)
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(directory), "LANG": "C.UTF-8", "TMPDIR": str(directory)}
        self.driver = Chrome(service=Service("/usr/bin/chromedriver", env=environment), options=options)
        self.driver.set_page_load_timeout(SECONDS)

    def close(self):
        self.driver.quit()

    def open(self, address):
        """As somebody who has never been there."""
        self.driver.get(address)
        self.driver.delete_all_cookies()
        self.driver.execute_script("localStorage.clear(); sessionStorage.clear()")
        self.driver.get(address)

    def text(self, name):
        """What is shown of the element with this id; "" where it is hidden or not there."""
        try:
            found = self.driver.find_elements(By.ID, name)
            return found[0].text if found and found[0].is_displayed() else ""
        except StaleElementReferenceException:
            return ""

    def value(self, name):
        """What the field with this id holds; "" where it is not there."""
        found = self.driver.find_elements(By.ID, name)
        return found[0].get_attribute("value") if found and found[0].is_displayed() else ""

    def wait(self, look, what):
        try:
            return WebDriverWait(self.driver, SECONDS, 0.05, (
                StaleElementReferenceException, JavascriptException)).until(lambda _: look())
        except WebDriverException as error:
            page = self.driver.find_elements(By.TAG_NAME, "body")
            shown = page[0].text if page else "(no page)"
            raise AssertionError(f"{what} did not come; the page shows:\n{shown}") from error

    def type(self, name, text):
        """Waits until the field with this id takes input, and fills it."""
        field = self.wait(lambda: self._field(name), f"the field {name}")
        field.clear()
        field.send_keys(text)

    def _field(self, name):
        found = self.driver.find_elements(By.ID, name)
        return found[0] if found and found[0].is_displayed() and found[0].is_enabled() else None

    def press(self, name):
        self.wait(lambda: self._field(name), f"the button {name}").click()
