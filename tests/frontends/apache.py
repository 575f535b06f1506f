"""Apache with the guide's configurations. The way in is Apache(host)."""

import os
import secrets
import shutil
from pathlib import Path

import guide
from host import free_port, listens
from https import SITE, Browser, make_certificate

SERVICE = "portal-apache"
GROUP = "portal-pam"
FORM = "<form method=post action=/login></form>\n"
ACCOUNT = "<p>Ihre Verträge</p>\n"
FILE = "Police\n"
MODULES = ("mpm_event", "authn_core", "authz_core", "authz_user", "auth_basic", "auth_form", "request", "session",
           "session_cookie", "session_crypto", "authnz_pam", "ssl", "dir")
# What Debian's apache2.conf says around a site, with the modules that the guide wants.
MAIN = """\
ServerRoot /usr/lib/apache2
DefaultRuntimeDir /run/apache2
PidFile /run/apache2/apache2.pid
User www-data
Group www-data
ErrorLog /var/log/apache2/error.log
LogLevel info
{modules}
Listen 127.0.0.1:{port}
ServerName localhost
DirectoryIndex index.html
<Directory />
    Require all denied
</Directory>
<Directory {pages}>
    Require all granted
</Directory>
Include /etc/apache2/sites-enabled/*.conf
"""


class Apache:
    """Each site as the guide has it; only the ports and the pages' places are ours."""

    def __init__(self, host):
        self.host, self.port = host, free_port()
        self.pages = host.dir / "htdocs"
        self._write_pages()
        self.certificate = make_certificate(host)
        self.files = guide.files("Apache")
        shutil.rmtree(host.path("/etc/apache2"), ignore_errors=True)
        for path, text in self.files.items():
            if path == f"/etc/pam.d/{SERVICE}":
                host.pam(SERVICE, text)
            else:
                host.write(path.replace("available", "enabled"), self._here(text))
        host.write("/etc/apache2/customers.secret", f"Define customers_secret {secrets.token_hex(32)}\n", 0o600)
        modules = "\n".join(f"LoadModule {name}_module modules/mod_{name}.so" for name in MODULES)
        host.write("/etc/apache2/apache2.conf", MAIN.format(modules=modules, port=self.port, pages=self.pages))
        for name in ("/var/log/apache2", "/run/apache2"):
            host.path(name).mkdir(exist_ok=True)
        assert host.run("groupadd", "--force", GROUP).returncode == 0
        self.start()

    def _write_pages(self):
        for name, text in (("customers/index.html", FORM), ("customers/account/index.html", ACCOUNT),
                           ("files/police.txt", FILE)):
            path = self.pages / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def _here(self, text):
        for theirs, ours in (("<VirtualHost *:443>", f"<VirtualHost 127.0.0.1:{self.port}>"),
                             ("DocumentRoot /var/www/", f"DocumentRoot {self.pages}/")):
            assert text.count(theirs) == 1, theirs
            text = text.replace(theirs, ours)
        return text

    def start(self):
        self.host.start("apache", "/usr/sbin/apache2", "-D", "FOREGROUND", "-f", "/etc/apache2/apache2.conf",
                        answers=lambda: listens(self.port))

    def stop(self):
        self.host.stop("apache")

    def restart(self):
        self.stop()
        self.start()

    def account_group(self):
        """As the guide says: www-data joins the group. Installed portald's socket belongs to that; the sandbox's is
        root's alone, since this computer has no such group."""
        assert self.host.run("usermod", "--append", "--groups", GROUP, "www-data").returncode == 0
        self.restart()
        group = int(self.host.run("getent", "group", GROUP).stdout.split(":")[2])
        return AccountSocket(Path(self.host.box["PORTAL_SOCKET_DIR"]) / "account.sock", group)

    def browser(self, site=SITE):
        return Browser(self.host.dir, self.certificate, self.port, site)

    @property
    def log(self):
        return self.host.path("/var/log/apache2/error.log").read_text(encoding="utf-8")


class AccountSocket:
    """account.sock, open to a group for as long as the with-block lasts."""

    def __init__(self, path, group):
        self.path, self.group = path, group

    def __enter__(self):
        os.chown(self.path, 0, self.group)
        self.path.chmod(0o660)

    def __exit__(self, *_):
        self.path.chmod(0o600)
        os.chown(self.path, 0, 0)
