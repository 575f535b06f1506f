"""A forgotten password: a mailed code, then code and PUK together, then a new password. Every limit that
holds on the way."""

import time
from concurrent.futures import ThreadPoolExecutor

from customer import wait_for
from recoverer import NEW, PASSWORD, WRONG, asked, code_in, codes_of, settled, tries, with_puk
from test_neutral import compare

HOME, AWAY = "192.0.2.7", "198.51.100.1"


def recovered(world, c, code, puk=None, client=None):
    reply = world.portald.recover(c.mail, code, puk or c.puk, client=client)
    assert reply.verdict == "OK", reply.text
    return reply.get("GRANT")


def nobody(name):
    """Somebody whom no directory knows, but who types the same."""
    class Nobody:
        mail = f"{name}@example.net"
        puk = None
    return Nobody()


# --- The journey ---

def test_whole_journey_with_the_letter_and_the_mail(world):
    c = world.customer()
    letter = c.active(PASSWORD)
    code = asked(world, c)
    grant = recovered(world, c, code, letter.puk)
    changed = world.portald.change(c.mail, grant, NEW)
    assert changed.verdict == "OK", changed.text
    assert changed.account == "OK"
    assert changed.get("UID").decode() == c.uid
    assert "PUK" in changed.text
    assert world.portald.authenticate(c.mail, NEW).verdict == "OK"
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "WRONG"
    # That PUK is void, the code is gone, and a letter with the next PUK is on its way.
    assert world.portald.recover(c.mail, code, letter.puk).verdict == "WRONG"
    following = wait_for(lambda: [x for x in c.show()["letters"] if x["kind"] == "puk" and x["state"] == "printed"],
                         what="the letter")
    assert len(following) == 1
    puk = c.letter().codes[0]
    assert puk not in letter.codes
    world.wait_for_rest()
    subjects = " ".join(m.message["Subject"] for m in world.mails(c.mail))
    assert "PUK" in subjects, subjects
    assert any("Eine neue PUK schicken wir Ihnen mit der Post" in m.text for m in world.mails(c.mail))
    entry = world.entry(c.uid)
    assert "portalCode" not in entry and "portalJob" not in entry
    # And the next one works.
    grant = recovered(world, c, asked(world, c), puk)
    assert world.portald.change(c.mail, grant, "Apfelbaum ohne Leiter").verdict == "OK"


def test_english_customers_read_english(world):
    c = with_puk(world, preferredLanguage="en")
    asked(world, c)
    assert "your code" in world.mails(c.mail)[-1].text
    german = world.portald.forgotten(c.mail).text
    assert world.portald.forgotten(c.mail, language="en").text != german


def test_the_new_password_must_be_good_and_the_grant_stays(world):
    c = with_puk(world)
    grant = recovered(world, c, asked(world, c))
    assert world.portald.change(c.mail, grant, "kurz").verdict == "REFUSED"
    assert world.portald.change(c.mail, grant, PASSWORD).verdict == "REFUSED"
    assert world.portald.change(c.mail, grant, NEW).verdict == "OK"
    assert world.portald.change(c.mail, grant, "Apfelbaum ohne Leiter").verdict == "GRANT_OVER"


def test_a_recovery_grant_sets_a_password_and_nothing_else(world):
    c = with_puk(world)
    grant = recovered(world, c, asked(world, c))
    offer = world.portald.ask("api", "ENROLL", USER=c.mail, SERVICE="test", LANGUAGE="de", GRANT=grant)
    assert offer.verdict == "GRANT_OVER"
    assert world.portald.change(c.mail, grant, NEW, service="another").verdict == "GRANT_OVER"


def test_all_failures_are_over_and_all_sessions(world):
    c = with_puk(world, portalPasswordFailures="100", portalTOTPFailures="7", portalSessionEpoch="4")
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "THROTTLED"
    grant = recovered(world, c, asked(world, c))
    assert world.portald.change(c.mail, grant, NEW).verdict == "OK"
    entry = world.entry(c.uid)
    assert not [name for name in entry if "Failures" in name or "RetryAfter" in name]
    assert entry["portalSessionEpoch"] == ["5"]
    assert world.portald.authenticate(c.mail, NEW).verdict == "OK"


