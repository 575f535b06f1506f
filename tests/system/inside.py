#!/usr/bin/python3
"""What the system test does inside the booted machine: sets Portal up by the commands of
doc/installing.md, goes the journey, and looks whether the services behave as operators expect.

Each check's outcome is a line of /out/results: "ok NAME" or "failed NAME: why".
"""

import os
import re
import subprocess
import sys
import time
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import cups_server  # noqa: E402
import journey  # noqa: E402
import nojs_browser  # noqa: E402
import web_journey  # noqa: E402

MAIL_DIR = Path("/var/mail-sink")
LETTER_DIR = Path("/var/lib/portal-print/letters")
STOCK_CONFIG = Path("/out/stock-config")  # of slapd, as Debian makes it
ADDRESS = "anna.beispiel@post.example"
CUSTOMER = """\
dn: uid=c-0001,ou=customers,dc=example,dc=org
objectClass: inetOrgPerson
objectClass: portalCustomer
uid: c-0001
cn: Anna Beispiel
givenName: Anna
sn: Beispiel
preferredLanguage: de
postalAddress: Anna Beispiel$Lindenallee 12$50667 Koeln
portalPolicyNumber: VN1007922
portalBirthDate: 1984-03-17
"""
WEB_CUSTOMER = CUSTOMER.replace("c-0001", "c-0002").replace("Anna", "Emil").replace("VN1007922", "VN1015841")
WEB_URL = "https://konto.versicherung.example"
CERTIFICATE, KEY = "/etc/ssl/certs/konto.pem", "/etc/ssl/private/konto.key"
RELAY = "[relay]\nhost = 127.0.0.1\nport = 25\nstarttls = off\n"
# As an application: without rights, in nobody's group.
AS_WWW_DATA = ["setpriv", "--reuid=www-data", "--regid=www-data", "--clear-groups"]
LOGIN = [*AS_WWW_DATA, "/usr/local/bin/pam-login"]
UNITS = ("portald.service", "portal-web.service", "portal-print.service", "portal-mailer@test.service")
EXPOSURE_MOST = 1.5
PRINTING_EXPOSURE_MOST = 2.5  # with a network
RESTARTS = 3

PAM_SERVICES = {"portal-recover": "recover", "portal-enroll": "enroll=require"}

secrets = [journey.GOOD_PASSWORD, journey.BAD_PASSWORD, journey.NEXT_PASSWORD]


def run(*command, **options):
    done = subprocess.run(command, text=True, capture_output=True, check=False, **options)
    assert done.returncode == 0, f"{command}: {done.returncode}: {done.stdout}{done.stderr}"
    return done.stdout


def commands(text):
    """Its shell blocks in their order, with the password that -W asks for."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert blocks
    return [block.replace(" -W ", " -y /root/rootpw ") for block in blocks]


def page(name):
    return (HERE / name).read_text(encoding="utf-8")


def setting_up_the_directory():
    return re.search(r"^## Setting up\n(.*?)^### And back$", page("directory.md"), re.MULTILINE | re.DOTALL)[1]


def documented_commands():
    """Those of installing.md, with directory.md's where it sends one there."""
    here = "\n## 2. The directory\n"
    assert here in page("installing.md")
    blocks = commands(page("installing.md").replace(here, here + setting_up_the_directory()))
    assert len(blocks) >= 8
    return "".join(blocks)


def directory_config():
    """All that slapd stores of its configuration."""
    return run("slapcat", "-n0", "-o", "ldif-wrap=no")


def certificate():
    """Of a site that nobody outside of this machine knows."""
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=konto", "-addext",
        f"subjectAltName=DNS:{WEB_URL.removeprefix('https://')}", "-keyout", KEY, "-out", CERTIFICATE)
    with open("/etc/hosts", "a", encoding="ascii") as hosts:
        hosts.write(f"127.0.0.1 {WEB_URL.removeprefix('https://')}\n")


def check_installing_as_documented():
    MAIL_DIR.mkdir()
    subprocess.Popen(["/usr/bin/python3", HERE / "sink.py", MAIL_DIR, "25", "/root/sink.port", "/root/sink.answer"])
    os.makedirs("/etc/portal/mailer.conf.d")
    Path("/etc/portal/mailer.conf.d/test.conf").write_text(RELAY)
    STOCK_CONFIG.write_text(directory_config(), encoding="utf-8")
    certificate()
    run("bash", "-exc", documented_commands())
    run("ldapadd", "-x", "-D", "cn=admin,dc=example,dc=org", "-y", "/root/rootpw", "-H", "ldapi:///",
        input=CUSTOMER + "\n" + WEB_CUSTOMER)


