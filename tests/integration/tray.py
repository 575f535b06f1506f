"""Where a sandbox's printer puts its paper: letters are taken away the moment they are whole, so that one that came out
twice is there twice. The way in is Tray(directory)."""

import subprocess
from pathlib import Path

from customer import CODE, wait_for
from fake_portald import Mailroom


class Sheet:
    """A letter as it came out of the printer."""

    def __init__(self, job, pdf):
        self.job = job
        text = subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
        self.codes = CODE.findall(text)


class Tray(Mailroom):
    def __init__(self, directory):
        self.read = []
        super().__init__(Path(directory))

    def sheets(self):
        for taken in self.taken[len(self.read):]:
            self.read.append(Sheet(*taken))
        return self.read

    def count(self):
        """How many letters came out, those among them that came out this moment."""
        wait_for(lambda: not list(self.dir.glob("[!.]*.pdf")), what="the letters in the tray")
        return len(self.taken)

    def wait_for(self, job):
        return wait_for(lambda: [s for s in self.sheets() if s.job == job], what=f"letter {job}")[0]
