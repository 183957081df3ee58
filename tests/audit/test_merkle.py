"""RFC 6962 trees against a naive model, the published reference trees, and hostile proofs."""

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_control.audit.merkle import (
    MAX_SIZE,
    Frontier,
    ProofError,
    consistency_path,
    empty_root,
    inclusion_path,
    leaf_hash,
    node_hash,
    root_at,
    root_of,
    verify_consistency,
    verify_inclusion,
)

pytestmark = pytest.mark.req("GOV-01")

# The eight leaves and nine roots every Certificate Transparency implementation is checked with.
REFERENCE_LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
REFERENCE_ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


class NodeTable:
    """The table of nodes a database would keep: written once, counted reads, no deletes."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.frontier = Frontier()
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.reads = 0
        for data in leaves:
            self.append(leaf_hash(data))

    def append(self, leaf: bytes) -> None:
        self.nodes[0, self.frontier.size] = leaf
        for level, index, digest in self.frontier.append(leaf):
            assert (level, index) not in self.nodes
            self.nodes[level, index] = digest

    def node_at(self, level: int, index: int) -> bytes:
        self.reads += 1
        return self.nodes[level, index]


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH, word for word from RFC 6962, 2.1."""
    if not leaves:
        return empty_root()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    k = naive_split(len(leaves))
    return node_hash(naive_root(leaves[:k]), naive_root(leaves[k:]))


def naive_path(m: int, leaves: list[bytes]) -> list[bytes]:
    """PATH, word for word from RFC 6962, 2.1.1."""
    if len(leaves) == 1:
        return []
    k = naive_split(len(leaves))
    if m < k:
        return [*naive_path(m, leaves[:k]), naive_root(leaves[k:])]
    return [*naive_path(m - k, leaves[k:]), naive_root(leaves[:k])]


def naive_proof(m: int, leaves: list[bytes], whole: bool = True) -> list[bytes]:
    """SUBPROOF, word for word from RFC 6962, 2.1.2."""
    if m == len(leaves):
        return [] if whole else [naive_root(leaves)]
    k = naive_split(len(leaves))
    if m <= k:
        return [*naive_proof(m, leaves[:k], whole), naive_root(leaves[k:])]
    return [*naive_proof(m - k, leaves[k:], False), naive_root(leaves[:k])]


def naive_split(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def some_leaves(count: int) -> list[bytes]:
    return [b"leaf %d" % number for number in range(count)]


def flips(value: bytes) -> list[bytes]:
    """Return every value that differs in one bit."""
    number = int.from_bytes(value, "big")
    return [(number ^ 1 << bit).to_bytes(len(value), "big") for bit in range(len(value) * 8)]


def test_roots_and_nodes_are_those_of_the_reference_tree() -> None:
    table = NodeTable(REFERENCE_LEAVES)

    roots = [root_of(REFERENCE_LEAVES[:size]).hex() for size in range(9)]

    assert roots == REFERENCE_ROOTS
    assert [root_at(size, table.node_at).hex() for size in range(9)] == REFERENCE_ROOTS
    assert table.nodes[1, 3].hex() == (
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
    )
    assert table.nodes[2, 1].hex() == (
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
    )
    assert len(table.nodes) == 15


def test_every_root_and_proof_up_to_130_leaves_is_that_of_the_naive_model() -> None:
    leaves = some_leaves(130)
    table = NodeTable(leaves)

    for size in range(131):
        root = naive_root(leaves[:size])
        assert root_at(size, table.node_at) == root
        for index in range(size):
            path = inclusion_path(index, size, table.node_at)
            verify_inclusion(
                index=index, size=size, leaf=leaf_hash(leaves[index]), path=path, root=root
            )
            if size % 7 == 3:
                assert path == naive_path(index, leaves[:size])


def test_every_growth_up_to_66_leaves_is_proved_as_by_the_naive_model() -> None:
    leaves = some_leaves(66)
    table = NodeTable(leaves)
    roots = [naive_root(leaves[:size]) for size in range(67)]

    for new in range(1, 67):
        for old in range(1, new + 1):
            path = consistency_path(old, new, table.node_at)
            assert path == naive_proof(old, leaves[:new])
            verify_consistency(
                old=old, new=new, old_root=roots[old], new_root=roots[new], path=path
            )


@settings(max_examples=60)
@given(data=st.data(), leaves=st.lists(st.binary(max_size=80), min_size=1, max_size=400))
def test_random_trees_agree_with_the_naive_model(data: st.DataObject, leaves: list[bytes]) -> None:
    size = len(leaves)
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    table = NodeTable(leaves)

    path = inclusion_path(index, size, table.node_at)
    growth = consistency_path(old, size, table.node_at)

    assert table.frontier.root() == root_of(leaves) == naive_root(leaves)
    assert path == naive_path(index, leaves)
    assert growth == naive_proof(old, leaves)


def test_proofs_read_a_logarithmic_number_of_nodes() -> None:
    size = 100_003
    table = NodeTable(some_leaves(size))

    table.reads = 0
    path = inclusion_path(0, size, table.node_at)
    reads_of_inclusion = table.reads
    table.reads = 0
    growth = consistency_path(77_777, size, table.node_at)

    assert len(path) == 17
    assert reads_of_inclusion <= 2 * 17
    assert table.reads <= 2 * 17
    root = table.frontier.root()
    verify_inclusion(index=0, size=size, leaf=leaf_hash(b"leaf 0"), path=path, root=root)
    verify_consistency(
        old=77_777,
        new=size,
        old_root=root_at(77_777, table.node_at),
        new_root=root,
        path=growth,
    )


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 100, 1000])
def test_a_stored_frontier_continues_where_it_stopped(size: int) -> None:
    leaves = some_leaves(size + 20)
    whole = NodeTable(leaves)
    first = NodeTable(leaves[:size])

    stored = first.frontier.to_bytes()
    first.frontier = Frontier.from_bytes(stored)
    for data in leaves[size:]:
        first.append(leaf_hash(data))

    assert len(stored) == 8 + 32 * size.bit_count()
    assert first.nodes == whole.nodes
    assert first.frontier.size == size + 20
    assert first.frontier.to_bytes() == whole.frontier.to_bytes()


