"""What tests in Python have in common: TAP, and tokens."""

import base64
import hashlib
import hmac
import json
import sys

count = failed = 0


def report(name, got, wanted):
    """One test."""
    global count, failed
    count += 1
    good = got == wanted
    failed += not good
    print(f"{'ok' if good else 'not ok'} {count} - {name}")
    if not good:
        print(f"# got    {got!r}\n# wanted {wanted!r}"[:2000])


def skip(name, why):
    """One that cannot run here."""
    global count
    count += 1
    print(f"ok {count} - {name} # skip {why}")


def end():
    """The plan, and the exit status."""
    print(f"1..{count}")
    sys.exit(failed > 0)


def encoded(data):
    """Base64 as tokens have it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(claims, secret, head=None):
    """A token with a signature of HS256, whatever its head says."""
    parts = encoded(json.dumps(head or {"alg": "HS256", "typ": "JWT"}).encode()) + "." + encoded(json.dumps(claims).encode())
    return parts + "." + encoded(hmac.digest(secret.encode(), parts.encode(), hashlib.sha256))
