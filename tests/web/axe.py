"""Accessibility by axe-core: WCAG 2.2 A and AA and best practice, and the contrast in light and dark. The way in is
violations(tab). Where axe-core could not be fetched, that skips the test."""

import json

from checkers import package

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice")
RUN = """
axe.run(document, {runOnly: %s, resultTypes: ["violations"]}).then(found => found.violations.map(v =>
    v.id + ": " + v.help + "\\n" + v.nodes.map(n => "    " + n.html + "\\n    " + n.failureSummary).join("\\n")))
"""
# Colours that are on their way are neither the old nor the new ones.
SETTLE = "getComputedStyle(document.body).color, document.getAnimations().forEach(a => a.finish()), 0"
# WCAG 2.2 has it, but it is off unless asked for.
EXTRA = ("target-size",)


def violations(tab):
    """What axe finds on the page that the tab shows. It runs in a world of its own, where neither the page's policy nor
    its scripts reach; a page without scripts stays one, as it was built."""
    scripts = tab.visitor.javascript
    if not scripts:
        tab.javascript(True)
    try:
        world = tab.call("Page.createIsolatedWorld", frameId=tab.frame, worldName="axe")["executionContextId"]

        def run(code):
            return tab.value(tab.call("Runtime.evaluate", expression=code, contextId=world, returnByValue=True,
                                      awaitPromise=True))
        run((package("axe-core") / "axe.min.js").read_text(encoding="utf-8") + "\n;0")
        run("axe.configure({rules: %s}), 0" % json.dumps([{"id": name, "enabled": True} for name in EXTRA]))
        run(SETTLE)
        found = run(RUN % json.dumps({"type": "tag", "values": TAGS}))
        for scheme in {"light", "dark"} - {tab.visitor.scheme}:
            tab.media(scheme)
            run(SETTLE)
            found += [f"{scheme}: {line}" for line in run(RUN % json.dumps({"type": "rule", "values": ["color-contrast"]}))]
            tab.media(tab.visitor.scheme)
        return found
    finally:
        if not scripts:
            tab.javascript(False)
