"""The stand-alone verifier: honest exports hold, and every tampering is refused with its row."""

import ast
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from inventory_control.audit import merkle, verify
from inventory_control.audit.verify import VerificationError, ed25519_holds, verify_export

pytestmark = pytest.mark.req("GOV-01")

VECTORS = Path(__file__).parent / "vectors"
TENANT = "6f1c2d34-0000-4000-8000-00000000000a"
OTHER_TENANT = "6f1c2d34-0000-4000-8000-00000000000b"
KEY = Ed25519PrivateKey.from_private_bytes(b"the signing key of these tests!!")
OTHER_KEY = Ed25519PrivateKey.from_private_bytes(b"another key, made by an insider!")
ORDER = 2**252 + 27742317777372353535851937790883648493

Entry = dict[str, Any]


@dataclass
class Log:
    """What a database would hold: entries, their sealed hashes, the signed heads."""

    entries: list[Entry]
    head_sizes: list[int]
    tenant: str = TENANT
    key: Ed25519PrivateKey = KEY
    key_id: str = "2025-a"
    heads: list[dict[str, Any]] = field(default_factory=list)

    def leaves(self) -> list[bytes]:
        return [rfc8785.dumps(entry) for entry in self.entries]

    def head(self, size: int, *, hour: int = 0) -> dict[str, Any]:
        """Sign a head of this size, as the sealer does every hour."""
        signed = {
            "size": size,
            "root": merkle.root_of(self.leaves()[:size]).hex(),
            "signed_at": f"2025-03-{hour // 24 + 1:02}T{hour % 24:02}:30:00.000000Z",
            "key_id": self.key_id,
        }
        return signed | {"signature": sign(self.key, {**signed, "tenant": self.tenant})}


def sign(key: Ed25519PrivateKey, payload: dict[str, Any]) -> str:
    return key.sign(rfc8785.dumps(payload)).hex()


def public_hex(key: Ed25519PrivateKey) -> str:
    return key.public_key().public_bytes_raw().hex()


def some_entry(number: int, tenant: str = TENANT) -> Entry:
    return {
        "id": f"0195{number:04x}-0000-7000-8000-{number:012x}",
        "tenant": tenant,
        "recorded_at": f"2025-03-01T00:{number // 60 % 60:02}:{number % 60:02}.123456+00:00",
        "at": f"2025-02-28T00:{number // 60 % 60:02}:{number % 60:02}.000000Z",
        "actor": {"kind": "user", "id": str(number % 5), "name": "Ana Conceição"},
        "verb": "case.acknowledged",
        "subject": {"kind": "case", "id": 1000 + number},
        "correlation_id": None if number % 3 else f"request-{number}",
        "data": {"from": "open", "to": "acknowledged", "quantity": -number, "urgent": True},
    }


def some_log(count: int = 12, head_sizes: tuple[int, ...] = (4, 8, 12), **changes: Any) -> Log:
    tenant = changes.get("tenant", TENANT)
    return Log([some_entry(number, tenant) for number in range(count)], list(head_sizes), **changes)


def row(leaf: int, entry: Entry | bytes, sealed: bytes | None = None) -> bytes:
    """Write one line of entries.ndjson; `sealed` is the leaf hash the database holds."""
    data = entry if isinstance(entry, bytes) else rfc8785.dumps(entry)
    digest = merkle.leaf_hash(data) if sealed is None else sealed
    return b'{"leaf":%d,"hash":"%s","entry":%s}\n' % (leaf, digest.hex().encode(), data)


def write_export(folder: Path, log: Log, *, rows: list[bytes] | None = None) -> Path:
    """Write the export of a log; `rows` replaces the honest lines of entries.ndjson."""
    folder.mkdir(parents=True, exist_ok=True)
    heads = log.heads or [log.head(size, hour=hour) for hour, size in enumerate(log.head_sizes)]
    manifest = {
        "format": 1,
        "tenant": log.tenant,
        "entries": len(log.entries),
        "head": heads[-1],
        "public_keys": {log.key_id: public_hex(log.key)},
    }
    rows = [row(leaf, entry) for leaf, entry in enumerate(log.entries)] if rows is None else rows
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "heads.ndjson").write_text("".join(json.dumps(head) + "\n" for head in heads))
    (folder / "entries.ndjson").write_bytes(b"".join(rows))
    return folder


def write_json(path: Path, *values: Any) -> Path:
    path.write_text("".join(json.dumps(value) + "\n" for value in values))
    return path


def pack(folder: Path) -> Path:
    archive = folder.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for file in sorted(folder.iterdir()):
            target.write(file, file.name)
    return archive


def lines_of(export: Path) -> list[bytes]:
    return (export / "entries.ndjson").read_bytes().splitlines(keepends=True)


def refusal(export: Path, **options: Any) -> VerificationError:
    with pytest.raises(VerificationError) as caught:
        verify_export(export, **options)
    return caught.value


def refused_at(export: Path, **options: Any) -> tuple[int | None, int | None]:
    error = refusal(export, **options)
    return error.leaf, error.leaf_to


# ---- what holds


@pytest.mark.parametrize("packed", [False, True])
def test_an_honest_export_holds(tmp_path: Path, packed: bool) -> None:
    log = some_log()
    export = write_export(tmp_path / "export", log)
    (export / "README.txt").write_text("not part of the proof")

    result = verify_export(pack(export) if packed else export)

    assert result == {
        "ok": True,
        "entries": 12,
        "heads": 3,
        "outside_heads": 0,
        "keys": "manifest",
        "tenant": TENANT,
        "root": merkle.root_of(log.leaves()).hex(),
        "signed_at": "2025-03-01T02:30:00.000000Z",
        "not_covered": ["README.txt"],
    }


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 7, 8, 31, 32, 33, 100])
def test_its_hashing_is_that_of_the_tree_module(tmp_path: Path, size: int) -> None:
    sizes = tuple(range(size + 1))

    result = verify_export(write_export(tmp_path, some_log(size, sizes)))

    assert (result["entries"], result["heads"]) == (size, size + 1)
    assert result["root"] == merkle.root_of(some_log(size).leaves()).hex()