@pytest.mark.parametrize(
    ("case", "stored"),
    [
        ("nothing", b""),
        ("half a size", b"\x00" * 7),
        ("a hash too few", (3).to_bytes(8, "big") + b"h" * 32),
        ("a hash too many", (1).to_bytes(8, "big") + b"h" * 64),
        ("half a hash", (1).to_bytes(8, "big") + b"h" * 31),
        ("trailing byte", b"\x00" * 9),
        ("a size past the limit", (2**63).to_bytes(8, "big") + b"h" * 32),
    ],
)
def test_a_damaged_frontier_is_refused(case: str, stored: bytes) -> None:
    with pytest.raises(ValueError, match="a stored frontier of size"):
        Frontier.from_bytes(stored)


def test_a_frontier_takes_hashes_only_and_stays_as_it_was_when_it_refuses() -> None:
    frontier = Frontier()
    full = Frontier.from_bytes(MAX_SIZE.to_bytes(8, "big") + b"h" * 32 * 63)

    with pytest.raises(ProofError, match="leaf is not a hash of 32 bytes"):
        frontier.append(b"data, not a hash")
    with pytest.raises(ValueError, match="the tree is full"):
        full.append(leaf_hash(b""))

    assert (frontier.size, frontier.root()) == (0, empty_root())
    assert full.size == MAX_SIZE


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (9, 8), (-1, 8)])
def test_no_inclusion_path_outside_the_tree(index: int, size: int) -> None:
    table = NodeTable(REFERENCE_LEAVES)

    with pytest.raises(ValueError, match="is not in a tree of size"):
        inclusion_path(index, size, table.node_at)


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 8), (9, 8), (-1, 8)])
def test_no_consistency_path_from_nothing_or_backwards(old: int, new: int) -> None:
    table = NodeTable(REFERENCE_LEAVES)

    with pytest.raises(ValueError, match="there is no consistency proof"):
        consistency_path(old, new, table.node_at)


def test_no_root_of_a_negative_size() -> None:
    table = NodeTable(REFERENCE_LEAVES)

    with pytest.raises(ValueError, match="no size -1"):
        root_at(-1, table.node_at)


@pytest.mark.parametrize("size", [1, 2, 5, 8, 13])
def test_every_flipped_bit_of_an_inclusion_proof_is_refused(size: int) -> None:
    leaves = some_leaves(size)
    table = NodeTable(leaves)
    root = table.frontier.root()

    for index in range(size):
        leaf = leaf_hash(leaves[index])
        path = inclusion_path(index, size, table.node_at)
        for wrong in flips(leaf):
            refuse_inclusion("leads to root", index, size, wrong, path, root)
        for wrong in flips(root):
            refuse_inclusion("leads to root", index, size, leaf, path, wrong)
        for position, node in enumerate(path):
            for wrong in flips(node):
                hostile = [*path[:position], wrong, *path[position + 1 :]]
                refuse_inclusion("leads to root", index, size, leaf, hostile, root)