def test_spaces_and_small_letters_are_understood(world):
    c = with_puk(world)
    code = asked(world, c)
    assert world.portald.recover(c.mail.upper(), f" {code[:4]} {code[4:]} ", c.puk.lower().replace("-", " ")).verdict == "OK"


def test_code_works_29_minutes_and_not_30(fresh_world):
    w = fresh_world
    c = with_puk(w)
    code = asked(w, c)
    w.clock("+29m")
    recovered(w, c, code)
    w.clock("+1m")
    assert w.portald.recover(c.mail, code, c.puk).verdict == "WRONG"


def test_only_the_newest_code_works(world):
    c = with_puk(world)
    first, second = asked(world, c), asked(world, c)
    assert world.portald.recover(c.mail, first, c.puk).verdict == "WRONG"
    recovered(world, c, second)


# --- Answers that tell nothing ---

def test_asking_for_a_code_is_answered_alike_for_every_name(world):
    active = with_puk(world)
    names = [active.mail, with_puk(world, "locked").mail, with_puk(world, "closed").mail, with_puk(world, "initial").mail,
             world.customer().mail, "niemand@example.net", "kein name", ""]
    answers = {world.portald.forgotten(name).data for name in names}
    assert len(answers) == 1
    settled(world)
    assert len(wait_for(lambda: codes_of(world, active), what="the code")) == 1
    assert not [m for name in names[1:4] for m in world.mails(name)]


def test_asking_takes_as_long_for_a_name_that_nobody_has(fresh_world):
    w = fresh_world
    known = [with_puk(w) for _ in range(12)]
    samples = {"known": [], "unknown": []}
    for i in range(5):
        for n, c in enumerate(known):
            for kind, name in (("known", c.mail), ("unknown", f"niemand-{i}-{n}@example.net")):
                began = time.perf_counter()
                w.portald.forgotten(name)
                samples[kind].append(time.perf_counter() - began)
    compare(samples)


def test_what_was_wrong_is_not_said_and_takes_the_same_time(world):
    w = world
    people = [with_puk(w) for _ in range(10)]
    codes = {c.uid: asked(w, c) for c in people}
    silent = [with_puk(w) for _ in range(len(people))]  # nobody asked for a code
    samples, answers = {"wrong code": [], "wrong PUK": [], "both": [], "no code": [], "unknown": []}, set()
    for i, c in enumerate(people):
        for name, user, code, puk in (("wrong code", c.mail, WRONG, c.puk), ("wrong PUK", c.mail, codes[c.uid], c.wrong_puk),
                                      ("both", c.mail, WRONG, c.wrong_puk), ("no code", silent[i].mail, WRONG, c.puk),
                                      ("unknown", f"niemand-{i}@example.net", WRONG, c.puk)):
            began = time.perf_counter()
            reply = w.portald.recover(user, code, puk)
            samples[name].append(time.perf_counter() - began)
            answers.add(reply.data)
    assert len(answers) == 1
    compare(samples)


def test_typing_errors_are_said_alike_and_do_not_count(world):
    c = with_puk(world)
    code = asked(world, c)
    mistyped = ("0" if c.puk[0] != "0" else "1") + c.puk[1:]
    for typed_code, typed_puk in ((code, mistyped), ("1234567", c.puk), ("keiner", c.puk)):
        answers = {world.portald.recover(name, typed_code, typed_puk).data
                   for name in (c.mail, "niemand@example.net") for _ in range(8)}
        assert len(answers) == 1
        assert world.portald.recover(c.mail, typed_code, typed_puk).verdict == "TYPING_ERROR"
    recovered(world, c, code)


