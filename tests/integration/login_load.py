"""Customers who log in all the time through the real module, and what became of each login. The way in is
LoginLoad(world, customers)."""

import threading
import time
from collections import Counter

RIGHT, WRONG = "right", "wrong"


class LoginLoad:
    """One thread a customer. Those in `mistaken` type a wrong password before each right one, so that failures are
    written and taken back while things fall over."""

    def __init__(self, world, password, steady, mistaken=()):
        self.world, self.password = world, password
        self.stop_now = threading.Event()
        self.lock, self.outcomes = threading.Lock(), []
        self.threads = [threading.Thread(target=self._live, args=(c, kinds), daemon=True)
                        for several, kinds in ((steady, (RIGHT,)), (mistaken, (WRONG, RIGHT))) for c in several]

    def _live(self, customer, kinds):
        while not self.stop_now.is_set():
            for kind in kinds:
                began = time.monotonic()
                typed = self.password if kind == RIGHT else self.password + " und falsch"
                login = self.world.login(customer.mail, typed)
                outcome = (kind, login.result("authenticate"), login.result("account"), login.ok)
                with self.lock:
                    self.outcomes.append((began, time.monotonic() - began, outcome, login.output))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop_now.set()
        for thread in self.threads:
            thread.join()

    def count(self):
        with self.lock:
            return len(self.outcomes)

    def wait_for_more(self, more, seconds=20):
        """Until so many more logins have ended."""
        wanted, end = self.count() + more, time.monotonic() + seconds
        while self.count() < wanted:
            assert time.monotonic() < end, f"{wanted - self.count()} logins more did not end within {seconds} s"
            time.sleep(0.01)

    def check(self, least):
        """Everybody was let in or refused as they should be."""
        good = {RIGHT: (RIGHT, "PAM_SUCCESS", "PAM_SUCCESS", True), WRONG: (WRONG, "PAM_AUTH_ERR", None, False)}
        bad = [(f"{took:.1f} s", outcome, output) for _, took, outcome, output in self.outcomes if outcome != good[outcome[0]]]
        assert not bad, f"{len(bad)} of {len(self.outcomes)}: {Counter(b[1] for b in bad)}, first: {bad[0]}"
        assert len(self.outcomes) >= least, f"only {len(self.outcomes)} logins"
        longest = max(took for _, took, _, _ in self.outcomes)
        print(f"{len(self.outcomes)} logins, the longest {longest:.2f} s")
        return longest