@pytest.mark.parametrize(("old", "new"), [(1, 2), (2, 5), (3, 7), (4, 7), (6, 8), (7, 13), (8, 16)])
def test_every_flipped_bit_of_a_consistency_proof_is_refused(old: int, new: int) -> None:
    table = NodeTable(some_leaves(new))
    old_root, new_root = root_at(old, table.node_at), root_at(new, table.node_at)
    path = consistency_path(old, new, table.node_at)

    for wrong in flips(old_root):
        refuse_consistency("leads to", old, new, wrong, new_root, path)
    for wrong in flips(new_root):
        refuse_consistency("leads to new root", old, new, old_root, wrong, path)
    for position, node in enumerate(path):
        for wrong in flips(node):
            hostile = [*path[:position], wrong, *path[position + 1 :]]
            refuse_consistency("leads to", old, new, old_root, new_root, hostile)


def test_a_proof_for_another_index_or_size_is_refused() -> None:
    table = NodeTable(some_leaves(13))
    root = table.frontier.root()
    leaf = leaf_hash(b"leaf 5")
    path = inclusion_path(5, 13, table.node_at)

    refused = [
        (index, size)
        for index in range(20)
        for size in range(20)
        if not is_included(index, size, leaf, path, root)
    ]

    # Only these share the shape of the tree above leaf 5: the same left and right turns.
    accepted = {(i, n) for i in range(20) for n in range(20)} - set(refused)
    assert accepted == {(5, size) for size in range(9, 17)}


@pytest.mark.parametrize(
    ("reason", "index", "size"),
    [
        ("at or past the size 8", 8, 8),
        ("at or past the size 0", 0, 0),
        ("index is not a whole number", -1, 8),
        ("index is not a whole number", True, 8),
        ("size is not a whole number", 1, 2**63),
        ("the proof has 3 nodes where 63 are needed", 1, MAX_SIZE),
    ],
)
def test_hostile_positions_are_refused(reason: str, index: int, size: int) -> None:
    table = NodeTable(REFERENCE_LEAVES)
    path = inclusion_path(1, 8, table.node_at)

    refuse_inclusion(reason, index, size, leaf_hash(b"\x00"), path, table.frontier.root())


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("has 2 nodes where 3", lambda path: path[:-1]),
        ("has 2 nodes where 3", lambda path: path[1:]),
        ("has 0 nodes where 3", lambda path: []),
        ("has 4 nodes where 3", lambda path: [*path, path[-1]]),
        ("has 4 nodes where 3", lambda path: [path[0], *path]),
        ("has 4 nodes where 3", lambda path: [*path, empty_root()]),
        ("leads to root", lambda path: path[::-1]),
        ("proof node 0 is not a hash", lambda path: [path[0][:-1], path[1], path[2]]),
        ("proof node 2 is not a hash", lambda path: [path[0], path[1], path[2] + b"x"]),
        ("proof node 1 is not a hash", lambda path: [path[0], b"", path[2]]),
        ("proof node 1 is not a hash", lambda path: [path[0], path[1].hex().encode(), path[2]]),
        ("proof node 0 is not a hash", lambda path: [path[0] + path[1], path[2]]),
        ("proof node 0 is not a hash", lambda path: [bytearray(path[0]), *path[1:]]),
    ],
)
def test_hostile_paths_are_refused(
    reason: str, change: Callable[[list[bytes]], list[bytes]]
) -> None:
    table = NodeTable(REFERENCE_LEAVES)
    path = inclusion_path(1, 8, table.node_at)
    root = table.frontier.root()

    refuse_inclusion(reason, 1, 8, leaf_hash(b"\x00"), change(path), root)


@pytest.mark.req("GOV-03")
@pytest.mark.parametrize(
    ("reason", "old", "new", "nodes"),
    [
        ("says nothing", 0, 8, 0),
        ("says nothing", 0, 0, 0),
        ("larger than the new size", 8, 6, 3),
        ("equal sizes need an empty proof", 8, 8, 1),
        ("has 0 nodes where 3", 6, 8, 0),
        ("has 2 nodes where 3", 6, 8, 2),
        ("has 4 nodes where 3", 6, 8, 4),
        ("has 3 nodes where 1", 4, 8, 3),
        ("old size is not a whole number", -6, 8, 3),
        ("old size is not a whole number", True, 8, 3),
        ("new size is not a whole number", 6, 2**64, 3),
    ],
)
def test_hostile_sizes_of_a_growth_are_refused(reason: str, old: int, new: int, nodes: int) -> None:
    table = NodeTable(REFERENCE_LEAVES)
    path = (consistency_path(6, 8, table.node_at) * 2)[:nodes]
    old_root = root_at(max(old, 0), table.node_at)

    refuse_consistency(reason, old, new, old_root, table.frontier.root(), path)


