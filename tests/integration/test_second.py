"""The second factor at login: codes and the PUK, in steps, together and combined; what is counted, for whom, and what an
answer may tell. Straight through the protocol: the module's prompts are test_pam's."""

from concurrent.futures import ThreadPoolExecutor

import pytest

import ldap_client
from another_portald import Another
from customer import wait_for
from totp_customer import (COMBINED, ENROLL, PASSWORD, TOGETHER, code, failures, last_step, letters, set_up, state_of, unused,
                           wait_for_notice, with_password, with_totp, wrong_code)

HOME, ELSEWHERE = "192.0.2.1", "198.51.100.77"
NOBODY = "gibt-es-nicht-{}@example.org"


def at_once(*calls):
    with ThreadPoolExecutor(len(calls)) as pool:
        return [f.result() for f in [pool.submit(call) for call in calls]]


def in_steps(world, c, digits, **more):
    return world.portald.second(c.mail, state_of(world, c), digits, **more)


# --- Steps ---

def test_right_password_alone_opens_nothing_once_totp_is_set_up(world):
    c = with_totp(world)
    reply = world.portald.authenticate(c.mail, PASSWORD, PURPOSE=1)
    assert reply.verdict == "CODE_NEEDED"
    assert [reply.get(tag) for tag in ("UID", "ACCOUNT_CODE", "GRANT", "TIME")] == [None] * 4
    assert world.portald.authenticate(c.mail, "falsch falsch").verdict == "WRONG"
    through = world.portald.second(c.mail, reply.get("STATE"), code(world, c))
    assert (through.verdict, through.account, through.get("UID").decode()) == ("OK", "OK", c.uid)
    assert through.get("GRANT") is not None, "the purpose goes with the state"
    assert in_steps(world, c, code(world, c, 1)).get("GRANT") is None


@pytest.mark.parametrize("steps, verdict", [(-2, "WRONG"), (-1, "OK"), (0, "OK"), (1, "OK")])
def test_one_step_either_way_is_taken(fresh_world, steps, verdict):
    w = fresh_world
    c = with_totp(w)
    w.clock(f"+{30 - w.now() % 30 + 5}s")  # into the middle of a step
    unused(w, c)
    assert in_steps(w, c, code(w, c, steps)).verdict == verdict


def test_a_code_is_accepted_once_and_none_before_it_either(world):
    c = with_totp(world)
    digits = code(world, c)
    assert in_steps(world, c, digits).verdict == "OK"
    again = in_steps(world, c, digits)
    assert again.verdict == "WRONG"
    assert "schon benutzt" in again.text
    assert in_steps(world, c, code(world, c, -1)).verdict == "WRONG"
    assert failures(world, c, "TOTP") == 2


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", PASSWORD, "x" * 511])
def test_what_is_no_code_is_a_wrong_one(world, typed):
    c = with_totp(world)
    assert in_steps(world, c, typed).verdict == "WRONG"
    assert failures(world, c, "TOTP") == 1


def test_missing_code_is_a_wrong_one(world):
    c = with_totp(world)
    assert in_steps(world, c, None).verdict == "WRONG"
    assert failures(world, c, "TOTP") == 1


def test_code_may_be_typed_with_a_blank(world):
    c = with_totp(world)
    digits = code(world, c)
    assert in_steps(world, c, f"{digits[:3]} {digits[3:]}").verdict == "OK"


@pytest.mark.parametrize("state, verdict", [("locked", "LOCKED"), ("closed", "CLOSED")])
def test_locked_and_closed_are_said_behind_the_password_without_asking_for_a_code(world, state, verdict):
    c = with_totp(world)
    pending = state_of(world, c)
    world.modify(c.uid, portalState=state)
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == verdict
    assert world.portald.second(c.mail, pending, code(world, c)).verdict == verdict
    assert last_step(world, c) == 0


def test_state_fits_its_name_service_and_client_only(world):
    c, other = with_totp(world), with_totp(world)
    state = state_of(world, c, CLIENT=HOME)
    w = world.portald
    assert w.second(other.mail, state, code(world, other), client=HOME).verdict == "GRANT_OVER"
    assert w.second(c.mail, state, code(world, c), client=HOME, service="sshd").verdict == "GRANT_OVER"
    assert w.second(c.mail, state, code(world, c), client=ELSEWHERE).verdict == "GRANT_OVER"
    assert w.second(c.mail, state, code(world, c)).verdict == "GRANT_OVER"
    assert w.second(c.mail, state[:-1] + bytes([state[-1] ^ 1]), code(world, c), client=HOME).verdict == "GRANT_OVER"
    assert w.second(c.mail, None, code(world, c), client=HOME).verdict == "GRANT_OVER"
    assert failures(world, c, "TOTP") == 0
    assert w.second(c.mail, state, code(world, c), client=HOME).verdict == "OK"


