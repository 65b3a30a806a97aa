"""Changes of submission.yaml: (rng, content) -> (content or bytes, outcome)."""

from __future__ import annotations

from collections.abc import Callable

import yaml

from tests.leaderboard.mutations.outcomes import BAD, SAME, YAML, Rng

HOSTILE = ["\u202eevil", "\x07", "\x1b[31m", "\u200b", "\ud7ff\ufdd0\x85"]
HARMLESS = ["<script>alert(1)</script>", "=HYPERLINK(1)", "'; DROP TABLE results; --", "{{7*7}}", "Ångström ☃ 名前"]


def _set_harmless_text(rng: Rng, content: dict) -> tuple:
    content[str(rng.choice(["method", "hardware", "description", "contact"]))] = str(rng.choice(HARMLESS))
    return content, SAME


def _set_hostile_text(rng: Rng, content: dict) -> tuple:
    content[str(rng.choice(["method", "hardware", "description", "contact"]))] = "a" + str(rng.choice(HOSTILE))
    return content, BAD


def _lose_key(rng: Rng, content: dict) -> tuple:
    del content[str(rng.choice(["format_version", "method", "authors", "contact", "training", "entries"]))]
    return content, BAD


def _add_key(rng: Rng, content: dict) -> tuple:
    content[str(rng.choice(["surprise", "__class__", "Method", "=1"]))] = 1
    return content, BAD


def _set_wrong_value(rng: Rng, content: dict) -> tuple:
    key = str(rng.choice(["format_version", "method", "authors", "training", "entries", "links", "kind"]))
    wrong = [None, -1, 1.5, [], {}, [[]], {"a": {"b": 1}}, "x" * 100_000, 10**30, float("nan")]
    content[key] = wrong[int(rng.integers(len(wrong)))]
    # No links is a good answer.
    return content, SAME if key == "links" and content[key] == {} else BAD


def _set_wrong_path(rng: Rng, content: dict) -> tuple:
    entry = content["entries"][0]
    key = "scores" if "scores" in entry else "embeddings"
    paths = ["../x", "/etc/passwd", "a\0b", "", ".", "submission.yaml/..", "C:\\x", "~/x", "x" * 5000, YAML, "a/../b"]
    entry[key] = str(rng.choice(paths))
    return content, BAD


def _set_wrong_protocol(rng: Rng, content: dict) -> tuple:
    names = ["nvfair-sen", "../../etc/passwd.json", "avaprintdb-seen", "nvfair-seen ", "NVFAIR-SEEN", "x" * 10_000]
    content["entries"][0]["protocol"] = str(rng.choice(names))
    return content, BAD


def _set_wrong_link(rng: Rng, content: dict) -> tuple:
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


def _set_wrong_person(rng: Rng, content: dict) -> tuple:
    content["training"]["people"] = [str(rng.choice(["bob", "a:b:c", ":", "toy: 1", "TOY:1", "toy:"]))]
    return content, BAD


def _alias_bomb(rng: Rng, content: dict) -> tuple:
    lines = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    return "\n".join(lines).encode(), BAD


def _deep_nesting(rng: Rng, content: dict) -> tuple:
    return (str(rng.choice(["[", "{a: ", "- ", "? "])) * int(rng.integers(20, 30_000))).encode(), BAD


def _odd_yaml(rng: Rng, content: dict) -> tuple:
    text = yaml.safe_dump(content)
    odd = [
        "", "null", "[]", "1", "a: 1\na: 2", text + "method: again\n", text + "---\n" + text, "!!python/object:os.x {}",
        text.replace("method:", "method: !!binary"), "\t" + text, text + "when: 2024-13-45\n",
        text + f"n: {'9' * 9000}\n", "%YAML 9.9\n---\n" + text.replace("format", "f"), "\0", "&a *a", "<<: 1",
    ]  # fmt: skip
    return str(odd[int(rng.integers(len(odd)))]).encode(), BAD


def _change_encoding(rng: Rng, content: dict) -> tuple:
    text = yaml.safe_dump({**content, "hardware": "Käse"}, allow_unicode=True)
    encoding = str(rng.choice(["utf-16", "utf-32", "latin-1", "utf-16-le", "utf-8-sig"]))
    return text.encode(encoding), SAME if encoding == "utf-8-sig" else BAD


def _flow_style(rng: Rng, content: dict) -> tuple:
    return yaml.safe_dump(content, default_flow_style=True, sort_keys=False).encode(), SAME


def _too_large(rng: Rng, content: dict) -> tuple:
    return yaml.safe_dump(content).encode() + b"# " + b"x" * 300_000, BAD


DECLARATIONS: dict[str, Callable] = {
    "harmless text": _set_harmless_text,
    "hostile text": _set_hostile_text,
    "a key lost": _lose_key,
    "a key more": _add_key,
    "a wrong value": _set_wrong_value,
    "a wrong path": _set_wrong_path,
    "a wrong protocol": _set_wrong_protocol,
    "a wrong link": _set_wrong_link,
    "a wrong person": _set_wrong_person,
    "a bomb of aliases": _alias_bomb,
    "deep nesting": _deep_nesting,
    "odd YAML": _odd_yaml,
    "another encoding": _change_encoding,
    "flow style": _flow_style,
    "too large": _too_large,
}