@pytest.mark.req("GOV-03")
def test_a_rewritten_history_has_no_consistency_proof_from_an_old_head() -> None:
    honest = NodeTable(some_leaves(10))
    old_root = honest.frontier.root()
    rewritten = NodeTable([*some_leaves(4), b"rewritten", *some_leaves(20)[5:]])

    path = consistency_path(10, 20, rewritten.node_at)

    refuse_consistency("leads to old root", 10, 20, old_root, rewritten.frontier.root(), path)


@pytest.mark.req("GOV-03")
def test_two_roots_of_one_size_are_refused() -> None:
    table = NodeTable(REFERENCE_LEAVES)
    root = table.frontier.root()

    verify_consistency(old=8, new=8, old_root=root, new_root=root, path=[])

    refuse_consistency("two different roots", 8, 8, root, leaf_hash(b"other"), [])
    refuse_consistency("two different roots", 8, 8, root[:31], root, [])
    refuse_consistency("two different roots", 8, 8, None, None, [])  # type: ignore[arg-type]
    refuse_consistency("old root is not a hash", 7, 8, root[:31], root, [root] * 4)


def vector_files(kind: str) -> list[Path]:
    """Return the reference library's JSON cases: a checkout's `testdata`, or its parent."""
    folder = os.environ.get("RFC6962_VECTORS_DIR")
    if not folder:
        pytest.skip("RFC6962_VECTORS_DIR is not set to a checkout of transparency-dev/merkle")
    files = sorted(Path(folder).glob(f"**/testdata/{kind}/**/*.json"))
    files = files or sorted(Path(folder).glob(f"{kind}/**/*.json"))
    if not files:
        pytest.fail(f"RFC6962_VECTORS_DIR={folder} holds no {kind} cases")
    return files


def is_included(index: int, size: int, leaf: bytes, path: list[bytes], root: bytes) -> bool:
    try:
        verify_inclusion(index=index, size=size, leaf=leaf, path=path, root=root)
    except ProofError:
        return False
    return True


def is_consistent(old: int, new: int, old_root: bytes, new_root: bytes, path: list[bytes]) -> bool:
    try:
        verify_consistency(old=old, new=new, old_root=old_root, new_root=new_root, path=path)
    except ProofError:
        return False
    return True


def hashes(case: dict[str, object], name: str) -> list[bytes]:
    value = case[name]
    items = value if isinstance(value, list) else [value]
    return [base64.b64decode(str(item)) for item in items if item is not None]


def test_the_reference_librarys_inclusion_cases_are_judged_alike() -> None:
    files = vector_files("inclusion")

    wrong = []
    for file in files:
        case = json.loads(file.read_text())
        (leaf,), (root,) = hashes(case, "leafHash"), hashes(case, "root")
        path = hashes(case, "proof")
        if is_included(case["leafIdx"], case["treeSize"], leaf, path, root) == case["wantErr"]:
            wrong.append(file.name)

    assert wrong == []
    assert len(files) == 98


def test_the_reference_librarys_consistency_cases_are_judged_alike() -> None:
    files = vector_files("consistency")

    wrong = []
    for file in files:
        case = json.loads(file.read_text())
        (old_root,), (new_root,) = hashes(case, "root1"), hashes(case, "root2")
        path = hashes(case, "proof")
        if is_consistent(case["size1"], case["size2"], old_root, new_root, path) == case["wantErr"]:
            wrong.append(file.name)

    assert wrong == []
    assert len(files) == 98


def refuse_inclusion(
    reason: str, index: int, size: int, leaf: bytes, path: list[bytes], root: bytes
) -> None:
    with pytest.raises(ProofError, match=reason):
        verify_inclusion(index=index, size=size, leaf=leaf, path=path, root=root)


def refuse_consistency(
    reason: str, old: int, new: int, old_root: bytes, new_root: bytes, path: list[bytes]
) -> None:
    with pytest.raises(ProofError, match=reason):
        verify_consistency(old=old, new=new, old_root=old_root, new_root=new_root, path=path)