def test_the_written_vector_holds_and_pins_the_format(tmp_path: Path) -> None:
    vector = VECTORS / "export_format_1"

    result = verify_export(vector, keys={"2025-a": public_hex(KEY)})
    built = write_export(tmp_path, some_log(3, (0, 2, 3)))

    assert result["root"] == "91351650a013fc77cc2337807c9d1d7f2b32b281e47edebd96bf7c319f8a4556"
    for name in ("manifest.json", "heads.ndjson", "entries.ndjson"):
        assert (built / name).read_bytes() == (vector / name).read_bytes()


def test_it_runs_alone_as_a_script(tmp_path: Path) -> None:
    script = tmp_path / "away" / "verify.py"
    script.parent.mkdir()
    shutil.copy(verify.__file__, script)
    log = some_log()
    sound = write_export(tmp_path / "sound", log)
    head = write_json(tmp_path / "head.json", log.head(8))
    changed = write_export(tmp_path / "changed", log)
    rows = lines_of(changed)
    rows[5] = rows[5].replace(b"acknowledged", b"acknowledge!", 1)
    (changed / "entries.ndjson").write_bytes(b"".join(rows))

    key = f"2025-a={public_hex(KEY)}"
    passed = run_alone(script, str(sound), "--head", str(head), "--key", key)
    failed = run_alone(script, str(changed))
    misused = run_alone(script, str(sound), "--key", "no-equals-sign")

    assert passed.returncode == 0
    last = json.loads(passed.stdout.splitlines()[-1])
    assert (last["ok"], last["entries"], last["heads"]) == (True, 12, 3)
    assert (last["outside_heads"], last["keys"]) == (1, "given")
    assert failed.returncode == 1
    assert failed.stdout.splitlines()[0].startswith("NOT VERIFIED: entries.ndjson, row 5:")
    assert json.loads(failed.stdout.splitlines()[-1]) == {
        "ok": False,
        "file": "entries.ndjson",
        "line": 6,
        "leaf": 5,
        "leaf_to": 5,
        "reason": "the entry is not the one that was sealed: its hash differs",
    }
    assert misused.returncode == 2
    assert passed.stderr == failed.stderr == ""


def run_alone(script: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the copy without site-packages, environment or this checkout on the path."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(script), *arguments],
        cwd=script.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_it_imports_the_standard_library_only() -> None:
    tree = ast.parse(Path(verify.__file__).read_text())

    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or "."]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }

    assert imported - sys.stdlib_module_names == set()


# ---- canonical JSON

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=6),
    max_leaves=20,
)


@settings(max_examples=200)
@given(value=JSON_VALUES)
def test_canonical_json_is_rfc_8785(value: Any) -> None:
    assert verify.canonical_json(value) == rfc8785.dumps(value)


def test_keys_are_sorted_by_utf16_code_units_not_by_code_points(tmp_path: Path) -> None:
    entry = some_entry(0) | {
        "data": {"\ufb33": 1, "\U0001f600": 2, "\u20ac": 3, "\r": 4, "\x7f": 5}
    }
    by_code_point = json.dumps(
        entry, ensure_ascii=False, sort_keys=True, separators=(",", ":")
    ).encode()
    log = Log([entry], [1])

    held = verify_export(write_export(tmp_path, log))["ok"]
    write_export(tmp_path, log, rows=[row(0, by_code_point)])

    assert held is True
    assert refusal(tmp_path).reason == "the entry is not canonical JSON"


