"""How the Quectel cloud decrypts passwords and checks signatures.

Source: the vendor's pages on registering and signing in by e-mail. Uses another library than
the integration, so that neither can repeat the other's mistakes.
"""

import base64
import hashlib

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7


def key_and_vector(random: str) -> tuple[bytes, bytes]:
    """Return the AES key and the initialization vector for a random."""
    hexadecimal = hashlib.md5(random.encode(), usedforsecurity=False).hexdigest()
    key = hexadecimal[8:24].upper().encode("ascii")
    first, second = key[:8], key[8:]
    return key, second + first


def decrypt(pwd: str, random: str) -> str:
    """Return the password in a `pwd` parameter; ValueError if there is none."""
    key, vector = key_and_vector(random)
    decryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).decryptor()
    padded = decryptor.update(base64.b64decode(pwd)) + decryptor.finalize()
    unpadder = PKCS7(algorithms.AES.block_size).unpadder()
    return (unpadder.update(padded) + unpadder.finalize()).decode()


def signature(email: str, pwd: str, random: str, secret: str) -> str:
    """Return the signature that a sign-in with these parameters needs."""
    return hashlib.sha256((email + pwd + random + secret).encode()).hexdigest()
