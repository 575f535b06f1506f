"""What falls due by the calendar: reminders of initial passwords that end soon, registrations that nobody confirmed."""

import ldap

import ldap_client
from customer import wait_for
from sandbox import Sandbox

SOON = "gilt nur noch kurze Zeit"
LOOK = 70  # seconds until the clerk looks at the calendar again, and some more


def reminders(world, c):
    return [m for m in world.mails(c.mail) if SOON in m.message["Subject"]]


def test_customer_is_reminded_once_seven_days_before_the_initial_password_ends(fresh_world):
    w = fresh_world
    c, logged_in = w.customer(), w.customer()
    c.initial()
    logged_in.active()
    # Printed today: the last day is the 35th.
    w.clock("+26d")
    w.box.restart("portald")
    w.wait_for_rest()
    assert reminders(w, c) == []
    w.clock("+3d")
    mail = wait_for(lambda: reminders(w, c), seconds=LOOK, what="the reminder")[0]
    assert "bis zum " in mail.text and mail.reference
    for by in ("+2d", "-3d", "+2d"):
        w.clock(by)
        w.box.restart("portald")
        w.wait_for_rest()
    other = w.customer()
    other.registered()  # the clerk has had its turn since
    assert len(reminders(w, c)) == 1
    assert reminders(w, logged_in) == []


def test_unconfirmed_registration_is_forgotten_30_days_after_its_last_link(fresh_world):
    w = fresh_world
    c, confirmed = w.customer(), w.customer()
    c.registered()
    confirmed.confirmed()
    w.wait_for_rest()
    w.clock("+31d")
    w.box.restart("portald")
    other = w.customer()
    other.registered()
    assert c.state == "pending"
    w.clock("+2d")
    wait_for(lambda: c.state == "provisioned", seconds=LOOK, what="forgetting")
    entry = w.entry(c.uid)
    assert not {"portalPending", "portalConsent", "portalJob"} & set(entry)
    assert confirmed.state == "initial"
    assert other.state == "pending"
    assert w.portald.confirm(c.registered().token).verdict == "OK"


def test_many_old_registrations_are_forgotten_over_several_pages():
    box = Sandbox("--customers", "130")
    try:
        box.stop("portald")
        base = ldap_client.customers_base(box)
        with ldap_client.bound(box, "root") as root:
            for dn, _ in root.search_s(base, ldap.SCOPE_ONELEVEL, attrlist=["1.1"]):
                ldap_client.modify(root, dn, (ldap.MOD_ADD, "portalState", "pending"),
                                   (ldap.MOD_ADD, "portalPending", f"{'x' * 43} 20260101000000Z alt@example.org"))
            box.start("portald")
            wait_for(lambda: not root.search_s(base, ldap.SCOPE_ONELEVEL, "(portalState=pending)", ["1.1"]),
                     seconds=LOOK, what="forgetting")
    finally:
        box.close()