def test_locked_and_closed_is_said_behind_code_and_puk_only(world):
    for state, verdict in (("locked", "LOCKED"), ("closed", "CLOSED")):
        c = with_puk(world)
        code = asked(world, c)
        world.modify(c.uid, portalState=state)
        assert world.portald.recover(c.mail, WRONG, c.puk).verdict == "WRONG"
        assert world.portald.recover(c.mail, code, c.wrong_puk).verdict == "WRONG"
        assert world.portald.recover(c.mail, code, c.puk).verdict == verdict


def test_locked_meanwhile_ends_a_recovery(world):
    c = with_puk(world)
    grant = recovered(world, c, asked(world, c))
    assert world.box.ctl("lock", c.uid).returncode == 0
    assert world.portald.change(c.mail, grant, NEW).verdict == "GRANT_OVER"


def test_a_new_puk_ends_what_was_begun_with_the_old_one(world):
    c = with_puk(world)
    grant = world.portald.recover(c.mail, asked(world, c), c.puk).get("GRANT")
    assert world.portald.control("wish", who=c.uid, wish="letter")["letter"]
    assert world.portald.change(c.mail, grant, NEW).verdict == "GRANT_OVER"


def test_puk_does_nothing_before_the_first_personal_password(world):
    c = world.customer()
    letter = c.initial()
    world.portald.forgotten(c.mail)
    settled(world)
    assert not codes_of(world, c)
    assert world.portald.recover(c.mail, WRONG, letter.puk).verdict == "WRONG"
    assert c.show()["failures"]["puk"]["count"] == 0


# --- Tries ---

def test_five_wrong_codes_then_nothing_is_verified_for_an_hour(fresh_world):
    w = fresh_world
    c, who = with_puk(w), nobody("niemand")
    who.puk = c.puk
    code = asked(w, c)
    for person in (c, who):
        assert tries(w, person, 7) == ["WRONG"] * 5 + ["THROTTLED"] * 2
    answers = {w.portald.recover(c.mail, code, c.puk).data, w.portald.recover(c.mail, WRONG, c.puk).data,
               w.portald.recover(who.mail, code, c.puk).data}
    assert len({a.replace(b"59", b"60") for a in answers}) == 1
    # A new code brings no new tries.
    newer = asked(w, c)
    assert w.portald.recover(c.mail, newer, c.puk).verdict == "THROTTLED"
    w.clock("+59m")
    assert w.portald.recover(c.mail, newer, c.puk).verdict == "THROTTLED"
    w.clock("+1m")
    recovered(w, c, asked(w, c))


def test_a_blocked_customer_is_told_of_the_puk_and_a_recovery_lets_in_again(world):
    c = with_puk(world, portalPasswordFailures="100", portalTOTPFailures="100")
    reply = world.portald.authenticate(c.mail, PASSWORD)
    assert reply.verdict == "THROTTLED" and "mit der PUK aus Ihrem Brief ein neues Passwort" in reply.text
    grant = recovered(world, c, asked(world, c))
    assert world.portald.change(c.mail, grant, NEW).verdict == "OK"
    assert world.portald.authenticate(c.mail, NEW).verdict == "OK"
    assert not any(f["blocked"] for f in c.show()["failures"].values())


def test_a_blocked_puk_is_said_to_be_one(world):
    c = with_puk(world, portalPUKFailures="100")
    reply = world.portald.recover(c.mail, asked(world, c), c.puk)
    assert reply.verdict == "THROTTLED" and "die PUK ist gesperrt" in reply.text


def test_tries_count_across_codes(world):
    c = with_puk(world)
    asked(world, c)
    assert tries(world, c, 3) == ["WRONG"] * 3
    asked(world, c)
    assert tries(world, c, 3) == ["WRONG"] * 2 + ["THROTTLED"]


def test_right_ones_start_the_count_over(world):
    c = with_puk(world)
    code = asked(world, c)
    assert tries(world, c, 4) == ["WRONG"] * 4
    recovered(world, c, code)
    assert tries(world, c, 4) == ["WRONG"] * 4
    recovered(world, c, code)