def test_state_and_grant_are_not_each_other(world):
    c = with_totp(world)
    state = state_of(world, c, PURPOSE=1)
    assert world.portald.change(c.mail, state, PASSWORD + " neu").verdict == "GRANT_OVER"
    grant = world.portald.second(c.mail, state, code(world, c)).get("GRANT")
    assert world.portald.second(c.mail, grant, code(world, c, 1)).verdict == "GRANT_OVER"


def test_state_ends_after_ten_minutes(fresh_world):
    w = fresh_world
    c = with_totp(w)
    state = state_of(w, c)
    w.clock("+590s")
    assert w.portald.second(c.mail, state, wrong_code(w, c)).verdict == "WRONG"
    w.clock("+11s")
    assert w.portald.second(c.mail, state, code(w, c)).verdict == "GRANT_OVER"


@pytest.mark.parametrize("change", [{"portalPasswordChanged": "20260101000000Z"}, {"portalSessionEpoch": "77"}])
def test_state_is_void_once_the_password_changed_or_all_sessions_ended(world, change):
    c = with_totp(world)
    state = state_of(world, c)
    world.modify(c.uid, **change)
    reply = world.portald.second(c.mail, state, code(world, c))
    assert reply.verdict == "GRANT_OVER"
    assert "melden Sie sich" in reply.text


def test_password_suffices_when_totp_was_removed_between_the_steps(world):
    c = with_totp(world)
    state = state_of(world, c)
    world.modify(c.uid, portalTOTPSecret=None, portalTOTPLastStep=None)
    assert world.portald.second(c.mail, state, "irgendwas").verdict == "OK"


def test_enrolling_is_granted_only_where_totp_is_not_set_up(world):
    c = with_password(world)
    assert world.portald.authenticate(c.mail, PASSWORD, PURPOSE=ENROLL).get("GRANT")
    set_up(world, c)
    state = state_of(world, c, PURPOSE=ENROLL)
    assert world.portald.second(c.mail, state, code(world, c)).get("GRANT") is None


def test_grant_of_the_password_alone_is_void_once_totp_is_set_up(world):
    c = with_password(world)
    grant = world.portald.authenticate(c.mail, PASSWORD, PURPOSE=1).get("GRANT")
    set_up(world, c)
    assert world.portald.change(c.mail, grant, "Nebel hinter der Scheune").verdict == "GRANT_OVER"
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "CODE_NEEDED"


def test_last_login_is_told_as_a_day(world):
    c = with_password(world)
    first = world.portald.authenticate(c.mail, PASSWORD)
    assert first.text == "" and first.get("TIME") is None
    wait_for(lambda: c.show()["last_login"], what="the last login")
    assert world.portald.authenticate(c.mail, PASSWORD).text.startswith("Letzte Anmeldung: ")
    assert world.portald.authenticate(c.mail, PASSWORD, language="en").text.startswith("Last login: ")


# --- Throttle ---

def test_each_factor_has_five_free_failures_and_then_waits(fresh_world):
    w = fresh_world
    c = with_totp(w)
    state = state_of(w, c)
    for _ in range(6):
        assert w.portald.second(c.mail, state, wrong_code(w, c)).verdict == "WRONG"
    right, wrong = (w.portald.second(c.mail, state, digits) for digits in (code(w, c), wrong_code(w, c)))
    assert right.verdict == wrong.verdict == "THROTTLED"
    assert right.data == wrong.data and "Sekunden" in right.text
    assert last_step(w, c) == 0 and failures(w, c, "TOTP") == 6
    assert w.portald.authenticate(c.mail, PASSWORD).verdict == "CODE_NEEDED", "the password's counter is another one"
    w.clock("+31s")
    assert w.portald.second(c.mail, state, wrong_code(w, c)).verdict == "WRONG"
    w.clock("+45s")  # a minute's wait, less what a busy machine takes
    assert w.portald.second(c.mail, state, code(w, c)).verdict == "THROTTLED"
    w.clock("+16s")
    assert w.portald.second(c.mail, state, code(w, c)).verdict == "OK"
    assert failures(w, c, "TOTP") == 0


