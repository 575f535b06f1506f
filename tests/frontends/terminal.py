"""The real ssh client under a terminal of its own, answered as a person would. The way in is Ssh()."""

import re
import subprocess

import pexpect

# Wide enough that nothing a customer is to read is broken, high enough for a QR code.
ROWS, COLUMNS = 60, 160
SECONDS = 20
PROMPT = r"\$ $"
PASSWORD = "Passwort: "
CURRENT = "Aktuelles Passwort: "
NEW = "Neues Passwort: "
AGAIN = "Neues Passwort wiederholen: "
ESCAPED = re.compile(r"(?:\\[2-3][0-7]{2})+")
CODE = r"[^\n]*Code[^\n]*: $"


class Ssh:
    """One run of ssh. What came on the terminal so far is .screen."""

    def __init__(self, directory, port, name, source="127.0.0.1", options=()):
        command = ["-F", "none", "-tt", "-p", str(port), "-b", source, "-l", name,
                   "-o", f"UserKnownHostsFile={directory}/known_hosts", "-o", "GlobalKnownHostsFile=/dev/null",
                   "-o", "StrictHostKeyChecking=yes", "-o", "IdentityAgent=none",
                   *(word for option in options for word in ("-o", option)), "127.0.0.1"]
        self.child = pexpect.spawn("ssh", command, encoding="utf-8", timeout=SECONDS, dimensions=(ROWS, COLUMNS),
                                   env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": str(directory),
                                        "TERM": "xterm"})
        self.raw = ""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.close(force=True)

    @property
    def screen(self):
        """OpenSSH's client writes what goes with no question through its log, where every byte beyond
        ASCII becomes \\ooo; that is undone."""
        return ESCAPED.sub(lambda found: bytes(int(octal, 8) for octal in found[0].split("\\")[1:]).decode(),
                           self.raw.replace("\r", ""))

    def expect(self, *patterns):
        """Waits for one of these regular expressions; returns which, and keeps what came."""
        try:
            index = self.child.expect([*patterns])
        except (pexpect.TIMEOUT, pexpect.EOF) as error:
            self.raw += self.child.before if isinstance(self.child.before, str) else ""
            raise AssertionError(f"{patterns} did not come, but:\n{self.screen}") from error
        self.raw += self.child.before + (self.child.after if isinstance(self.child.after, str) else "")
        return index

    def answer(self, question, text):
        """Waits for this question, typed as it stands, and answers it."""
        self.expect(re.escape(question) + "$")
        self.child.sendline(text)

    def code(self, text):
        """Answers the question for a code."""
        self.expect(CODE)
        self.child.sendline(text)

    def shell(self, command="true"):
        """Waits for the shell, has it run this, and returns what that printed."""
        self.expect(PROMPT)
        self.child.sendline(f"{command}; exit")
        self.end()
        return self.screen

    def end(self):
        """Waits for ssh's end; its exit status."""
        self.expect(pexpect.EOF)
        self.child.close()
        return self.child.exitstatus

    def refused(self, again=PASSWORD + "$"):
        """Waits for the next password prompt, or for the end; ends it; the whole screen."""
        self.expect(again, pexpect.EOF)
        self.child.close(force=True)
        return self.screen


def make_key(path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", path], check=True)
    return path.with_name(path.name + ".pub").read_text(encoding="ascii").strip()
