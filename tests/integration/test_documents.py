"""What stands in two places says the same in both: man pages, journal catalog, units, tables."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("PORTAL_BUILDDIR", SOURCE / "build"))
PATHS = {"SYSCONF_DIR": "/etc/portal", "STATE_DIR": "/var/lib/portald", "WEB_STATE_DIR": "/var/lib/portal-web",
         "RUN_DIR": "/run/portald", "LIBEXEC_DIR": "/usr/libexec/portal",
         "LOCALE_DIR": "/usr/share/locale", "DATA_DIR": "/usr/share/portal"}


def read(name):
    return (SOURCE / name).read_text(encoding="utf-8")


def settings(name):
    """The rows of a CONF_… table as {(section, key): default}, None where it must be given."""
    found = {}
    row = re.compile(r'CONF_[A-Z]+\(\s*"([a-z]+)",\s*"([a-z_]+)",\s*[^,]+,\s*[a-z_.]+,\s*'
                     r'(NULL|(?:(?:[A-Z_]+|"[^"]*")\s*)+)')
    for section, key, default in row.findall(read(name)):
        words = [PATHS.get(word, word.strip('"')) for word in re.findall(r'[A-Z_]+|"[^"]*"', default)]
        found[section, key] = None if words == ["NULL"] else "".join(words)
    assert len(found) == len(re.findall(r"^\s+CONF_[A-Z]+\(", read(name), re.MULTILINE))
    return found


def man_settings(name):
    """The same out of a man page: sections are .SH or .SS [NAME], keys .TP and .B."""
    found, section = {}, None
    for block in re.split(r"^\.(?=S[HS] |TP$)", read(name).replace("\\-", "-"), flags=re.MULTILINE):
        head = re.match(r"S[HS] (.*)\n", block)
        if head:
            section = head[1].strip("[]") if head[1].startswith("[") else None
        key = re.match(r"TP\n\.B (\S+)\n", block)
        if key and section:
            default = re.search(r"^Default: (.*?)\.?$", block, re.MULTILINE)
            given = "Must be given." in block
            assert bool(default) != given, f"{section} {key[1]}: a default, or that it must be given"
            text = default and default[1].split(",")[0]
            found[section, key[1]] = None if given else "" if text == "empty" else text
    return found


@pytest.mark.parametrize("table, page", [("portald/settings.c", "doc/portald.conf.5"),
                                         ("mailer/settings.c", "doc/portal-mailer.8"),
                                         ("web/settings.c", "doc/web.conf.5")])
def test_the_man_page_has_every_setting_with_its_default(table, page):
    assert man_settings(page) == settings(table)


def test_the_man_page_has_every_mail_and_the_values_that_it_may_use():
    page = read("doc/portald.conf.5").replace("\\-", "-")
    mails = page[page.index(".SH MAILS"):page.index(".SH EXAMPLE")]
    topics = re.findall(r'^    \{"([a-z-]+)", COMMON_NAMES', read("portald/compose.c"), re.MULTILINE)
    assert len(topics) >= 10
    assert re.findall(r"^([a-z-]+)\|", mails, re.MULTILINE) == ["topic", *topics]
    names = set(re.findall(r'\[TEMPLATE_[A-Z_]+\] = "([a-z_]+)"', read("portald/template.c")))
    assert set(re.findall(r"\{\{([a-z_]+)\}\}", mails)) == names
    for language in ("de", "en"):
        files = {f.name for f in (SOURCE / "config" / "templates" / language).iterdir()}
        assert files == {f"{t}.{kind}" for t in topics for kind in ("subject", "txt", "html")} | {"frame.txt", "frame.html"}


def test_the_man_page_has_every_command():
    table = read("portalctl/main.c")
    commands = re.findall(r'^    \{(NULL|"[a-z]+"), "([a-z-]+)", "', table, re.MULTILINE)
    assert len(commands) > 10
    page = read("doc/portalctl.8").replace("\\-", "-")
    for group, name in commands:
        words = name if group == "NULL" else f"{group.strip(chr(34))} {name}"
        assert re.search(rf'^\.(B|BI|BR) "?{words}\b', page, re.MULTILINE), f"{words} isn't in portalctl.8"


def test_the_man_page_has_every_path_of_the_pages():
    paths = re.findall(r'^    \{"(/[a-z/-]*)", page_', read("web/routes.c"), re.MULTILINE)
    assert len(paths) > 15 and len(paths) == read("web/routes.c").count(", page_")
    page = read("doc/portal-web.8").replace("\\-", "-")
    listed = page[page.index(".SH PAGES"):page.index(".SH PROXY")]
    for path in paths:
        assert re.search(rf'^\.(I|IR|RI) (.*[ "])?{path}(/[ \\\\]|[ ",]|$)', listed, re.MULTILINE), f"{path} isn't in portal-web.8"


def test_the_catalog_explains_every_event():
    defined = re.findall(r'MESSAGE_\w+[\s\\]+"([0-9a-f]{32})"', read("common/messages.h"))
    assert len(defined) == read("common/messages.h").count("#define MESSAGE_") == len(set(defined))
    catalog = read("systemd/portal.catalog")
    assert sorted(re.findall(r"^-- ([0-9a-f]{32})$", catalog, re.MULTILINE)) == sorted(defined)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """What make install puts where, below a directory of its own."""
    root = tmp_path_factory.mktemp("root")
    subprocess.run(["make", "-C", BUILD, "install", f"DESTDIR={root}"], check=True, capture_output=True,
                   timeout=300)
    return root


def needs(program):
    if not shutil.which(program):
        pytest.skip(f"{program} is missing (Debian: systemd)")


def test_journalctl_takes_the_catalog(tmp_path):
    needs("journalctl")
    (tmp_path / "usr/lib/systemd/catalog").mkdir(parents=True)
    (tmp_path / "var/lib/systemd/catalog").mkdir(parents=True)
    shutil.copy(SOURCE / "systemd/portal.catalog", tmp_path / "usr/lib/systemd/catalog")
    subprocess.run(["journalctl", "--root", tmp_path, "--update-catalog"], check=True, capture_output=True)
    listed = subprocess.run(["journalctl", "--root", tmp_path, "--list-catalog"], check=True, text=True,
                            capture_output=True).stdout
    assert len(listed.splitlines()) == read("systemd/portal.catalog").count("\n-- ")


def test_units_are_valid_and_start_what_is_installed(installed):
    units = sorted(installed.glob("**/systemd/system/*.*"))
    assert {"portald.service", "portal.target", "portal-mailer@.service"} <= {unit.name for unit in units}
    for unit in units:
        for program in re.findall(r"^ExecStart=(\S+)", unit.read_text(), re.MULTILINE):
            assert os.access(installed / program.lstrip("/"), os.X_OK), f"{unit.name}: {program}"


def test_systemd_analyze_finds_nothing_to_complain_about(installed, tmp_path):
    needs("systemd-analyze")
    root = tmp_path / "root"
    home = root / "usr/lib/systemd/system"
    home.mkdir(parents=True)
    for unit in installed.glob("**/systemd/system/*.*"):
        shutil.copy(unit, home)
    for standard in Path("/lib/systemd/system").glob("*.target"):
        shutil.copy(standard, home / standard.name, follow_symlinks=True)
    for program in re.findall(r"^Exec\w+=(\S+)", "".join(u.read_text() for u in home.glob("portal*")), re.MULTILINE):
        (root / program.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy("/bin/true", root / program.lstrip("/"))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", f"--root={root}",
                           *sorted(home.glob("portal*"))], text=True, capture_output=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_users_and_directories_are_as_systemd_wants_them(installed, tmp_path):
    needs("systemd-sysusers")
    (tmp_path / "etc").mkdir()
    (tmp_path / "usr/lib/sysusers.d").mkdir(parents=True)
    (tmp_path / "usr/lib/tmpfiles.d").mkdir(parents=True)
    shutil.copy(next(installed.glob("**/sysusers.d/portal.conf")), tmp_path / "usr/lib/sysusers.d")
    shutil.copy(next(installed.glob("**/tmpfiles.d/portal.conf")), tmp_path / "usr/lib/tmpfiles.d")
    done = subprocess.run(["systemd-sysusers", f"--root={tmp_path}", "--dry-run"], text=True,
                          capture_output=True, check=False)
    assert done.returncode == 0 and "not a valid" not in done.stderr
    for unit in installed.glob("**/systemd/system/*.*"):
        for user in re.findall(r"^(?:Socket)?(?:User|Group)=(\S+)", unit.read_text(), re.MULTILINE):
            assert f"'{user}'" in done.stdout + done.stderr, f"{unit.name}: nobody makes {user}"


def test_every_text_is_there_in_german():
    """Those of the programs and of the web templates; what differs in names or tags, portal-web refuses."""
    subprocess.run(["make", "-s", "-C", BUILD, "portal.pot"], check=True, capture_output=True, timeout=60)
    originals = (BUILD / "portal.pot").read_text(encoding="utf-8")
    assert 'msgid "Skip to the content"' in originals and 'msgid "Please choose a personal password now."' in originals
    done = subprocess.run(["msgcmp", SOURCE / "po/de.po", BUILD / "portal.pot"], text=True, capture_output=True,
                          check=False, timeout=60)
    assert done.returncode == 0, done.stderr