@pytest.mark.parametrize(
    ("reason", "old", "new"),
    [
        ("not canonical", b'"urgent":true', b'"urgent": true'),
        ("not canonical", b'"from":"open"', b'"from":"\\u006fpen"'),
        ("not canonical", b'"from":"open"', b'"from":"a\\/b"'),
        ("not canonical", b'"from":"open"', b'"from":"\\ud800"'),
        ("not canonical", b'"from":"open"', b'"from":"\\u001F"'),
        ("not canonical", b'"quantity":0', b'"quantity":-0'),
        ("not canonical", b'"to":', b'"from":"shut","to":'),
        ("not canonical", b'"quantity":0,"to":"acknowledged"', b'"to":"acknowledged","quantity":0'),
        ("not canonical", b'"verb":"case.acknowledged"}', b'"verb":"case.acknowledged"}{}'),
        ("not canonical", b'"verb":"case.acknowledged"}', b'"verb":"case.acknowledged"} '),
        ("not a whole number", b'"quantity":0', b'"quantity":0.0'),
        ("not a whole number", b'"quantity":0', b'"quantity":1e3'),
        ("not a whole number", b'"quantity":0', b'"quantity":NaN'),
        ("outside", b'"quantity":0', b'"quantity":9007199254740992'),
        ("outside", b'"quantity":0', b'"quantity":' + b"9" * 5000),
        ("JSON asked for", b'"quantity":0', b'"quantity":00'),
        ("JSON asked for", b'"from":"open"', b'"from":"\xff\xfe"'),
        ("JSON asked for", b'"from":"open"', b'"from":"\xed\xa0\x80"'),
        ("JSON asked for", b'"from":"open"', b'"from":"\t"'),
        ("nested too deep", b'"quantity":0', b'"quantity":' + b"[" * 90_000 + b"]" * 90_000),
    ],
)
def test_an_entry_that_is_not_canonical_is_refused_though_sealed_so(
    tmp_path: Path, reason: str, old: bytes, new: bytes
) -> None:
    log = some_log(3, (3,))
    rows = [row(leaf, entry) for leaf, entry in enumerate(log.entries)]
    data = log.leaves()[0]
    assert old in data

    write_export(tmp_path, log, rows=[row(0, data.replace(old, new)), *rows[1:]])
    error = refusal(tmp_path)

    assert reason in error.reason
    assert (error.file, error.leaf) == ("entries.ndjson", 0)


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("exactly actor, at,", lambda entry: entry.pop("verb")),
        ("exactly actor, at,", lambda entry: entry.update(extra=1)),
        ("belongs to tenant", lambda entry: entry.update(tenant=OTHER_TENANT)),
        ("belongs to tenant", lambda entry: entry.update(tenant=None)),
        ("id is neither", lambda entry: entry.update(id="")),
        ("id is neither", lambda entry: entry.update(id=True)),
        ("id is neither", lambda entry: entry.update(id=["a"])),
        ("recorded_at or at", lambda entry: entry.update(recorded_at="2025-03-01T00:00:00Z")),
        ("recorded_at or at", lambda entry: entry.update(at="2025-02-30T00:00:00.000000Z")),
        ("recorded_at or at", lambda entry: entry.update(at="2025-03-01T00:00:00.000000+02:00")),
        ("recorded_at or at", lambda entry: entry.update(at="2025-03-01T00:00:00.00000\u0661Z")),
        ("recorded_at or at", lambda entry: entry.update(at=1740787200)),
        ("verb is not", lambda entry: entry.update(verb="")),
        ("verb is not", lambda entry: entry.update(verb=["case.opened"])),
        ("actor must be", lambda entry: entry.update(actor="Ana")),
        ("actor must be", lambda entry: entry["actor"].pop("name")),
        ("actor.kind is", lambda entry: entry["actor"].update(kind="")),
        ("actor.id neither", lambda entry: entry["actor"].update(id=[])),
        ("actor.name", lambda entry: entry["actor"].update(name=7)),
        ("subject must be", lambda entry: entry.update(subject=None)),
        ("subject.kind is", lambda entry: entry["subject"].update(kind=None)),
        ("subject.id neither", lambda entry: entry["subject"].update(id=False)),
        ("correlation_id", lambda entry: entry.update(correlation_id=5)),
        ("data is not", lambda entry: entry.update(data=[])),
    ],
)
def test_an_entry_of_another_form_is_refused_though_sealed_so(
    tmp_path: Path, reason: str, change: Callable[[Entry], object]
) -> None:
    log = some_log()
    change(log.entries[6])

    error = refusal(write_export(tmp_path, log))

    assert reason in error.reason
    assert (error.file, error.line, error.leaf, error.leaf_to) == ("entries.ndjson", 7, 6, 6)


def test_numbers_nulls_and_sealed_names_are_fine_where_the_format_says_so(tmp_path: Path) -> None:
    log = some_log(3, (3,))
    log.entries[0].update(id=17, subject={"kind": "count", "id": None})
    log.entries[1]["actor"].update(id=None, name=None, kind="system")
    log.entries[2]["actor"].update(name={"sealed": "AAEC", "person": "17"})

    assert verify_export(write_export(tmp_path, log))["entries"] == 3


# ---- tampering with rows


@pytest.mark.parametrize("leaf", [0, 5, 11])
def test_every_flipped_byte_of_a_row_names_the_row(tmp_path: Path, leaf: int) -> None:
    export = write_export(tmp_path, some_log())
    rows = lines_of(export)
    honest = rows[leaf]

    wrong = []
    for position in range(len(honest)):
        flipped = bytes([honest[position] ^ 1 << position % 8])
        rows[leaf] = honest[:position] + flipped + honest[position + 1 :]
        (export / "entries.ndjson").write_bytes(b"".join(rows))
        if refused_at(export) != (leaf, leaf):
            wrong.append(position)

    assert wrong == []


FIELD_CHANGES: list[Callable[[Entry], object]] = [
    lambda entry: entry.update(id="01950000-0000-7000-8000-ffffffffffff"),
    lambda entry: entry.update(recorded_at="2025-03-01T00:00:59.123456+00:00"),
    lambda entry: entry.update(at="2024-02-28T00:00:00.000000Z"),
    lambda entry: entry["actor"].update(kind="system"),
    lambda entry: entry["actor"].update(id="other"),
    lambda entry: entry["actor"].update(name="Bob"),
    lambda entry: entry.update(verb="case.dismissed"),
    lambda entry: entry["subject"].update(kind="count"),
    lambda entry: entry["subject"].update(id=1),
    lambda entry: entry.update(correlation_id="forged"),
    lambda entry: entry["data"].update(quantity=10**6),
    lambda entry: entry["data"].update(urgent=False),
    lambda entry: entry["data"].update(note="added"),
    lambda entry: entry["data"].pop("from"),
]


@pytest.mark.parametrize("change", FIELD_CHANGES)
def test_a_changed_field_names_the_row_by_its_sealed_hash(
    tmp_path: Path, change: Callable[[Entry], object]
) -> None:
    log = some_log()
    sealed = [merkle.leaf_hash(data) for data in log.leaves()]
    heads = [log.head(size) for size in log.head_sizes]
    change(log.entries[6])

    log.heads = heads
    rows = [row(leaf, entry, sealed[leaf]) for leaf, entry in enumerate(log.entries)]
    error = refusal(write_export(tmp_path, log, rows=rows))

    assert error.reason == "the entry is not the one that was sealed: its hash differs"
    assert (error.leaf, error.leaf_to) == (6, 6)


@pytest.mark.parametrize("change", FIELD_CHANGES)
def test_a_changed_field_with_a_new_hash_is_found_by_the_next_signed_head(
    tmp_path: Path, change: Callable[[Entry], object]
) -> None:
    log = some_log()
    log.heads = [log.head(size) for size in log.head_sizes]
    change(log.entries[6])

    error = refusal(write_export(tmp_path, log))

    assert error.reason == (
        "rows 4 to 7 are not all as they were sealed: "
        "the root differs from the head of size 8 (heads.ndjson, line 2)"
    )
    assert (error.leaf, error.leaf_to) == (4, 7)


