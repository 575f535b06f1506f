"""One-time passwords as an authenticator app makes them (RFC 6238)."""

import base64
import hashlib
import hmac
import re
import struct
import time

STEP_SECONDS = 30


def secret_of(text):
    """The secret in an otpauth:// URI, which may stand among other words."""
    if isinstance(text, bytes):
        text = text.decode()
    found = re.search(r"otpauth://totp/\S*[?&]secret=([A-Z2-7]+)", text)
    return base64.b32decode(found[1] + "=" * (-len(found[1]) % 8))


def code(secret, at=None, steps=0):
    """The six digits at a time (now), some steps later."""
    step = int(time.time() if at is None else at) // STEP_SECONDS + steps
    digest = hmac.new(secret, struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset:offset + 4])[0] & 0x7FFFFFFF) % 1_000_000:06d}"
