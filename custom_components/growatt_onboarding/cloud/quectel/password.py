"""Encrypted passwords and signatures for the Quectel cloud.

Sources: the vendor's page "Email Password Registration" (the seed) and, for the signature, its
page "Email Password Login".
"""

from base64 import b64encode
from hashlib import md5, sha256
import secrets
import string

_RANDOM_LENGTH = 16
_RANDOM_LETTERS = string.ascii_letters + string.digits


def new_random() -> str:
    """Return a new random string, to encrypt the password of a single request."""
    return "".join(secrets.choice(_RANDOM_LETTERS) for _ in range(_RANDOM_LENGTH))


def key_and_vector(random: str) -> tuple[bytes, bytes]:
    """Return the AES key and the initialization vector.

    The key is the middle half of the MD5 digest's 32 hexadecimal digits, used as 16 characters.
    The vector is the key with its halves swapped.
    """
    digest = md5(random.encode(), usedforsecurity=False).hexdigest().upper()
    key = digest[8:24].encode()
    return key, key[8:] + key[:8]


def encrypt(password: str, random: str) -> str:
    """Return a password encrypted with AES-128-CBC, in Base64.

    The first call imports the crypto library, so do not call this in the event loop.
    """
    from Crypto.Cipher import AES  # noqa: PLC0415
    from Crypto.Util.Padding import pad  # noqa: PLC0415

    key, vector = key_and_vector(random)
    padded = pad(password.encode(), AES.block_size)
    return b64encode(AES.new(key, AES.MODE_CBC, vector).encrypt(padded)).decode()


def sign(email: str, encrypted: str, random: str, user_domain_secret: str) -> str:
    """Return the signature of a sign-in."""
    return sha256(f"{email}{encrypted}{random}{user_domain_secret}".encode()).hexdigest()
