"""Chromium as people use it: one process for all tests, in it visitors who know nothing of each other, each with tabs.

    chromium = Chromium(directory)                     takes 0.6 s; visitors take 0.1 s, a page some 0.05 s
    tab = chromium.visitor(language="de", javascript=False, width=320, scheme="dark").tab()
    tab.open(address); tab.fill("E-Mail-Adresse", "a@example.org"); tab.press("Weiter")
    assert tab.heading == "…"

Things are found as a screen reader finds them, by role and accessible name, which is the whole name or a compiled
pattern to look for in it. press(), follow(), open(), back() and enter() wait for the page that comes; click() and
key() don't: wait() for what is to happen. tab.problems has everything that a page should never make a browser say."""

import base64
import os
import re
from pathlib import Path

from devtools import Devtools, DevtoolsError

WIDTHS = (320, 768, 1280)
HEIGHT = 900
MOBILE_BELOW = 700
LANGUAGES = {"de": "de-DE,de;q=0.9,en;q=0.5", "en": "en-GB,en;q=0.9,de;q=0.5"}
DOMAINS = ("Page", "Network", "Runtime", "Log", "Audits", "DOM")
FIELDS = ("textbox", "searchbox", "spinbutton", "Date")
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "Space": 32, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowUp": 38,
        "ArrowRight": 39, "ArrowDown": 40, "Backspace": 8, "Delete": 46}
KEY_TEXT = {"Enter": "\r", "Space": " "}
SHIFT = 8
# Chromium doubts "bday", which is a word of HTML's; whether such words are HTML's, the W3C's checker knows.
DOUBTS = ("FormInputHasWrongButWellIntendedAutocompleteValueError",)
CONSOLE_BAD = ("error", "warning", "assert")


class Chromium(Devtools):
    def visitor(self, **more):
        return Visitor(self, **more)


class Visitor:
    """Somebody's browser: cookies and cache of its own. language is de or en, or a whole Accept-Language."""

    def __init__(self, chromium, language="de", javascript=True, width=1280, scheme="light"):
        self.chromium, self.tabs = chromium, []
        self.language, self.javascript, self.width, self.scheme = language, javascript, width, scheme
        self.context = chromium.call("Target.createBrowserContext")["browserContextId"]

    def tab(self, address=None):
        made = Tab(self)
        self.tabs.append(made)
        if address:
            made.open(address)
        return made

    @property
    def cookies(self):
        """name: cookie, of all hosts."""
        found = self.chromium.call("Storage.getCookies", browserContextId=self.context)["cookies"]
        return {cookie["name"]: cookie for cookie in found}

    def set_cookies(self, *cookies):
        """Puts them into the browser: what a thief has, or what cookies returned earlier."""
        self.chromium.call("Storage.setCookies", browserContextId=self.context, cookies=list(cookies))

    def forget_cookies(self):
        self.chromium.call("Storage.clearCookies", browserContextId=self.context)

    @property
    def problems(self):
        return [problem for tab in self.tabs for problem in tab.problems]

    def close(self):
        for tab in self.tabs:
            self.chromium.listen(tab.session, None)
        self.chromium.call("Target.disposeBrowserContext", browserContextId=self.context)


class Element:
    """Something on the page, as long as that page is there."""

    def __init__(self, tab, node):
        self.tab, self.id = tab, node["backendDOMNodeId"]
        self.role, self.name = node["role"]["value"], node.get("name", {}).get("value", "")
        self.properties = {p["name"]: p["value"].get("value") for p in node.get("properties", ())}
        self.description = node.get("description", {}).get("value", "")

    def run(self, function):
        """The value of function() { … }, whose this it is."""
        found = self.tab.call("DOM.resolveNode", backendNodeId=self.id)["object"]["objectId"]
        return self.tab.value(self.tab.call("Runtime.callFunctionOn", objectId=found, functionDeclaration=function,
                                            returnByValue=True))

    @property
    def value(self):
        return self.run("function() { return this.value }")

    @property
    def checked(self):
        return self.run("function() { return this.checked }")

    @property
    def address(self):
        return self.run("function() { return this.href || this.action || null }")

    def press(self):
        """What leads to another page: waits for that."""
        self.tab.arrive(self.click, f"the page behind “{self.name}”")

    def focus(self):
        self.tab.call("DOM.focus", backendNodeId=self.id)

    def click(self):
        """With the mouse, where it is drawn; what lies over it gets the click, as it would from a person."""
        self.tab.call("DOM.scrollIntoViewIfNeeded", backendNodeId=self.id)
        quads = self.tab.call("DOM.getContentQuads", backendNodeId=self.id)["quads"]
        assert quads, f"{self.role} “{self.name}” is not drawn"
        across, down = sum(quads[0][0::2]) / 4, sum(quads[0][1::2]) / 4
        for kind in ("mousePressed", "mouseReleased"):
            self.tab.call("Input.dispatchMouseEvent", type=kind, x=across, y=down, button="left", clickCount=1)


