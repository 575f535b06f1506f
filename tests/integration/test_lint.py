"""portalctl lint: silent about what is well, one finding for each rule that is broken, and no more than that."""

import json

import ldap
from ldap.controls.simple import ManageDSAITControl, RelaxRulesControl

import ldap_client
from customer import with_password

FAR, PAST = "20991231235959Z", "20200101000000Z"
LOST = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
WEAK = "$argon2id$v=19$m=4096,t=1,p=1$c29tZXNhbHRzb21lc2FsdA$aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"


def force(world, uid, **attributes):
    """Past the overlays, as slapadd, or a server without them, would let it happen."""
    with ldap_client.bound(world.box, "root") as connection:
        connection.modify_ext_s(f"uid={uid},{ldap_client.customers_base(world.box)}",
                                [(ldap.MOD_REPLACE, name, ldap_client.listed(value)) for name, value in attributes.items()],
                                serverctrls=[ManageDSAITControl(True), RelaxRulesControl(True)])


def lint(box):
    done = box.ctl("--json", "lint")
    report = json.loads(done.stdout)
    assert done.returncode == (1 if report["findings"] else 0), done
    assert not report["running"] and "error" not in report and report["found"] == len(report["findings"])
    return report


def rules(box, *uids):
    found = {uid: set() for uid in uids}
    for f in lint(box)["findings"]:
        if f["entry"] in found:
            found[f["entry"]].add(f["rule"])
    return found


def test_nothing_is_found_where_everything_went_its_way(fresh_world):
    one, two, three = (fresh_world.customer() for _ in range(3))
    one.registered()
    two.active()
    three.confirmed()
    report = lint(fresh_world.box)
    assert not report["findings"] and report["entries"] == 20, report
    done = fresh_world.box.ctl("lint")
    assert done.returncode == 0 and "20 entries" in done.stdout and "0 findings" in done.stdout


BROKEN = {
    "malformed": {"portalLetter": "kein Brief"},
    "missing": {"mail": None},
    "excess": {"portalInitialPasswordExpires": FAR},
    "lock-reason": {"portalState": "locked", "portalLockReason": "einfach so"},
    "mail-unfit": {"mail": "keine-adresse"},
    "times": {"portalLastLogin": FAR},
    "counters": {"portalPUKRetryAfter": PAST},
    "address": {"postalAddress": "$".join("abcdefgh")},
    "totp": {"portalTOTPSecret": "x" * 64},
    "weak-hash": {"portalPUK": WEAK},
    "letter-lost": {"portalLetter": f"puk {LOST} printed {PAST}"},
    "job-lost": {"portalJob": LOST},
}


def test_each_broken_rule_is_found_and_nothing_else(world):
    hash_now = None
    customers = {}
    for rule, attributes in BROKEN.items():
        c = customers[rule] = with_password(world, portalPasswordChanged=PAST)
        if not hash_now:
            # The PUK of somebody who has been through the journey is as strong as it should be.
            hash_now = world.entry(world_active(world).uid)["portalPUK"][0]
        world.modify(c.uid, portalPUK=hash_now)
        if attributes.get("mail") or "postalAddress" in attributes:
            force(world, c.uid, **attributes)
        else:
            world.modify(c.uid, **attributes)
    clean = with_password(world, portalPasswordChanged=PAST, portalPUK=hash_now)
    try:
        found = rules(world.box, clean.uid, *(c.uid for c in customers.values()))
        assert found.pop(clean.uid) == set()
        also = {"job-lost": {"job-old"}, "excess": {"times"}}
        assert found == {c.uid: {rule} | also.get(rule, set()) for rule, c in customers.items()}
    finally:
        for rule, c in customers.items():
            kept = ("portalState", "mail", "postalAddress")
            world.modify(c.uid, portalLastLogin=None, **{name: None for name in BROKEN[rule] if name not in (*kept, "portalLastLogin")})


def world_active(world):
    c = world.customer()
    c.active()
    return c


def test_finding_names_attribute_and_value_but_never_a_secret(world):
    c = with_password(world, portalConsent="privacy", portalLetter="kein Brief", portalPUK=WEAK)
    try:
        done = world.box.ctl("lint")
        assert done.returncode == 1
        line = next(x for x in done.stdout.splitlines() if x.startswith(f"{c.uid}:"))
        assert "portalLetter" in line and '"kein Brief"' in line
        assert WEAK not in done.stdout and "{SSHA}" not in done.stdout
    finally:
        world.modify(c.uid, portalLetter=None)


def test_two_entries_with_one_address_or_policy_number_are_found(world):
    a, b = with_password(world), with_password(world)
    force(world, b.uid, mail=a.mail, portalPolicyNumber=[b.policy, a.policy])
    try:
        found = rules(world.box, a.uid, b.uid)
        assert {"mail-double", "policy-double"} <= found[a.uid] | found[b.uid]
    finally:
        world.modify(b.uid, mail=None, portalPolicyNumber=[b.policy])


def test_job_of_an_entry_that_has_gone_is_found(world):
    c = world.customer()
    c.confirmed()
    letter = c.letter()
    with ldap_client.bound(world.box, "root") as connection:
        connection.delete_s(f"uid={c.uid},{ldap_client.customers_base(world.box)}")
    job = next(f for f in lint(world.box)["findings"] if f["rule"] == "entry-gone" and f["entry"] == c.uid)
    assert job["job"] in letter.path.name


def test_wish_that_stays_is_found_but_not_one_that_is_fulfilled(world):
    c = with_password(world)
    world.modify(c.uid, portalRequest="lock sofort")
    assert "request" not in rules(world.box, c.uid)[c.uid]
    assert "portalRequest" not in world.entry(c.uid)


def test_findings_of_another_run_are_not_handed_out(world):
    reply = world.portald.control("lint", id=LOST)
    assert "ended" in str(reply)


NONSENSE = ("portalPending", "portalLetter", "portalConsent", "portalTOTPSecret", "portalPUK", "portalCode", "portalLockReason",
            "postalAddress", "portalPolicyNumber", "portalSessionEpoch", "portalBirthDate", "portalState", "mail")


def test_entries_edited_into_nonsense_end_nothing(world):
    values = ("x", " ", "$$$$$$$$", "\u202e" * 3, "a" * 400, "A" * 43 + " 20991231235959Z  ")
    edited = {}
    for value in values:
        c = with_password(world)
        edited[c] = {}
        for attribute in NONSENSE:
            before = world.entry(c.uid).get(attribute)
            try:
                force(world, c.uid, **{attribute: value})
            except ldap.LDAPError:
                continue
            edited[c][attribute] = before
            assert world.portald.control("explain", who=c.uid)["findings"]
            assert world.portald.control("explain", who=c.mail)["findings"]
        assert edited[c]
    try:
        found = rules(world.box, *(c.uid for c in edited))
        assert all(found.values()), found
    finally:
        for c, before in edited.items():
            world.modify(c.uid, **before)
