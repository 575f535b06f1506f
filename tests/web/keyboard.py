"""The portal with nothing but a keyboard. The way in is Keyboard(tab, site), which does what Portal does (pages.py)."""

from browser import FIELDS
from pages import Portal

MOST_STOPS = 60


class Keyboard(Portal):
    def _reach(self, name, *roles):
        """Tab until it has the focus, over the page's end and on from its beginning: what isn't reached isn't there."""
        passed = []
        for _ in range(MOST_STOPS):
            self.tab.key("Tab")
            here = self.tab.focused
            if here and here.role in roles and " ".join(here.name.split()) == name:
                return here
            passed.append(f"{here.role} “{here.name}”" if here else "the page")
        raise AssertionError(f"Tab doesn't reach “{name}”: {passed[:MOST_STOPS // 2]}\n{self.tab.text}")

    def press(self, text):
        self._reach(self.say(text), "button")
        self.tab.enter("Space")
        return self

    def follow(self, text):
        self._reach(self.say(text), "link")
        self.tab.enter("Enter")
        return self

    def fill(self, label, text):
        """What is in the field is selected as Tab arrives, and goes with the first key."""
        self._reach(self.say(label), *FIELDS)
        self.tab.key("Delete")
        self.tab.type(text)
        return self

    def check(self, label, on=True):
        if self._reach(self.say(label), "checkbox").checked != on:
            self.tab.key("Space")
        return self
