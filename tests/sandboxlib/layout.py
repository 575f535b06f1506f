"""Where things are in a sandbox and in the build that it runs. The way in is Layout(DIR, build)."""

import os
import pwd
from pathlib import Path

from . import SandboxError

SOURCE = Path(__file__).resolve().parents[2]

# What a sandbox needs of a build, and where libtool may have put the real file.
PROGRAMS = {
    "portald": ("portald/.libs/portald", "portald/portald"),
    "portal-mailer": ("mailer/.libs/portal-mailer", "mailer/portal-mailer"),
    "portal-print": ("print/.libs/portal-print", "print/portal-print"),
    "portal-web": ("web/.libs/portal-web", "web/portal-web"),
    "portalctl": ("portalctl/.libs/portalctl", "portalctl/portalctl"),
    "pam_portal.so": ("pam_portal/.libs/pam_portal.so", ".libs/pam_portal.so"),
}
# sun_path has 108 bytes, its NUL among them; the longest name that we put behind DIR is this one.
SOCKET_MAX = 107
LONGEST_SOCKET = "run/account.sock"
# Everything that a sandbox makes in its directory; down removes these and nothing else.
MADE = ("bin", "env", "keys", "ldap", "letters", "log", "mail", "mail.answer", "mail.port", "mailer.conf",
        "pam", "portald.conf", "print", "print.conf", "queue", "run", "state.json", "texts", "customers",
        "web", "web.conf")


def user_name():
    return pwd.getpwuid(os.getuid()).pw_name


class Layout:
    def __init__(self, directory, build=None):
        self.dir = Path(directory).resolve()
        self.build = Path(build or os.environ.get("PORTAL_BUILDDIR") or SOURCE / "build").resolve()

    def __getattr__(self, name):
        """layout.run is DIR/run, and so on for what is in MADE."""
        if name in MADE:
            return self.dir / name
        raise AttributeError(name)

    def conf(self, name):
        return self.dir / f"{name}.conf"

    def log_file(self, name):
        return self.dir / "log" / f"{name}.log"

    def program(self, name):
        """The built file, absolute."""
        for place in PROGRAMS[name]:
            path = self.build / place
            if path.is_file() and not is_script(path):
                return path
        raise SandboxError(f"{name} isn't built in {self.build}. Build first (configure && make), or "
                           "set PORTAL_BUILDDIR to where you did.")

    def check(self):
        """Refuses what would fail later in a way that is harder to understand."""
        if len(os.fsencode(str(self.dir / LONGEST_SOCKET))) > SOCKET_MAX:
            raise SandboxError(f"{self.dir} is too long a name: a socket's path has at most "
                               f"{SOCKET_MAX} bytes")
        left = [name for name in MADE if os.path.lexists(self.dir / name)]
        if left:
            raise SandboxError(f"there is something in {self.dir} already ({', '.join(left)}). "
                               f"If it is an old sandbox: tests/sandbox down {self.dir}")


def is_script(path):
    """libtool's wrapper, whose process isn't the program's."""
    with open(path, "rb") as file:
        return file.read(2) == b"#!"
