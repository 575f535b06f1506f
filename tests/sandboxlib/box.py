"""A sandbox as a whole: up, down, and its single processes. The way in is Box(DIR)."""

import http.client
import json
import os
import shlex
import shutil
import socket
import subprocess

from . import SandboxError, customers, process, settings
from .layout import MADE, PROGRAMS, SOURCE, Layout
from .slapd import Slapd, run

SOCKETS = ("api", "account", "control", "print", "web")
# What a program may see of our environment: an installed one gets no more from systemd.
KEPT_ENVIRONMENT = ("PATH", "TZ", "ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS")
PORT_ATTEMPTS = 3
PRINT_SETTLED_SECONDS = 0.2
WEB_SECONDS = 5


class Box:
    def __init__(self, directory, build=None):
        self.layout = Layout(directory, build)
        self.state = {"pids": {}, "slapd": {}, "made_dir": False, "mail_port": 0, "only": None,
                      "count": 0, "web_port": 0}
        # Bound before anybody is told of its port, so that nobody else gets it meanwhile.
        self.web_socket = None

    SLAPD = Slapd
    # In the order in which they start; they end in the opposite one.
    SERVICES = ("slapd", "sink", "portald", "web", "print")
    PID_NAMES = {"slapd": "PORTAL_SLAPD_PID", "sink": "PORTAL_SINK_PID", "portald": "PORTALD_PID",
                 "web": "PORTAL_WEB_PID", "print": "PORTAL_PRINT_PID"}

    # What is kept between calls.

    @classmethod
    def load(cls, directory):
        box = cls(directory)
        try:
            box.state = json.loads((box.layout.dir / "state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise SandboxError(f"there is no sandbox in {directory}") from error
        box.layout = Layout(directory, box.state["build"])
        return box

    def save(self):
        self.state["build"] = str(self.layout.build)
        self._replace("state.json", json.dumps(self.state, indent=1))
        lines = (f"export {name}={shlex.quote(str(value))}\n" for name, value in self.env().items())
        self._replace("env", "# To be sourced.\n" + "".join(lines))

    def _replace(self, name, text):
        new = self.layout.dir / f"{name}.new"
        process.write_private(new, text)
        new.rename(self.layout.dir / name)

    def env(self):
        layout = self.layout
        env = dict(self.state["slapd"])
        env["PORTAL_CUSTOMERS"] = layout.customers
        if not self.state["only"]:
            env |= {
                "PORTAL_BUILD": layout.build,
                "PORTAL_SOCKET_DIR": layout.run,
                "PORTAL_PAM_DIR": layout.pam,
                "PORTAL_MAIL_DIR": layout.mail,
                "PORTAL_MAIL_ANSWER": layout.dir / "mail.answer",
                "PORTAL_LETTER_DIR": layout.letters,
                "PORTAL_WEB_URL": self.web_url(),
                "PORTAL_WEB_CONF": layout.conf("web"),
                "PORTAL_WEB_LOG": layout.log_file("web"),
                "PORTAL_CTL": layout.bin / "portalctl",
                "PORTALD_CONF": layout.conf("portald"),
                "PORTALD_LOG": layout.log_file("portald"),
                "PORTAL_PRINT_CONF": layout.conf("print"),
                "PORTAL_PRINT_COMMAND": shlex.join(map(str, self._print_command())),
            }
        for name, (process_id, _started) in self.state["pids"].items():
            env[self.PID_NAMES[name]] = process_id
        return env

    # Up and down.

    def up(self, count, only=None):
        layout = self.layout
        layout.check()
        if not only:
            for name in PROGRAMS:
                layout.program(name)
        self.state |= {"made_dir": not layout.dir.exists(), "only": only, "count": count}
        layout.dir.mkdir(parents=True, exist_ok=True)
        try:
            (layout.dir / "log").mkdir()
            self._set_up(count)
            self._start_slapd_first()
            for name in self._services():
                self.start(name)
        except BaseException:
            self.down()
            raise

    def _services(self):
        return (self.state["only"],) if self.state["only"] else self.SERVICES

    def _set_up(self, count):
        layout = self.layout
        slapd = self.SLAPD.create(layout.ldap, count)
        self.state["slapd"] = slapd.env
        with open(layout.customers, "w", encoding="utf-8") as out:
            customers.write_list(out, count)
        self.save()
        if self.state["only"]:
            return
        for name in ("keys", "queue", "print", "web"):
            (layout.dir / name).mkdir(mode=0o700)
        for name in ("run", "mail", "letters"):
            (layout.dir / name).mkdir()
        run(layout.program("portald"), "--make-key", layout.keys / "portald.key")
        run(layout.program("portal-print"), "keygen", layout.keys)
        run(layout.program("portal-web"), "--make-key", layout.keys / "cookie.key")
        self._bind_web()
        settings.write_pam(layout)
        settings.write_portalctl(layout)

    def down(self):
        for name in reversed(self.SERVICES):
            self.stop(name)
        for name in MADE:
            path = self.layout.dir / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        if self.state["made_dir"]:
            try:
                self.layout.dir.rmdir()
            except OSError:
                pass

    # Single processes.

    def running(self, name):
        """The process id, or None. A later process that got the same id isn't ours."""
        process_id, started = self.state["pids"].get(name, (None, None))
        if process_id and process.alive(process_id) and process.started(process_id) == started:
            return process_id
        return None

    def start(self, name):
        if name not in self._services():
            raise SandboxError(f"{name}: expected one of {', '.join(self._services())}")
        if self.running(name):
            return
        process_id = getattr(self, f"_start_{name}")()
        self.state["pids"][name] = (process_id, process.started(process_id))
        self.save()
        try:
            process.wait_for(name, process_id, getattr(self, f"_{name}_answers"),
                             self.layout.log_file(name))
        except BaseException:
            self.stop(name)
            raise

    def stop(self, name):
        process_id = self.running(name)
        if process_id:
            process.end(process_id)
        if self.state["pids"].pop(name, None) and self.layout.dir.is_dir():
            self.save()

    def _spawn(self, name, command, listener=None):
        environment = {key: os.environ[key] for key in KEPT_ENVIRONMENT if key in os.environ}
        return process.start([str(word) for word in command], self.layout.log_file(name), environment,
                             listener)

    def _start_slapd_first(self):
        for attempt in range(PORT_ATTEMPTS):
            self._slapd().choose_port()
            try:
                return self.start("slapd")
            except SandboxError:
                if attempt == PORT_ATTEMPTS - 1:
                    raise

    def _start_slapd(self):
        return self._spawn("slapd", self._slapd().command())

    def _slapd(self):
        return Slapd(self.layout.ldap, self.state["slapd"])

    def _slapd_answers(self):
        return self._slapd().answers()

    def _start_sink(self):
        port_file = self.layout.dir / "mail.port"
        port_file.unlink(missing_ok=True)
        return self._spawn("sink", (
            "/usr/bin/python3", SOURCE / "tests" / "sandboxlib" / "sink.py", self.layout.mail,
            self.state["mail_port"], port_file, self.layout.dir / "mail.answer"))

    def _sink_answers(self):
        try:
            port = int((self.layout.dir / "mail.port").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return False
        if not self.state["mail_port"]:
            self.state["mail_port"] = port
            settings.write_configuration(self.layout, self.state["slapd"], port, self.web_url())
            self.save()
        return True

    def _start_portald(self):
        return self._spawn("portald", (self.layout.program("portald"), "--config",
                                       self.layout.conf("portald")))

    def _portald_answers(self):
        for name in SOCKETS:
            with socket.socket(socket.AF_UNIX) as client:
                try:
                    client.connect(str(self.layout.run / f"{name}.sock"))
                except OSError:
                    return False
        done = subprocess.run([self.layout.bin / "portalctl", "status"], capture_output=True,
                              check=False)
        return done.returncode == 0

    def web_url(self):
        return f"http://127.0.0.1:{self.state['web_port']}"

    def _bind_web(self):
        self.web_socket = self.web_socket or process.listen(self.state["web_port"])
        self.state["web_port"] = self.web_socket.getsockname()[1]

    def _start_web(self):
        self._bind_web()
        with self.web_socket as listening:
            self.web_socket = None
            return self._spawn("web", (self.layout.program("portal-web"), "--config",
                                       self.layout.conf("web")), ("http", listening))

    def _web_answers(self):
        client = http.client.HTTPConnection("127.0.0.1", self.state["web_port"], timeout=WEB_SECONDS)
        try:
            client.request("GET", "/healthz")
            return client.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            client.close()

    def _print_command(self):
        return (self.layout.program("portal-print"), "--config", self.layout.conf("print"))

    def _start_print(self):
        return self._spawn("print", (*self._print_command(), "--every", "1s"))

    def _print_answers(self):
        """It has no socket: what is wrong with its configuration ends it at once."""
        process_id = self.running("print")
        if process_id is None:
            return False
        return process.age(process_id) >= PRINT_SETTLED_SECONDS