def test_hundred_wrong_codes_block_codes_but_not_the_puk(fresh_world):
    w = fresh_world
    c = w.customer()
    letter = c.active(PASSWORD)
    set_up(w, c)
    w.modify(c.uid, portalTOTPFailures="99")
    assert in_steps(w, c, wrong_code(w, c)).verdict == "WRONG"
    w.clock("+10d")
    blocked = in_steps(w, c, code(w, c))
    assert blocked.verdict == "THROTTLED" and "PUK" in blocked.text
    assert w.portald.account(c.mail).verdict == "BLOCKED"
    assert in_steps(w, c, letter.puk).verdict == "OK"
    assert w.portald.account(c.mail).verdict == "OK"
    assert failures(w, c, "TOTP") == 0


def test_a_thousand_guesses_at_codes_never_outrun_the_throttle(world):
    c = with_totp(world)
    state, bad = state_of(world, c), wrong_code(world, c)
    with ThreadPoolExecutor(64) as pool:
        replies = list(pool.map(lambda _: world.portald.second(c.mail, state, bad).verdict, range(1000)))
    assert replies.count("WRONG") <= 6
    assert set(replies) <= {"WRONG", "THROTTLED"}
    assert failures(world, c, "TOTP") == replies.count("WRONG")


def test_a_thousand_guesses_in_one_go_never_outrun_the_throttle(world):
    c = with_totp(world)
    with ThreadPoolExecutor(64) as pool:
        replies = list(pool.map(lambda i: world.portald.authenticate(c.mail, f"Versuch {i:04}000000", MODE=COMBINED).verdict,
                                range(1000)))
    assert replies.count("WRONG") <= 6
    assert set(replies) <= {"WRONG", "THROTTLED"}
    assert failures(world, c, "Password") == failures(world, c, "TOTP") == replies.count("WRONG")


# --- Known clients ---

def test_guessing_from_elsewhere_does_not_lock_a_known_client_out(fresh_world):
    w = fresh_world
    c = with_password(w)
    assert w.portald.authenticate(c.mail, PASSWORD, CLIENT=HOME).verdict == "OK"
    w.modify(c.uid, portalPasswordFailures="99")
    assert w.portald.authenticate(c.mail, "falsch falsch", CLIENT=ELSEWHERE).verdict == "WRONG"
    assert w.portald.authenticate(c.mail, PASSWORD, CLIENT=ELSEWHERE).verdict == "THROTTLED"
    assert w.portald.account(c.mail, client=ELSEWHERE).verdict == "BLOCKED"
    assert w.portald.account(c.mail).verdict == "BLOCKED"
    assert w.portald.authenticate(c.mail, PASSWORD, CLIENT=HOME).verdict == "OK"
    assert w.portald.account(c.mail, client=HOME).verdict == "OK"
    assert failures(w, c, "Password") == 100, "the owner's success gives nobody fresh tries"
    w.box.restart("portald")
    assert w.portald.authenticate(c.mail, PASSWORD, CLIENT=HOME).verdict == "OK", "known across restarts"


def test_known_client_has_a_throttle_of_its_own(fresh_world):
    w = fresh_world
    c = with_password(w)
    assert w.portald.authenticate(c.mail, PASSWORD, CLIENT=HOME).verdict == "OK"
    for _ in range(6):
        assert w.portald.authenticate(c.mail, "falsch falsch", CLIENT=HOME).verdict == "WRONG"
    assert w.portald.authenticate(c.mail, PASSWORD, CLIENT=HOME).verdict == "THROTTLED"
    assert failures(w, c, "Password") == 0
    assert w.portald.authenticate(c.mail, PASSWORD, CLIENT=ELSEWHERE).verdict == "OK", "and now known, too"
    w.clock("+31s")
    assert w.portald.authenticate(c.mail, PASSWORD, CLIENT=HOME).verdict == "OK"
    for _ in range(5):
        assert w.portald.authenticate(c.mail, "falsch falsch", CLIENT=HOME).verdict == "WRONG"
    assert w.portald.authenticate(c.mail, PASSWORD, CLIENT=HOME).verdict == "OK", "success resets"


