"""A real cupsd of a test's own: its own directories, one loopback port, no discovery, nothing of the
system's touched. What comes out of its printer is a file a job in `printed`."""

import os
import socket
import subprocess
import time
from pathlib import Path

SERVER = """\
Listen 127.0.0.1:{port}
Browsing No
DefaultAuthType None
WebInterface No
LogLevel debug
MaxLogSize 0
PreserveJobFiles No
PreserveJobHistory Yes
MaxJobs 0
JobRetryInterval 1
<Location />
  Order allow,deny
  Allow 127.0.0.1
</Location>
<Policy default>
  <Limit All>
    Order deny,allow
  </Limit>
</Policy>
"""
FILES = """\
ServerRoot {dir}/root
CacheDir {dir}/cache
StateDir {dir}/state
RequestRoot {dir}/spool
TempDir {dir}/tmp
ServerBin {dir}/bin
DocumentRoot {dir}/root
AccessLog {dir}/access_log
ErrorLog {dir}/error_log
PageLog {dir}/page_log
Printcap
FileDevice Yes
ServerKeychain {dir}/ssl
CreateSelfSignedCerts no
"""
# A printer that does what `mode` says: print, fail (once told to, for good), stop, tear: half a page, then stop, or babble: fail
# with the words that it was given.
BACKEND = """\
#!/bin/sh
[ $# = 0 ] && exit 0
mode=$(cat {dir}/mode)
[ "$mode" = fail ] && {{ cat > /dev/null; exit 1; }}
[ "$mode" = stop ] && {{ cat > /dev/null; echo "ERROR: out of paper" >&2; exit 4; }}
[ "$mode" = babble ] && {{ cat > /dev/null; echo "ERROR: $(cat {dir}/words)" >&2; sleep 1; exit 1; }}
[ "$mode" = tear ] && {{ cat > /dev/null; echo "PAGE: 1 1" >&2; sleep 1; exit 1; }}
name={dir}/printed/$3.$1
cat "${{6:--}}" > $name.part && mv $name.part $name.pdf
"""
# A queue whose device is a file needs a filter to write it.
PASS = """\
#!/bin/sh
exec cat "$6"
"""
PPD = """\
*PPD-Adobe: "4.3"
*FormatVersion: "4.3"
*FileVersion: "1.0"
*LanguageVersion: English
*LanguageEncoding: ISOLatin1
*PCFileName: "PASS.PPD"
*Manufacturer: "Test"
*Product: "(Test)"
*ModelName: "Test"
*ShortNickName: "Test"
*NickName: "Test"
*PSVersion: "(3010.000) 0"
*LanguageLevel: "3"
*cupsFilter2: "application/pdf application/pdf 0 pass"
*OpenUI *PageSize: PickOne
*DefaultPageSize: A4
*PageSize A4: ""
*CloseUI: *PageSize
*OpenUI *PageRegion: PickOne
*DefaultPageRegion: A4
*PageRegion A4: ""
*CloseUI: *PageRegion
*DefaultImageableArea: A4
*ImageableArea A4: "0 0 595 842"
*DefaultPaperDimension: A4
*PaperDimension A4: "595 842"
*DefaultFont: Courier
"""
PATIENCE = 20


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Cups:
    def __init__(self, directory):
        self.dir, self.port, self.process = Path(directory), free_port(), None
        for name in ("root", "cache", "state", "spool", "tmp", "ssl", "bin/backend", "bin/filter", "printed"):
            (self.dir / name).mkdir(parents=True)
        (self.dir / "bin" / "daemon").symlink_to("/usr/lib/cups/daemon")
        (self.dir / "cupsd.conf").write_text(SERVER.format(port=self.port))
        (self.dir / "cups-files.conf").write_text(FILES.format(dir=self.dir))
        for name, text, mode in (("backend/box", BACKEND.format(dir=self.dir), 0o700),  # runs as root by that
                                 ("filter/pass", PASS, 0o755)):
            path = self.dir / "bin" / name
            path.write_text(text)
            path.chmod(mode)
        (self.dir / "pass.ppd").write_text(PPD)
        self.mode("print")
        self.start()

    def mode(self, word):
        (self.dir / "mode").write_text(word)

    def certificate(self, both):
        """What it shows from its next start on: one file with certificate and key."""
        for name in ("localhost", "127.0.0.1", socket.gethostname()):  # whatever it thinks it is called
            for ending in ("crt", "key"):
                (self.dir / "ssl" / f"{name}.{ending}").write_text(both.read_text())

    def answers(self):
        with socket.socket() as s:
            return s.connect_ex(("127.0.0.1", self.port)) == 0

    def start(self):
        self.process = subprocess.Popen(["/usr/sbin/cupsd", "-f", "-c", self.dir / "cupsd.conf",
                                         "-s", self.dir / "cups-files.conf"],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE
        while not self.answers():
            assert self.process.poll() is None and time.monotonic() < end, (self.dir / "error_log").read_text()
            time.sleep(0.05)

    def stop(self, kill=False):
        if self.process:
            self.process.kill() if kill else self.process.terminate()
            self.process.wait(PATIENCE)
            self.process = None

    def run(self, program, *words):
        """One of CUPS's commands, pointed at this server."""
        done = subprocess.run([program, "-h", f"127.0.0.1:{self.port}", *words], text=True, capture_output=True,
                              check=False, timeout=PATIENCE, env={**os.environ, "HOME": str(self.dir)})
        assert done.returncode == 0, done.stderr
        return done.stdout

    def printer(self, name="letters", device="box:/", **options):
        words = [word for key, value in options.items() for word in ("-o", f"{key.replace('_', '-')}={value}")]
        self.run("lpadmin", "-p", name, "-E", "-v", device, "-m", "raw", *words)
        return f"ipp://127.0.0.1:{self.port}/printers/{name}"

    def file_printer(self, paper):
        """A queue that writes to a file."""
        self.run("lpadmin", "-p", "file", "-E", "-v", f"file:{paper}", "-P", self.dir / "pass.ppd")
        return f"ipp://127.0.0.1:{self.port}/printers/file"

    def jobs(self, which="not-completed"):
        return [line.split()[0] for line in self.run("lpstat", "-W", which, "-o").splitlines()]

    def printed(self):
        """What came out: pairs of the job's name (a letter's) and the paper."""
        return [(path.name.split(".")[0], path.read_bytes()) for path in sorted((self.dir / "printed").glob("*.pdf"))]
