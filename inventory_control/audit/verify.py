"""Stand-alone verifier of an audit export: one file, standard library only, no database.

    python verify.py EXPORT [--head HEAD.json ...] [--key KEY_ID=HEX ...]

EXPORT is a folder or a .zip. Exit 0 and a last line {"ok":true,"entries":N,"heads":M,...} when
every row and every head holds; exit 1 and a last line {"ok":false,"file":...,"line":...,"leaf":...,
"leaf_to":...,"reason":...} naming the first wrong row otherwise. It needs Python 3.11 or later and
runs anywhere. It ships inside every export, but whoever can change an export can change that copy:
an auditor runs one obtained separately.

What finds what. A changed, added, moved or missing row is found by the row's own hash, its leaf
number and the signed heads. A log cut short or rewritten *as a whole*, heads included, looks sound
from inside: it is found only by `--head`, any signed head that left the database earlier (a file
with one head as a JSON object, or one a line; a "tenant" may be among its fields). `--key` gives
public keys from outside; the manifest's are then not trusted and every head must be signed with a
given key.

Export format 1 (all files UTF-8, JSON without floats, without duplicate keys):

- `manifest.json`: {"format":1,"tenant":"<uuid>","entries":N,"head":{...},
  "public_keys":{"<key id>":"<64 hex>"}}. `head` is the last line of heads.ndjson; its size is N, so
  an export seals the log to its end and signs a head first, also for a log without entries (size 0,
  root SHA-256 of nothing).
- `heads.ndjson`: one signed tree head a line, sizes never falling: {"size":N,"root":"<64 hex>",
  "signed_at":"<time>","key_id":"<key id>","signature":"<128 hex>"}. The signature is Ed25519 over
  the canonical JSON of {"key_id","root","signed_at","size","tenant"}.
- `entries.ndjson`: one row a line, in leaf order, byte for byte
  {"leaf":0,"hash":"<64 hex>","entry":{...}} and one line feed. `entry` is canonical JSON and these
  bytes are the leaf's data. `hash` is the leaf hash *as stored when the leaf was sealed*: an
  exporter that computed it anew would hide which row was altered.

An entry has exactly: `id` (text or whole number, unique), `tenant` (that of the manifest),
`recorded_at` and `at` (recording time, product time), `actor` {"kind","id","name"}, `verb`,
`subject` {"kind","id"}, `correlation_id` (text or null), `data` (object). Kinds and verb are text;
an actor's or subject's id is text, whole number or null; a name is text, null, or an object where
it is sealed per person. Times are UTC with microseconds: 2025-01-31T12:00:00.000000+00:00 or ...Z.
`recorded_at` need not rise: leaves follow the order of commit. Hex is lower case. A line has at
most 16 MiB.

Canonical JSON is RFC 8785 for data without floats: no blanks, keys sorted by UTF-16 code units,
only the escapes JSON demands, whole numbers within +-(2**53 - 1). Hashes and roots are RFC 6962:
leaf SHA-256(0x00 || data), node SHA-256(0x01 || left || right).

This file stays whole, past the usual length, because it must run alone.
"""

import argparse
import hashlib
import json
import json.encoder
import re
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from io import BufferedReader, RawIOBase
from pathlib import Path
from typing import IO, Any, cast

FORMAT = 1
MANIFEST, HEADS, ENTRIES = "manifest.json", "heads.ndjson", "entries.ndjson"
MAX_LINE = 16 * 2**20
MAX_HEAD_LINE = 4096
MAX_INTEGER = 2**53 - 1

MANIFEST_FIELDS = ("format", "tenant", "entries", "head", "public_keys")
HEAD_FIELDS = ("size", "root", "signed_at", "key_id", "signature")
# Canonical JSON is sorted, so a row's fields come in this order.
ENTRY_FIELDS = (
    "actor",
    "at",
    "correlation_id",
    "data",
    "id",
    "recorded_at",
    "subject",
    "tenant",
    "verb",
)
ACTOR_FIELDS = ("id", "kind", "name")
SUBJECT_FIELDS = ("id", "kind")

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HEX64 = re.compile(r"[0-9a-f]{64}")
_HEX128 = re.compile(r"[0-9a-f]{128}")
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}(?:Z|\+00:00)"
_TIMES = re.compile(f"{_DAY}{_CLOCK} {_DAY}{_CLOCK}")
_LEAF_NUMBER = re.compile(rb'\{"leaf":(0|[1-9][0-9]{0,18}),')
_BELOW_4_BYTES = bytes(range(0xF0))


