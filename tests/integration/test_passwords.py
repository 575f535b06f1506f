"""Personal passwords: which are refused and why, the last five, what a new one brings with it, and pam_pwquality before
us. What can be guessed is held by tables in tests/unit/test_quality.c; here the reason reaches the person."""

import re
import subprocess
from pathlib import Path

import ldap
import pytest

import ldap_client
from customer import PASSWORD as FIRST, with_password
from sandbox import SOURCE
from wire import NUMBERS

OTHERS = ["Schnee auf dem Gartentor", "Hagel auf dem Blechdach", "Nebel über dem Moorsee", "Wind hinter der Scheune",
          "Tau unter dem Apfelbaum", "Reif neben der Pferdebox"]
HERE, THERE = "192.0.2.7", "198.51.100.9"
CHANGE, ENROLL = NUMBERS["WIRE_PURPOSE_CHANGE"], NUMBERS["WIRE_PURPOSE_ENROLL"]


def grant(world, c, password=FIRST):
    reply = world.portald.authenticate(c.mail, password, PURPOSE=CHANGE)
    assert reply.verdict == "OK", reply.text
    return reply.get("GRANT")


def change(world, c, password, new):
    return world.portald.change(c.mail, grant(world, c, password), new)


def history(world, c):
    base = f"uid={c.uid},{ldap_client.customers_base(world.box)}"
    with ldap_client.bound(world.box, "root") as connection:
        found = connection.search_s(base, ldap.SCOPE_BASE, attrlist=["pwdHistory"])
    return [value.decode() for value in found[0][1]["pwdHistory"]]


@pytest.fixture(scope="module")
def somebody(world):
    """One customer and a grant; refused passwords leave both as they are."""
    c = with_password(world)
    return c, grant(world, c)


@pytest.mark.parametrize("new, german, english", [
    ("zu klein", "zu kurz", "too short"),
    ("x" * 129, "zu lang", "too long"),
    ("Passwort1234", "kaum mehr als ein Wort", "little more than a word"),
    ("qwertzuiopasdf", "Tastenreihe", "row of keys"),
    ("P@ssw0rt12345", "drei Wörter", "three words"),
    ("V3rs1cherung2026", "kaum mehr als ein Wort", "little more than a word"),
    ("reliefpfeiler", "zu einfach", "too simple"),
    (None, "Versicherungs", "policy number"),
    (FIRST, "bisheriges Passwort", "password that you have now"),
])
def test_refused_password_comes_with_its_reason(world, somebody, new, german, english):
    c, g = somebody
    new = new or f"{c.policy[::-1].lower()} rückwärts"
    before = world.entry(c.uid)["userPassword"]
    for language, words in (("de", german), ("en", english)):
        reply = world.portald.change(c.mail, g, new, language=language)
        assert reply.verdict == "REFUSED"
        assert words in reply.text
        assert new not in reply.text
    assert world.entry(c.uid)["userPassword"] == before


@pytest.mark.parametrize("new", [
    "blauer Elefant 7", "Die Studenten nähmen hier stets no hi de op", "Στο βουνό χιονίζει", "con mèo ngủ trên mái",
    "天地玄黄宇宙洪荒日月盈昃", "kf8$jqPw2!xz", "ﬁnden Löwen Käse",
])
def test_good_password_of_any_script_is_taken_and_works(world, new):
    c = with_password(world)
    assert change(world, c, FIRST, new).verdict == "OK"
    assert world.portald.authenticate(c.mail, new).verdict == "OK"


def test_last_five_are_refused_and_the_one_before_them_is_not(world):
    c = with_password(world, "nie benutzte Anfangsworte")
    now = "nie benutzte Anfangsworte"
    for new in [FIRST] + OTHERS[:5]:
        assert change(world, c, now, new).verdict == "OK"
        now = new
    # In force is OTHERS[4]; before it, FIRST and the first four of OTHERS.
    for used in [FIRST] + OTHERS[:4]:
        reply = change(world, c, now, used)
        assert reply.verdict == "REFUSED"
        assert "schon einmal" in reply.text
    assert "bisheriges" in change(world, c, now, now).text
    assert change(world, c, now, OTHERS[5]).verdict == "OK"
    assert change(world, c, OTHERS[5], FIRST).verdict == "OK"