def test_wrong_puks_count_behind_a_right_code_only(world):
    c = with_puk(world)
    code = asked(world, c)
    for _ in range(2):
        world.portald.recover(c.mail, WRONG, c.wrong_puk)
    assert c.show()["failures"]["puk"]["count"] == 0
    for _ in range(2):
        world.portald.recover(c.mail, code, c.wrong_puk)
    assert c.show()["failures"]["puk"]["count"] == 2
    assert c.show()["code"]["tries"] == 2
    grant = recovered(world, c, code)
    assert world.portald.change(c.mail, grant, NEW).verdict == "OK"
    assert c.show()["failures"]["puk"]["count"] == 0


def test_a_puk_that_waits_is_told_behind_a_right_code_only(world):
    """To anybody else it would say that there is an account."""
    c = with_puk(world)
    code = asked(world, c)
    world.modify(c.uid, portalPUKFailures="7", portalPUKRetryAfter="20991231000000Z")
    told = world.portald.recover(c.mail, code, c.puk)
    assert told.verdict == "THROTTLED"
    other = world.portald.recover(c.mail, WRONG, c.puk)
    assert other.verdict == "WRONG"
    assert other.data == world.portald.recover("niemand@example.org", WRONG, c.puk).data
    assert world.portald.recover(c.mail, code, c.puk).data == told.data


def test_wrong_puk_and_wrong_code_use_up_the_same_tries(world):
    c = with_puk(world)
    code = asked(world, c)
    verdicts = [world.portald.recover(c.mail, x, c.wrong_puk).verdict for x in (code, WRONG, code, WRONG, code, code)]
    assert verdicts == ["WRONG"] * 5 + ["THROTTLED"]


def test_a_stranger_uses_up_only_tries_of_their_own(world):
    c = with_puk(world)
    code = asked(world, c, client=HOME)
    assert tries(world, c, 6, client=AWAY) == ["WRONG"] * 5 + ["THROTTLED"]
    assert tries(world, c, 1, client=AWAY, code=code) == ["THROTTLED"]
    recovered(world, c, code, client=HOME)


def test_guessing_from_a_hundred_places_ends_for_all_but_known_clients(fresh_world):
    w = fresh_world
    c, who = with_puk(w), nobody("niemand")
    who.puk = c.puk
    assert w.portald.authenticate(c.mail, PASSWORD, CLIENT=HOME).verdict == "OK"
    code = asked(w, c, client=HOME)
    for person in (c, who):
        places = [f"198.51.100.{n}" for n in range(1, 21)]
        verdicts = [v for place in places for v in tries(w, person, 5, client=place)]
        assert verdicts == ["WRONG"] * 100
        assert tries(w, person, 1, client="203.0.113.1") == ["THROTTLED"]
    assert c.show()["code"]["retry_after"]
    assert tries(w, c, 1, client="203.0.113.1", code=code) == ["THROTTLED"]
    recovered(w, c, code, client=HOME)
    w.clock("+1h")
    assert tries(w, c, 1, client="203.0.113.1") == ["WRONG"]


def test_guesses_before_there_was_a_code_do_not_tell_a_name_that_exists(fresh_world):
    w = fresh_world
    c, nobody, guesses = with_puk(w), "gibt-es-nicht@example.org", 0

    def guess(count):
        nonlocal guesses
        pairs = []
        for guesses in range(guesses + 1, guesses + count + 1):
            client = f"198.51.100.{guesses // 4}"
            pairs.append([w.portald.recover(name, WRONG, c.puk, client=client).verdict for name in (c.mail, nobody)])
        assert all(a == b for a, b in pairs), (guesses, pairs)
        return pairs[-1][0]

    guess(40)
    asked(w, c)
    guess(60)
    assert guess(1) == "THROTTLED"
    w.clock("+61m")
    assert guess(99) == "WRONG"
    guess(1)
    assert guess(1) == "THROTTLED"