def test_client_is_unknown_again_after_a_new_epoch_and_after_half_a_year(fresh_world):
    w = fresh_world
    c = with_password(w)
    for change in ({"portalSessionEpoch": "5"}, None):
        assert w.portald.authenticate(c.mail, PASSWORD, CLIENT=HOME).verdict == "OK"
        if change:
            w.modify(c.uid, **change)
        else:
            w.clock("+180d")
        assert w.portald.authenticate(c.mail, "falsch falsch", CLIENT=HOME).verdict == "WRONG"
        assert failures(w, c, "Password") == 1
        assert w.portald.authenticate(c.mail, PASSWORD, CLIENT=HOME).verdict == "OK"


def test_failed_login_makes_no_client_known(world):
    c = with_totp(world)
    assert world.portald.authenticate(c.mail, PASSWORD, CLIENT=ELSEWHERE).verdict == "CODE_NEEDED"
    assert world.portald.authenticate(c.mail, "falsch falsch", CLIENT=ELSEWHERE).verdict == "WRONG"
    assert failures(world, c, "Password") == 1


def test_known_client_counts_wrong_codes_for_itself(world):
    c = with_totp(world)
    def second(digits, client):
        return world.portald.second(c.mail, state_of(world, c, CLIENT=client), digits, client=client).verdict
    assert second(code(world, c, -1), HOME) == "OK"
    for _ in range(6):
        assert second(wrong_code(world, c), HOME) == "WRONG"
    assert second(code(world, c), HOME) == "THROTTLED"
    assert failures(world, c, "TOTP") == 0
    assert second(wrong_code(world, c), ELSEWHERE) == "WRONG"
    assert failures(world, c, "TOTP") == 1
    assert second(code(world, c), ELSEWHERE) == "OK"


# --- In one go ---

def together(world, c, password, digits, **more):
    return world.portald.authenticate(c.mail, password, MODE=TOGETHER, CODE=digits, **more)


def combined(world, c, password, digits, **more):
    return world.portald.authenticate(c.mail, password + digits, MODE=COMBINED, **more)


@pytest.mark.parametrize("ask", [together, combined])
def test_both_right_let_in_and_burn_the_step(world, ask):
    c = with_totp(world)
    reply = ask(world, c, PASSWORD, code(world, c), PURPOSE=1)
    assert (reply.verdict, reply.account, reply.get("UID").decode()) == ("OK", "OK", c.uid)
    assert reply.get("GRANT")
    assert last_step(world, c) > 0
    assert ask(world, c, PASSWORD, code(world, c, -1)).verdict == "WRONG"


@pytest.mark.parametrize("ask", [together, combined])
def test_whatever_is_wrong_answer_and_counts_are_alike(world, ask):
    answers = set()
    for password in (PASSWORD, "falsch falsch", ""):
        for kind in ("right", "wrong", "empty", "used"):
            if (password, kind) == (PASSWORD, "right"):
                continue
            c = with_totp(world)
            if kind == "used":
                assert in_steps(world, c, code(world, c)).verdict == "OK"
            before = last_step(world, c)
            digits = {"right": code(world, c), "wrong": wrong_code(world, c), "empty": "", "used": code(world, c)}[kind]
            answers.add(ask(world, c, password, digits).data)
            assert (failures(world, c, "Password"), failures(world, c, "TOTP")) == (1, 1), (password, kind)
            assert last_step(world, c) == before, (password, kind)
    for c in (with_password(world), with_password(world, state="pending")):
        answers.add(ask(world, c, "falsch falsch", "123456").data)
    answers.add(world.portald.authenticate(NOBODY.format(1), "falsch falsch123456", MODE=COMBINED).data)
    answers.add(world.portald.authenticate(NOBODY.format(2), "falsch falsch", MODE=TOGETHER, CODE="123456").data)
    assert len(answers) == 1


def test_new_password_leaves_no_count_that_tells_who_has_totp(world):
    """Chosen at a client that the account knows: guesses from elsewhere are in the entry's counters."""
    answers = []
    for c in (with_totp(world), with_password(world)):
        for _ in range(2):  # the first makes the client known
            reply = world.portald.authenticate(c.mail, PASSWORD, CLIENT=HOME, PURPOSE=1)
            if reply.verdict == "CODE_NEEDED":
                unused(world, c)
                reply = world.portald.second(c.mail, reply.get("STATE"), code(world, c), client=HOME)
        for _ in range(6):
            assert combined(world, c, "falsch falsch", "123456", CLIENT=ELSEWHERE).verdict == "WRONG"
        assert world.portald.change(c.mail, reply.get("GRANT"), "Nebel hinter der Scheune").verdict == "OK"
        answers.append(combined(world, c, "falsch falsch", "123456", CLIENT=ELSEWHERE).data)
    assert answers[0] == answers[1]