def check_setting_the_directory_up_again_changes_nothing():
    once = directory_config()
    assert "cn=portald,ou=services" in once
    run("bash", "-exc", "".join(commands(setting_up_the_directory())))
    assert directory_config() == once


def check_journey():
    portal = Path("/etc/pam.d/portal").read_text()
    for service, option in PAM_SERVICES.items():
        Path("/etc/pam.d", service).write_text(portal.replace("pam_portal.so", f"pam_portal.so {option}"))
    place = journey.Place(ctl=["portalctl"], login=LOGIN, mail_dir=MAIL_DIR, letter_dir=LETTER_DIR,
                          uid="c-0001", policy="VN 1007-922", birthdate="17.3.1984", address=ADDRESS,
                          print_letters=True)
    walk = journey.Journey(place)
    try:
        walk.run()
    finally:
        secrets.extend(filter(None, (walk.initial, walk.puk)))


def check_journey_on_the_web():
    """Through nginx, over TLS."""
    place = web_journey.WebPlace(ctl=["portalctl"], login=LOGIN, mail_dir=MAIL_DIR, letter_dir=LETTER_DIR,
                                 uid="c-0002", policy="vn 1015.841", birthdate="17. März 1984",
                                 address="emil.beispiel@post.example", print_letters=True, url=WEB_URL,
                                 cafile=CERTIFICATE)
    walk = web_journey.WebJourney(place)
    try:
        walk.run()
    finally:
        secrets.extend(filter(None, (walk.initial, walk.puk)))


def login():
    """One login as an application; what it said, if it failed."""
    done = subprocess.run([*LOGIN, "portal", ADDRESS], input=journey.NEXT_PASSWORD + "\n", text=True,
                          capture_output=True, check=False)
    return None if done.returncode == 0 else done.stdout + done.stderr


def check_no_login_fails_while_portald_restarts():
    with subprocess.Popen(["bash", "-c", f"for i in $(seq {RESTARTS}); do systemctl restart portald; sleep 0.3; done"]
                          ) as restarts:
        logins = 0
        while restarts.poll() is None:
            said = login()
            assert said is None, said
            logins += 1
    assert logins >= RESTARTS


def main_pid(unit="portald"):
    return int(run("systemctl", "show", "-P", "MainPID", unit))


def check_no_login_fails_when_portald_is_killed():
    for _ in range(RESTARTS + 4):
        before = main_pid()
        os.kill(before, 9)
        said = login()
        assert said is None, said
        assert main_pid() != before


def logged_in_browser():
    browser = nojs_browser.Browser(WEB_URL, cafile=CERTIFICATE)
    page = browser.send(browser.open("/login"), "/login", mail=ADDRESS, password=journey.NEXT_PASSWORD)
    assert page.url == f"{WEB_URL}/account" and ADDRESS in " ".join(page.lines), (page.url, page.lines)
    return browser


def still_logged_in(browser):
    page = browser.open("/account")
    assert (page.status, page.url) == (200, f"{WEB_URL}/account"), (page.status, page.url, page.lines)


def check_no_page_fails_and_no_session_ends_while_portal_web_restarts():
    browser = logged_in_browser()
    with subprocess.Popen(["bash", "-c", f"for i in $(seq {RESTARTS}); do systemctl restart portal-web; sleep 0.3; done"]
                          ) as restarts:
        pages = 0
        while restarts.poll() is None:
            still_logged_in(browser)
            pages += 1
    assert pages >= RESTARTS
    for _ in range(RESTARTS):
        before = main_pid("portal-web")
        os.kill(before, 9)
        still_logged_in(browser)
        assert main_pid("portal-web") != before


def check_portal_web_is_for_the_proxy_and_reaches_nothing():
    done = subprocess.run(["setpriv", "--reuid=www-data", "--regid=www-data", "--clear-groups", "test", "-w",
                           "/run/portal-web/http.sock"], check=False)
    assert done.returncode != 0, "www-data without the proxy's group may connect"
    devices = run("nsenter", "-t", str(main_pid("portal-web")), "-n", "ip", "-o", "link")
    assert [line.split(": ")[1] for line in devices.splitlines()] == ["lo"] and "state UP" not in devices, devices


