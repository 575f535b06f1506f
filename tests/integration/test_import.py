"""portalctl import and export: whole files or nothing, as the caller, again and again, whatever is in them and whoever
stops them."""

import os
import pty
import re
import signal
import subprocess
import tempfile
import time

import ldap_client
import pytest

from customer import wait_for
from importer import COLUMNS, PORTALCTL, Importer, line
from sandbox import SOURCE, Sandbox

ULID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")


@pytest.fixture
def importer(directory, tmp_path):
    importer = Importer(directory, tmp_path)
    yield importer
    importer.forget("(|(portalPolicyNumber=IM*)(portalPolicyNumber=VN900*))")


def summary(done):
    return {name: done.json[name] for name in ("lines", "added", "updated", "unchanged", "skipped", "bad")
            if done.json[name]}


# --- What comes in ---

def test_a_file_of_german_excel_makes_customers(importer):
    """Semicolons, CRLF, a byte order mark, headings by their short names, no uid."""
    done = importer.run("\ufeffgivenName;surname;policyNumber;birthDate;language;address1;address2;address3\r\n"
                        "Jürgen;\"Groß; von\";im 10-01 | IM/10.02;3.4.1950;de;Jürgen Groß;Weg 1;12345 Ört\r\n"
                        ";Nur;IM2000;;;;;\r\n".encode(), "--json")
    assert done.returncode == 0, done.stderr
    assert summary(done) == {"lines": 2, "added": 2}
    one, two = sorted(importer.entries().values(), key=lambda e: e["portalPolicyNumber"])
    assert ULID.fullmatch(one["uid"][0]) and ULID.fullmatch(two["uid"][0])
    del one["uid"], two["uid"]
    assert one == {"objectClass": ["inetOrgPerson", "portalCustomer"], "cn": ["Jürgen Groß; von"], "givenName": ["Jürgen"],
                   "sn": ["Groß; von"], "portalPolicyNumber": ["IM1001", "IM1002"], "portalBirthDate": ["1950-04-03"],
                   "preferredLanguage": ["de"], "postalAddress": ["Jürgen Groß$Weg 1$12345 Ört"]}
    assert two == {"objectClass": ["inetOrgPerson", "portalCustomer"], "cn": ["Nur"], "sn": ["Nur"],
                   "portalPolicyNumber": ["IM2000"]}


