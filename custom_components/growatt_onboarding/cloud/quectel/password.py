"""How the Quectel cloud wants passwords and signatures.

Source: the vendor's page "Email Password Registration" (see the seed) and, for the signature,
its page "Email Password Login".
"""

from base64 import b64encode
from hashlib import md5, sha256
import secrets
import string

_RANDOM_LENGTH = 16
_RANDOM_LETTERS = string.ascii_letters + string.digits


def new_random() -> str:
    """Return what a single request's password is encrypted with."""
    return "".join(secrets.choice(_RANDOM_LETTERS) for _ in range(_RANDOM_LENGTH))


def key_and_vector(random: str) -> tuple[bytes, bytes]:
    """Return the AES key, and the initialization vector: the key with its halves swapped.

    The key is the middle half of the digest's 32 hexadecimal digits, taken as 16 letters.
    """
    digest = md5(random.encode(), usedforsecurity=False).hexdigest().upper()
    key = digest[8:24].encode()
    return key, key[8:] + key[:8]


def encrypt(password: str, random: str) -> str:
    """Return a password as AES-128-CBC in Base64.

    Loads the crypto library at its first call: call it outside the event loop.
    """
    from Crypto.Cipher import AES  # noqa: PLC0415
    from Crypto.Util.Padding import pad  # noqa: PLC0415

    key, vector = key_and_vector(random)
    padded = pad(password.encode(), AES.block_size)
    return b64encode(AES.new(key, AES.MODE_CBC, vector).encrypt(padded)).decode()


def sign(email: str, encrypted: str, random: str, user_domain_secret: str) -> str:
    """Return the signature of a sign-in."""
    return sha256(f"{email}{encrypted}{random}{user_domain_secret}".encode()).hexdigest()