def check_login_while_the_directory_is_away_says_so():
    run("systemctl", "stop", "slapd")
    try:
        said = login()
        status = run("portalctl", "status")
    finally:
        run("systemctl", "start", "slapd")
    assert said and "PAM_AUTHINFO_UNAVAIL" in said, said
    assert "CAN'T BE ASKED" in status, status
    said = login()
    assert said is None, said


def check_reload_keeps_serving():
    before = main_pid()
    run("systemctl", "reload", "portald")
    assert login() is None and main_pid() == before
    # With a mistake in the file the old settings stay in force.
    mistake = Path("/etc/portal/portald.conf.d/mistake.conf")
    mistake.parent.mkdir(exist_ok=True)
    mistake.write_text("[portal]\nnonsense = 1\n")
    run("systemctl", "reload", "portald")
    assert login() is None and main_pid() == before
    mistake.unlink()
    run("systemctl", "reload", "portald")
    assert "mistake.conf:2" in run("journalctl", "-u", "portald", "-o", "cat")


def check_status_line_and_watchdog():
    for unit in ("portald", "portal-web"):
        for _ in range(100):
            shown = run("systemctl", "show", "-p", "StatusText,WatchdogUSec,NRestarts", unit)
            if re.search(r"StatusText=.", shown):
                break
            time.sleep(0.2)
        assert re.search(r"StatusText=.", shown) and "WatchdogUSec=30s" in shown, shown


def check_the_control_socket_is_for_its_group():
    done = subprocess.run([*AS_WWW_DATA, "portalctl", "status"], text=True, capture_output=True, check=False)
    assert done.returncode == 3 and "portal-admin" in done.stderr, done.stderr
    run("setpriv", "--reuid=www-data", "--regid=www-data", "--groups=portal-admin", "portalctl", "status")


def check_support_has_a_socket_of_its_own():
    as_support = ("setpriv", "--reuid=www-data", "--regid=www-data", "--groups=portal-support", "portalctl")
    run(*as_support, "status")
    done = subprocess.run([*as_support, "lock", "c-0001"], text=True, capture_output=True, check=False)
    assert done.returncode == 1 and "Administrators may" in done.stderr, done.stderr
    asked = run("journalctl", "-u", "portald", "-o", "cat", "PORTAL_ROLE=support")
    assert "The role support asked for wish lock of c-0001: refused" in asked, asked


def check_account_questions_are_for_their_group():
    done = subprocess.run([*AS_WWW_DATA, "test", "-w", "/run/portald/account.sock"], check=False)
    assert done.returncode != 0


def check_letters_go_to_a_printer_from_within_the_sandbox():
    """Over TLS, with the drop-in of letters.md."""
    drop_in, = re.findall(r"portal-print\.service\.d/printer\.conf`.*?\n\n((?:    .*\n)+)",
                          (HERE / "letters.md").read_text(encoding="utf-8"), re.DOTALL)
    place = Path("/var/tmp/cups")
    place.mkdir()
    printer = cups_server.Cups(place / "server")
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
        "subjectAltName=DNS:localhost", "-keyout", place / "key", "-out", "/etc/portal/printer.pem")
    both = place / "both"
    both.write_text(Path("/etc/portal/printer.pem").read_text() + (place / "key").read_text())
    printer.stop()
    printer.certificate(both)
    printer.start()
    printer.printer()
    conf, unit = (Path(path) for path in ("/etc/portal/print.conf.d/printer.conf",
                                          "/etc/systemd/system/portal-print.service.d/printer.conf"))
    for path, text in ((conf, "[output]\nca = /etc/portal/printer.pem\n"
                              f"printer = ipps://localhost:{printer.port}/printers/letters\n"),
                       (unit, "".join(line[4:] + "\n" for line in drop_in.splitlines())
                        .replace("192.0.2.7", "localhost"))):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    run("systemctl", "daemon-reload")
    try:
        run("portalctl", "letter", "c-0001")
        said = run("portalctl", "letters", "print")
        assert "letters posted" in said, said
        assert len(printer.printed()) == 1
        assert unit_exposure("portal-print.service") <= PRINTING_EXPOSURE_MOST
    finally:
        printer.stop()
        conf.unlink()
        unit.unlink()
        run("systemctl", "daemon-reload")


