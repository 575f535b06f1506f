"""What the keyboard passes without one seeing where it is. The way in is unseen(tab)."""

# What marks the focus: an outline, or a change of border or shadow.
LOOK = """(() => { const e = document.activeElement, s = getComputedStyle(e);
    return [s.outlineStyle, s.outlineWidth, s.outlineColor, s.boxShadow, s.borderColor, s.backgroundColor, s.left,
            s.top, s.transform, s.textDecoration].join(" ") })()"""
MOST_STOPS = 80


def unseen(tab):
    """What the keyboard passes without one seeing where it is."""
    found, plain = [], {}
    for _ in range(MOST_STOPS):
        tab.key("Tab")
        here = tab.focused
        if not here or here.id in plain:
            break
        looks = tab.evaluate(LOOK)
        tab.evaluate("window.last = document.activeElement; document.activeElement.blur()")
        without = tab.evaluate(LOOK.replace("document.activeElement", "window.last"))
        here.focus()
        plain[here.id] = here.name
        if looks == without:
            found.append(f"nothing shows the focus on {here.role} “{here.name}”")
    assert len(plain) > 2, "the keyboard reaches nothing"
    return found
