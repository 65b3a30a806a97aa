"""A seeded generator of damaged, altered and hostile submissions, each made from a good one.

A mutation is one of three: SAME (nothing that matters is changed: it must be accepted with the very figures of the good
one), BAD (it must be refused), ANY (bytes are damaged: it may be either, but never a crash).
"""

from __future__ import annotations

import copy
import io
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import yaml

SAME, BAD, ANY = "same", "bad", "any"
YAML = "submission.yaml"
Files = dict[str, bytes]
Rng = np.random.Generator


@dataclass(frozen=True)
class Mutation:
    """name: what was done. archive: bytes of the zip. expected: SAME, BAD or ANY."""

    name: str
    archive: bytes
    expected: str


def mutation(files: Files, seed: int, number: int) -> Mutation:
    """Mutation `number` of the good submission `files` ({name: content})."""
    rng = np.random.default_rng([seed, number])
    data = next(name for name in files if name != YAML)
    choice = rng.random()
    if choice < 0.30:
        name, make = _pick(rng, TABLES)
        table = read(data, files[data])
        changed, options, expected = make(rng, table)
        return Mutation(f"table: {name}", zip_bytes({**files, data: written(data, changed, rng, options)}), expected)
    if choice < 0.50:
        name, edit = _pick(rng, DECLARATIONS)
        content, expected = edit(rng, copy.deepcopy(yaml.safe_load(files[YAML])))
        text = content if isinstance(content, bytes) else yaml.safe_dump(content, allow_unicode=True).encode()
        return Mutation(f"declaration: {name}", zip_bytes({**files, YAML: text}), expected)
    if choice < 0.65:
        name, pack = _pick(rng, ARCHIVES)
        content, expected = pack(rng, files)
        return Mutation(f"archive: {name}", content, expected)
    if choice < 0.70 and data.endswith(".csv"):
        name, rewrite = _pick(rng, TEXTS)
        content, expected = rewrite(rng, files[data])
        return Mutation(f"text: {name}", zip_bytes({**files, data: content}), expected)
    name, damage = _pick(rng, DAMAGES)
    where = (data, YAML, "the archive")[int(rng.choice(3, p=[0.6, 0.2, 0.2]))]
    if where == "the archive":
        return Mutation(f"damage: {name} in the archive", damage(rng, zip_bytes(files)), ANY)
    return Mutation(f"damage: {name} in {where}", zip_bytes({**files, where: damage(rng, files[where])}), ANY)