def check_nobody_reads_what_is_not_theirs():
    for path in ("/etc/portal/portald.key", "/etc/portal/station.key", "/var/lib/portald/queue.db", LETTER_DIR,
                 "/etc/portal/cookie.key"):
        for user in ("www-data", "portal-mailer", "portal-web"):
            done = subprocess.run(["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "test", "-r", path],
                                  check=False)
            assert done.returncode != 0, f"{user} reads {path}"
    done = subprocess.run(["setpriv", "--reuid=portald", "--regid=portald", "--clear-groups", "test", "-r",
                           "/etc/portal/station.key"], check=False)
    assert done.returncode != 0, "portald reads the station's secret key"


def check_no_secret_is_in_the_journal():
    journal = run("journalctl", "--no-pager", "-o", "verbose").replace("-", "").lower()
    for secret in secrets:
        assert secret and secret.replace("-", "").lower() not in journal


def check_the_journal_explains_events():
    text = run("journalctl", "-x", "-u", "portald", "--no-pager")
    for part in ("portald is ready", "An account changed its state: c-0001"):
        assert part in text, f"'{part}' isn't there"


def unit_exposure(unit):
    text = run("systemd-analyze", "security", "--no-pager", unit)
    return float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", text)[1])


def check_units_are_sandboxed():
    for unit in UNITS:
        found = unit_exposure(unit)
        assert found <= EXPOSURE_MOST, f"{unit}: {found}"


def check_no_unit_has_failed():
    failed = run("systemctl", "list-units", "--failed", "--plain", "--no-legend", "portal*")
    assert not failed.strip(), failed


def check_a_released_portalctl_has_no_clock():
    done = subprocess.run(["portalctl", "clock"], text=True, capture_output=True, check=False)
    assert done.returncode == 2 and "no command" in done.stderr


def without_what_stays(config):
    """Entries without schema and modules, which slapd can't unload, nor when they were changed."""
    entries = (entry for entry in config.split("\n\n") if ",cn=schema,cn=config" not in entry.split("\n")[0])
    return [sorted(line for line in entry.splitlines() if not re.match(
        "(entryCSN|modifyTimestamp|modifiersName|contextCSN|olcModuleLoad):", line)) for entry in entries]


def anybody_finds(base):
    done = subprocess.run(["ldapsearch", "-x", "-LLL", "-H", "ldapi:///", "-b", base, "1.1"], text=True,
                          capture_output=True, check=False)
    return re.findall("^dn: (.*)$", done.stdout, re.MULTILINE)


def check_the_directory_can_be_given_back():
    """The last check: nobody logs in any more."""
    back = re.search(r"^### And back\n(.*?)^## ", page("directory.md"), re.MULTILINE | re.DOTALL)[1]
    blocks = commands(back)
    assert len(blocks) == 2
    run("bash", "-exc", blocks[0])
    assert anybody_finds("dc=example,dc=org") and not anybody_finds("ou=customers,dc=example,dc=org")
    run("bash", "-exc", blocks[1])
    assert anybody_finds("dc=example,dc=org") == ["dc=example,dc=org"]
    assert without_what_stays(directory_config()) == without_what_stays(STOCK_CONFIG.read_text(encoding="utf-8"))
    run("systemctl", "restart", "slapd")
    assert anybody_finds("dc=example,dc=org") == ["dc=example,dc=org"]


CHECKS = tuple(name.removeprefix("check_") for name in dict(globals()) if name.startswith("check_"))


def main():
    with open("/out/results", "w", encoding="utf-8") as results:
        for name in CHECKS:
            print(f"\n=== {name}", flush=True)
            try:
                globals()[f"check_{name}"]()
                outcome = f"ok {name}"
            except Exception as error:  # whatever it is: it is this check's outcome
                traceback.print_exc()
                outcome = f"failed {name}: {' '.join(str(error).split())[:600]}"
            print(outcome, flush=True)
            print(outcome, file=results, flush=True)
    print("\n=== the journal\n" + run("journalctl", "--no-pager", "-u", "port*", "-o", "short-precise"), flush=True)


if __name__ == "__main__":
    main()