def test_parallel_guesses_get_no_more_tries(world):
    c = with_puk(world)
    asked(world, c)
    with ThreadPoolExecutor(16) as pool:
        verdicts = list(pool.map(lambda n: world.portald.recover(c.mail, f"{n:08}", c.puk).verdict, range(60)))
    assert verdicts.count("WRONG") <= 5
    assert set(verdicts) <= {"WRONG", "THROTTLED"}


def test_of_two_recoveries_at_once_one_wins(world):
    c = with_puk(world)
    code = asked(world, c)
    grants = [recovered(world, c, code) for _ in range(2)]
    with ThreadPoolExecutor(2) as pool:
        verdicts = list(pool.map(lambda x: world.portald.change(c.mail, x[0], x[1]).verdict,
                                 zip(grants, (NEW, "Apfelbaum ohne Leiter"))))
    assert sorted(verdicts) == ["GRANT_OVER", "OK"]
    letters = [x for x in c.show()["letters"] if x["kind"] == "puk"]
    assert len(letters) == 1


# --- How many codes ---

def test_three_codes_an_hour_and_the_newest_still_works(fresh_world):
    w = fresh_world
    c = with_puk(w)
    codes = [asked(w, c) for _ in range(3)]
    for _ in range(3):
        assert w.portald.forgotten(c.mail).verdict == "OK"
    settled(w)
    w.wait_for_rest()
    assert codes_of(w, c) == codes
    recovered(w, c, codes[-1])
    w.clock("+1h")
    asked(w, c)


def test_ten_codes_a_day(fresh_world):
    w = fresh_world
    c = with_puk(w)
    for n in range(10):
        asked(w, c)
        w.clock("+31m")
        assert len(codes_of(w, c)) == n + 1
    w.portald.forgotten(c.mail)
    settled(w)
    w.wait_for_rest()
    assert len(codes_of(w, c)) == 10
    w.clock("+20h")
    asked(w, c)


def test_a_stranger_who_asks_leaves_the_customer_their_own_codes(world):
    c = with_puk(world)
    assert world.portald.authenticate(c.mail, PASSWORD, CLIENT=HOME).verdict == "OK"
    for _ in range(3):
        asked(world, c, client=AWAY)
    world.portald.forgotten(c.mail, client=AWAY)
    settled(world)
    recovered(world, c, asked(world, c, client=HOME), client=HOME)


def test_twenty_requests_an_hour_from_one_client(world):
    place = "203.0.113.77"
    verdicts = [world.portald.forgotten(f"niemand-{n}@example.net", client=place).verdict for n in range(22)]
    assert verdicts == ["OK"] * 20 + ["THROTTLED"] * 2
    c = with_puk(world)
    assert world.portald.forgotten(c.mail, client=place).data == world.portald.forgotten("x@example.net", client=place).data
    asked(world, c, client="203.0.113.78")


def test_the_queue_holds_no_code(world):
    c = with_puk(world)
    code = asked(world, c)
    world.wait_for_rest()
    for path in (world.box.dir).rglob("queue.db*"):
        assert code.encode() not in path.read_bytes()
    assert code not in str(world.entry(c.uid))


# --- Letters ---

def test_with_too_many_letters_the_puk_is_void_and_the_customer_is_told(world):
    c = with_puk(world)
    now = time.strftime("%Y%m%d%H%M%SZ", time.gmtime(world.now()))
    world.modify(c.uid, portalLetter=[f"puk 01JAZZZZZZ000000000000000{n} posted {now}" for n in range(3)])
    code = asked(world, c)
    changed = world.portald.change(c.mail, recovered(world, c, code), NEW)
    assert changed.verdict == "OK"
    assert "Kundenservice" in changed.text
    assert len(c.show()["letters"]) == 3
    world.wait_for_rest()
    told, = [m.text for m in world.mails(c.mail) if "PUK wurde verwendet" in m.message["Subject"]]
    assert "kein Brief mit einer neuen PUK" in told and "schicken wir Ihnen mit der Post" not in told
    assert world.portald.recover(c.mail, asked(world, c), c.puk).verdict == "WRONG"
