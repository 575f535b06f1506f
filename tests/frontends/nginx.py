"""nginx with the guide's configuration, and the application behind it. The way in is Nginx(host)."""

import grp

import guide
from host import free_port, listens
from https import Browser, make_certificate
from shop import Shop

SERVICE = "portal-nginx"
# Bodies that nginx keeps on disk, which are under /var/lib otherwise.
TEMPORARY = ("client_body", "proxy", "fastcgi", "scgi", "uwsgi")
# What the guide asks of the page that people see.
START = "<p>Zum ersten Mal hier? Wählen Sie zuerst Ihr eigenes Passwort.</p>\n"


class Nginx:
    """Debian's nginx.conf, which includes the guide's file; only the port and the page's place are ours."""

    def __init__(self, host):
        self.host, self.port = host, free_port()
        self.files = guide.files("nginx")
        self.pages = host.dir / "www"
        self.pages.mkdir()
        (self.pages / "start.html").write_text(START, encoding="utf-8")
        self.certificate = make_certificate(host)
        self.shop = Shop(host.path("/run/application/http.sock"), grp.getgrnam("www-data").gr_gid)
        self.pam()
        host.write("/etc/nginx/conf.d/customers.conf", self._site())
        host.write("/etc/nginx/conf.d/temporary.conf",
                   "".join(f"{kind}_temp_path {host.dir}/nginx-{kind};\n" for kind in TEMPORARY))
        host.path("/etc/nginx/sites-enabled/default").unlink(missing_ok=True)
        host.path("/var/log/nginx").mkdir(exist_ok=True)
        host.start("nginx", "/usr/sbin/nginx", "-g", "daemon off;", answers=lambda: listens(self.port))

    def _site(self):
        text = self.files["/etc/nginx/conf.d/customers.conf"]
        for theirs, ours in (("listen 443 ssl;", f"listen 127.0.0.1:{self.port} ssl;"),
                             ("root /var/www/customers;", f"root {self.pages};")):
            assert text.count(theirs) == 1, theirs
            text = text.replace(theirs, ours)
        return text

    def pam(self, without=""):
        """The guide's service, or the same with something forgotten."""
        text = self.files[f"/etc/pam.d/{SERVICE}"]
        assert without in text
        self.host.pam(SERVICE, text.replace(without, "") if without else text)

    def browser(self):
        return Browser(self.host.dir, self.certificate, self.port)

    @property
    def log(self):
        return self.host.path("/var/log/nginx/error.log").read_text(encoding="utf-8")

    def close(self):
        self.host.stop("nginx")
        self.shop.close()
