"""Nobody learns from an answer, or from the time that it took, whether a policy number, a birthdate or an address is known."""

import random
import statistics
import time

from totp_customer import PASSWORD, TOGETHER, code, set_up, state_of, wrong_code

HOME, ELSEWHERE = "192.0.2.1", "198.51.100.77"
TRIES = 5  # that cost nothing
ROUNDS = 60
# Medians on a busy machine differ by chance; what would tell (a lookup, a hash, a write more) is far more than this.
FACTOR = 1.6
SLACK_SECONDS = 0.002


def compare(samples):
    medians = {name: statistics.median(times) for name, times in samples.items()}
    print({name: f"{m * 1000:.2f} ms" for name, m in medians.items()})
    assert max(medians.values()) <= FACTOR * min(medians.values()) + SLACK_SECONDS, medians


def test_registering_answers_alike_for_match_no_match_and_address_in_use(fresh_world):
    w = fresh_world
    owner = w.customer()
    owner.confirmed()
    customers = [w.customer() for _ in range(12)]
    answers, samples = set(), {"match": [], "no match": [], "address in use": [], "wrong birthdate": []}
    for i in range(ROUNDS):
        c = customers[i % len(customers)]
        kinds = {
            "match": (c.policy, c.birthdate, f"neu-{i}@example.org"),
            "no match": (f"GIBTESNICHT{i % 12}", c.birthdate, f"neu-{i}@example.org"),
            "address in use": (c.policy, c.birthdate, owner.mail),
            "wrong birthdate": (c.policy, "1901-01-01", f"neu-{i}@example.org"),
        }
        # In any order, or what the one before left to do would slow down always the same one.
        for name, (policy, birthdate, mail) in random.sample(list(kinds.items()), len(kinds)):
            began = time.perf_counter()
            reply = w.portald.register(policy, birthdate, mail)
            if reply.verdict == "OK":
                samples[name].append(time.perf_counter() - began)
                answers.add(reply.data)
        if i % len(customers) == 0:
            w.clock("+1d")  # five registrations a day with one policy number
    assert all(len(times) >= ROUNDS // 3 for times in samples.values()), {k: len(v) for k, v in samples.items()}
    assert len(answers) == 1
    compare(samples)


def test_login_takes_as_long_for_a_wrong_password_as_for_an_unknown_name(fresh_world):
    w = fresh_world
    known = [w.customer() for _ in range(15)]
    for c in known:
        c.confirmed()
    samples, answers = {"wrong password": [], "unknown name": []}, set()
    for i in range(4):
        for n, c in enumerate(known):
            for name, user in (("wrong password", c.mail), ("unknown name", f"niemand-{n}@example.org")):
                began = time.perf_counter()
                reply = w.portald.authenticate(user, f"falsch falsch {i}")
                samples[name].append(time.perf_counter() - began)
                answers.add(reply.data)
    assert len(answers) == 1
    compare(samples)


def people(w, count):
    """Customers with a hash as portald makes it, which the decoy's costs as much as."""
    first = w.customer()
    first.active(PASSWORD)
    hashed = w.entry(first.uid)["userPassword"][0]
    others = [w.customer() for _ in range(count)]
    for c in others:
        w.modify(c.uid, portalState="active", mail=c.mail, userPassword=hashed)
    return others


def measure(kinds, rounds):
    """Asks each kind in any order, and returns times and answers."""
    samples, answers = {name: [] for name in kinds}, set()
    for i in range(rounds):
        for name, ask in random.sample(list(kinds.items()), len(kinds)):
            began = time.perf_counter()
            reply = ask(i)
            samples[name].append(time.perf_counter() - began)
            answers.add(reply.data)
    return samples, answers


def test_in_one_go_nothing_tells_password_code_and_name_apart(fresh_world):
    w = fresh_world
    crowd = people(w, 12)
    with_totp, plain = [set_up(w, c) for c in crowd[:8]], crowd[8:]
    right = [code(w, c, 1) for c in with_totp]
    wrong = [wrong_code(w, c) for c in with_totp]

    def ask(user, password, digits):
        return w.portald.authenticate(user, password, MODE=TOGETHER, CODE=digits)
    kinds = {
        "wrong password": lambda i: ask(with_totp[i % 4].mail, "falsch falsch", right[i % 4]),
        "wrong code": lambda i: ask(with_totp[4 + i % 4].mail, PASSWORD, wrong[4 + i % 4]),
        "no second factor": lambda i: ask(plain[i % 4].mail, "falsch falsch", "123456"),
        "unknown name": lambda i: ask(f"niemand-{i % 4}@example.org", "falsch falsch", "123456"),
    }
    samples, answers = measure(kinds, 4 * TRIES)
    assert len(answers) == 1
    compare(samples)


def test_puk_in_one_go_nothing_tells_password_puk_and_name_apart(fresh_world):
    w = fresh_world
    crowd = people(w, 12)
    with_totp, plain = [set_up(w, c) for c in crowd[:8]], crowd[8:]
    stranger = w.customer()
    puk = stranger.active(PASSWORD).puk

    def ask(user, password):
        return w.portald.authenticate(user, password, MODE=TOGETHER, CODE=puk)
    kinds = {
        "wrong password": lambda i: ask(with_totp[i % 4].mail, "falsch falsch"),
        "wrong PUK": lambda i: ask(with_totp[4 + i % 4].mail, PASSWORD),
        "no second factor": lambda i: ask(plain[i % 4].mail, "falsch falsch"),
        "unknown name": lambda i: ask(f"niemand-{i % 4}@example.org", "falsch falsch"),
    }
    samples, answers = measure(kinds, 4 * TRIES)
    assert len(answers) == 1
    compare(samples)


def test_wrong_password_takes_as_long_from_a_known_client_as_from_elsewhere(fresh_world):
    w = fresh_world
    crowd = people(w, 8)
    for c in crowd:
        assert w.portald.authenticate(c.mail, PASSWORD, CLIENT=HOME).verdict == "OK"
    time.sleep(2)  # for the last logins, which are written after the answer
    kinds = {
        "known": lambda i: w.portald.authenticate(crowd[i % 4].mail, "falsch falsch", CLIENT=HOME),
        "elsewhere": lambda i: w.portald.authenticate(crowd[4 + i % 4].mail, "falsch falsch", CLIENT=ELSEWHERE),
        "unknown name": lambda i: w.portald.authenticate(f"niemand-{i % 4}@example.org", "falsch falsch", CLIENT=ELSEWHERE),
    }
    samples, answers = measure(kinds, 4 * TRIES)
    assert len(answers) == 1
    compare(samples)


def test_wrong_code_and_used_code_answer_alike_behind_a_right_password(fresh_world):
    w = fresh_world
    crowd = [set_up(w, c) for c in people(w, 4)]
    used = []
    for c in crowd:
        used.append(code(w, c))
        assert w.portald.second(c.mail, state_of(w, c), used[-1]).verdict == "OK"
    states, wrong = [state_of(w, c) for c in crowd], [wrong_code(w, c) for c in crowd]
    kinds = {
        "used": lambda i: w.portald.second(crowd[i % 2].mail, states[i % 2], used[i % 2]),
        "wrong": lambda i: w.portald.second(crowd[2 + i % 2].mail, states[2 + i % 2], wrong[2 + i % 2]),
    }
    samples, answers = measure(kinds, 2 * TRIES)
    assert len(answers) == 1
    compare(samples)