def test_the_recipe_of_the_guide_works_as_it_stands_there(importer):
    text = (SOURCE / "doc" / "directory.md").read_text(encoding="utf-8")
    block = re.search(r"^### Many customers, from a file$.*?^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)[1]
    importer.options()
    env = {"PATH": f"{PORTALCTL.parent}:/usr/bin:/bin", "LDAPURI": importer.box["PORTAL_LDAP_URI"],
           "LDAPBASE": ldap_client.customers_base(importer.box), "LDAPBINDDN": importer.box["PORTAL_ADMIN_DN"]}
    done = subprocess.run(["bash", "-euc", block.replace(" -W ", " -y admin.pw ")], cwd=importer.directory, env=env,
                          text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "2 would be added" in done.stdout and "2 added" in done.stdout
    people = importer.entries("(portalPolicyNumber=HR9004001)")
    assert [e["cn"] for e in people.values()] == [["Eva Muster; geb. Beispiel"]]


def test_the_same_file_again_changes_nothing(importer):
    lines = [line(f"i-{n}", uid="" if n % 2 else f"i-{n}") for n in range(40)]
    assert summary(importer.run(lines, "--json")) == {"lines": 40, "added": 40}
    before = importer.entries()
    again = importer.run(lines, "--json")
    assert again.returncode == 0
    assert summary(again) == {"lines": 40, "unchanged": 40}
    assert importer.entries() == before


def test_a_dry_run_says_the_same_and_writes_nothing(importer):
    done = importer.run([line("i-1"), line("i-2")], "--dry-run", "--json")
    assert done.returncode == 0 and done.json["dry_run"]
    assert summary(done) == {"lines": 2, "added": 2}
    assert not importer.entries()


def test_an_imported_customer_registers(world, tmp_path):
    importer = Importer(world.box, tmp_path)
    try:
        assert importer.run([line("i-1")]).returncode == 0
        assert world.portald.register("im i-1".replace("i-1", "i1"), "31.1.1960", "i-1@example.org").verdict == "OK"
        mail = world.wait_for_mail("i-1@example.org")
        assert mail.token
        assert "i-1" in world.box.ctl("show", "IMI1").stdout
    finally:
        world.wait_for_rest()
        importer.forget()


# --- What is bad ---

BAD = (line("i-1", sn=""), line("i-2", portalBirthDate="31.2.1960"), line("i-3", portalPolicyNumber="IM_3"),
       line("i-4", postalAddress="1$2$3$4$5$6$7"), line("i-5", preferredLanguage="fr"),
       line("i-6", portalPolicyNumber="IMI0"), line("i-0", portalPolicyNumber="IMX"), line("i@8.example", portalPolicyNumber="IM8"),
       line("IMI9", portalPolicyNumber="IM I-9"))


def test_every_bad_line_is_told_and_nothing_is_written(importer):
    done = importer.run([line("i-0"), *BAD, line("i-10")], "--json")
    assert done.returncode == 1 and not done.json["complete"]
    assert [e["line"] for e in done.json["errors"]] == list(range(3, 12))
    whys = [e["error"] for e in done.json["errors"]]
    for why, word in zip(whys, ("sn", "portalBirthDate", "portalPolicyNumber", "7 lines", "preferredLanguage",
                                "policy IMI0 stands in line 2 already", "uid i-0 stands in line 2 already",
                                "an e-mail address", "the policy number"), strict=True):
        assert word in why
    assert summary(done) == {"lines": 11, "bad": 9}
    assert not importer.entries()
    assert "customers.csv, line 4: portalBirthDate" in importer.run(importer.directory / "customers.csv").stderr


def test_lines_of_a_spreadsheet_that_are_empty_are_passed_over(importer):
    done = importer.run(b"\xef\xbb\xbfsn;policyNumber;uid\r\nA;IM1;i-1\r\n;;\r\n\r\n ; ;\r\nB;IM2;i-2\r\n;;\r\n", "--json")
    assert done.returncode == 0 and summary(done) == {"lines": 2, "added": 2}
    assert sorted(importer.entries()) == ["i-1", "i-2"]


def test_number_that_a_spreadsheet_has_rounded_is_told(importer):
    done = importer.run(b'sn;policyNumber;uid\nA;"9,00E+11";i-1\n')
    assert done.returncode == 1 and "a spreadsheet has rounded it" in done.stderr
    assert not importer.entries()


def test_the_others_are_taken_when_asked_for(importer):
    done = importer.run([line("i-0"), *BAD, line("i-10")], "--skip-bad", "--json")
    assert done.returncode == 1 and done.json["complete"]
    assert summary(done) == {"lines": 11, "added": 2, "bad": 9}
    assert sorted(importer.entries()) == ["i-0", "i-10"]


@pytest.mark.parametrize("content, why", [
    (b"", "is empty"),
    (b"sn;uid\nA;B\n", "portalPolicyNumber is missing"),
    (b"sn,policyNumber,password\nA,IM1,x\n", 'unknown column "password"'),
    (b"sn,policyNumber,mail\nA,IM1,x\n", "customers confirm their address themselves"),
    ("sn,policyNumber\nMüller,IM1\n".encode("latin-1"), "line 2: it isn't UTF-8"),
    ("sn,policyNumber\nA,IM1\n".encode("utf-16"), "UTF-8"),
    (b"sn,policyNumber\nA,IM1,more\n", "line 2: it has 3 fields"),
])
def test_a_file_that_is_none_is_refused(importer, content, why):
    done = importer.run(content)
    assert done.returncode == 1 and why in done.stderr
    assert not importer.entries()


def test_where_quotation_marks_are_wrong_nothing_is_written_at_all(importer):
    done = importer.run(b'sn,policyNumber\nA,IM1\nB"b",IM2\n"C,IM3\nD,IM4\n', "--skip-bad", "--json")
    assert done.returncode == 1
    assert [e["line"] for e in done.json["errors"]] == [3, 4]
    assert not importer.entries()


# --- Who is there already ---

def test_who_differs_is_refused_kept_or_corrected(importer):
    assert importer.run([line("i-1"), line("i-2")]).returncode == 0
    importer.modify("i-1", portalState="active", mail="i-1@example.org", portalPolicyNumber=["IMI1", "IMSECOND"],
                    userPassword=ldap_client.ssha("x"))
    before = importer.entries()
    lines = [line("i-1", uid="", sn="Öztürk", postalAddress="Neu$Weg 2", portalPolicyNumber="IMI1|IMTHIRD"), line("i-2")]

    done = importer.run(lines, "--json")
    assert done.returncode == 1 and summary(done) == {"lines": 2, "unchanged": 1, "bad": 1}
    assert "i-1 exists and differs in sn, cn, postalAddress, portalPolicyNumber" in done.json["errors"][0]["error"]
    assert summary(importer.run(lines, "--skip-existing", "--json")) == {"lines": 2, "unchanged": 1, "skipped": 1}
    assert summary(importer.run(lines, "--update", "--dry-run", "--json")) == {"lines": 2, "unchanged": 1, "updated": 1}
    assert importer.entries() == before

    assert summary(importer.run(lines, "--update", "--json")) == {"lines": 2, "unchanged": 1, "updated": 1}
    after = importer.entries()
    assert after["i-1"] == before["i-1"] | {"sn": ["Öztürk"], "cn": ["Jo Öztürk"], "postalAddress": ["Neu$Weg 2"],
                                            "portalPolicyNumber": ["IMI1", "IMSECOND", "IMTHIRD"]}
    assert after["i-2"] == before["i-2"]
    assert summary(importer.run(lines, "--update", "--json")) == {"lines": 2, "unchanged": 2}


def test_what_the_file_leaves_empty_is_left_alone(importer):
    assert importer.run([line("i-1")]).returncode == 0
    before = importer.entries()
    bare = dict.fromkeys(COLUMNS, "") | {"uid": "i-1", "sn": "Au i-1", "portalPolicyNumber": "IMI1"}
    assert summary(importer.run([bare], "--update", "--json")) == {"lines": 1, "unchanged": 1}
    assert importer.entries() == before
    assert summary(importer.run([bare | {"sn": "Ay"}], "--update", "--json")) == {"lines": 1, "updated": 1}
    assert importer.entries()["i-1"] == before["i-1"] | {"sn": ["Ay"], "cn": ["Jo Ay"]}


def test_nobody_gets_another_ones_policy(importer):
    assert importer.run([line("i-1"), line("i-2")]).returncode == 0
    before = importer.entries()
    for taken, why in ((line("i-3", portalPolicyNumber="IMI1"), "it belongs to i-1"),
                       (line("i-1", portalPolicyNumber="IMI2"), "it belongs to i-2"),
                       (line("", portalPolicyNumber="IMI1|IMI2"), "several customers")):
        done = importer.run([taken], "--update", "--json")
        assert done.returncode == 1 and why in done.json["errors"][0]["error"]
    assert importer.entries() == before


# --- As the caller ---

def test_support_may_look_but_not_import(importer):
    assert importer.run([line("i-1")], "--dry-run", who="support").returncode == 0
    done = importer.run([line(f"i-{n}") for n in range(300)], who="support")
    assert done.returncode == 1
    assert "Insufficient access" in done.stderr and "You may not do this here" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not importer.entries()


def test_a_wrong_or_empty_password_is_refused(importer):
    path = importer.file([line("i-1")])
    dn = importer.box["PORTAL_ADMIN_DN"]
    for password, why in (("wrong", "Invalid credentials"), ("", "The password is empty")):
        (importer.directory / "pw").write_text(password + "\n")
        done = subprocess.run([PORTALCTL, "import", path, "-H", importer.box["PORTAL_LDAP_URI"], "-b",
                               importer.box["PORTAL_LDAP_BASE"], "-D", dn, "-y", importer.directory / "pw"], text=True,
                              capture_output=True, check=False)
        assert done.returncode == 1 and why in done.stderr
    assert not importer.entries()


@pytest.mark.parametrize("options", [("-W",), ("-D", "cn=x"), ("-D", "cn=x", "-W", "-y", "f"),
                                     ("--update", "--skip-existing"), ("-x",), ("-n", "-n"), ("-nx",)])
def test_wrong_usage_is_told(tmp_path, options):
    done = subprocess.run([PORTALCTL, "import", Importer(None, tmp_path).file([line("i-1")]), *options],
                          capture_output=True, check=False)
    assert done.returncode == 2


def test_the_environment_of_ldap_tools_counts(importer):
    """LDAPURI, LDAPBASE (here the customers' own entry) and LDAPBINDDN."""
    env = os.environ | {"LDAPURI": importer.box["PORTAL_LDAP_URI"], "LDAPBINDDN": importer.box["PORTAL_ADMIN_DN"],
                        "LDAPBASE": ldap_client.customers_base(importer.box)}
    command = [PORTALCTL, "import", importer.file([line("i-1")]), "-W"]
    done = subprocess.run(command, input=importer.box["PORTAL_ADMIN_PW"] + "\n", text=True, env=env, capture_output=True,
                          start_new_session=True, check=False)
    assert done.returncode == 0, done.stderr
    assert list(importer.entries()) == ["i-1"]


def test_the_password_is_asked_for_without_echo(importer):
    path, password = importer.file([line("i-1")]), importer.box["PORTAL_ADMIN_PW"]
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(PORTALCTL, ["portalctl", "import", str(path), "-H", importer.box["PORTAL_LDAP_URI"],
                             f"--base={importer.box['PORTAL_LDAP_BASE']}", "-D", importer.box["PORTAL_ADMIN_DN"], "-W"])
    shown = b""
    while b"Password: " not in shown:
        shown += os.read(terminal, 4096)
    os.write(terminal, password.encode() + b"\n")
    try:
        while more := os.read(terminal, 4096):
            shown += more
    except OSError:  # the terminal's end
        pass
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, shown
    assert b"1 added" in shown and password.encode() not in shown


def test_no_password_goes_over_a_network_without_tls(importer):
    """127.1 is no name of this machine that we know, so StartTLS is demanded, which this slapd can't do."""
    uri = importer.box["PORTAL_LDAP_TCP_URI"]
    assert "binding" in importer.run([line("i-1")], uri=uri).stderr
    done = importer.run([line("i-1")], "--dry-run", uri=uri.replace("127.0.0.1", "127.1"))
    assert done.returncode != 0 and "StartTLS" in done.stderr


def test_a_directory_that_is_not_there_is_unreachable(importer):
    assert importer.run([line("i-1")], uri=f"ldapi://{str(importer.directory / 'none').replace('/', '%2F')}").returncode == 3


# --- What goes out ---

def test_what_was_exported_is_unchanged(importer):
    odd = [line("i-1", sn="=1+1", givenName="-x"), line("i-2", sn="'t Hooft"), line("i-3", sn="''@a \"b\"; ,c"),
           line("i-4", postalAddress="a\\24b$c\\5Cd", portalPolicyNumber="IM4|IM5")]
    assert importer.run(odd).returncode == 0
    importer.modify("i-1", portalState="locked", userPassword=ldap_client.ssha("secret"), portalPUK="$argon2id$puk")
    out = importer.export()
    assert out.returncode == 0 and len(out.rows) == 24
    rows = {row["uid"]: row for row in out.rows}
    assert rows["i-1"]["sn"] == "'=1+1" and rows["i-1"]["portalState"] == "locked"
    assert rows["i-2"]["sn"] == "'t Hooft" and rows["i-4"]["portalPolicyNumber"] == "IM4|IM5"
    assert "SSHA" not in out.stdout and "argon2" not in out.stdout
    again = importer.run(importer.file(out.stdout.encode()), "--dry-run", "--json")
    assert again.returncode == 0, again.stdout
    assert summary(again) == {"lines": 24, "unchanged": 24}


def test_a_filter_chooses_who_is_exported(importer):
    assert importer.run([line("i-1"), line("i-2")]).returncode == 0
    assert [row["uid"] for row in importer.export("--filter", "(portalPolicyNumber=IMI2)").rows] == ["i-2"]
    assert importer.export("--filter", "(broken").returncode == 1
    assert len(importer.export("--filter", "(!(portalPolicyNumber=IM*))").rows) == 20


def test_an_export_goes_on_beyond_the_servers_limit(world, tmp_path):
    importer = Importer(world.box, tmp_path)
    lines = [line(f"i-{n}") for n in range(300)]
    try:
        assert importer.run(lines).returncode == 0
        assert len(importer.export().rows) >= 700
        limited = importer.export(who="support")
        assert limited.returncode == 1 and "The export isn't whole: 500 customers" in limited.stderr
    finally:
        importer.forget()


# --- What stops it ---

@pytest.fixture
def own_importer():
    box = Sandbox("--only", "slapd")
    with tempfile.TemporaryDirectory() as directory:
        yield Importer(box, directory)
    box.close()


def many(importer):
    """How many lines take some seconds here, on a slow disk or a fast one: time enough to stop an import."""
    began = time.monotonic()
    assert importer.run([line(f"w-{n}") for n in range(100)]).returncode == 0
    lines_a_second = 100 / (time.monotonic() - began)
    importer.forget()
    return min(max(900, int(4 * lines_a_second)), 20000)


def test_after_the_death_of_slapd_the_same_file_goes_on(own_importer):
    importer, count = own_importer, many(own_importer)
    path = importer.file([line(f"i-{n}", uid="" if n % 2 else f"i-{n}") for n in range(count)])
    running = importer.start(path)
    wait_for(lambda: len(importer.entries()) > 100, seconds=60, what="the first hundred")
    os.kill(int(importer.box["PORTAL_SLAPD_PID"]), signal.SIGKILL)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 3 and "Run the same command again" in said
    importer.box.restart("slapd")
    there = len(importer.entries())
    assert 100 < there < count
    again = importer.run(path, "--json")
    assert again.returncode == 0, again.stderr
    assert summary(again) == {"lines": count, "added": count - there, "unchanged": there}
    assert all(len(e) == 9 for e in importer.entries().values())


def test_an_interrupt_finishes_what_is_on_its_way_and_says_how_far_it_got(own_importer):
    importer, count = own_importer, many(own_importer)
    path = importer.file([line(f"i-{n}") for n in range(count)])
    running = importer.start(path, "--json")
    wait_for(lambda: len(importer.entries()) > 100, seconds=60, what="the first hundred")
    running.send_signal(signal.SIGINT)
    out, said = running.communicate(timeout=60)
    assert running.returncode == 1
    told = int(re.search(r"Stopped on request behind (\d+) lines", said)[1])
    assert 100 < told < count and len(importer.entries()) == told
    assert f'"added": {told}' in out and '"complete": false' in out


def memory(importer, count):
    """The most that a dry run over so many lines took, in KiB."""
    path = importer.file([line(f"i-{n}") for n in range(count)])
    plain = os.environ | {"ASAN_OPTIONS": "quarantine_size_mb=0:thread_local_quarantine_size_kb=0"}
    with open(importer.directory / "out", "w", encoding="utf-8") as out:
        running = subprocess.Popen([PORTALCTL, "import", path, *importer.options(), "--dry-run"], stdout=out, env=plain)
    _, status, usage = os.wait4(running.pid, 0)
    running.returncode = os.waitstatus_to_exitcode(status)
    assert running.returncode == 0
    return usage.ru_maxrss


def test_memory_does_not_grow_with_the_file_but_for_doubles(importer):
    assert memory(importer, 10000) - memory(importer, 100) < 3 * 1024