class VerificationError(Exception):
    """The export does not hold: which file, line and rows, and why.

    `leaf` is the first wrong row. `leaf_to` is the same row, or the last one of the range in which
    it lies when only a signed root tells that something in the range was changed. Both are None
    when no row is at fault.
    """

    def __init__(
        self,
        reason: str,
        *,
        file: str,
        line: int | None = None,
        leaf: int | None = None,
        leaf_to: int | None = None,
    ) -> None:
        """Keep the parts; `leaf_to` defaults to `leaf`."""
        super().__init__(reason)
        self.reason, self.file, self.line, self.leaf = reason, file, line, leaf
        self.leaf_to = leaf if leaf_to is None else leaf_to

    def as_json(self) -> dict[str, object]:
        """Return the parts as the last line prints them."""
        return {
            "ok": False,
            "file": self.file,
            "line": self.line,
            "leaf": self.leaf,
            "leaf_to": self.leaf_to,
            "reason": self.reason,
        }


# ---- Ed25519 verification, RFC 8032 section 5.1; points: x = X/Z, y = Y/Z, x * y = T/Z

Point = tuple[int, int, int, int]

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_ROOT_OF_MINUS_1 = pow(2, (_P - 1) // 4, _P)
_NEUTRAL: Point = (0, 1, 1, 0)
_BASE_X = 15112221349535400772501151409588531511454012693041857206046113283949847762202
_BASE_Y = 4 * pow(5, -1, _P) % _P


def _add(p: Point, q: Point) -> Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = 2 * p[3] * q[3] * _D % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _decode_point(encoded: bytes) -> Point | None:
    """Return the point, or None for bytes that encode none or encode it in a second way."""
    number = int.from_bytes(encoded, "little")
    y, sign = number & (2**255 - 1), number >> 255
    if len(encoded) != 32 or y >= _P:
        return None
    x_squared = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(x_squared, (_P + 3) // 8, _P)
    if (x * x - x_squared) % _P:
        x = x * _ROOT_OF_MINUS_1 % _P
    if (x * x - x_squared) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


def _encode_point(p: Point) -> bytes:
    inverse = pow(p[2], -1, _P)
    x, y = p[0] * inverse % _P, p[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _table(point: Point) -> list[list[Point]]:
    """Return 0 .. 15 times the point, for each of 64 hexadecimal digits of a scalar."""
    rows = []
    for _ in range(64):
        row = [_NEUTRAL]
        for _ in range(15):
            row.append(_add(row[-1], point))
        rows.append(row)
        point = _add(row[-1], point)
    return rows


@lru_cache(maxsize=1)
def _base_table() -> list[list[Point]]:
    return _table((_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _P))


@lru_cache(maxsize=64)
def _minus_key_table(public_key: bytes) -> list[list[Point]] | None:
    """Return the table of minus the key, or None for a key that is no point or of small order."""
    point = _decode_point(public_key)
    if point is None:
        return None
    eightfold = point
    for _ in range(3):
        eightfold = _add(eightfold, eightfold)
    if _encode_point(eightfold) == _encode_point(_NEUTRAL):
        return None
    return _table((-point[0] % _P, point[1], 1, -point[3] % _P))


def ed25519_holds(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Say whether an Ed25519 signature holds, strictly: one signature, one encoding.

    Refuses S >= L (a second signature made from a first), keys of small order (which sign every
    message) and encodings of points that are not canonical. Not constant-time: all input is public.
    """
    if len(public_key) != 32 or len(signature) != 64:
        return False
    scalar = int.from_bytes(signature[32:], "little")
    key_table = _minus_key_table(public_key)
    if scalar >= _ORDER or key_table is None:
        return False
    digest = hashlib.sha512(signature[:32] + public_key + message).digest()
    challenge = int.from_bytes(digest, "little") % _ORDER
    total = _NEUTRAL
    for table, factor in ((_base_table(), scalar), (key_table, challenge)):
        for position, row in enumerate(table):
            digit = factor >> 4 * position & 15
            if digit:
                total = _add(total, row[digit])
    return _encode_point(total) == signature[:32]


# ---- JSON, strict and canonical


def _no_float(text: str) -> None:
    raise ValueError(f"{text[:30]} is not a whole number")


def _whole_number(text: str) -> int:
    if len(text) > 17 or not -MAX_INTEGER <= (number := int(text)) <= MAX_INTEGER:
        raise ValueError(f"the number {text[:30]} is outside +-(2**53 - 1)")
    return number


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("an object has the same key twice")
    return fields


_decode_entry = json.JSONDecoder(
    parse_float=_no_float, parse_constant=_no_float, parse_int=_whole_number
).raw_decode


def _encoder(*, sort_keys: bool) -> Callable[[Any], str]:
    """Return an encoder without blanks or needless escapes.

    JSONEncoder.encode builds its C encoder anew on every call; kept ready it takes 3 microseconds a
    row instead of 5. Where the C encoder is missing, the public one does the same.
    """
    separators = (",", ":")
    public = json.JSONEncoder(
        ensure_ascii=False, check_circular=False, separators=separators, sort_keys=sort_keys
    )
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return public.encode
    text = json.encoder.encode_basestring
    ready = make(None, public.default, text, None, ":", ",", sort_keys, False, False)
    join = "".join
    return lambda value: join(ready(value, 0))


_encode = _encoder(sort_keys=False)
_encode_sorted = _encoder(sort_keys=True)


def _sorted_by_utf16(value: Any) -> Any:
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
        return {key: _sorted_by_utf16(value[key]) for key in keys}
    if isinstance(value, list):
        return [_sorted_by_utf16(item) for item in value]
    return value


def canonical_json(value: Any) -> bytes:
    """Return the canonical JSON of text, whole numbers, booleans, null, lists and objects.

    Raises ValueError for lone surrogates, which UTF-8 cannot hold.
    """
    return _encode(_sorted_by_utf16(value)).encode()


def _load(data: bytes) -> Any:
    """Read JSON that need not be canonical but must have one meaning only."""
    try:
        return json.loads(
            data.decode(),
            parse_float=_no_float,
            parse_constant=_no_float,
            parse_int=_whole_number,
            object_pairs_hook=_no_duplicates,
        )
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _are_times(first: Any, second: Any) -> bool:
    """Say whether both are times of the format; one match for two, as every row has two."""
    if not _TIMES.fullmatch(f"{first} {second}"):
        return False
    try:
        datetime.fromisoformat(first)
        datetime.fromisoformat(second)
    except ValueError:
        return False
    return True


# ---- the files of the export

# All that reading a damaged, encrypted or hostile archive was seen to raise.
_UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    OverflowError,
    RuntimeError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)

Opener = Callable[[str], IO[bytes]]


@contextmanager
def _export(path: Path) -> Iterator[tuple[Opener, list[str]]]:
    """Open a folder or archive; yields what opens one of its files, and the names of all."""
    if path.is_dir():
        yield lambda name: (path / name).open("rb"), sorted(item.name for item in path.iterdir())
        return
    try:
        archive = zipfile.ZipFile(path)
    except _UNREADABLE as error:
        reason = f"neither a folder nor a zip archive that can be read: {error}"
        raise VerificationError(reason, file=str(path)) from error
    with archive:
        # A BufferedReader because ZipExtFile reads bounded lines byte by byte.
        yield lambda name: BufferedReader(cast(RawIOBase, archive.open(name))), archive.namelist()


@contextmanager
def _file(export: tuple[Opener, list[str]], name: str) -> Iterator[IO[bytes]]:
    """Open one file of the export, which must be there exactly once."""
    opener, names = export
    if names.count(name) != 1:
        reason = f"the export holds {names.count(name)} files of this name at its top, not 1"
        raise VerificationError(reason, file=name)
    try:
        with opener(name) as stream:
            yield stream
    except _UNREADABLE as error:
        raise VerificationError(f"cannot be read: {error}", file=name) from error


# ---- manifest, keys and heads


@dataclass(frozen=True)
class Head:
    """A signed tree head, the place it was read from, and why its signature fails, if it does."""

    size: int
    root: bytes
    signed_at: str
    fields: dict[str, Any]
    file: str
    line: int
    fault: str | None

    def __str__(self) -> str:
        """Name the head as messages do."""
        return f"the head of size {self.size} ({self.file}, line {self.line})"


@dataclass(frozen=True)
class Manifest:
    """What the manifest claims, after its form was checked."""

    tenant: str
    entries: int
    head: Any
    keys: dict[str, bytes]


def _key_from_hex(key_id: str, text: Any) -> bytes:
    """Return the bytes of a public key; raises ValueError when it cannot be one."""
    if not key_id or type(text) is not str or not _HEX64.fullmatch(text):
        raise ValueError(f"public key {key_id!a} is not 64 lower-case hex digits")
    key = bytes.fromhex(text)
    if _minus_key_table(key) is None:
        raise ValueError(f"public key {key_id!a} is not a usable Ed25519 key")
    return key


def _read_manifest(data: bytes) -> Manifest:
    try:
        manifest = _load(data)
        if type(manifest) is not dict or manifest.keys() != set(MANIFEST_FIELDS):
            raise ValueError(f"it must be an object with exactly {', '.join(MANIFEST_FIELDS)}")
        if type(manifest["format"]) is not int or manifest["format"] != FORMAT:
            raise ValueError(f"its format is not {FORMAT}, the one this verifier reads")
        if type(manifest["tenant"]) is not str or not _UUID.fullmatch(manifest["tenant"]):
            raise ValueError("its tenant is not a UUID in lower case")
        if type(manifest["entries"]) is not int or manifest["entries"] < 0:
            raise ValueError("its entries are not a count")
        if type(manifest["public_keys"]) is not dict:
            raise ValueError("its public_keys are not an object")
        keys = {key: _key_from_hex(key, text) for key, text in manifest["public_keys"].items()}
    except ValueError as error:
        raise VerificationError(f"the manifest is wrong: {error}", file=MANIFEST) from error
    return Manifest(manifest["tenant"], manifest["entries"], manifest["head"], keys)


def _trusted_keys(manifest: Manifest, given: Mapping[str, str]) -> dict[str, bytes]:
    """Return the keys heads may be signed with: those given from outside, else the manifest's."""
    try:
        keys = {key_id: _key_from_hex(key_id, text) for key_id, text in given.items()}
    except ValueError as error:
        raise VerificationError(f"the key given is wrong: {error}", file="--key") from error
    for key_id, key in keys.items():
        if manifest.keys.get(key_id, key) != key:
            reason = f"the manifest holds another public key {key_id!a} than the one given"
            raise VerificationError(reason, file=MANIFEST)
    return keys or manifest.keys


def _head(fields: Any, tenant: str, keys: Mapping[str, bytes], file: str, line: int) -> Head:
    """Check the form of a head and its signature; a failing signature is kept as its fault."""
    if type(fields) is not dict or fields.keys() != set(HEAD_FIELDS):
        reason = f"a head must be an object with exactly {', '.join(HEAD_FIELDS)}"
        raise VerificationError(reason, file=file, line=line)
    wrong = [
        name
        for name, right in (
            ("size", type(fields["size"]) is int and fields["size"] >= 0),
            ("root", type(fields["root"]) is str and _HEX64.fullmatch(fields["root"])),
            ("signed_at", _are_times(fields["signed_at"], fields["signed_at"])),
            ("key_id", type(fields["key_id"]) is str),
            ("signature", type(fields["signature"]) is str),
        )
        if not right
    ]
    if wrong:
        raise VerificationError(f"the head's {wrong[0]} is malformed", file=file, line=line)
    return Head(
        size=fields["size"],
        root=bytes.fromhex(fields["root"]),
        signed_at=fields["signed_at"],
        fields=fields,
        file=file,
        line=line,
        fault=_signature_fault(fields, tenant, keys),
    )


def _signature_fault(head: dict[str, Any], tenant: str, keys: Mapping[str, bytes]) -> str | None:
    key = keys.get(head["key_id"])
    if key is None:
        return f"no trusted public key {head['key_id']!a} is known; give it with --key"
    if not _HEX128.fullmatch(head["signature"]):
        return "its signature is not 128 lower-case hex digits"
    payload = {name: head[name] for name in ("key_id", "root", "signed_at", "size")}
    try:
        message = canonical_json({**payload, "tenant": tenant})
    except ValueError:
        return "its key_id is not valid text"
    if not ed25519_holds(key, message, bytes.fromhex(head["signature"])):
        return f"its signature does not hold under public key {head['key_id']!a}"
    return None


def _inside_heads(stream: IO[bytes], manifest: Manifest, keys: Mapping[str, bytes]) -> list[Head]:
    """Read heads.ndjson: each well formed and signed, sizes never falling, the manifest's last."""
    heads: list[Head] = []
    while line := stream.readline(MAX_HEAD_LINE):
        number = len(heads) + 1
        try:
            if not line.endswith(b"\n"):
                raise ValueError("it does not end in a line feed")
            fields = _load(line)
        except ValueError as error:
            reason = f"the line is wrong: {error}"
            raise VerificationError(reason, file=HEADS, line=number) from error
        head = _head(fields, manifest.tenant, keys, HEADS, number)
        if head.fault:
            raise VerificationError(f"{head}: {head.fault}", file=HEADS, line=number)
        if heads and head.size < heads[-1].size:
            raise VerificationError(
                f"{head} is smaller than the one before", file=HEADS, line=number
            )
        heads.append(head)
    if not heads or manifest.head != heads[-1].fields:
        raise VerificationError(
            "the manifest's head is not the last of heads.ndjson", file=MANIFEST
        )
    size, entries = heads[-1].size, manifest.entries
    if size != entries:
        reason = f"the manifest counts {entries} rows, but its signed head covers {size}"
        raise VerificationError(reason, file=MANIFEST, leaf=min(size, entries))
    return heads


def _outside_heads(path: Path, manifest: Manifest, keys: Mapping[str, bytes]) -> list[Head]:
    """Read a head file from outside: one JSON object, or one a line."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise VerificationError(f"cannot be read: {error.strerror}", file=str(path)) from error
    lines = data.splitlines()
    try:
        found = [(1, _load(data))]
    except ValueError:
        found = []
    try:
        found = found or [(n, _load(line)) for n, line in enumerate(lines, 1) if line.strip()]
    except ValueError as error:
        raise VerificationError(f"is not a head: {error}", file=str(path)) from error
    if not found:
        raise VerificationError("holds no head", file=str(path))
    for line, fields in found:
        if type(fields) is dict and fields.pop("tenant", manifest.tenant) != manifest.tenant:
            raise VerificationError("the head is another tenant's", file=str(path), line=line)
    return [_head(fields, manifest.tenant, keys, str(path), line) for line, fields in found]


# ---- rows


class _Tree:
    """The right edge of the RFC 6962 tree over the rows read so far."""

    def __init__(self) -> None:
        self.size = 0
        self.peaks: list[bytes] = []

    def append(self, leaf: bytes) -> None:
        index, peaks, sha256 = self.size, self.peaks, hashlib.sha256
        while index & 1:
            leaf = sha256(b"\x01" + peaks.pop() + leaf).digest()
            index >>= 1
        peaks.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        if not self.peaks:
            return hashlib.sha256(b"").digest()
        root = self.peaks[-1]
        for peak in self.peaks[-2::-1]:
            root = hashlib.sha256(b"\x01" + peak + root).digest()
        return root


def _row(line: bytes, leaf: int, tenant: str, seen: set[object]) -> bytes:
    """Check one line of entries.ndjson and return its leaf hash; ValueError says why not."""
    prefix = b'{"leaf":%d,"hash":"' % leaf
    start = len(prefix) + 64
    if not line.startswith(prefix) or line[start : start + 10] != b'","entry":':
        raise ValueError(_misplaced(line, leaf))
    if line[-2:] != b"}\n":
        raise ValueError("the line does not end in a brace and a line feed, or it is too long")
    data = line[start + 10 : -2]
    digest = hashlib.sha256(b"\x00" + data)
    if digest.hexdigest().encode() != line[len(prefix) : start]:
        raise ValueError("the entry is not the one that was sealed: its hash differs")
    try:
        text = data.decode()
        entry, end = _decode_entry(text)
        # Python sorts by code points, which differs from UTF-16 only past U+FFFF: 4 bytes in UTF-8.
        wide = not text.isascii() and data.translate(None, _BELOW_4_BYTES)
        encoded = _encode(_sorted_by_utf16(entry)) if wide else _encode_sorted(entry)
    except RecursionError:
        raise ValueError("the entry is nested too deep") from None
    except ValueError as error:
        raise ValueError(f"the entry is not the JSON asked for: {error}") from error
    if encoded != text or end != len(text):
        raise ValueError("the entry is not canonical JSON")
    _check_entry(entry, tenant)
    if entry["id"] in seen:
        raise ValueError(f"the id {entry['id']!a} was used by an earlier row")
    seen.add(entry["id"])
    return digest.digest()


def _misplaced(line: bytes, leaf: int) -> str:
    number = _LEAF_NUMBER.match(line)
    if number and int(number[1]) != leaf:
        return f"row {leaf} is missing or out of place: leaf {int(number[1])} stands here"
    return 'the line does not begin {"leaf":' + str(leaf) + ',"hash":"<64 hex>","entry":'


def _check_entry(entry: Any, tenant: str) -> None:
    """Raise ValueError unless the canonical entry has the fields of format 1 for this tenant."""
    if type(entry) is not dict or tuple(entry) != ENTRY_FIELDS:
        raise ValueError(f"the entry must have exactly {', '.join(ENTRY_FIELDS)}")
    actor, at, correlation_id, data, identity, recorded_at, subject, owner, verb = entry.values()
    if owner != tenant:
        raise ValueError(f"the entry belongs to tenant {owner!a}")
    if (type(identity) is not str or not identity) and type(identity) is not int:
        raise ValueError("id is neither text nor a whole number")
    if not _are_times(recorded_at, at):
        raise ValueError("recorded_at or at is not a UTC time with microseconds")
    if type(verb) is not str or not verb:
        raise ValueError("verb is not text")
    if type(actor) is not dict or tuple(actor) != ACTOR_FIELDS:
        raise ValueError('actor must be {"id","kind","name"}')
    actor_id, kind, name = actor.values()
    if type(kind) is not str or not kind or type(actor_id) not in _ID_TYPES:
        raise ValueError("actor.kind is not text, or actor.id neither text, number nor null")
    if type(name) not in _NAME_TYPES:
        raise ValueError("actor.name is neither text, null nor an object")
    if type(subject) is not dict or tuple(subject) != SUBJECT_FIELDS:
        raise ValueError('subject must be {"id","kind"}')
    subject_id, kind = subject.values()
    if type(kind) is not str or not kind or type(subject_id) not in _ID_TYPES:
        raise ValueError("subject.kind is not text, or subject.id neither text, number nor null")
    if type(correlation_id) is not str and correlation_id is not None:
        raise ValueError("correlation_id is neither text nor null")
    if type(data) is not dict:
        raise ValueError("data is not an object")


_ID_TYPES = frozenset({str, int, type(None)})
_NAME_TYPES = frozenset({str, dict, type(None)})


class _Anchors:
    """The heads still to be met while the tree grows, and how far those met prove the rows."""

    def __init__(self, inside: Sequence[Head], outside: Sequence[Head]) -> None:
        heads = [*((head, False) for head in inside), *((head, True) for head in outside)]
        self.waiting = sorted(heads, key=lambda item: item[0].size, reverse=True)
        self.sound = 0
        self.sound_outside = 0
        self.next_size = -1

    def compare(self, tree: _Tree) -> None:
        """Compare the root with every head of the present size; outside heads come first."""
        while self.waiting and self.waiting[-1][0].size == tree.size:
            head, is_outside = self.waiting.pop()
            if tree.root() != head.root:
                # Whoever rewrote a log signed its heads anew, so against a head from outside only
                # other heads from outside prove the rows before.
                raise self._mismatch(head, self.sound_outside if is_outside else self.sound)
            self.sound = tree.size
            if is_outside:
                self.sound_outside = tree.size
        self.next_size = self.waiting[-1][0].size if self.waiting else -1

    def _mismatch(self, head: Head, sound: int) -> VerificationError:
        reason = f"the root differs from {head}"
        if head.fault:
            reason += f"; {head.fault}, so the head or the export's keys may be false as well"
        if sound == head.size:
            return VerificationError(reason, file=head.file, line=head.line)
        last = head.size - 1
        reason = f"rows {sound} to {last} are not all as they were sealed: {reason}"
        return VerificationError(reason, file=ENTRIES, leaf=sound, leaf_to=last)


def _check_rows(stream: IO[bytes], manifest: Manifest, anchors: _Anchors) -> bytes:
    """Read every row, compare the root at the size of every head, and return the last root."""
    tree, seen = _Tree(), set[object]()
    anchors.compare(tree)
    for leaf in range(manifest.entries):
        try:
            line = stream.readline(MAX_LINE)
            if not line:
                raise ValueError(f"the row is missing: the file ends after {leaf} rows")
            tree.append(_row(line, leaf, manifest.tenant, seen))
        except _UNREADABLE as error:
            raise VerificationError(str(error), file=ENTRIES, line=leaf + 1, leaf=leaf) from error
        if anchors.next_size == tree.size:
            anchors.compare(tree)
    if stream.read(1):
        reason = f"there is more after the {manifest.entries} rows the manifest counts"
        leaf = manifest.entries
        raise VerificationError(reason, file=ENTRIES, line=leaf + 1, leaf=leaf)
    return tree.root()


# ---- the whole


def verify_export(
    path: Path, *, heads: Sequence[Path] = (), keys: Mapping[str, str] | None = None
) -> dict[str, object]:
    """Verify an export against itself, against head files and public keys from outside.

    Returns the figures of the last line; raises VerificationError for the first thing wrong.
    """
    with _export(path) as export:
        with _file(export, MANIFEST) as stream:
            manifest = _read_manifest(stream.read(MAX_LINE))
        trusted = _trusted_keys(manifest, keys or {})
        with _file(export, HEADS) as stream:
            inside = _inside_heads(stream, manifest, trusted)
        outside = [head for file in heads for head in _outside_heads(file, manifest, trusted)]
        with _file(export, ENTRIES) as stream:
            root = _check_rows(stream, manifest, _Anchors(inside, outside))
        names = export[1]
    for head in outside:
        if head.size > manifest.entries:
            entries, last = manifest.entries, head.size - 1
            reason = f"the log is cut: it ends after {entries} rows, yet there is {head}"
            reason += f"; {head.fault}" if head.fault else ""
            raise VerificationError(reason, file=ENTRIES, leaf=entries, leaf_to=last)
        if head.fault:
            raise VerificationError(f"{head}: {head.fault}", file=head.file, line=head.line)
    return {
        "ok": True,
        "entries": manifest.entries,
        "heads": len(inside),
        "outside_heads": len(outside),
        "keys": "given" if keys else "manifest",
        "tenant": manifest.tenant,
        "root": root.hex(),
        "signed_at": inside[-1].signed_at,
        "not_covered": sorted(set(names) - {MANIFEST, HEADS, ENTRIES}),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Verify an audit export without its database.")
    parser.add_argument("export", type=Path, help="folder or .zip archive")
    parser.add_argument(
        "--head", type=Path, action="append", default=[], help="file with signed heads kept outside"
    )
    parser.add_argument(
        "--key", action="append", default=[], metavar="KEY_ID=HEX", help="public key from outside"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; returns 0 when all holds and 1 when not (2: wrong arguments)."""
    parser = _parser()
    options = parser.parse_args(arguments)
    keys = dict(text.rpartition("=")[::2] for text in options.key)
    if "" in keys:
        parser.error("--key needs KEY_ID=HEX")
    try:
        result = verify_export(options.export, heads=options.head, keys=keys)
    except VerificationError as error:
        result = error.as_json()
        where = error.file if error.leaf is None else f"{error.file}, row {error.leaf}"
        text = f"NOT VERIFIED: {where}: {error.reason}"
    else:
        text = f"Verified: {result['entries']} rows under {result['heads']} signed heads."
        if not options.head:
            text += " Without --head, a log cut or rewritten as a whole is not noticed."
    printable = text.encode("ascii", "backslashreplace").decode()
    sys.stdout.write(f"{printable}\n{json.dumps(result, separators=(',', ':'))}\n")
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
