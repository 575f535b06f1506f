"""What administrators do with ldapadd, ldapmodify, ldapdelete and ldapmodrdn, and what each edit comes to: doc/directory.md
has the table. portald goes on, nobody gets in who shouldn't, and nothing waits for ever."""

import time
from concurrent.futures import ThreadPoolExecutor

import ldap
import pytest

import ldap_client
from customer import PASSWORD, Customer, wait_for, with_password
from recoverer import asked, with_puk

SECOND = 5  # what a second is on a busy machine
OLD, NEW = "Ihre E-Mail-Adresse wurde geändert", "Sie melden sich ab jetzt mit dieser E-Mail-Adresse an"


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

def test_mail_changed_while_portald_is_away(fresh_world):
    w = fresh_world
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