@pytest.mark.parametrize("ask", [together, combined])
def test_secret_that_cannot_be_opened_is_told_behind_a_right_password_only(world, ask):
    c = with_totp(world)
    world.modify(c.uid, portalTOTPSecret=b"\x01nobody has the key of this".ljust(65, b"x"))
    assert ask(world, c, "falsch falsch", "123456").verdict == "WRONG"
    assert (failures(world, c, "Password"), failures(world, c, "TOTP")) == (1, 1)
    assert ask(world, c, PASSWORD, "123456").verdict == "UNAVAILABLE"


@pytest.mark.parametrize("ask", [together, combined])
def test_wrong_password_does_not_burn_the_customers_code(world, ask):
    c = with_totp(world)
    digits = code(world, c)
    assert ask(world, c, "falsch falsch", digits).verdict == "WRONG"
    assert ask(world, c, PASSWORD, digits).verdict == "OK"
    assert failures(world, c, "Password") == failures(world, c, "TOTP") == 0


def test_account_without_totp_ignores_the_code_and_takes_a_combined_password_whole(world):
    c = with_password(world)
    for digits in ("", "123456", "irgendwas"):
        assert together(world, c, PASSWORD, digits).verdict == "OK"
    assert world.portald.authenticate(c.mail, PASSWORD, MODE=TOGETHER).verdict == "OK"
    assert combined(world, c, PASSWORD, "").verdict == "OK"
    assert combined(world, c, PASSWORD, "123456").verdict == "WRONG"


@pytest.mark.parametrize("mode", [TOGETHER, COMBINED])
def test_empty_second_factor_never_falls_back_to_the_password(world, mode):
    c = with_totp(world)
    for extra in ({}, {"CODE": ""}):
        assert world.portald.authenticate(c.mail, PASSWORD, MODE=mode, **extra).verdict == "WRONG"
    assert world.portald.authenticate(c.mail, code(world, c), MODE=COMBINED).verdict == "WRONG"
    assert world.portald.authenticate(c.mail, "", MODE=TOGETHER, CODE=code(world, c)).verdict == "WRONG"


def test_unknown_mode_lets_nobody_in(world):
    c = with_password(world)
    reply = world.portald.authenticate(c.mail, PASSWORD, MODE=3)
    assert reply.verdict == "WRONG" and reply.get("UID") is None


@pytest.mark.parametrize("ask", [together, combined])
@pytest.mark.parametrize("factor", ["Password", "TOTP"])
def test_throttle_of_either_factor_holds_both_and_says_the_same_of_all(fresh_world, ask, factor):
    w = fresh_world
    c = with_totp(w)
    for _ in range(6):
        if factor == "Password":
            w.portald.authenticate(c.mail, "falsch falsch")
        else:
            in_steps(w, c, wrong_code(w, c))
    answers = {ask(w, c, password, digits).data
               for password in (PASSWORD, "falsch falsch") for digits in (code(w, c), wrong_code(w, c))}
    assert len(answers) == 1
    assert ask(w, c, PASSWORD, code(w, c)).verdict == "THROTTLED"
    assert last_step(w, c) == 0


@pytest.mark.parametrize("state, verdict", [("locked", "LOCKED"), ("closed", "CLOSED")])
def test_in_one_go_locked_is_said_only_when_all_was_right(world, state, verdict):
    c = with_totp(world)
    world.modify(c.uid, portalState=state)
    assert together(world, c, PASSWORD, wrong_code(world, c)).verdict == "WRONG"
    assert together(world, c, PASSWORD, code(world, c)).verdict == verdict
    assert combined(world, c, PASSWORD, code(world, c)).verdict == verdict


def test_letters_code_is_taken_as_password_in_every_mode(world):
    c = world.customer()
    letter = c.initial()
    typed = letter.password.lower().replace("-", " ")
    for mode in (None, TOGETHER, COMBINED):
        reply = world.portald.authenticate(c.mail, typed, MODE=mode)
        assert (reply.verdict, reply.account) == ("OK", "NEW_PASSWORD")
        assert reply.get("GRANT")