REORDERINGS: list[tuple[str, Callable[[list[Any]], list[Any]]]] = [
    ("delete", lambda rows: rows[:6] + rows[7:]),
    ("insert", lambda rows: [*rows[:6], rows[0], *rows[6:]]),
    ("swap", lambda rows: [*rows[:6], rows[7], rows[6], *rows[8:]]),
    ("duplicate", lambda rows: [*rows[:6], rows[5], *rows[6:]]),
    ("replace by another", lambda rows: [*rows[:6], rows[2], *rows[7:]]),
    ("move to the end", lambda rows: [*rows[:6], *rows[7:], rows[6]]),
]


@pytest.mark.parametrize(("case", "reorder"), REORDERINGS)
def test_moved_rows_are_named_by_their_leaf_number(
    tmp_path: Path, case: str, reorder: Callable[[list[Any]], list[Any]]
) -> None:
    log = some_log()
    rows = [row(leaf, entry) for leaf, entry in enumerate(log.entries)]

    error = refusal(write_export(tmp_path, log, rows=reorder(rows)))

    assert error.reason.startswith("row 6 is missing or out of place: leaf ")
    assert (error.leaf, error.leaf_to) == (6, 6)


@pytest.mark.parametrize(
    ("case", "reorder", "first", "last"),
    [
        (
            case,
            reorder,
            *((6, 6) if case in {"insert", "duplicate", "replace by another"} else (4, 7)),
        )
        for case, reorder in REORDERINGS
    ],
)
def test_moved_rows_with_new_numbers_and_hashes_are_found_by_id_or_signed_head(
    tmp_path: Path, case: str, reorder: Callable[[list[Any]], list[Any]], first: int, last: int
) -> None:
    log = some_log()
    log.heads = [log.head(size) for size in log.head_sizes]
    moved = reorder(log.entries)

    rows = [row(leaf, entry) for leaf, entry in enumerate(moved)]
    export = write_export(tmp_path, log, rows=rows)

    assert refused_at(export) == (first, last)


@pytest.mark.parametrize("keep", range(12))
def test_a_cut_tail_names_the_first_missing_row(tmp_path: Path, keep: int) -> None:
    log = some_log()
    export = write_export(tmp_path, log)
    (export / "entries.ndjson").write_bytes(b"".join(lines_of(export)[:keep]))

    error = refusal(export)

    assert error.reason == f"the row is missing: the file ends after {keep} rows"
    assert (error.leaf, error.leaf_to) == (keep, keep)


@pytest.mark.req("GOV-03")
def test_a_cut_tail_and_a_smaller_count_contradict_the_signed_head(tmp_path: Path) -> None:
    log = some_log()
    log.heads = [log.head(size) for size in log.head_sizes]
    del log.entries[10:]

    error = refusal(write_export(tmp_path, log))

    assert error.reason == "the manifest counts 10 rows, but its signed head covers 12"
    assert (error.file, error.leaf) == ("manifest.json", 10)


@pytest.mark.req("GOV-03")
def test_a_log_cut_back_to_an_older_head_is_found_by_a_head_from_outside(tmp_path: Path) -> None:
    log = some_log()
    head = write_json(tmp_path / "head.json", log.head(12))
    del log.entries[8:], log.head_sizes[2:]
    export = write_export(tmp_path / "export", log)

    error = refusal(export, heads=[head])

    assert verify_export(export)["entries"] == 8
    assert error.reason == (
        f"the log is cut: it ends after 8 rows, yet there is the head of size 12 ({head}, line 1)"
    )
    assert (error.leaf, error.leaf_to) == (8, 11)


@pytest.mark.req("GOV-03")
@pytest.mark.parametrize("key", [KEY, OTHER_KEY])
def test_a_rewritten_and_newly_signed_log_is_found_by_any_older_head(
    tmp_path: Path, key: Ed25519PrivateKey
) -> None:
    old = [write_json(tmp_path / f"{size}.json", some_log().head(size)) for size in (3, 5, 9, 12)]
    rewritten = some_log(key=key)
    rewritten.entries[6]["actor"]["name"] = "Bob"
    export = write_export(tmp_path / "export", rewritten)

    error = refusal(export, heads=[old[2]])

    assert verify_export(export)["ok"] is True
    assert (error.leaf, error.leaf_to) == (0, 8)
    assert "the root differs from the head of size 9" in error.reason
    assert refused_at(export, heads=[old[3]]) == (0, 11)
    assert refused_at(export, heads=old) == (5, 8)


@pytest.mark.req("GOV-03")
def test_a_new_key_alone_is_found_by_the_key_from_outside(tmp_path: Path) -> None:
    export = write_export(tmp_path / "export", some_log(key=OTHER_KEY))

    replaced = refusal(export, keys={"2025-a": public_hex(KEY)})
    unknown = refusal(export, keys={"2024-z": public_hex(KEY)})
    head = write_json(tmp_path / "head.json", some_log().head(8))
    not_signed = refusal(export, heads=[head])

    assert replaced.reason == ("the manifest holds another public key '2025-a' than the one given")
    assert "no trusted public key '2025-a' is known" in unknown.reason
    assert not_signed.reason == (
        f"the head of size 8 ({head}, line 1): "
        "its signature does not hold under public key '2025-a'"
    )


