"""sshd with the guide's configuration. The way in is Sshd(host)."""

import shutil

import guide
from host import free_port, listens
from terminal import PASSWORD, Ssh, make_key

PAM = "/etc/pam.d/"
SERVICE = PAM + "sshd"
HOST_KEY = "/etc/ssh/ssh_host_ed25519_key"
COMMON = "The PAM service"
INTERACTIVE = "Keyboard-interactive"
PASSWORD_ONLY = "Password authentication"
ACCOUNT_ONLY = "Public keys and the account phase"
GUESSES = 3


class Sshd:
    """One daemon a section of the guide; PAM's file may change under it, since it is read at each login."""

    def __init__(self, host, heading):
        self.host, self.heading = host, heading
        self.name = f"sshd {heading}"
        self.dir = host.dir / self.name.replace(" ", "-").lower()
        self.dir.mkdir(mode=0o700)
        self.port = free_port()
        self.files = guide.files(COMMON) | guide.files(heading)
        if not host.path(HOST_KEY).exists():
            make_key(host.path(HOST_KEY))
            host.path("/run/sshd").mkdir(exist_ok=True)
        public = host.path(HOST_KEY + ".pub").read_text(encoding="ascii")
        (self.dir / "known_hosts").write_text(f"[127.0.0.1]:{self.port} {public}", encoding="ascii")
        self._configure()

    def _configure(self):
        """The packaged sshd_config, which includes the guide's file; only where it listens is ours."""
        for path, text in self.files.items():
            if path.startswith(PAM):
                self.host.pam(path.removeprefix(PAM), text)
            else:
                self.host.write(path, text)
        self.host.start(self.name, "/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/sshd_config",
                        "-o", "ListenAddress=127.0.0.1", "-o", f"Port={self.port}", "-o", "PidFile=none",
                        "-o", f"HostKey={HOST_KEY}", "-o", "LogLevel=VERBOSE",
                        answers=lambda: listens(self.port))

    def pam(self, options="", box=None):
        self.host.pam("sshd", self.files[SERVICE], box=box, options=options)

    def login(self, name, source="127.0.0.1", options=("PreferredAuthentications=keyboard-interactive",)):
        return Ssh(self.dir, self.port, name, source, (f"NumberOfPasswordPrompts={GUESSES}", *options))

    def close(self):
        self.host.stop(self.name)
        for path in self.files:
            self.host.path(path).unlink(missing_ok=True)
        shutil.rmtree(self.dir)


def guess(sshd, name, times, source):
    """Types wrong passwords, as many as asked, three a connection; what the last connection showed."""
    screen = ""
    while times > 0:
        with sshd.login(name, source) as ssh:
            for _ in range(min(times, GUESSES)):
                ssh.answer(PASSWORD, f"Das ist Versuch {times} und falsch")
                times -= 1
            screen = ssh.refused()
    return screen