def test_typing_error_in_either_field_is_told_alike_for_all_and_not_counted(world):
    c, plain = with_totp(world), with_password(world)
    wrong = "0000-0000-0000-0001"
    answers = set()
    for name in (c.mail, plain.mail, NOBODY.format(3)):
        answers.add(world.portald.authenticate(name, wrong, MODE=TOGETHER, CODE="123456").data)
        answers.add(world.portald.authenticate(name, PASSWORD, MODE=TOGETHER, CODE=wrong).data)
    assert len(answers) == 1
    assert world.portald.second(c.mail, state_of(world, c), wrong).verdict == "TYPING_ERROR"
    assert failures(world, c, "Password") == failures(world, c, "TOTP") == failures(world, c, "PUK") == 0


def test_password_that_looks_like_a_letters_code_with_its_digits_is_taken(world):
    c = with_password(world)
    password = "abc-def-g h-jk"  # ten symbols of the alphabet: with six digits, sixteen
    from ldap_client import ssha
    world.modify(c.uid, userPassword=ssha(password))
    set_up(world, c, password)
    for _ in range(3):
        unused(world, c)
        assert combined(world, c, password, code(world, c)).verdict == "OK"


# --- The PUK instead of the code ---

@pytest.fixture(scope="module")
def owner(world):
    """With a letter, and TOTP set up."""
    def make():
        c = world.customer()
        c.puk = c.active(PASSWORD).puk
        return set_up(world, c)
    return make


@pytest.mark.parametrize("ask", [in_steps, lambda world, c, typed: together(world, c, PASSWORD, typed)])
def test_puk_at_the_code_prompt_removes_totp_and_is_void_then(world, owner, ask):
    c = owner()
    before = world.entry(c.uid)
    typed = c.puk.lower().replace("-", "")
    reply = ask(world, c, typed)
    assert reply.verdict == "OK"
    assert "ausgeschaltet" in reply.text and "eine neue schicken wir" in reply.text, "what has become of code and PUK"
    after = world.entry(c.uid)
    assert not {"portalTOTPSecret", "portalTOTPLastStep", "portalTOTPFailures"} & set(after)
    assert after["portalPUK"] != before["portalPUK"]
    assert after["userPassword"] == before["userPassword"]
    assert len(letters(c, "puk")) == 1
    assert wait_for_notice(world, c, "wurde die PUK verwendet")
    assert wait_for_notice(world, c, "wurde die Anmeldung mit einem Code aus der App ausgeschaltet")
    assert world.portald.authenticate(c.mail, PASSWORD).verdict == "OK"
    set_up(world, c)
    reply = in_steps(world, c, typed)
    assert reply.verdict == "WRONG" and "PUK" in reply.text
    assert failures(world, c, "PUK") == 1


def test_new_puk_comes_by_letter_and_works(world, owner):
    c = owner()
    assert in_steps(world, c, c.puk).verdict == "OK"
    wait_for(lambda: [x for x in letters(c, "puk") if x["state"] == "printed"], what="the letter with the new PUK")
    new = c.letter().codes[0]
    assert new != c.puk
    set_up(world, c)
    assert in_steps(world, c, new).verdict == "OK"


def test_puk_used_after_many_letters_says_that_support_sends_the_next(world, owner):
    c = owner()
    for _ in range(2):
        assert world.box.ctl("letter", c.uid).returncode == 0
    wait_for(lambda: letters(c, "puk")[-1]["state"] == "printed", what="the third letter")
    c.puk = c.letter().codes[0]
    reply = in_steps(world, c, c.puk)
    assert reply.verdict == "OK"
    assert "ausgeschaltet" in reply.text and "Kundenservice eine neue schicken" in reply.text


def test_typing_error_in_the_puk_is_said_to_be_one(world, owner):
    c = owner()
    reply = in_steps(world, c, c.puk[:-1] + ("A" if c.puk[-1] != "A" else "B"))
    assert reply.verdict == "TYPING_ERROR" and "In der PUK ist ein Tippfehler" in reply.text
    assert failures(world, c, "PUK") == 0


def test_wrong_puk_counts_behind_a_right_password_only(world, owner):
    c = owner()
    other = owner().puk
    assert together(world, c, "falsch falsch", other).verdict == "WRONG"
    assert (failures(world, c, "Password"), failures(world, c, "PUK")) == (1, 0)
    right, wrong = (together(world, c, password, other) for password in (PASSWORD, "falsch falsch"))
    assert right.data == wrong.data
    assert (failures(world, c, "Password"), failures(world, c, "PUK"), failures(world, c, "TOTP")) == (3, 0, 0)
    assert together(world, c, "falsch falsch", c.puk).data == wrong.data
    assert in_steps(world, c, code(world, c)).verdict == "OK", "the right PUK with a wrong password removes nothing"


