"""The mails that a sandbox's relay took, by recipient. The way in is Postbox(directory); each file is read once."""

import email
import email.policy
import threading
from pathlib import Path

from customer import Mail


class Postbox:
    def __init__(self, directory):
        self.directory, self.seen, self.by_recipient = Path(directory), set(), {}
        self.lock = threading.Lock()

    def read(self):
        """recipient: [Mail], in the order in which they were taken."""
        with self.lock:
            for path in sorted(self.directory.glob("*.eml")):
                if path.name in self.seen:
                    continue
                self.seen.add(path.name)
                mail = Mail(path, email.message_from_bytes(path.read_bytes(), policy=email.policy.default))
                self.by_recipient.setdefault(mail.recipient, []).append(mail)
            return self.by_recipient

    def of(self, recipient):
        return self.read().get(recipient, [])

    def all(self):
        return [mail for mails in self.read().values() for mail in mails]
