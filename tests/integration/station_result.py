"""What a print station says in a file: read as anybody can, and sealed as only a station can, from its
key and portald's, without our own code."""

import json
from base64 import b64decode, b64encode

from nacl.encoding import RawEncoder
from nacl.hash import blake2b
from nacl.public import Box, PrivateKey
from nacl.signing import VerifyKey

PURPOSE = b"portal-result-1\0"


def key_of(path):
    return b64decode(path.read_text())


def seal(text, station, portald):
    """By the station's secret key for portald's public key, both raw."""
    shared = Box(PrivateKey(station), VerifyKey(portald).to_curve25519_public_key()).shared_key()
    return b64encode(blake2b(PURPOSE + text.encode(), 32, key=shared, encoder=RawEncoder)).decode()


def part(batch, rows, number=1, count=1):
    return json.dumps({"batch": batch, "part": number, "parts": count, "letters": rows})


def write(path, texts, stations, portald):
    """A result of these parts, each sealed with every one of the stations' keys."""
    parts = [{"text": text, "seals": [seal(text, station, portald) for station in stations]} for text in texts]
    path.write_text(json.dumps({"version": 2, "batch": path.stem, "parts": parts}))


def rows(path):
    """What a result says, by job."""
    said = json.loads(path.read_text())
    assert said["version"] == 2 and said["batch"] == path.stem
    texts = [json.loads(each["text"]) for each in said["parts"]]
    assert [text["part"] for text in texts] == list(range(1, len(texts) + 1))
    assert all(text["batch"] == path.stem and text["parts"] == len(texts) for text in texts)
    return {row["job"]: row for text in texts for row in text["letters"]}