def test_a_key_that_was_changed_over_time_needs_both_keys_from_outside(tmp_path: Path) -> None:
    first, second = some_log(), some_log(key=OTHER_KEY, key_id="2025-b")
    second.heads = [first.head(4), first.head(8), second.head(12)]
    export = write_export(tmp_path, second)
    manifest = json.loads((export / "manifest.json").read_text())
    keys = {"2025-a": public_hex(KEY), "2025-b": public_hex(OTHER_KEY)}
    write_json(export / "manifest.json", manifest | {"public_keys": keys})

    assert verify_export(export)["keys"] == "manifest"
    assert verify_export(export, keys=keys)["keys"] == "given"
    assert refusal(export, keys={"2025-b": keys["2025-b"]}).file == "heads.ndjson"


def test_rows_of_another_tenant_are_named(tmp_path: Path) -> None:
    log, other = some_log(), some_log(tenant=OTHER_TENANT)
    rows = [row(leaf, entry) for leaf, entry in enumerate(log.entries)]

    exchanged = [*rows[:6], row(6, other.entries[6]), *rows[7:]]
    error = refusal(write_export(tmp_path / "row", log, rows=exchanged))
    all_rows = [row(leaf, entry) for leaf, entry in enumerate(other.entries)]
    whole = refusal(write_export(tmp_path / "whole", log, rows=all_rows))
    log.heads = [other.head(12)]
    heads = refusal(write_export(tmp_path / "heads", log))

    assert error.reason == f"the entry belongs to tenant '{OTHER_TENANT}'"
    assert error.leaf == 6
    assert whole.leaf == 0
    assert heads.file == "heads.ndjson"
    assert "signature does not hold" in heads.reason


def test_an_id_used_twice_is_named_even_when_sealed_so(tmp_path: Path) -> None:
    log = some_log()
    log.entries[9]["id"] = log.entries[2]["id"]

    error = refusal(write_export(tmp_path, log))

    assert error.reason == f"the id '{log.entries[2]['id']}' was used by an earlier row"
    assert error.leaf == 9


@pytest.mark.parametrize("garbage", [b"\n", b"{}\n", b"\x00", b" ", row(12, some_entry(12))])
def test_anything_after_the_last_row_is_refused(tmp_path: Path, garbage: bytes) -> None:
    export = write_export(tmp_path, some_log())
    with (export / "entries.ndjson").open("ab") as file:
        file.write(garbage)

    error = refusal(export)

    assert error.reason == "there is more after the 12 rows the manifest counts"
    assert error.leaf == 12


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"{}\n",
        b"null\n",
        row(6, some_entry(6))[:-1] + b"\r\n",
        row(6, some_entry(6))[:-1] + b" \n",
        b" " + row(6, some_entry(6)),
        row(6, some_entry(6)).replace(b'"leaf":6', b'"leaf":06'),
        row(6, some_entry(6)).replace(b'"leaf":6', b'"leaf":6.0'),
        row(6, some_entry(6)).replace(b'"leaf":6', b'"leaf":-6'),
        row(6, some_entry(6)).replace(b'"leaf":6', b'"leaf":"6"'),
        row(6, some_entry(6)).replace(b',"entry"', b',"more":1,"entry"'),
        row(6, some_entry(6))[:-2] + b',"entry":{}}\n',
        row(6, some_entry(6)).replace(b'"hash":"', b'"hash":"0'),
        row(6, some_entry(6), bytes.fromhex("ab" * 32)).replace(b"ab" * 32, b"AB" * 32),
        b'{"leaf":' + b"9" * 5000 + b"}\n",
    ],
)
def test_a_line_of_another_form_is_refused(tmp_path: Path, line: bytes) -> None:
    export = write_export(tmp_path, some_log())
    rows = lines_of(export)
    rows[6] = line
    (export / "entries.ndjson").write_bytes(b"".join(rows))

    assert refused_at(export) == (6, 6)


def test_a_line_past_the_limit_is_refused_without_being_read_whole(tmp_path: Path) -> None:
    log = some_log(3, (3,))
    log.entries[1]["data"]["note"] = "x" * verify.MAX_LINE

    error = refusal(write_export(tmp_path, log))

    assert (error.leaf, error.reason) == (
        1,
        "the line does not end in a brace and a line feed, or it is too long",
    )


# ---- empty, missing, damaged


@pytest.mark.req("GOV-03")
def test_an_empty_log_needs_a_signed_head_of_size_0(tmp_path: Path) -> None:
    export = write_export(tmp_path / "export", some_log(0, (0,)))
    head = write_json(tmp_path / "head.json", some_log().head(4))

    emptied = refusal(export, heads=[head])
    assert verify_export(export)["entries"] == 0
    assert (emptied.leaf, emptied.leaf_to) == (0, 3)

    (export / "heads.ndjson").write_text("")
    assert refusal(export).reason == "the manifest's head is not the last of heads.ndjson"


def test_a_false_root_for_the_empty_log_is_refused(tmp_path: Path) -> None:
    log = some_log(0, (0,))
    head = log.head(0) | {"root": "00" * 32}
    payload = {key: head[key] for key in ("key_id", "root", "signed_at", "size")}
    log.heads = [head | {"signature": sign(KEY, payload | {"tenant": TENANT})}]

    error = refusal(write_export(tmp_path, log))

    assert error.reason == "the root differs from the head of size 0 (heads.ndjson, line 1)"
    assert (error.file, error.line, error.leaf) == ("heads.ndjson", 1, None)


