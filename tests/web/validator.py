"""HTML and CSS by the W3C's Nu checker, run as a server of our own, since its start takes 3 s and a page then 0.02 s.
The way in is Validator(directory); errors(HTML) has what it says."""

import http.client
import json
import re
import socket
import subprocess
import time

from checkers import package

START_SECONDS = 90
END_SECONDS = 10
# What changes from one page to the next and is nothing to the checker.
PASSING = re.compile(r"""(name="token" value|nonce|\bvalue)="[A-Za-z0-9_=-]{20,}\"""")


class Validator:
    def __init__(self, directory):
        jar = package("vnu-jar") / "build" / "dist" / "vnu.jar"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.known = {}
        self.log = directory / "validator.log"
        with open(self.log, "wb") as log:
            # Its grammar is deep: the default stack is too small for reading it.
            self.process = subprocess.Popen(
                ["java", "-Xss4m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                 "-Dnu.validator.servlet.bind-address=127.0.0.1", "-cp", jar, "nu.validator.servlet.Main", str(self.port)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=directory, start_new_session=True)
        self.ready = False

    def _wait(self):
        deadline = time.monotonic() + START_SECONDS
        while not self.ready:
            assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text(errors="replace")
            with socket.socket() as probe:
                self.ready = probe.connect_ex(("127.0.0.1", self.port)) == 0
            time.sleep(0 if self.ready else 0.05)

    def errors(self, text, kind="text/html"):
        """Errors and warnings, each with what it is about; [] where it is valid. kind may be text/css."""
        self._wait()
        key = kind, PASSING.sub("", text)
        if key not in self.known:
            self.known[key] = self._ask(text, kind)
        return self.known[key]

    def _ask(self, text, kind):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", "/?out=json", text.encode(),
                               {"Content-Type": f"{kind}; charset=utf-8", "User-Agent": "tests"})
            answer = json.load(connection.getresponse())
        finally:
            connection.close()
        return [f"{m.get('subType', m['type'])}, line {m.get('lastLine')}: {m['message']}\n    {m.get('extract', '')}"
                for m in answer["messages"] if m["type"] != "info" or m.get("subType") == "warning"]

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
