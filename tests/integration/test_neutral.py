"""Nobody learns from an answer, or from the time that it took, whether a policy number, a birthdate or an address is known."""

import random
import statistics
import time

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