@pytest.mark.parametrize("name", ["manifest.json", "heads.ndjson", "entries.ndjson"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_missing_file_is_named(tmp_path: Path, name: str, packed: bool) -> None:
    export = write_export(tmp_path / "export", some_log())
    (export / name).unlink()

    error = refusal(pack(export) if packed else export)

    assert error.reason == "the export holds 0 files of this name at its top, not 1"
    assert error.file == name


@pytest.mark.parametrize("name", ["manifest.json", "heads.ndjson", "entries.ndjson"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_with_two_files_of_one_name_is_refused(tmp_path: Path, name: str) -> None:
    export = write_export(tmp_path / "export", some_log())
    archive = pack(export)
    with zipfile.ZipFile(archive, "a") as target:
        target.write(export / name, name)

    error = refusal(archive)

    assert error.reason == "the export holds 2 files of this name at its top, not 1"
    assert error.file == name


def test_what_is_no_export_at_all_is_refused(tmp_path: Path) -> None:
    garbage = tmp_path / "garbage.zip"
    garbage.write_bytes(b"PK\x03\x04 and nothing more")
    (tmp_path / "empty").mkdir()

    assert "neither a folder nor a zip" in refusal(garbage).reason
    assert "neither a folder nor a zip" in refusal(tmp_path / "absent").reason
    assert refusal(tmp_path / "empty").file == "manifest.json"


def test_every_flipped_byte_of_an_archive_is_refused_or_changes_nothing(tmp_path: Path) -> None:
    log = some_log(3, (3,))
    export = write_export(tmp_path / "export", log)
    archive = pack(export)
    honest = archive.read_bytes()
    expected = verify_export(archive)

    different = []
    for position in range(len(honest)):
        flipped = bytes([honest[position] ^ 1 << position % 8])
        archive.write_bytes(honest[:position] + flipped + honest[position + 1 :])
        try:
            if verify_export(archive) != expected:
                different.append(position)
        except VerificationError:
            continue

    assert different == []


def test_a_damaged_archive_names_the_row_from_which_it_cannot_be_read(tmp_path: Path) -> None:
    export = write_export(tmp_path / "export", some_log())
    archive = tmp_path / "stored.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for name in ("manifest.json", "heads.ndjson", "entries.ndjson"):
            target.write(export / name, name)
    archive.write_bytes(archive.read_bytes().replace(b"case.acknowledged", b"case.forgotten!!!", 1))

    error = refusal(archive)

    assert error.reason == "Bad CRC-32 for file 'entries.ndjson'"
    assert (error.file, error.leaf) == ("entries.ndjson", 0)


# ---- hostile manifests and heads


@pytest.mark.parametrize("name", ["manifest.json", "heads.ndjson"])
def test_every_flipped_byte_of_manifest_and_heads_is_refused(tmp_path: Path, name: str) -> None:
    export = write_export(tmp_path, some_log(3, (2, 3)))
    honest = (export / name).read_bytes()

    accepted = []
    for position in range(len(honest)):
        flipped = bytes([honest[position] ^ 1 << position % 8])
        (export / name).write_bytes(honest[:position] + flipped + honest[position + 1 :])
        try:
            verify_export(export)
        except VerificationError:
            continue
        accepted.append(position)

    assert accepted == []


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("exactly format, tenant", lambda it: it.pop("format")),
        ("exactly format, tenant", lambda it: it.update(note="x")),
        ("its format is not 1", lambda it: it.update(format=2)),
        ("its format is not 1", lambda it: it.update(format=True)),
        ("its tenant is not", lambda it: it.update(tenant=TENANT.upper())),
        ("its tenant is not", lambda it: it.update(tenant=None)),
        ("its entries are not", lambda it: it.update(entries=-1)),
        ("its entries are not", lambda it: it.update(entries="12")),
        ("its entries are not", lambda it: it.update(entries=True)),
        ("head is not the last", lambda it: it.update(head=None)),
        ("head is not the last", lambda it: it["head"].update(signed_at="2025")),
        ("counts 13 rows, but its signed head covers 12", lambda it: it.update(entries=13)),
        ("counts 9007199254740991 rows", lambda it: it.update(entries=2**53 - 1)),
        ("outside", lambda it: it.update(entries=2**53)),
        ("not a whole number", lambda it: it.update(entries=12.0)),
        ("public_keys are not", lambda it: it.update(public_keys=[])),
        ("no trusted public key", lambda it: it.update(public_keys={})),
        ("64 lower-case hex", lambda it: it["public_keys"].update(x=7)),
        ("64 lower-case hex", lambda it: it["public_keys"].update(x="AB" * 32)),
        ("64 lower-case hex", lambda it: it["public_keys"].update(x="\u0661" * 64)),
        ("not a usable", lambda it: it["public_keys"].update(x="01" + "00" * 31)),
        ("not a usable", lambda it: it["public_keys"].update(x="02" + "00" * 31)),
    ],
)
def test_a_hostile_manifest_is_refused(
    tmp_path: Path, reason: str, change: Callable[[dict[str, Any]], object]
) -> None:
    export = write_export(tmp_path, some_log())
    manifest = json.loads((export / "manifest.json").read_text())
    change(manifest)
    write_json(export / "manifest.json", manifest)

    assert reason in refusal(export).reason


@pytest.mark.parametrize("name", ["manifest.json", "heads.ndjson"])
def test_a_key_given_twice_is_refused_though_the_last_is_right(tmp_path: Path, name: str) -> None:
    export = write_export(tmp_path, some_log())
    honest = (export / name).read_bytes()
    first = {"manifest.json": b'{"format": 2, ', "heads.ndjson": b'{"size": 9, '}[name]
    (export / name).write_bytes(first + honest[1:])

    error = refusal(export)

    assert error.reason.endswith("is wrong: an object has the same key twice")
    assert error.file == name


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff",
        b"[" * 200_000,
        b'{"format":1,"format":1}',
        b"NaN",
    ],
)
@pytest.mark.parametrize("name", ["manifest.json", "heads.ndjson", "head.json"])
def test_what_is_no_manifest_or_head_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    export = write_export(tmp_path / "export", some_log())
    outside = name == "head.json"
    file = tmp_path / name if outside else export / name
    file.write_bytes(content)

    error = refusal(export, heads=[file] if outside else [])

    assert error.leaf is None
    if content or name != "heads.ndjson":
        assert error.file == (str(file) if outside else name)


