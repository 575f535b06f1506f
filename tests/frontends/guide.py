"""doc/frontends.md as the tests use it: the configurations in it are what they run, so it can't be wrong for
long. The way in is files(HEADING).

A configuration is a fenced code block whose first line is a comment with the file's absolute path.
"""

import re

from sandbox import SOURCE

GUIDE = SOURCE / "doc" / "frontends.md"
HEADING = re.compile(r"^(#+) +(.*?) *$")
PATH = re.compile(r"^# (/\S+)$")


def section(heading):
    """The lines below a heading, up to the next of its level or above."""
    level = None
    lines = []
    fenced = False
    for line in GUIDE.read_text(encoding="utf-8").splitlines():
        fenced ^= line.startswith("```")
        found = None if fenced else HEADING.match(line)
        if found and level and len(found[1]) <= level:
            break
        if level:
            lines.append(line)
        elif found and found[2] == heading:
            level = len(found[1])
    assert level, f"{GUIDE.name} has no section \"{heading}\""
    return lines


def files(heading):
    """The files that the guide has in this section: {path: text}."""
    found = {}
    block = None
    for line in section(heading):
        if line.startswith("```"):
            if block and PATH.match(block[0]):
                path = PATH.match(block[0])[1]
                assert path not in found, f"{heading}: {path} is there twice"
                found[path] = "\n".join(block) + "\n"
            block = None if block is not None else []
        elif block is not None:
            block.append(line)
    assert found, f"{GUIDE.name}, \"{heading}\": no configuration"
    return found
