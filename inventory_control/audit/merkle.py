"""RFC 6962 Merkle trees over SHA-256: leaves, roots, inclusion and consistency proofs; pure.

The words are those of RFC 6962, section 2.1. A tree of size n has the leaves 0 .. n-1. The node
(level, index) is the root of the *complete* subtree over the leaves index * 2**level up to, not
including, (index + 1) * 2**level; level 0 are the leaf hashes. Complete nodes never change once
they exist, so a table of them only grows, and every root or proof of every past size is read from
it with at most 2 * log2(size) look-ups.

Conventions at the edges, the same as in the reference library transparency-dev/merkle:

- the root of the empty tree is SHA-256 of nothing;
- nothing is included in an empty tree, so an index at or past the size is refused;
- consistency *from* size 0 is refused, even to size 0: every tree extends the empty one, so such a
  proof would say nothing, and accepting it would let a forgotten head pass as a checked one;
- consistency between equal sizes is an empty proof and equal roots; between different sizes an
  empty proof is refused, and so is one with a node too few or too many.

`ProofError` stands here and not in errors.py because this module imports nothing of the product.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence

HASH_BYTES = 32
"""Length of a SHA-256 hash, in bytes."""

MAX_SIZE = 2**63 - 1
"""Largest tree size: the largest leaf count that fits a signed 64-bit database column."""

_SIZE_BYTES = 8


class ProofError(ValueError):
    """A proof, or a claim about sizes and roots, that does not hold; the text says why."""


Node = tuple[int, int, bytes]
"""A complete subtree: its level (0 = leaf), its index within the level, and its root."""

NodeAt = Callable[[int, int], bytes]
"""Reads the hash of the complete node (level, index); raises its own error if there is none."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf with these data: SHA-256(0x00 || data)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of the node above two others: SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def empty_root() -> bytes:
    """Return the root of the tree without leaves: SHA-256 of the empty string."""
    return hashlib.sha256(b"").digest()


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root over these leaf *data* (not leaf hashes), in order, reading them once.

    For one-off roots, such as the one over the rows of a posted batch; a growing log keeps a
    `Frontier` instead. Works level by level: a last node without a neighbour rises as it is, which is
    where RFC 6962 has it too, because it splits at the largest power of two.
    """
    level = [leaf_hash(data) for data in leaves]
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        level = [*(node_hash(left, right) for left, right in pairs), *level[len(level) & ~1 :]]
    return level[0] if level else empty_root()


class Frontier:
    """The right edge of a growing tree: all that is needed to append and to know the root.

    Holds one hash per bit set in the size (a *compact range*), the largest subtree first, so a
    log of a billion leaves is continued from at most 30 hashes.
    """

    __slots__ = ("_peaks", "_size")

    def __init__(self) -> None:
        """Start with the empty tree."""
        self._size = 0
        self._peaks: list[bytes] = []

    @property
    def size(self) -> int:
        """Number of leaves appended so far."""
        return self._size

    def append(self, leaf: bytes) -> list[Node]:
        """Append a leaf *hash* and return the interior nodes it completes, lowest level first.

        The leaf itself, node (0, size before), is not in the list. Storing leaf and list gives a
        table in which `inclusion_path`, `consistency_path` and `root_at` find all they read.

        Raises ValueError when the hash is not 32 bytes or the tree is full.
        """
        _require_hash(leaf, "leaf")
        if self._size >= MAX_SIZE:
            raise ValueError(f"the tree is full at {MAX_SIZE} leaves")
        completed: list[Node] = []
        index, level, digest = self._size, 0, leaf
        while index & 1:
            digest = node_hash(self._peaks.pop(), digest)
            index, level = index >> 1, level + 1
            completed.append((level, index, digest))
        self._peaks.append(digest)
        self._size += 1
        return completed

    def root(self) -> bytes:
        """Return the root of the tree as it stands."""
        return _fold(self._peaks)

    def to_bytes(self) -> bytes:
        """Return size (8 bytes, big-endian) and hashes, to be stored and read by `from_bytes`."""
        return self._size.to_bytes(_SIZE_BYTES, "big") + b"".join(self._peaks)

    @classmethod
    def from_bytes(cls, stored: bytes) -> "Frontier":
        """Continue from what `to_bytes` gave; raises ValueError when the length is not right."""
        size = int.from_bytes(stored[:_SIZE_BYTES], "big")
        expected = _SIZE_BYTES + HASH_BYTES * size.bit_count()
        if len(stored) != expected or size > MAX_SIZE:
            raise ValueError(
                f"a stored frontier of size {size} has {expected} bytes, this one has {len(stored)}"
            )
        frontier = cls()
        frontier._size = size
        frontier._peaks = [
            stored[start : start + HASH_BYTES] for start in range(_SIZE_BYTES, expected, HASH_BYTES)
        ]
        return frontier


def root_at(size: int, node_at: NodeAt) -> bytes:
    """Return the root the tree had at this size, from its complete nodes.

    Raises ValueError for a negative size.
    """
    if size < 0:
        raise ValueError(f"a tree has no size {size}")
    return _range_root(0, size, node_at)


def inclusion_path(index: int, size: int, node_at: NodeAt) -> list[bytes]:
    """Return the proof that leaf `index` is in the tree of `size`: RFC 6962, 2.1.1, PATH.

    Nearest sibling first. Raises ValueError unless 0 <= index < size.
    """
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of size {size}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_root(middle, end, node_at))
            end = middle
        else:
            path.append(_range_root(start, middle, node_at))
            start = middle
    path.reverse()
    return path


def consistency_path(old: int, new: int, node_at: NodeAt) -> list[bytes]:
    """Return the proof that the tree of size `new` extends that of `old`: RFC 6962, 2.1.2, PROOF.

    Empty for equal sizes. Raises ValueError unless 0 < old <= new: a proof from the empty tree
    means nothing.
    """
    if not 0 < old <= new:
        raise ValueError(f"there is no consistency proof from size {old} to size {new}")
    path: list[bytes] = []
    start, end = 0, new
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_range_root(middle, end, node_at))
            end = middle
        else:
            path.append(_range_root(start, middle, node_at))
            start = middle
    # With start at 0 the old tree is itself a node of the new one, and the verifier holds its root.
    if start > 0:
        path.append(_range_root(start, end, node_at))
    path.reverse()
    return path


def verify_inclusion(
    *, index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes
) -> None:
    """Return when `path` proves that the leaf hash is number `index` of the tree with this root.

    Raises ProofError with the reason otherwise. Nothing in the arguments is trusted but `root`.
    """
    _require_size(index, "index")
    _require_size(size, "size")
    if index >= size:
        raise ProofError(f"index {index} is at or past the size {size}")
    _require_hashes({"leaf": leaf, "root": root}, path)
    inner = (index ^ (size - 1)).bit_length()
    border = (index >> inner).bit_count()
    if len(path) != inner + border:
        raise ProofError(f"the proof has {len(path)} nodes where {inner + border} are needed")
    digest = _chain(leaf, path[:inner], index)
    digest = _chain_left(digest, path[inner:])
    if digest != root:
        raise ProofError(f"the proof leads to root {digest.hex()}, not to {root.hex()}")


def verify_consistency(
    *, old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]
) -> None:
    """Return when `path` proves that the tree of size `new` is that of `old` with leaves appended.

    Raises ProofError with the reason otherwise; sizes 0 and equal as the module's text says.
    """
    _require_size(old, "old size")
    _require_size(new, "new size")
    if old > new:
        raise ProofError(f"the old size {old} is larger than the new size {new}")
    if old == 0:
        raise ProofError("consistency from the empty tree says nothing; ask from size 1 or later")
    if old == new:
        if path:
            raise ProofError("equal sizes need an empty proof")
        # Nothing is hashed here, so like the reference library this asks for equality only.
        if type(old_root) is not bytes or old_root != new_root:
            raise ProofError(f"two different roots for the same size {old}")
        return
    _require_hashes({"old root": old_root, "new root": new_root}, path)
    _verify_growth(old, new, old_root, new_root, list(path))


def _verify_growth(old: int, new: int, old_root: bytes, new_root: bytes, path: list[bytes]) -> None:
    """Check 0 < old < new: chain one seed node twice, up to the old root and up to the new one."""
    shift = (old & -old).bit_length() - 1
    last = (old - 1) >> shift
    inner = ((old - 1) ^ (new - 1)).bit_length() - shift
    border = (last >> inner).bit_count()
    # An old tree of 2**shift leaves is itself the seed; otherwise the proof opens with it.
    seed_given = old == 1 << shift
    needed = inner + border + (0 if seed_given else 1)
    if len(path) != needed:
        raise ProofError(f"the proof has {len(path)} nodes where {needed} are needed")
    seed = old_root if seed_given else path.pop(0)
    digest = seed
    for level, sibling in enumerate(path[:inner]):
        if last >> level & 1:
            digest = node_hash(sibling, digest)
    digest = _chain_left(digest, path[inner:])
    if digest != old_root:
        raise ProofError(f"the proof leads to old root {digest.hex()}, not to {old_root.hex()}")
    digest = _chain_left(_chain(seed, path[:inner], last), path[inner:])
    if digest != new_root:
        raise ProofError(f"the proof leads to new root {digest.hex()}, not to {new_root.hex()}")


def _chain(seed: bytes, siblings: Sequence[bytes], index: int) -> bytes:
    """Climb from the node `index`, with a sibling right or left by each bit of the index."""
    for level, sibling in enumerate(siblings):
        seed = node_hash(sibling, seed) if index >> level & 1 else node_hash(seed, sibling)
    return seed


def _chain_left(seed: bytes, siblings: Sequence[bytes]) -> bytes:
    """Climb along the right edge of the tree, where every sibling is on the left."""
    for sibling in siblings:
        seed = node_hash(sibling, seed)
    return seed


def _split(width: int) -> int:
    """Return the largest power of two smaller than `width` (2 or more): k of RFC 6962."""
    return 1 << (width - 1).bit_length() - 1


def _fold(peaks: Sequence[bytes]) -> bytes:
    """Return the root over complete subtrees that shrink from left to right."""
    if not peaks:
        return empty_root()
    return _chain_left(peaks[-1], peaks[-2::-1])


def _range_root(start: int, end: int, node_at: NodeAt) -> bytes:
    """Return the root over leaves start .. end-1; a subtree at least as wide begins at start."""
    peaks: list[bytes] = []
    while start < end:
        level = (end - start).bit_length() - 1
        peaks.append(node_at(level, start >> level))
        start += 1 << level
    return _fold(peaks)


def _require_size(number: int, name: str) -> None:
    if type(number) is not int or not 0 <= number <= MAX_SIZE:
        raise ProofError(f"{name} is not a whole number from 0 to {MAX_SIZE}")


def _require_hash(value: bytes, name: str) -> None:
    if type(value) is not bytes or len(value) != HASH_BYTES:
        raise ProofError(f"{name} is not a hash of {HASH_BYTES} bytes")


def _require_hashes(named: dict[str, bytes], path: Sequence[bytes]) -> None:
    for name, value in named.items():
        _require_hash(value, name)
    for position, value in enumerate(path):
        _require_hash(value, f"proof node {position}")
