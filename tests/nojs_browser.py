"""A browser without JavaScript, as far as people's journeys need one: pages, links, forms, cookies, redirects.

The way in is Browser(URL).open(PATH), which returns a Page.
"""

import http.client
import ssl
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urljoin, urlsplit

TIMEOUT_SECONDS = 30
REDIRECTS_MAX = 5
BLOCKS = ("p", "li", "h1", "h2", "h3", "label", "legend", "button", "dt", "dd", "figcaption", "summary")
UNSEEN = ("script", "style", "title", "svg")
MARKS = {"h1": "# ", "h2": "## ", "li": "- ", "button": "[ ", "label": ""}


class PageError(Exception):
    """A page isn't what it should be."""


class Form:
    def __init__(self, action):
        self.action = action
        self.fields = {}   # what is sent as it stands
        self.choices = {}  # boxes that can be ticked
        self.buttons = []
        self.ids = {}


class Page(HTMLParser):
    """status, url, title, forms, links, and what a person reads: lines."""

    def __init__(self, status, url, text, headers):
        super().__init__(convert_charrefs=True)
        self.status, self.url, self.text, self.headers = status, url, text, headers
        self.title, self.lines, self.forms, self.links, self.by_id = "", [], [], [], {}
        self._form = self._block = self._label = self._id = None
        self._open, self._in_main, self._labels = [], False, {}
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        a = dict(attributes)
        if tag in UNSEEN:
            self._open.append(tag)
        if tag == "main":
            self._in_main = True
        if tag == "form":
            self._form = Form(a.get("action", self.url))
            self.forms.append(self._form)
        if tag == "a" and "href" in a:
            self.links.append(a["href"])
        if tag == "br" and self._block:
            self._block[1] += ", "
        if tag == "label":
            self._label = a.get("for")
        if tag in BLOCKS:
            self._end_block()
            self._block = [tag, ""]
            self._id = a.get("id")
        if self._form and tag in ("input", "button") and "name" in a:
            self._take(tag, a)

    def _take(self, tag, a):
        name, value = a["name"], a.get("value") or ""
        self._form.ids[name] = a.get("id")
        if tag == "button":
            self._form.buttons.append((name, value))
        elif a.get("type") == "checkbox":
            self._form.choices[name] = value
            if "checked" in a:
                self._form.fields[name] = value
        else:
            self._form.fields[name] = value

    def handle_endtag(self, tag):
        if self._open and tag == self._open[-1]:
            self._open.pop()
        if tag == "form":
            self._form = None
        if tag in BLOCKS:
            self._end_block()
        if tag == "main":
            self._in_main = False

    def _end_block(self):
        if not self._block:
            return
        tag, text = self._block[0], " ".join(self._block[1].split()).replace(" ,", ",")
        self._block = None
        if tag == "label" and self._label:
            self._labels[self._label] = text
        if self._id:
            self.by_id[self._id] = text
        if text and self._in_main:
            self.lines.append(f"{MARKS.get(tag, '')}{text}{' ]' if tag == 'button' else ''}")

    def handle_data(self, data):
        if self._open and self._open[-1] == "title":
            self.title += data
        elif self._block and not self._open:
            self._block[1] += data

    def form(self, action):
        """The one that leads to this path."""
        for form in self.forms:
            if urlsplit(form.action).path == action:
                return form
        raise PageError(f"{self.url}: no form leads to {action}, only to {[form.action for form in self.forms]}")

    def label(self, form, name):
        """What stands beside a field."""
        return self._labels.get(form.ids[name], name)


class Browser:
    def __init__(self, url, language="de", cafile=None):
        self.url, self.language = url.rstrip("/"), language
        self.context = ssl.create_default_context(cafile=cafile) if url.startswith("https:") else None
        self.cookies = {}

    def _request(self, method, url, body=None):
        parts = urlsplit(url)
        connect = http.client.HTTPConnection
        options = {"timeout": TIMEOUT_SECONDS}
        if parts.scheme == "https":
            connect, options["context"] = http.client.HTTPSConnection, self.context
        client = connect(parts.hostname, parts.port, **options)
        headers = {"Accept-Language": self.language, "User-Agent": "Mozilla/5.0 (without JavaScript)"}
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        if body is not None:
            headers |= {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.url}
        try:
            client.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, headers)
            answer = client.getresponse()
            text = answer.read().decode()
        finally:
            client.close()
        self._keep(answer.headers.get_all("Set-Cookie") or ())
        return answer, text

    def _keep(self, lines):
        for line in lines:
            for name, morsel in SimpleCookie(line).items():
                if morsel["max-age"] == "0" or not morsel.value:
                    self.cookies.pop(name, None)
                else:
                    self.cookies[name] = morsel.value

    def _go(self, method, url, body=None):
        for _ in range(REDIRECTS_MAX):
            answer, text = self._request(method, url, body)
            if answer.status not in (302, 303):
                return Page(answer.status, url, text, answer.headers)
            url, method, body = urljoin(url, answer.headers["Location"]), "GET", None
            if not url.startswith(self.url + "/"):
                raise PageError(f"sent to {url}")
        raise PageError(f"more than {REDIRECTS_MAX} redirects")

    def open(self, path):
        return self._go("GET", urljoin(self.url + "/", path))

    def send(self, page, action, *ticked, **typed):
        """Fills in the form that leads to action and sends it."""
        form = page.form(action)
        fields = dict(form.fields)
        fields |= {name: form.choices[name] for name in ticked}
        for name, value in typed.items():
            name = name.replace("_", "-")
            if name not in fields:
                raise PageError(f"{page.url}: there is no field {name}")
            fields[name] = value
        return self._go("POST", urljoin(page.url, form.action), urlencode(fields))