@pytest.mark.req("GOV-03")
@pytest.mark.parametrize(
    ("reason", "change"),
    [
        ("exactly size, root", {"more": 1}),
        ("exactly size, root", {"tenant": TENANT}),
        ("size is malformed", {"size": -1}),
        ("size is malformed", {"size": True}),
        ("size is malformed", {"size": "8"}),
        ("root is malformed", {"root": "00" * 31}),
        ("root is malformed", {"root": "AB" * 32}),
        ("root is malformed", {"root": None}),
        ("signed_at is malformed", {"signed_at": "yesterday"}),
        ("key_id is malformed", {"key_id": ["2025-a"]}),
        ("no trusted public key", {"key_id": "2025-b"}),
        ("signature is malformed", {"signature": None}),
        ("signature is not 128", {"signature": "00" * 63}),
        ("signature is not 128", {"signature": "AB" * 64}),
        ("signature does not hold", {"signature": "00" * 64}),
        ("signature does not hold", {"size": 7}),
        ("signature does not hold", {"size": 2**53 - 1}),
        ("signature does not hold", {"root": "00" * 32}),
        ("signature does not hold", {"signed_at": "2025-03-01T23:30:00.000000+00:00"}),
    ],
)
def test_a_hostile_head_is_refused(tmp_path: Path, reason: str, change: dict[str, Any]) -> None:
    log = some_log()
    log.heads = [log.head(4), log.head(8) | change, log.head(12)]

    error = refusal(write_export(tmp_path, log))

    assert reason in error.reason
    assert (error.file, error.line, error.leaf) == ("heads.ndjson", 2, None)


def test_heads_that_shrink_are_refused_and_heads_that_stand_still_are_not(tmp_path: Path) -> None:
    log = some_log()
    log.heads = [log.head(8), log.head(8, hour=1), log.head(12)]
    still = write_export(tmp_path / "still", log)
    log.heads = [log.head(8), log.head(4), log.head(12)]
    shrunk = write_export(tmp_path / "shrunk", log)

    assert verify_export(still)["heads"] == 3
    assert refusal(shrunk).reason == (
        "the head of size 4 (heads.ndjson, line 2) is smaller than the one before"
    )


@pytest.mark.req("GOV-03")
def test_two_signed_heads_of_one_size_that_differ_name_the_false_one(tmp_path: Path) -> None:
    log, other = some_log(), some_log()
    other.entries[0]["verb"] = "case.opened"
    log.heads = [other.head(12), log.head(12)]

    error = refusal(write_export(tmp_path, log))

    assert (error.file, error.line, error.leaf) == ("heads.ndjson", 1, None)


def test_a_head_file_may_be_indented_hold_several_heads_and_name_the_tenant(tmp_path: Path) -> None:
    log = some_log()
    export = write_export(tmp_path / "export", log)
    indented = tmp_path / "indented.json"
    indented.write_text(json.dumps(log.head(7) | {"tenant": TENANT}, indent=2))
    several = write_json(tmp_path / "several.ndjson", log.head(5), log.head(0), log.head(12))
    foreign = write_json(tmp_path / "foreign.json", log.head(7) | {"tenant": OTHER_TENANT})

    assert verify_export(export, heads=[indented, several])["outside_heads"] == 4
    assert refusal(export, heads=[foreign]).reason == "the head is another tenant's"
    assert refusal(export, heads=[tmp_path / "absent"]).reason.startswith("cannot be read")


# The last is a point of full order (y = 3), but written as y + 2**255 - 19.
@pytest.mark.parametrize(
    "text", ["", "zz" * 32, "00" * 31, "02" + "00" * 31, "f0" + "ff" * 30 + "7f"]
)
def test_a_key_from_outside_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    export = write_export(tmp_path, some_log())

    error = refusal(export, keys={"2025-a": text})

    assert error.file == "--key"


def test_hostile_text_does_not_reach_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = some_log()
    log.entries[3]["tenant"] = "\x1b]0;owned\x07\u202e"
    export = write_export(tmp_path, log)

    status = verify.main([str(export)])

    shown = capsys.readouterr().out
    assert status == 1
    assert shown.isascii()
    assert {ord(letter) for letter in shown if ord(letter) < 32} == {10}
    assert json.loads(shown.splitlines()[-1])["leaf"] == 3


# ---- Ed25519

