"""Cockpit with the guide's configuration, as a customer sees it in a browser. The way in is Cockpit(host)."""

import guide
from browser import Browser
from host import free_port, listens

SERVICE = "/etc/pam.d/cockpit"
HEADING = "Cockpit"
NAME = "cockpit-ws"
USER, FIRST, MORE, BUTTON = "login-user-input", "login-password-input", "conversation-input", "login-button"
PROMPT, MESSAGE, ERROR = "conversation-prompt", "conversation-message", "login-error-message"
# A page of its own, for what Cockpit has no words for.
FATAL = "login-fatal-message"

WHO = """
const done = arguments[0];
if (document.getElementById("login") || !window.cockpit)
    done(null);
else
    cockpit.spawn(["sh", "-c", "whoami; echo $PORTAL_UID"]).then(done, () => done(null));
"""


class Cockpit:
    def __init__(self, host):
        self.host = host
        self.files = guide.files(HEADING)
        for path, text in self.files.items():
            if path != SERVICE:
                host.write(path, text)
        self.pam()
        self.port = free_port()
        host.start(NAME, "/usr/lib/cockpit/cockpit-ws", "--no-tls", "-a", "127.0.0.1", "-p", self.port,
                   answers=lambda: listens(self.port))
        try:
            self.browser = Browser(host.dir / "browser")
        except BaseException:
            host.stop(NAME)
            raise

    def pam(self, options="", box=None):
        self.host.pam("cockpit", self.files[SERVICE], box=box, options=options)

    def close(self):
        self.browser.close()
        self.host.stop(NAME)

    # What a customer does.

    def login(self, name, password):
        """Opens the page and sends the form."""
        self.browser.open(f"http://127.0.0.1:{self.port}/")
        self.browser.type(USER, name)
        self.browser.type(FIRST, password)
        self.browser.press(BUTTON)

    def answer(self, question, text):
        """Waits for a question whose words hold these; answers it; what was said with it."""
        browser = self.browser
        browser.wait(lambda: question in browser.text(PROMPT), f"the question \"{question}\"")
        said = browser.text(MESSAGE)
        browser.type(MORE, text)
        browser.press(BUTTON)
        # The same question may come again, with the field empty.
        browser.wait(lambda: not text or browser.value(MORE) != text, "what comes after it")
        return said

    def refusal(self):
        """What the page says when nobody is let in."""
        return self.browser.wait(lambda: self.browser.text(ERROR) or self.browser.text(FATAL), "a refusal")

    def arrived(self):
        """Waits for the page behind the login, and has a program run in the session: the names it runs under."""
        return self.browser.wait(lambda: self.browser.driver.execute_async_script(WHO), "a session").split()

    def is_out(self):
        """Whether a new page asks for the name again: no session came of it."""
        self.browser.driver.get(f"http://127.0.0.1:{self.port}/")
        return bool(self.browser.wait(lambda: self.browser.driver.find_elements("id", USER), "the login page"))
