"""The cipher and the signature, on the vendor's own examples."""

from base64 import b64decode

from hypothesis import example, given, strategies as st
import pytest

from custom_components.growatt_onboarding.cloud.quectel.password import (
    encrypt,
    key_and_vector,
    new_random,
    sign,
)
from simulator.quectel.password import decrypt, signature

# From the seed.
RANDOM = "j1acpdj2bmtqZXVb"
ENCRYPTED = "lkZMvj0KDSJXlp66jBieHA=="


def test_example_of_the_seed() -> None:
    assert key_and_vector(RANDOM) == (b"89A049614445CCA8", b"4445CCA889A04961")
    assert encrypt("china1234", RANDOM) == ENCRYPTED
    assert decrypt(ENCRYPTED, RANDOM) == "china1234"


def test_example_of_the_guide() -> None:
    """Its random is six characters long."""
    assert encrypt("abcd1234", "abcdef") == "KbbO5AsWloh9gulLei6NhQ=="
    assert decrypt("KbbO5AsWloh9gulLei6NhQ==", "abcdef") == "abcd1234"


@given(password=st.text(min_size=1, max_size=40), random=st.text(max_size=40))
@example(password="x" * 16, random=RANDOM)
def test_what_is_encrypted_can_be_decrypted(password: str, random: str) -> None:
    """By another library, written by itself."""
    password, random = (text.encode(errors="ignore").decode() for text in (password, random))
    encrypted = encrypt(password, random)
    assert decrypt(encrypted, random) == password
    assert len(b64decode(encrypted, validate=True)) == len(password.encode()) // 16 * 16 + 16


def test_random_never_repeats() -> None:
    randoms = {new_random() for _ in range(1000)}
    assert len(randoms) == 1000
    assert {len(random) for random in randoms} == {16}
    assert all(random.isascii() and random.isalnum() for random in randoms)


def test_signature_of_a_known_text() -> None:
    """SHA-256 of "abc", from FIPS 180-2, appendix B.1."""
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sign("a", "b", "c", "") == sign("", "", "ab", "c") == expected


@pytest.mark.parametrize("secret", ["", "FAKE-SECRET"])
def test_cloud_computes_the_same_signature(secret: str) -> None:
    given_to_cloud = ("new-owner@example.com", ENCRYPTED, RANDOM, secret)
    assert sign(*given_to_cloud) == signature(*given_to_cloud)