def zip_bytes(files: Files, compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A plain zip of files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as archive:
        for name, content in files.items():
            archive.writestr(name, content, compression)
    return out.getvalue()


def read(name: str, content: bytes) -> pa.Table:
    """A Parquet or CSV file."""
    source = io.BytesIO(content)
    return pyarrow.csv.read_csv(source) if name.endswith(".csv") else pq.read_table(source)


def written(name: str, table: pa.Table, rng: Rng, options: dict) -> bytes:
    """The table as the file was; options: of pyarrow's Parquet writer."""
    out = io.BytesIO()
    if name.endswith(".csv"):
        pyarrow.csv.write_csv(table, out)
    else:
        pq.write_table(table, out, **options)
    return out.getvalue()


def _pick(rng: Rng, choices: dict[str, Callable]) -> tuple[str, Callable]:
    name = sorted(choices)[int(rng.integers(len(choices)))]
    return name, choices[name]


# Changes of the table: (rng, table) -> (table, options of the writer, expected).


def _key(table: pa.Table) -> str:
    return "video" if "video" in table.column_names else "trial"


def _value(table: pa.Table) -> str:
    return next(name for name in table.column_names if name.startswith(("embedding", "score")))


def _replaced(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


def _shuffled(rng: Rng, table: pa.Table) -> tuple:
    return table.take(pa.array(rng.permutation(len(table)))), {}, SAME


def _columns_turned(rng: Rng, table: pa.Table) -> tuple:
    names = list(table.column_names)
    rng.shuffle(names)
    return table.select(names), {}, SAME


def _stored_otherwise(rng: Rng, table: pa.Table) -> tuple:
    options = {
        "compression": str(rng.choice(["none", "snappy", "gzip", "zstd", "lz4", "brotli"])),
        "row_group_size": int(rng.integers(1, 200)),
        "use_dictionary": bool(rng.integers(2)),
        "data_page_version": str(rng.choice(["1.0", "2.0"])),
        "write_page_checksum": bool(rng.integers(2)),
        "data_page_size": int(rng.integers(64, 100_000)),
        "store_schema": True,
    }
    return table.replace_schema_metadata({"note": "of no importance"}), options, SAME


def _with_a_column(rng: Rng, table: pa.Table) -> tuple:
    return table.append_column("remark", pa.array(["=1+1"] * len(table))), {}, SAME


def _without_a_column(rng: Rng, table: pa.Table) -> tuple:
    name = table.column_names[int(rng.integers(len(table.column_names)))]
    return table.drop_columns([name]), {}, _without(table, name)


def _without(table: pa.Table, name: str) -> str:
    """Embeddings in CSV that lose their last value are shorter embeddings."""
    last = f"embedding_{sum(column.startswith('embedding_') for column in table.column_names) - 1}"
    return ANY if name == last else BAD


def _renamed(rng: Rng, table: pa.Table) -> tuple:
    names = list(table.column_names)
    at = int(rng.integers(len(names)))
    expected = _without(table, names[at])
    names[at] = str(rng.choice(["Video", "", "=cmd()", "a" * 10_000, "\u202e"]))
    return table.rename_columns(names), {}, expected


def _a_video_lost(rng: Rng, table: pa.Table) -> tuple:
    keys = table.column(_key(table)).to_pylist()
    lost = keys[int(rng.integers(len(keys)))]
    return table.filter(pa.array([key != lost for key in keys])), {}, BAD


def _a_row_twice(rng: Rng, table: pa.Table) -> tuple:
    row = int(rng.integers(len(table)))
    return pa.concat_tables([table, table.slice(row, 1)]), {}, BAD


def _all_rows_again(rng: Rng, table: pa.Table) -> tuple:
    return pa.concat_tables([table] * int(rng.integers(2, 60))), {}, BAD


def _a_stranger(rng: Rng, table: pa.Table) -> tuple:
    keys = table.column(_key(table)).to_pylist()
    texts = ["stranger", "=HYPERLINK(1)", "", "<script>", "a|b", "|", "|||", "x" * 5000, "\u202e\x07", "'; DROP TABLE"]
    keys[int(rng.integers(len(keys)))] = str(rng.choice(texts))
    return _replaced(table, _key(table), pa.array(keys)), {}, BAD


def _not_finite(rng: Rng, table: pa.Table) -> tuple:
    name, bad = _value(table), float(rng.choice([np.nan, np.inf]))
    column = table.column(name).combine_chunks()
    if pa.types.is_fixed_size_list(column.type):
        values = column.flatten().to_numpy().copy()
        values[int(rng.integers(len(values)))] = bad
        return (
            _replaced(table, name, pa.FixedSizeListArray.from_arrays(pa.array(values), column.type.list_size)),
            {},
            BAD,
        )
    values = column.to_numpy(zero_copy_only=False).astype(float)
    values[int(rng.integers(len(values)))] = bad
    return _replaced(table, name, pa.array(values)), {}, BAD


def _null(rng: Rng, table: pa.Table) -> tuple:
    name = table.column_names[int(rng.integers(len(table.column_names)))]
    mask = np.zeros(len(table), dtype=bool)
    mask[int(rng.integers(len(table)))] = True
    rows = [None if gone else value for gone, value in zip(mask, table.column(name).to_pylist(), strict=True)]
    type_ = table.schema.field(name).type
    fields = [pa.field(field.name, field.type) for field in table.schema]
    return _replaced(table.cast(pa.schema(fields)), name, pa.array(rows, type_)), {}, BAD


def _another_type(rng: Rng, table: pa.Table) -> tuple:
    name = table.column_names[int(rng.integers(len(table.column_names)))]
    others = [
        pa.array([b"\xff\xfe"] * len(table)), pa.array([True] * len(table)), pa.array([[1]] * len(table)),
        pa.array([{"a": 1}] * len(table)), pa.array([None] * len(table)), pa.array(["NaN"] * len(table)),
        pa.array([2**63] * len(table), pa.uint64()), pa.array([10**12] * len(table), pa.timestamp("us")),
    ]  # fmt: skip
    values = others[int(rng.integers(len(others)))]
    # Text under another name may be what CSV cannot say; either way the cells are wrong.
    if pa.types.is_nested(values.type) or pa.types.is_binary(values.type):
        values = values if "embedding" in table.column_names or _parquet_only(table) else pa.array([""] * len(table))
    # A large whole number is a number, where a number is asked for.
    number = values.type == pa.uint64() and name.startswith(("score", "embedding_"))
    return _replaced(table, name, values), {}, ANY if number else BAD


def _parquet_only(table: pa.Table) -> bool:
    return any(pa.types.is_nested(field.type) for field in table.schema)


def _windows_moved(rng: Rng, table: pa.Table) -> tuple:
    if "window" not in table.column_names:
        return _a_row_twice(rng, table)
    name = str(rng.choice(["window", "start_frame"]))
    values = table.column(name).to_numpy().astype(np.int64)
    values[int(rng.integers(len(values)))] += int(rng.choice([-(2**40), -1, 1, 7, 2**40]))
    return _replaced(table, name, pa.array(values)), {}, BAD


def _other_integers(rng: Rng, table: pa.Table) -> tuple:
    for name in ("window", "start_frame"):
        if name in table.column_names:
            type_ = [pa.int16(), pa.int32(), pa.int64(), pa.uint16(), pa.uint64()][int(rng.integers(5))]
            table = _replaced(table, name, table.column(name).cast(type_))
    return table, {}, SAME


def _empty(rng: Rng, table: pa.Table) -> tuple:
    return table.slice(0, 0), {}, BAD


def _names_as_categories(rng: Rng, table: pa.Table) -> tuple:
    return _replaced(table, _key(table), table.column(_key(table)).dictionary_encode()), {}, SAME


TABLES: dict[str, Callable] = {
    "rows in another order": _shuffled,
    "columns in another order": _columns_turned,
    "another way of storing": _stored_otherwise,
    "names as categories": _names_as_categories,
    "other whole numbers": _other_integers,
    "a column more": _with_a_column,
    "a column less": _without_a_column,
    "a column renamed": _renamed,
    "a video or trial lost": _a_video_lost,
    "a row twice": _a_row_twice,
    "all rows again": _all_rows_again,
    "a stranger": _a_stranger,
    "not finite": _not_finite,
    "a null": _null,
    "another type": _another_type,
    "windows moved": _windows_moved,
    "no rows": _empty,
}


# Changes of the declaration: (rng, content) -> (content or bytes, expected).

HOSTILE = ["\u202eevil", "\x07", "\x1b[31m", "\u200b", "\ud7ff\ufdd0\x85"]
HARMLESS = ["<script>alert(1)</script>", "=HYPERLINK(1)", "'; DROP TABLE results; --", "{{7*7}}", "Ångström ☃ 名前"]


def _text_harmless(rng: Rng, content: dict) -> tuple:
    content[str(rng.choice(["method", "hardware", "description", "contact"]))] = str(rng.choice(HARMLESS))
    return content, SAME


def _text_hostile(rng: Rng, content: dict) -> tuple:
    content[str(rng.choice(["method", "hardware", "description", "contact"]))] = "a" + str(rng.choice(HOSTILE))
    return content, BAD


def _key_lost(rng: Rng, content: dict) -> tuple:
    del content[str(rng.choice(["format_version", "method", "authors", "contact", "training", "entries"]))]
    return content, BAD


def _key_more(rng: Rng, content: dict) -> tuple:
    content[str(rng.choice(["surprise", "__class__", "Method", "=1"]))] = 1
    return content, BAD


def _value_wrong(rng: Rng, content: dict) -> tuple:
    key = str(rng.choice(["format_version", "method", "authors", "training", "entries", "links", "kind"]))
    wrong = [None, -1, 1.5, [], {}, [[]], {"a": {"b": 1}}, "x" * 100_000, 10**30, float("nan")]
    content[key] = wrong[int(rng.integers(len(wrong)))]
    # No links is a good answer.
    return content, SAME if key == "links" and content[key] == {} else BAD


def _path_wrong(rng: Rng, content: dict) -> tuple:
    entry = content["entries"][0]
    key = "scores" if "scores" in entry else "embeddings"
    paths = ["../x", "/etc/passwd", "a\0b", "", ".", "submission.yaml/..", "C:\\x", "~/x", "x" * 5000, YAML, "a/../b"]
    entry[key] = str(rng.choice(paths))
    return content, BAD


def _protocol_wrong(rng: Rng, content: dict) -> tuple:
    names = ["nvfair-sen", "../../etc/passwd.json", "avaprintdb-seen", "nvfair-seen ", "NVFAIR-SEEN", "x" * 10_000]
    content["entries"][0]["protocol"] = str(rng.choice(names))
    return content, BAD


def _link_wrong(rng: Rng, content: dict) -> tuple:
    links = [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "http://",
        "ftp://x",
        "https://a b",
        "//x",
        "https://u:p@x",
        "",
    ]
    content["links"] = {"code": str(rng.choice(links))}
    return content, BAD


def _person_wrong(rng: Rng, content: dict) -> tuple:
    content["training"]["people"] = [str(rng.choice(["bob", "a:b:c", ":", "toy: 1", "TOY:1", "toy:"]))]
    return content, BAD


def _yaml_bomb(rng: Rng, content: dict) -> tuple:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    return "\n".join(lines).encode(), BAD


def _yaml_deep(rng: Rng, content: dict) -> tuple:
    return (str(rng.choice(["[", "{a: ", "- ", "? "])) * int(rng.integers(20, 30_000))).encode(), BAD


def _yaml_odd(rng: Rng, content: dict) -> tuple:
    text = yaml.safe_dump(content)
    odd = [
        "", "null", "[]", "1", "a: 1\na: 2", text + "method: again\n", text + "---\n" + text, "!!python/object:os.x {}",
        text.replace("method:", "method: !!binary"), "\t" + text, text + "when: 2024-13-45\n",
        text + f"n: {'9' * 9000}\n", "%YAML 9.9\n---\n" + text.replace("format", "f"), "\0", "&a *a", "<<: 1",
    ]  # fmt: skip
    return str(odd[int(rng.integers(len(odd)))]).encode(), BAD


def _yaml_encoding(rng: Rng, content: dict) -> tuple:
    text = yaml.safe_dump({**content, "hardware": "Käse"}, allow_unicode=True)
    encoding = str(rng.choice(["utf-16", "utf-32", "latin-1", "utf-16-le", "utf-8-sig"]))
    return text.encode(encoding), SAME if encoding == "utf-8-sig" else BAD


def _yaml_flow(rng: Rng, content: dict) -> tuple:
    return yaml.safe_dump(content, default_flow_style=True, sort_keys=False).encode(), SAME


def _yaml_large(rng: Rng, content: dict) -> tuple:
    return yaml.safe_dump(content).encode() + b"# " + b"x" * 300_000, BAD


DECLARATIONS: dict[str, Callable] = {
    "harmless text": _text_harmless,
    "hostile text": _text_hostile,
    "a key lost": _key_lost,
    "a key more": _key_more,
    "a wrong value": _value_wrong,
    "a wrong path": _path_wrong,
    "a wrong protocol": _protocol_wrong,
    "a wrong link": _link_wrong,
    "a wrong person": _person_wrong,
    "a bomb of aliases": _yaml_bomb,
    "deep nesting": _yaml_deep,
    "odd YAML": _yaml_odd,
    "another encoding": _yaml_encoding,
    "flow style": _yaml_flow,
    "too large": _yaml_large,
}


# Changes of the archive: (rng, files) -> (bytes, expected).


def _stored(rng: Rng, files: Files) -> tuple:
    return zip_bytes(files, zipfile.ZIP_STORED), SAME


def _in_a_folder(rng: Rng, files: Files) -> tuple:
    return zip_bytes({f"mine/{name}": content for name, content in files.items()}), SAME


def _a_file_more(rng: Rng, files: Files) -> tuple:
    return zip_bytes({**files, "readme.txt": b"of no importance"}), SAME


def _a_file_less(rng: Rng, files: Files) -> tuple:
    lost = sorted(files)[int(rng.integers(len(files)))]
    return zip_bytes({name: content for name, content in files.items() if name != lost}), BAD


def _a_name_that_leads_out(rng: Rng, files: Files) -> tuple:
    names = ["../x", "/x", "a/../../x", "C:x", "\\\\server\\x", "a" * 300, ".x", "x\n", "nul", "\u202ex"]
    return zip_bytes({**files, str(rng.choice(names)): b"x"}), BAD


def _a_link(rng: Rng, files: Files) -> tuple:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
        info = zipfile.ZipInfo("link.parquet")
        info.create_system = 3
        info.external_attr = (int(rng.choice([stat.S_IFLNK, stat.S_IFCHR, stat.S_IFIFO])) | 0o777) << 16
        archive.writestr(info, b"/etc/passwd")
    return out.getvalue(), BAD


def _a_name_twice(rng: Rng, files: Files) -> tuple:
    return zip_bytes({**files, YAML.upper(): b"x"}), BAD


def _bomb(rng: Rng, files: Files) -> tuple:
    return zip_bytes({**files, "zeros.txt": bytes(24 * 2**20)}), BAD


def _too_many(rng: Rng, files: Files) -> tuple:
    return zip_bytes({**files, **{f"f{n}.txt": b"" for n in range(200)}}, zipfile.ZIP_STORED), BAD


def _other_compression(rng: Rng, files: Files) -> tuple:
    return zip_bytes(files, zipfile.ZIP_LZMA if rng.integers(2) else zipfile.ZIP_BZIP2), BAD


def _no_zip(rng: Rng, files: Files) -> tuple:
    return [b"", b"PK", b"PK\x05\x06" + bytes(18), files[YAML], rng.bytes(1000)][int(rng.integers(5))], BAD


ARCHIVES: dict[str, Callable] = {
    "stored": _stored,
    "in a folder": _in_a_folder,
    "a file more": _a_file_more,
    "a file less": _a_file_less,
    "a name that leads out": _a_name_that_leads_out,
    "a link": _a_link,
    "a name twice": _a_name_twice,
    "a bomb": _bomb,
    "too many files": _too_many,
    "another compression": _other_compression,
    "no zip": _no_zip,
}


# Changes of CSV as text: (rng, content) -> (content, expected).


def _crlf(rng: Rng, content: bytes) -> tuple:
    return content.replace(b"\n", b"\r\n"), SAME


def _marked(rng: Rng, content: bytes) -> tuple:
    return b"\xef\xbb\xbf" + content, SAME


def _unquoted(rng: Rng, content: bytes) -> tuple:
    return content.replace(b'"', b""), SAME


def _encoded(rng: Rng, content: bytes) -> tuple:
    return content.decode().encode(str(rng.choice(["utf-16", "utf-32", "utf-16-be"]))), BAD


def _latin(rng: Rng, content: bytes) -> tuple:
    return content + "Käse,1,2,3\n".encode("latin-1"), BAD


def _ragged(rng: Rng, content: bytes) -> tuple:
    lines = content.split(b"\n")
    lines[int(rng.integers(1, len(lines) - 1))] += b",1"
    return b"\n".join(lines), BAD


def _words_for_numbers(rng: Rng, content: bytes) -> tuple:
    lines = content.split(b"\n")
    at = int(rng.integers(1, len(lines) - 1))
    cells = lines[at].split(b",")
    cells[-1] = [b"NaN", b"inf", b"1_0", b"0x1", b"1,5", b"=1+1", b"", b"null", b"1e", b"--1", "١".encode()][
        int(rng.integers(11))
    ]
    lines[at] = b",".join(cells)
    return b"\n".join(lines), BAD


def _open_quote(rng: Rng, content: bytes) -> tuple:
    at = int(rng.integers(len(content)))
    return content[:at] + b'"' + content[at:], ANY


TEXTS: dict[str, Callable] = {
    "other line ends": _crlf,
    "a byte-order mark": _marked,
    "without quotes": _unquoted,
    "another encoding": _encoded,
    "a line in latin-1": _latin,
    "a ragged line": _ragged,
    "a word for a number": _words_for_numbers,
    "a quote that is not closed": _open_quote,
}


# Damage of bytes: (rng, content) -> content.


def _flip(rng: Rng, content: bytes) -> bytes:
    changed = bytearray(content)
    for at in rng.integers(len(changed), size=int(rng.choice([1, 1, 2, 8, 64]))):
        changed[at] = int(rng.integers(256))
    return bytes(changed)


def _flip_end(rng: Rng, content: bytes) -> bytes:
    """Where Parquet and zip keep what they say of themselves."""
    changed = bytearray(content)
    for at in rng.integers(max(0, len(changed) - 800), len(changed), size=int(rng.choice([1, 1, 2, 4]))):
        changed[at] = int(rng.choice([0, 0x7F, 0x80, 0xFF, int(rng.integers(256))]))
    return bytes(changed)


def _flip_start(rng: Rng, content: bytes) -> bytes:
    changed = bytearray(content)
    for at in rng.integers(0, min(200, len(changed)), size=int(rng.choice([1, 2, 4]))):
        changed[at] = int(rng.choice([0, 0x7F, 0x80, 0xFF, int(rng.integers(256))]))
    return bytes(changed)


def _cut(rng: Rng, content: bytes) -> bytes:
    return content[: int(rng.integers(len(content)))]


def _piece_lost(rng: Rng, content: bytes) -> bytes:
    first, last = sorted(int(at) for at in rng.integers(len(content), size=2))
    return content[:first] + content[min(last, first + 1000) :]


def _piece_twice(rng: Rng, content: bytes) -> bytes:
    first, last = sorted(int(at) for at in rng.integers(len(content), size=2))
    return content[:last] + content[first:]


def _noise_within(rng: Rng, content: bytes) -> bytes:
    at = int(rng.integers(len(content)))
    return content[:at] + rng.bytes(int(rng.integers(1, 500))) + content[at:]


DAMAGES: dict[str, Callable] = {
    "bytes flipped": _flip,
    "bytes flipped near the end": _flip_end,
    "bytes flipped near the start": _flip_start,
    "cut off": _cut,
    "a piece lost": _piece_lost,
    "a piece twice": _piece_twice,
    "noise within": _noise_within,
}