def test_behind_a_wrong_second_factor_slapd_never_hears_the_password(world, owner):
    """It writes down a wrong bind and not a right one: that write would take time, and so tell."""
    c = owner()

    def wrong_binds():
        with ldap_client.bound(world.box, "root") as connection:
            dn = f"uid={c.uid},{ldap_client.customers_base(world.box)}"
            return ldap_client.read(connection, dn, "pwdFailureTime").get("pwdFailureTime", [])

    for second in (wrong_code(world, c), owner().puk):
        for password in (PASSWORD, "falsch falsch"):
            assert together(world, c, password, second).verdict == "WRONG"
    assert not wrong_binds()
    assert together(world, c, "falsch falsch", code(world, c, 1)).verdict == "WRONG"
    assert wrong_binds(), "this isn't how it is seen"


def test_wrong_puks_are_throttled_and_then_not_verified(world, owner):
    c = owner()
    state, other = state_of(world, c), owner().puk
    for _ in range(6):
        assert world.portald.second(c.mail, state, other).verdict == "WRONG"
    right, wrong = (world.portald.second(c.mail, state, puk) for puk in (c.puk, other))
    assert right.verdict == "THROTTLED" and right.data == wrong.data
    assert world.portald.second(c.mail, state, code(world, c)).verdict == "OK", "codes have a counter of their own"


def test_puk_typed_where_no_totp_is_set_up_stays_valid(world):
    c = world.customer()
    puk = c.active(PASSWORD).puk
    before = world.entry(c.uid)["portalPUK"]
    assert together(world, c, PASSWORD, puk).verdict == "OK"
    assert world.entry(c.uid)["portalPUK"] == before


def test_puk_of_a_locked_account_is_not_used_up(world, owner):
    c = owner()
    world.modify(c.uid, portalState="locked")
    before = world.entry(c.uid)["portalPUK"]
    assert together(world, c, PASSWORD, c.puk).verdict == "LOCKED"
    assert world.entry(c.uid)["portalPUK"] == before


# --- Two at once ---

@pytest.fixture(scope="module")
def other(world):
    with Another(world.box) as another:
        yield another


def test_the_same_code_at_two_portalds_at_once_lets_one_in(world, other):
    for _ in range(6):
        c = with_totp(world)
        digits = code(world, c)
        states = [state_of(world, c) for _ in range(4)]
        verdicts = [r.verdict for r in at_once(*[
            lambda p=p, s=s: p.second(c.mail, s, digits)
            for p, s in zip((world.portald, other.portald) * 2, states)])]
        assert sorted(verdicts) == ["OK", "WRONG", "WRONG", "WRONG"]
        step = last_step(world, c)
        verdicts = [r.verdict for r in at_once(*[
            lambda p=p: p.authenticate(c.mail, PASSWORD + code(world, c, 1), MODE=COMBINED)
            for p in (world.portald, other.portald) * 2])]
        assert verdicts.count("OK") == 1, verdicts
        assert last_step(world, c) > step


def test_the_same_puk_at_two_portalds_at_once_makes_one_letter(world, owner, other):
    c = owner()
    state = state_of(world, c)
    verdicts = [r.verdict for r in at_once(*[lambda p=p: p.second(c.mail, state, c.puk)
                                             for p in (world.portald, other.portald)])]
    assert "OK" in verdicts and set(verdicts) <= {"OK", "WRONG"}
    assert "portalTOTPSecret" not in world.entry(c.uid)
    assert len(letters(c, "puk")) == 1


def test_guesses_at_two_portalds_at_once_are_all_counted(world, other):
    c = with_totp(world)
    state, bad = state_of(world, c), wrong_code(world, c)
    assert world.portald.second(c.mail, state, bad).verdict == "WRONG"
    with ThreadPoolExecutor(32) as pool:
        verdicts = list(pool.map(lambda i: (world, other)[i % 2].portald.second(c.mail, state, bad).verdict, range(200)))
    assert verdicts.count("WRONG") <= 5
    assert set(verdicts) <= {"WRONG", "THROTTLED", "BUSY"}
    assert failures(world, c, "TOTP") >= 1 + verdicts.count("WRONG")