RFC_8032_VECTORS = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701c"
        "f9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0"
        "f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f76098"
        "4dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    (
        "f5e5767cf153319517630f226876b86c8160cc583bc013744c6bf255f5cc0ee5",
        "278117fc144c72340f67d0f2316e8386ceffbf2b2428c9c51fef7c597f1d426e",
        "08b8b2b733424243760fe426a4b54908632110a66c2f6591eabd3345e3e4eb98fa6e264bf09efe12ee50f8f5"
        "4e9f77b1e355f6c50544e23fb1433ddf73be84d879de7c0046dc4996d9e773f4bc9efe5738829adb26c81b37"
        "c93a1b270b20329d658675fc6ea534e0810a4432826bf58c941efb65d57a338bbd2e26640f89ffbc1a858efc"
        "b8550ee3a5e1998bd177e93a7363c344fe6b199ee5d02e82d522c4feba15452f80288a821a579116ec6dad2b"
        "3b310da903401aa62100ab5d1a36553e06203b33890cc9b832f79ef80560ccb9a39ce767967ed628c6ad573c"
        "b116dbefefd75499da96bd68a8a97b928a8bbc103b6621fcde2beca1231d206be6cd9ec7aff6f6c94fcd7204"
        "ed3455c68c83f4a41da4af2b74ef5c53f1d8ac70bdcb7ed185ce81bd84359d44254d95629e9855a94a7c1958"
        "d1f8ada5d0532ed8a5aa3fb2d17ba70eb6248e594e1a2297acbbb39d502f1a8c6eb6f1ce22b3de1a1f40cc24"
        "554119a831a9aad6079cad88425de6bde1a9187ebb6092cf67bf2b13fd65f27088d78b7e883c8759d2c4f5c6"
        "5adb7553878ad575f9fad878e80a0c9ba63bcbcc2732e69485bbc9c90bfbd62481d9089beccf80cfe2df16a2"
        "cf65bd92dd597b0707e0917af48bbb75fed413d238f5555a7a569d80c3414a8d0859dc65a46128bab27af87a"
        "71314f318c782b23ebfe808b82b0ce26401d2e22f04d83d1255dc51addd3b75a2b1ae0784504df543af8969b"
        "e3ea7082ff7fc9888c144da2af58429ec96031dbcad3dad9af0dcbaaaf268cb8fcffead94f3c7ca495e056a9"
        "b47acdb751fb73e666c6c655ade8297297d07ad1ba5e43f1bca32301651339e22904cc8c42f58c30c04aafdb"
        "038dda0847dd988dcda6f3bfd15c4b4c4525004aa06eeff8ca61783aacec57fb3d1f92b0fe2fd1a85f672451"
        "7b65e614ad6808d6f6ee34dff7310fdc82aebfd904b01e1dc54b2927094b2db68d6f903b68401adebf5a7e08"
        "d78ff4ef5d63653a65040cf9bfd4aca7984a74d37145986780fc0b16ac451649de6188a7dbdf191f64b5fc5e"
        "2ab47b57f7f7276cd419c17a3ca8e1b939ae49e488acba6b965610b5480109c8b17b80e1b7b750dfc7598d5d"
        "5011fd2dcc5600a32ef5b52a1ecc820e308aa342721aac0943bf6686b64b2579376504ccc493d97e6aed3fb0"
        "f9cd71a43dd497f01f17c0e2cb3797aa2a2f256656168e6c496afc5fb93246f6b1116398a346f1a641f3b041"
        "e989f7914f90cc2c7fff357876e506b50d334ba77c225bc307ba537152f3f1610e4eafe595f6d9d90d11faa9"
        "33a15ef1369546868a7f3a45a96768d40fd9d03412c091c6315cf4fde7cb68606937380db2eaaa707b4c4185"
        "c32eddcdd306705e4dc1ffc872eeee475a64dfac86aba41c0618983f8741c5ef68d3a101e8a3b8cac60c905c"
        "15fc910840b94c00a0b9d0",
        "0aab4c900501b3e24d7cdf4663326a3a87df5e4843b2cbdb67cbf6e460fec350aa5371b1508f9f4528ecea23c4"
        "36d94b5e8fcd4f681e30a6ac00a9704a188a03",
    ),
    (
        "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3"
        "feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c664"
        "31e0303dca179c138ac17ad9bef1177331a704",
    ),
]


@pytest.mark.parametrize(("secret", "public", "message", "signature"), RFC_8032_VECTORS)
def test_the_signatures_of_rfc_8032_hold(
    secret: str, public: str, message: str, signature: str
) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(secret))
    data = bytes.fromhex(message)

    assert public_hex(key) == public
    assert key.sign(data).hex() == signature
    assert ed25519_holds(bytes.fromhex(public), data, bytes.fromhex(signature))
    assert not ed25519_holds(bytes.fromhex(public), data + b"\x00", bytes.fromhex(signature))


@settings(max_examples=25)
@given(seed=st.binary(min_size=32, max_size=32), message=st.binary(max_size=200))
def test_signatures_of_another_implementation_hold(seed: bytes, message: bytes) -> None:
    key = Ed25519PrivateKey.from_private_bytes(seed)

    assert ed25519_holds(key.public_key().public_bytes_raw(), message, key.sign(message))


def test_every_flipped_bit_of_signature_key_or_message_is_refused() -> None:
    message = b"the head"
    public, signature = KEY.public_key().public_bytes_raw(), KEY.sign(message)

    held = [
        name
        for name, value in (("key", public), ("message", message), ("signature", signature))
        for bit in range(len(value) * 8)
        if ed25519_holds(
            flip(public, bit) if name == "key" else public,
            flip(message, bit) if name == "message" else message,
            flip(signature, bit) if name == "signature" else signature,
        )
    ]

    assert ed25519_holds(public, message, signature)
    assert held == []


def flip(value: bytes, bit: int) -> bytes:
    return (int.from_bytes(value, "big") ^ 1 << bit).to_bytes(len(value), "big")


@pytest.mark.parametrize("times", [1, 2, 8, 15])
def test_a_second_signature_made_by_adding_the_group_order_is_refused(times: int) -> None:
    signature = KEY.sign(b"the head")
    scalar = int.from_bytes(signature[32:], "little") + times * ORDER
    malleated = signature[:32] + (scalar % 2**256).to_bytes(32, "little")

    assert not ed25519_holds(KEY.public_key().public_bytes_raw(), b"the head", malleated)


# The eight points of small order, and encodings that are not the one of their point.
NO_KEYS = [
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0200000000000000000000000000000000000000000000000000000000000000",
]


@pytest.mark.parametrize("public", NO_KEYS)
def test_keys_that_would_sign_anything_or_are_no_points_are_refused(public: str) -> None:
    # Under a key of small order this signature (R neutral, S zero) would hold for some messages.
    everything = bytes.fromhex("01" + "00" * 63)

    assert [
        number
        for number in range(16)
        if ed25519_holds(bytes.fromhex(public), b"%d" % number, everything)
    ] == []


@pytest.mark.parametrize(("key_bytes", "signature_bytes"), [(31, 64), (33, 64), (32, 63), (32, 65)])
def test_keys_and_signatures_of_another_length_are_refused(
    key_bytes: int, signature_bytes: int
) -> None:
    public = (KEY.public_key().public_bytes_raw() + b"\x00")[:key_bytes]
    signature = (KEY.sign(b"the head") + b"\x00")[:signature_bytes]

    assert not ed25519_holds(public, b"the head", signature)