class Tab:
    def __init__(self, visitor):
        self.visitor, self.chromium = visitor, visitor.chromium
        self.requests, self.problems, self.loaded, self.documents = [], [], set(), {}
        self.restored = False
        self.target = self.chromium.call("Target.createTarget", url="about:blank",
                                         browserContextId=visitor.context)["targetId"]
        # The main frame goes by the target's name.
        self.frame = self.target
        self.session = self.chromium.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        self.chromium.listen(self.session, self._report)
        for domain in DOMAINS:
            self.send(f"{domain}.enable")
        self.send("Page.setLifecycleEventsEnabled", enabled=True)
        self.send("Emulation.setFocusEmulationEnabled", enabled=True)
        language = LANGUAGES.get(visitor.language, visitor.language)
        self.send("Network.setUserAgentOverride", userAgent=self.chromium.version["userAgent"], acceptLanguage=language)
        self.resize(visitor.width)
        self.media(visitor.scheme)
        self.javascript(visitor.javascript)

    def call(self, method, **params):
        return self.chromium.call(method, self.session, **params)

    def send(self, method, **params):
        return self.chromium.send(method, self.session, **params)

    def close(self):
        self.chromium.listen(self.session, None)
        self.chromium.call("Target.closeTarget", targetId=self.target)
        self.visitor.tabs.remove(self)

    # How it is looked at.

    def resize(self, width, height=HEIGHT):
        small = width < MOBILE_BELOW
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=small)
        self.call("Emulation.setTouchEmulationEnabled", enabled=small)

    def media(self, scheme="light", kind="screen", **features):
        """scheme light or dark; kind screen or print; features such as prefers_contrast="more"."""
        listed = [{"name": "prefers-color-scheme", "value": scheme}]
        listed += [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.call("Emulation.setEmulatedMedia", media=kind, features=listed)

    def javascript(self, on):
        """From the next page on."""
        self.call("Emulation.setScriptExecutionDisabled", value=not on)

    # What Chromium reports.

    def _report(self, method, params):
        handler = REPORTS.get(method)
        if handler:
            handler(self, params)

    def _on_request(self, params):
        self.requests.append(params["request"]["url"])

    def _on_response(self, params):
        if params["type"] == "Document" and params.get("frameId") == self.frame:
            self.documents[params["loaderId"]] = (params["requestId"], params["response"])

    def _on_lifecycle(self, params):
        if params["name"] == "load" and params["frameId"] == self.frame:
            self.loaded.add(params["loaderId"])

    def _on_frame(self, params):
        if params.get("type") == "BackForwardCacheRestore":
            self.restored = True

    def _on_console(self, params):
        if params["type"] in CONSOLE_BAD:
            said = " ".join(str(a.get("value", a.get("description"))) for a in params["args"])
            self.problems.append(f"console {params['type']}: {said}")

    def _on_exception(self, params):
        details = params["exceptionDetails"]
        self.problems.append(f"exception: {details.get('exception', {}).get('description') or details['text']}")

    def _on_log(self, params):
        entry = params["entry"]
        # A page that refuses says so with its status, which Chromium remarks on.
        address = entry.get("url", "").partition("#")[0]
        refusal = entry["source"] == "network" and address in [r["url"] for _, r in self.documents.values()]
        if entry["level"] in ("error", "warning") and not refusal:
            self.problems.append(f"{entry['source']}: {entry['text']} ({entry.get('url', '')})")

    def _on_issue(self, params):
        issue = params["issue"]
        details = next(iter(issue["details"].values()), {})
        # What Chromium concludes of sites that one passed through is about the test's own way, not about a page.
        if details.get("errorType") not in DOUBTS and issue["code"] != "BounceTrackingIssue":
            self.problems.append(f"{issue['code']}: {details}")

    def _on_dialog(self, params):
        self.problems.append(f"a dialog: {params['message']}")
        self.send("Page.handleJavaScriptDialog", accept=True)

    # Going somewhere.

    def arrive(self, act, what):
        """Does what leads to a new page, and waits for that page."""
        # What came so far belongs to the page that is left.
        self.call("Page.getFrameTree")
        before, self.restored = set(self.loaded), False
        act()
        self.chromium.wait(lambda: self.loaded - before or self.restored, what)

    def open(self, address):
        def go():
            failed = self.call("Page.navigate", url=address).get("errorText")
            if failed:
                raise DevtoolsError(f"{address}: {failed}")
        self.arrive(go, address)
        return self

    def back(self):
        self._history(-1)

    def forward(self):
        self._history(1)

    def _history(self, by):
        history = self.call("Page.getNavigationHistory")
        entry = history["entries"][history["currentIndex"] + by]
        self.arrive(lambda: self.call("Page.navigateToHistoryEntry", entryId=entry["id"]), entry["url"])

    def reload(self):
        self.arrive(lambda: self.call("Page.reload"), "the page again")

    # Finding things.

    def _root(self, main):
        if not main:
            return {"backendNodeId": self.call("DOM.getDocument", depth=0)["root"]["backendNodeId"]}
        found = self.call("Runtime.evaluate", expression="document.querySelector('main') || document.body")
        return {"objectId": found["result"]["objectId"]}

    def all(self, role, name=None, main=False):
        """Everything with this role (and name) that is there for a screen reader, in the page's order; main: only in
        the page's main part."""
        nodes = self.call("Accessibility.queryAXTree", role=role, **self._root(main))["nodes"]
        found = [Element(self, node) for node in nodes if not node["ignored"]]
        return [element for element in found if _fits(element.name, name)]

    def find(self, name, *roles):
        """The one thing with that name; what the frame of all pages has counts only where the main part has none."""
        found = [element for role in roles for element in self.all(role, name, main=True)]
        found = found or [element for role in roles for element in self.all(role, name)]
        if len(found) != 1:
            there = [f"{e.role} “{e.name}”" for role in roles for e in self.all(role)]
            raise AssertionError(f"{len(found)} × {' or '.join(roles)} “{name}” on {self.url}; there are: "
                                 f"{', '.join(there) or 'none'}. The page:\n{self.text}")
        return found[0]

    def button(self, name):
        return self.find(name, "button")

    def link(self, name):
        return self.find(name, "link")

    def field(self, label):
        return self.find(label, *FIELDS)

    def box(self, label):
        return self.find(label, "checkbox", "radio", "switch")

    def has(self, name, role="button"):
        return bool(self.all(role, name))

    # Doing things, as somebody with a mouse.

    def press(self, name):
        """A button that leads to a page."""
        self.button(name).press()
        return self

    def follow(self, name):
        self.link(name).press()
        return self

    def click(self, name, role="button"):
        """Something that leads nowhere else: shows, copies, or is refused by the browser."""
        self.find(name, role).click()

    def fill(self, label, text):
        """As if pasted over what is there."""
        found = self.field(label)
        found.focus()
        found.run("function() { this.select() }")
        self.call("Input.insertText", text=text) if text else self.key("Delete")

    def fill_all(self, fields):
        for label, text in fields.items():
            self.fill(label, text)

    def check(self, label, on=True):
        found = self.box(label)
        if found.checked != on:
            found.click()

    def choose(self, label, option):
        """In a list that drops down, with the keyboard's help: the option with that text."""
        found = self.find(label, "combobox", "listbox")
        found.run("function() { for (const o of this.options) if (o.text.trim() === %s) { o.selected = true;"
                  " this.dispatchEvent(new Event('change', {bubbles: true})) } }" % _quoted(option))

    # Doing things, as somebody with a keyboard.

    def key(self, key, shift=False):
        text = KEY_TEXT.get(key)
        code = {"key": " " if key == "Space" else key, "code": key, "windowsVirtualKeyCode": KEYS[key],
                "modifiers": SHIFT if shift else 0}
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **code,
                  **({"text": text} if text else {}))
        self.call("Input.dispatchKeyEvent", type="keyUp", **code)

    def type(self, text):
        """Key by key, into what has the focus."""
        for character in text:
            self.call("Input.dispatchKeyEvent", type="keyDown", text=character, key=character)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=character)

    def enter(self, key="Enter"):
        """A key that leads to a page."""
        self.arrive(lambda: self.key(key), f"the page behind {key}")
        return self

    @property
    def focused(self):
        """What has the keyboard's focus; None where that is the page itself."""
        found = self.call("Runtime.evaluate", expression="document.activeElement")["result"]
        if found.get("className") == "HTMLBodyElement" or found.get("subtype") == "null":
            return None
        nodes = self.call("Accessibility.getPartialAXTree", objectId=found["objectId"], fetchRelatives=False)["nodes"]
        return Element(self, nodes[0])

    def tab_to(self, name, shift=False, most=100):
        """Presses Tab until the thing with that name has the focus: what a keyboard can't reach isn't there."""
        passed = []
        for _ in range(most):
            self.key("Tab", shift)
            here = self.focused
            if here and _fits(here.name, name):
                return here
            passed.append(here.name if here else None)
        raise AssertionError(f"Tab doesn't reach “{name}”: {passed[:20]}")

    # Reading.

    @staticmethod
    def value(answer):
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise AssertionError(details.get("exception", {}).get("description") or details["text"])
        return answer["result"].get("value")

    def evaluate(self, expression):
        """What the expression is worth, awaited; where scripts are off, for what needs no waiting only."""
        on = self.visitor.javascript
        return self.value(self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=on))

    @property
    def url(self):
        return self.evaluate("location.href")

    @property
    def path(self):
        return self.evaluate("location.pathname")

    @property
    def title(self):
        return self.evaluate("document.title")

    @property
    def language(self):
        return self.evaluate("document.documentElement.lang")

    @property
    def text(self):
        """What is to be read on the page, in its order."""
        return self.evaluate("document.body ? document.body.innerText : ''")

    @property
    def heading(self):
        """The page's one main heading."""
        return self.evaluate("Array.from(document.querySelectorAll('h1'), h => h.innerText.trim()).join(' | ')")

    @property
    def links(self):
        """Where they lead, whole addresses."""
        return self.evaluate("Array.from(document.querySelectorAll('a[href]'), a => a.href)")

    def wait(self, look, what, seconds=30):
        """Until look() is true: for what scripts do after a click or a key."""
        def asked():
            # Chromium says nothing of most things that happen: so ask, not only listen.
            self.chromium.take(0.02)
            return look()
        try:
            return self.chromium.wait(asked, what, seconds)
        except DevtoolsError as error:
            raise AssertionError(f"{error}; the page shows:\n{self.text}") from error

    # What came from the server.

    def _document(self):
        tree = self.call("Page.getFrameTree")["frameTree"]["frame"]
        return self.documents[tree["loaderId"]]

    @property
    def status(self):
        return self._document()[1]["status"]

    @property
    def headers(self):
        """By lower-case name."""
        return {name.lower(): value for name, value in self._document()[1]["headers"].items()}

    @property
    def source(self):
        """The HTML as it was sent."""
        return self.call("Network.getResponseBody", requestId=self._document()[0])["body"]

    def picture(self, name):
        """Into the directory that PORTAL_PICTURES names, the whole page; nowhere without."""
        place = os.environ.get("PORTAL_PICTURES")
        if not place:
            return
        path = Path(place) / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name)}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"]))


REPORTS = {
    "Network.requestWillBeSent": Tab._on_request,
    "Network.responseReceived": Tab._on_response,
    "Page.lifecycleEvent": Tab._on_lifecycle,
    "Page.frameNavigated": Tab._on_frame,
    "Page.javascriptDialogOpening": Tab._on_dialog,
    "Runtime.consoleAPICalled": Tab._on_console,
    "Runtime.exceptionThrown": Tab._on_exception,
    "Log.entryAdded": Tab._on_log,
    "Audits.issueAdded": Tab._on_issue,
}


def _fits(name, wanted):
    if wanted is None:
        return True
    if isinstance(wanted, re.Pattern):
        return bool(wanted.search(name))
    return " ".join(name.split()) == wanted


def _quoted(text):
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
