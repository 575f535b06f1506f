"""What administrators do with ldapadd, ldapmodify, ldapdelete and ldapmodrdn, and what each edit comes to: doc/directory.md
has the table. portald goes on, nobody gets in who shouldn't, and nothing waits for ever."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ldap
import pytest
from ldap.controls.simple import ManageDSAITControl, RelaxRulesControl

import ldap_client
from customer import PASSWORD, Customer, World, is_gone, wait_for
from recoverer import asked, with_puk
from sandbox import Sandbox

SECOND = 5  # what a second is on a busy machine
OLD, NEW = "Ihre E-Mail-Adresse wurde geändert", "Sie melden sich ab jetzt mit dieser E-Mail-Adresse an"


@pytest.fixture(scope="module")
def own():
    """A world whose servers stop and start."""
    box = Sandbox("--customers", "40")
    yield World(box)
    box.close()


def dn(world, uid):
    return f"uid={uid},{ldap_client.customers_base(world.box)}"


def edit(world, uid, who="admin", **attributes):
    """What an administrator types: each attribute gets these values, or None."""
    with ldap_client.bound(world.box, who) as connection:
        connection.modify_s(dn(world, uid), [(ldap.MOD_REPLACE, name, value if value is None else ldap_client.listed(value))
                                             for name, value in attributes.items()])


def known(world, **more):
    """Active, and portald knows the address."""
    c = with_puk(world, **more)
    world.modify(c.uid, portalConfirmedMail=c.mail)
    return c


def told(world, c, address, seconds=SECOND):
    """Once portald has taken note of the address."""
    wait_for(lambda: world.entry(c.uid).get("portalConfirmedMail") == [address], seconds, f"notice of {address}")


def subjects(world, address):
    world.wait_for_rest()
    return [m.message["Subject"].partition(": ")[2] for m in world.mails(address)]


# --- mail ---

def test_confirming_writes_down_the_address(world):
    c = world.customer()
    c.confirmed()
    assert world.entry(c.uid)["portalConfirmedMail"] == world.entry(c.uid)["mail"] == [c.mail]


@pytest.mark.parametrize("state", ["active", "initial", "locked", "closed"])
def test_changed_mail_is_told_to_both_within_a_second(world, state):
    c = known(world, state=state)
    epoch = int(c.attribute("portalSessionEpoch", 0))
    new = f"neu-{c.uid}@example.org"
    start = time.monotonic()
    edit(world, c.uid, mail=new)
    told(world, c, new)
    assert time.monotonic() - start < SECOND
    assert subjects(world, c.mail) == [OLD] and subjects(world, new) == [NEW]
    entry = world.entry(c.uid)
    assert int(entry["portalSessionEpoch"][0]) == epoch + 1 and entry["portalState"] == [state]
    name = entry["cn"][0]
    assert name in world.mails(c.mail)[0].text and name not in world.mails(new)[0].text
    if state == "active":
        assert world.portald.authenticate(c.mail, PASSWORD).verdict == "WRONG"
        assert world.portald.authenticate(new, PASSWORD).verdict == "OK"


def test_both_may_report_it_and_then_it_is_locked(world):
    for whose in ("old", "new"):
        c = known(world)
        new = f"neu-{c.uid}@example.org"
        edit(world, c.uid, mail=new)
        told(world, c, new)
        mail = world.wait_for_mail(c.mail if whose == "old" else new)
        assert world.portald.not_me(mail.reference).verdict
        assert c.state == "locked" and world.entry(c.uid)["mail"] == [new]


def test_old_address_counts_even_when_the_account_has_moved_on_again(world):
    c = known(world)
    first, second = f"eins-{c.uid}@example.org", f"zwei-{c.uid}@example.org"
    for address in (first, second):
        edit(world, c.uid, mail=address)
        told(world, c, address)
    assert (subjects(world, c.mail), subjects(world, first), subjects(world, second)) == ([OLD], [NEW, OLD], [NEW])
    # Who was entered by mistake, and is no more, has no say; who was the customer has.
    assert world.portald.not_me(world.mails(first)[0].reference).verdict
    assert c.state == "active"
    assert world.portald.not_me(world.mails(c.mail)[0].reference).verdict
    assert c.state == "locked"


def test_code_mailed_to_the_old_address_is_void(world):
    c = known(world)
    code = asked(world, c)
    new = f"neu-{c.uid}@example.org"
    edit(world, c.uid, mail=new)
    told(world, c, new)
    assert "portalCode" not in world.entry(c.uid)
    for name in (c.mail, new):
        assert world.portald.recover(name, code, c.puk).verdict == "WRONG"


def test_other_case_is_no_change(world):
    c, other = known(world), known(world)
    edit(world, c.uid, mail=c.mail.upper())
    edit(world, other.uid, mail=f"neu-{other.uid}@example.org")
    told(world, other, f"neu-{other.uid}@example.org")
    assert subjects(world, c.mail) == []


def test_mail_taken_away_is_told_and_coming_back_too(world):
    c = known(world)
    edit(world, c.uid, mail=None)
    told(world, c, "-")
    assert subjects(world, c.mail) == [OLD]
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "WRONG"
    edit(world, c.uid, mail=c.mail)
    told(world, c, c.mail)
    assert subjects(world, c.mail) == [OLD, NEW]
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "OK"


@pytest.mark.parametrize("state", ["provisioned", "pending"])
def test_mail_before_the_confirmation_means_nothing(world, state):
    c, other = world.customer(), known(world)
    if state == "pending":
        link = c.registered()
    edit(world, c.uid, mail=f"vorab-{c.uid}@example.org")
    edit(world, other.uid, mail=f"neu-{other.uid}@example.org")
    told(world, other, f"neu-{other.uid}@example.org")
    assert not world.mails(f"vorab-{c.uid}@example.org") and "portalConfirmedMail" not in world.entry(c.uid)
    link = link if state == "pending" else c.registered()
    assert world.portald.confirm(link.token).verdict == "OK"
    assert world.entry(c.uid)["mail"] == [c.mail] == world.entry(c.uid)["portalConfirmedMail"]


def test_mail_of_another_customer_is_refused_or_opens_nothing(world):
    a, b = known(world), known(world)
    with pytest.raises(ldap.CONSTRAINT_VIOLATION):
        edit(world, b.uid, mail=a.mail)
    assert world.portald.authenticate(a.mail, PASSWORD).verdict == "OK"


def test_two_administrators_at_once_and_one_mail_each(world):
    customers = [known(world) for _ in range(4)]
    for c in customers:
        addresses = [f"{n}-{c.uid}@example.org" for n in ("a", "b")]
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda a, c=c: edit(world, c.uid, mail=a), addresses))
        last = world.entry(c.uid)["mail"][0]
        told(world, c, last)
        assert subjects(world, c.mail) == [OLD] and subjects(world, last)[-1] == NEW
        assert len(subjects(world, addresses[addresses[0] == last])) in (0, 2)  # told both, or neither


# --- portald or slapd away ---

def test_mail_changed_while_portald_is_away(own):
    w = own
    customers = [known(w) for _ in range(3)]
    w.box.stop("portald")
    for c in customers:
        edit(w, c.uid, mail=f"neu-{c.uid}@example.org")
    w.box.restart("slapd")
    w.box.start("portald")
    for c in customers:
        told(w, c, f"neu-{c.uid}@example.org", 30)
    w.box.restart("portald")
    w.box.restart("slapd")
    late = customers[0]
    edit(w, late.uid, mail=f"spät-{late.uid}@example.org".replace("ä", "ae"))
    told(w, late, f"spaet-{late.uid}@example.org", 60)
    for c in customers[1:]:
        assert subjects(w, c.mail) == [OLD] and subjects(w, f"neu-{c.uid}@example.org") == [NEW]


def test_killed_at_any_moment_both_are_told_once(fresh_world):
    w = fresh_world
    customers = [known(w) for _ in range(5)]
    for n, c in enumerate(customers):
        edit(w, c.uid, mail=f"neu-{c.uid}@example.org")
        time.sleep(0.008 * n)
        portald = int(w.box["PORTALD_PID"])
        os.kill(portald, signal.SIGKILL)
        wait_for(lambda p=portald: is_gone(p), 30, "the end of portald")
        w.box.start("portald")
    for c in customers:
        told(w, c, f"neu-{c.uid}@example.org", 60)

    def jobs(c):
        return [(j["topic"], j["state"]) for j in w.portald.control("queue-list", entry=c.show()["uuid"], all=True)["jobs"]]
    # Mails that were on their way to the relay wait until their claim ends.
    for c in customers:
        wait_for(lambda c=c: not any(state == "staged" for _, state in jobs(c)), 30, "the end of what was staged")
        assert sorted(topic for topic, _ in jobs(c)) == ["mail-changed", "mail-new"]
        assert c.attribute("portalSessionEpoch") == "1"


def unheard(world, uid, **attributes):
    """As portald's own account, whose changes portald doesn't listen to."""
    connection = ldap_client.open_connection(world.box["PORTAL_LDAP_URI"])
    connection.sasl_non_interactive_bind_s("EXTERNAL")
    connection.modify_s(dn(world, uid), [(ldap.MOD_REPLACE, name, ldap_client.listed(value)) for name, value in attributes.items()])
    connection.unbind_s()


def test_what_nobody_heard_of_is_noticed_when_somebody_logs_in_or_recovers(world):
    for ask in (lambda name: world.portald.authenticate(name, PASSWORD), lambda name: world.portald.forgotten(name)):
        c = known(world)
        code = asked(world, c)
        new = f"neu-{c.uid}@example.org"
        unheard(world, c.uid, mail=new)
        assert world.portald.recover(new, code, c.puk).verdict == "WRONG"
        assert world.entry(c.uid)["portalConfirmedMail"] == [new]
        unheard(world, c.uid, mail=c.mail)
        ask(c.mail)
        told(world, c, c.mail)


# --- name, address, policies, birthdate, language ---

def test_name_and_address_count_from_the_next_letter_on_also_for_one_that_waits(own):
    w = own
    w.box.stop("print")
    c = w.customer()
    c.confirmed()
    edit(w, c.uid, cn="Anna Neuname", sn="Neuname", givenName="Anna", postalAddress="Anna Neuname$Am Markt 3$53111 Bonn")
    w.box.start("print")
    text = c.letter().text
    assert "Anna Neuname" in text and "53111 Bonn" in text


def test_policies_added_moved_and_taken_away_while_a_registration_is_under_way(world):
    a, b = world.customer(), world.customer()
    link = a.registered()
    edit(world, a.uid, portalPolicyNumber=[f"NEU{a.policy}"])
    edit(world, b.uid, portalPolicyNumber=[b.policy, a.policy])
    # The link is of the entry, not of the number that was typed.
    assert world.portald.confirm(link.token).verdict == "OK"
    assert a.state == "initial" and b.state == "provisioned"
    assert world.portald.register(a.policy, b.birthdate, b.mail).verdict == "OK"
    assert world.portald.confirm(world.wait_for_mail(b.mail).token).verdict == "OK"
    assert b.state == "initial"
    with pytest.raises(ldap.CONSTRAINT_VIOLATION):
        edit(world, b.uid, portalPolicyNumber=[b.policy, f"NEU{a.policy}"])
    with pytest.raises(ldap.OBJECT_CLASS_VIOLATION):
        edit(world, b.uid, portalPolicyNumber=None)


def test_birthdate_and_language_are_those_of_now(world):
    c = world.customer()
    edit(world, c.uid, portalBirthDate="1971-02-03", preferredLanguage="en")
    assert world.portald.register(c.policy, c.birthdate, c.mail).verdict == "OK"
    c.birthdate = "1971-02-03"
    c.register()
    assert world.wait_for_mail(c.mail).message["Content-Language"] == "en"
    world.wait_for_rest()
    assert len(world.mails(c.mail)) == 1


# --- entries that go, come again, and are renamed ---

def deleted(world, uid):
    with ldap_client.bound(world.box, "admin") as connection:
        connection.delete_s(dn(world, uid))


def added_again(world, c):
    with ldap_client.bound(world.box, "admin") as connection:
        connection.add_s(dn(world, c.uid), ldap_client.entry(c.uid, portalPolicyNumber=c.policy, portalBirthDate=c.birthdate))
    return Customer(world, c.uid, c.policy, c.birthdate)


@pytest.mark.parametrize("state", ["provisioned", "pending", "initial", "active", "locked", "closed"])
def test_deleted_and_added_again_is_another_customer(world, state):
    c = world.customer()
    mail = c.registered() if state == "pending" else None
    if state == "initial":
        mail = c.confirmed()
    elif state not in ("provisioned", "pending"):
        world.modify(c.uid, portalState=state, mail=c.mail, userPassword=ldap_client.ssha(PASSWORD))
    grant = world.portald.authenticate(c.mail, PASSWORD, PURPOSE=1).get("GRANT") if state == "active" else None
    deleted(world, c.uid)
    for again in (False, True):
        if again:
            c = added_again(world, c)
        assert world.portald.authenticate(c.mail, PASSWORD).verdict == "WRONG"
        assert world.portald.account(c.mail).verdict == "UNKNOWN"
        if grant:
            assert world.portald.change(c.mail, grant, PASSWORD + " neu").verdict != "OK"
        if mail:
            assert world.portald.link(mail.token).verdict == "UNKNOWN"
            assert world.portald.confirm(mail.token).verdict == "UNKNOWN"
            assert world.portald.not_me(mail.reference).verdict
    assert c.state == "provisioned"


def test_letter_of_a_deleted_entry_is_withdrawn_and_its_secrets_open_nothing(own):
    w = own
    first = w.customer()
    letter = first.initial()
    w.box.stop("print")
    c = w.customer()
    c.confirmed()
    uuid = c.show()["uuid"]
    for who in (c, first):
        deleted(w, who.uid)
        added_again(w, who)
    w.box.start("print")

    def states():
        return {j["state"] for j in w.portald.control("queue-list", entry=uuid, all=True)["jobs"] if j["kind"] == "letter"}
    wait_for(lambda: states() == {"withdrawn"}, what="the withdrawal")
    # The address comes back to life with a letter of its own, the password of the old one doesn't.
    assert first.initial().password != letter.password
    assert w.portald.authenticate(first.mail, letter.password).verdict == "WRONG"


def test_deleted_with_mail_and_answer_under_way_leaves_nothing_stuck(own):
    w = own
    answer = Path(w.box["PORTAL_MAIL_ANSWER"])
    c, d = w.customer(), known(w)
    answer.write_text("rcpt 451 later")
    c.register()
    wait_for(lambda: [j for j in w.portald.control("queue-list", kind="mail")["jobs"] if j["attempts"]], what="an attempt")
    edit(w, d.uid, mail=f"neu-{d.uid}@example.org", portalRequest="letter")
    deleted(w, c.uid)
    deleted(w, d.uid)
    answer.unlink()
    for job in w.portald.control("queue-list", kind="mail")["jobs"]:
        w.portald.control("queue-retry", id=job["id"])
    w.wait_for_rest()
    for mail in w.mails(c.mail):
        assert w.portald.link(mail.token).verdict == "UNKNOWN"
        assert w.portald.not_me(mail.reference).verdict


def test_renamed_entry_goes_on_as_it_was(world):
    c = world.customer()
    link = c.registered()
    new = f"{c.uid}-neu"
    with ldap_client.bound(world.box, "admin") as connection:
        connection.rename_s(dn(world, c.uid), f"uid={new}", delold=1)
    assert world.portald.confirm(link.token).verdict == "OK"
    c = Customer(world, new, c.policy, c.birthdate)
    assert c.state == "initial"
    letter = c.letter()
    with ldap_client.bound(world.box, "root") as connection:
        connection.add_s(f"ou=nord,{ldap_client.customers_base(world.box)}", [("objectClass", [b"organizationalUnit"])])
        connection.rename_s(dn(world, new), f"uid={new}", f"ou=nord,{ldap_client.customers_base(world.box)}")
    name = link.recipient
    assert world.login(name, letter.password, PASSWORD, PASSWORD).ok
    # Moved out of the customers' part: nobody that portald knows.
    with ldap_client.bound(world.box, "root") as connection:
        connection.rename_s(f"uid={new},ou=nord,{ldap_client.customers_base(world.box)}", f"uid={new}",
                            f"ou=services,{world.box['PORTAL_LDAP_BASE']}")
    assert world.portald.authenticate(name, PASSWORD).verdict == "WRONG"
    assert world.portald.account(name).verdict == "UNKNOWN"


# --- what only the rootdn can do, and nonsense ---

def test_state_by_hand_opens_nothing(world):
    c = world.customer()
    world.modify(c.uid, portalState="active", mail=c.mail)
    for password in ("", PASSWORD, c.policy):
        assert world.portald.authenticate(c.mail, password).verdict == "WRONG"
    c = known(world)
    world.modify(c.uid, portalState=None)
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "WRONG"
    assert world.portald.account(c.mail).verdict == "NOT_CONFIRMED"
    assert world.portald.confirm(c.registered().token).verdict == "OK"
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "WRONG"


def test_class_taken_away_is_nobody(world):
    c = known(world)
    with ldap_client.bound(world.box, "root") as connection:
        names = [n for n in world.entry(c.uid) if n.startswith("portal")]
        connection.modify_s(dn(world, c.uid), [(ldap.MOD_DELETE, "objectClass", [b"portalCustomer"]),
                                               *((ldap.MOD_DELETE, n, None) for n in names)])
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "WRONG"
    assert world.portald.account(c.mail).verdict != "OK"


def test_nonsense_is_shown_by_lint_and_lets_nobody_in(world):
    c = known(world)
    for name, value in (("portalConfirmedMail", "unfug"), ("portalRevision", "-1"), ("portalSessionEpoch", "-7")):
        before = world.entry(c.uid).get(name)
        world.modify(c.uid, **{name: value})
        verdict = world.portald.authenticate(c.mail, PASSWORD).verdict
        if name == "portalConfirmedMail":
            assert verdict == "OK"
            told(world, c, c.mail)
        else:
            assert verdict == "WRONG" and c.uid in world.box.ctl("lint").stdout
            world.modify(c.uid, **{name: before})
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "OK"


def test_without_the_unique_overlay_nobody_gets_in_as_somebody_else(world):
    a, b = known(world), known(world)
    with ldap_client.bound(world.box, "root") as connection:
        connection.modify_ext_s(dn(world, b.uid), [(ldap.MOD_REPLACE, "mail", [a.mail.encode()])],
                                serverctrls=[ManageDSAITControl(True), RelaxRulesControl()])
    try:
        assert world.portald.authenticate(a.mail, PASSWORD).verdict == "WRONG"
        assert world.portald.account(a.mail).verdict == "UNKNOWN"
    finally:
        edit(world, b.uid, mail=b.mail)
    assert world.portald.authenticate(a.mail, PASSWORD).get("UID") == a.uid.encode()
    assert world.portald.authenticate(b.mail, PASSWORD).get("UID") == b.uid.encode()
