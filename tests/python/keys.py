"""The profile PEAD-P256-1: agreement, key schedule, sealing, signatures (protocol, section 3).

Keys are octets here: 32 for a private one, 65 for a public one. Not here: whose they are.
"""

from __future__ import annotations

import hashlib
import hmac

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import cbor
from wire import SUITE

ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
SALT = b"PEAD-v1 P256 HKDF-SHA256"
CURVE = ec.SECP256R1()


def digest(octets: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(octets).digest()


def _private(secret: bytes) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(secret, "big"), CURVE)


def _point(octets: bytes) -> ec.EllipticCurvePublicKey:
    """Raises `ValueError` for what is no point, the identity and every other encoding included."""
    if len(octets) != 65 or octets[0] != 4:
        raise ValueError("no uncompressed point")
    return ec.EllipticCurvePublicKey.from_encoded_point(CURVE, octets)


def is_point(octets: bytes) -> bool:
    """Whether these octets are a public key."""
    try:
        _point(octets)
    except ValueError:
        return False
    return True


def secret_from(octets: bytes) -> bytes:
    """A private key from random octets, of which there are a few more than 32."""
    return (int.from_bytes(octets, "big") % (ORDER - 1) + 1).to_bytes(32, "big")


def public(secret: bytes) -> bytes:
    """The public key of a private one."""
    return _private(secret).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def kid(point: bytes) -> bytes:
    """The whole key ID; headers carry its first 8 octets."""
    return digest(b"PEAD-v1 kid" + point)


def _expand(key: bytes, info: bytes) -> bytes:
    """HKDF-Expand (RFC 5869) to one block."""
    return hmac.digest(key, info + b"\x01", "sha256")


End = tuple[str, int, bytes]


def pair_secret(secret: bytes, point: bytes, own: End, theirs: End) -> bytes:
    """S_pair. Each end is its user's ID, epoch and whole key ID; both ends compute the same."""
    agreed = _private(secret).exchange(ec.ECDH(), _point(point))
    low, high = sorted([own, theirs], key=lambda end: end[0].encode())
    info = cbor.encode(["PEAD-v1 pair", SUITE, list(low), list(high)])
    return _expand(hmac.digest(SALT, agreed, "sha256"), info)


def direction_key(pair: bytes, sender: str, receiver: str) -> bytes:
    """K_dir."""
    return _expand(pair, cbor.encode(["PEAD-v1 dir", SUITE, sender, receiver]))


def seal(key: bytes, nonce: bytes, plain: bytes, header: bytes) -> bytes:
    """Ciphertext and tag."""
    return AESGCMSIV(key).encrypt(nonce, plain, header)


def unseal(key: bytes, nonce: bytes, ciphertext: bytes, header: bytes) -> bytes | None:
    """The plaintext, if the tag holds."""
    try:
        return AESGCMSIV(key).decrypt(nonce, ciphertext, header)
    except (InvalidTag, ValueError):
        return None


def sign(secret: bytes, octets: bytes) -> bytes:
    """r || s, deterministic, with the lower s."""
    method = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
    r, s = decode_dss_signature(_private(secret).sign(octets, method))
    return r.to_bytes(32, "big") + min(s, ORDER - s).to_bytes(32, "big")


def verifies(point: bytes, octets: bytes, signature: bytes) -> bool:
    """Whether this is a signature of these octets by this key, with the lower s."""
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if len(signature) != 64 or s > ORDER // 2:
        return False
    try:
        method = ec.ECDSA(hashes.SHA256())
        _point(point).verify(encode_dss_signature(r, s), octets, method)
    except (InvalidSignature, ValueError):
        return False
    return True