def test_history_that_another_system_hashed_is_passed_over(world):
    c = with_password(world)
    assert change(world, c, FIRST, OTHERS[0]).verdict == "OK"
    assert "{SSHA}" in "".join(history(world, c))
    assert change(world, c, OTHERS[0], FIRST).verdict == "OK"
    assert "schon einmal" in change(world, c, FIRST, OTHERS[0]).text


def test_set_up_of_totp_may_follow_a_change_that_asked_for_it(world):
    c = with_password(world)
    fields = {"USER": c.mail, "SERVICE": "test", "LANGUAGE": "de"}
    plain = world.portald.ask("api", "CHANGE", **fields, GRANT=grant(world, c), PASSWORD=OTHERS[0])
    assert plain.verdict == "OK"
    assert plain.get("GRANT") is None
    old = grant(world, c, OTHERS[0])
    asked = world.portald.ask("api", "CHANGE", **fields, GRANT=old, PASSWORD=OTHERS[1], PURPOSE=ENROLL)
    assert asked.verdict == "OK"
    assert world.portald.ask("api", "ENROLL", **fields, GRANT=old).verdict == "GRANT_OVER"
    assert world.portald.ask("api", "ENROLL", **fields, GRANT=asked.get("GRANT")).verdict == "OK"


def test_client_that_changed_the_password_stays_known(world):
    c = with_password(world)
    reply = world.portald.ask("api", "CHANGE", USER=c.mail, SERVICE="test", LANGUAGE="de", GRANT=grant(world, c),
                              PASSWORD=OTHERS[0], CLIENT=HERE)
    assert reply.verdict == "OK"
    for _ in range(6):
        world.portald.authenticate(c.mail, "geraten und falsch", CLIENT=THERE)
    assert world.portald.authenticate(c.mail, OTHERS[0], CLIENT=THERE).verdict == "THROTTLED"
    assert world.portald.authenticate(c.mail, OTHERS[0], CLIENT=HERE).verdict == "OK"


@pytest.fixture(scope="module")
def stacked(sandbox):
    """The PAM service that we ship for pam_pwquality, with the built module."""
    ours = (Path(sandbox["PORTAL_PAM_DIR"]) / "portal").read_text(encoding="utf-8")
    module, options = re.search(r"^password\s+required\s+(\S*pam_portal\.so)(.*)$", ours, re.M).groups()
    text = (SOURCE / "config/pam.d/portal-pwquality").read_text(encoding="utf-8")
    lines = [line.replace("pam_portal.so", module + options) for line in text.splitlines() if not line.startswith("#")]
    (Path(sandbox["PORTAL_PAM_DIR"]) / "portal-pwquality").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return "portal-pwquality"


def initial(world):
    c = world.customer()
    return c, c.initial()


def test_behind_pam_pwquality_a_good_password_is_set_without_asking_again(world, stacked):
    c, letter = initial(world)
    login = world.login(c.mail, letter.password, OTHERS[0], OTHERS[0], service=stacked)
    assert login.ok, login.output
    assert len(re.findall(r"^hidden ", login.output, re.M)) == 3
    assert world.portald.authenticate(c.mail, OTHERS[0]).verdict == "OK"


def test_behind_pam_pwquality_either_may_refuse_and_the_person_tries_again(world, stacked):
    c, letter = initial(world)
    theirs, ours = "abcdefghijkl", "qwertzuiopasdf"
    login = world.login(c.mail, letter.password, theirs, ours, ours, OTHERS[0], OTHERS[0], service=stacked)
    assert login.ok, login.output
    assert any("BAD PASSWORD" in m for m in login.messages)
    assert any("Tastenreihe" in m for m in login.messages)
    assert world.portald.authenticate(c.mail, OTHERS[0]).verdict == "OK"


def test_nobody_is_refused_because_cracklib_lacks_its_dictionary(fresh_sandbox, tmp_path):
    """portald in a mount namespace in which the dictionary isn't there."""
    conf = fresh_sandbox["PORTALD_CONF"]
    program = Path(fresh_sandbox["PORTAL_BUILD"]) / "portald" / "portald"
    hide = f"mount --bind {tmp_path} /var/cache/cracklib && exec {program} --check --config {conf}"
    done = subprocess.run(["unshare", "--mount", "sh", "-c", hide], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "cracklib-runtime" in done.stdout + done.stderr
