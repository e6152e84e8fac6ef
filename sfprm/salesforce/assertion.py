"""The JWT bearer flow's assertion: claims signed with our RSA key.

Salesforce reads iss (consumer key), sub (username), aud and exp, signed RS256 [recorded clients];
exp may be about three minutes ahead (unverified).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import SecretStr

from sfprm.errors import BadSettings
from sfprm.salesforce.credentials import JwtBearer

__all__ = ["LIFETIME", "checked_key", "signed"]

LIFETIME = timedelta(seconds=120)
"""How long an assertion is good for: long enough for a clock that is a little slow."""

_LEAST_BITS = 2048


def signed(credentials: JwtBearer, key: SecretStr, now: datetime) -> str:
    """The assertion for one login at `now` (aware)."""
    import jwt

    claims = {
        "iss": credentials.client_id,
        "sub": credentials.username,
        "aud": credentials.audience,
        "exp": int((now + LIFETIME).timestamp()),
    }
    return jwt.encode(claims, key.get_secret_value(), algorithm="RS256")


def checked_key(key: SecretStr, name: str) -> SecretStr:
    """The key as PEM that can sign. `\\n` written as two characters is read as a line's end.

    Raises BadSettings that says what it is instead; never quotes it.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    text = key.get_secret_value().strip().replace("\\n", "\n") + "\n"
    hint = f"Give the private key as a PEM file in {name}_FILE (chmod 600)."
    if "-----BEGIN" not in text:
        raise BadSettings(f"{name} is not a PEM key.", hint=hint)
    if "PRIVATE KEY" not in text:
        raise BadSettings(
            f"{name} is a certificate or a public key; signing needs the private one.", hint=hint
        )
    try:
        loaded = load_pem_private_key(text.encode(), password=None)
    except TypeError:
        raise BadSettings(
            f"{name} is locked with a passphrase.",
            hint="Write an unlocked copy that only you can read: openssl pkey -in key.pem "
            "-out unlocked.pem && chmod 600 unlocked.pem",
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise BadSettings(f"{name} is not a key that can be read.", hint=hint) from None
    if not isinstance(loaded, RSAPrivateKey):
        raise BadSettings(f"{name} is not an RSA key; Salesforce takes RS256 only.", hint=hint)
    if loaded.key_size < _LEAST_BITS:
        raise BadSettings(
            f"{name} has {loaded.key_size} bits, too few to be safe.",
            hint=f"Make a key of {_LEAST_BITS} bits or more, and a certificate of it for the app.",
        )
    return SecretStr(text)
