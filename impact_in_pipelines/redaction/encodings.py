"""The ways in which a secret may be written by somebody who echoes it.

Each character may stand as it is, in either letter case, percent-encoded, as an HTML entity or escaped as in
JSON and Python, each of them more than once. The whole may be hex or Base64, alone or inside a longer text
such as `id:secret`.

Every text is checked for secrets, and nearly none has one. So plain forms are searched for, in the text as it
is and as it decodes; the slow expression that finds where one stands is made only for a text that has one.
"""

import base64
import html
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from html.entities import codepoint2name
from urllib.parse import quote, quote_plus, unquote

SHORTEST_SECRET = 4
"""A shorter value can't be told from ordinary text."""
_SHORTEST_EMBEDDED = 8
"""Of a shorter secret too little is left in the middle of an encoded text to tell it from others."""
_LAYERS = 4
"""So many encodings over each other are undone."""

_ESCAPED = re.compile(r"\\{1,8}(?:u([0-9a-f]{4})|x([0-9a-f]{2})|([\"'/\\]))", re.I)


@lru_cache(maxsize=16_384)
def forms_of(secret: str) -> tuple[str, ...]:
    """The plain forms of `secret`, case-folded, the longest first; none if it is too short to be told from
    ordinary text."""
    folded = {form.casefold() for form in (*_spelled(secret), *_encoded(secret))}
    return tuple(sorted(folded, key=len, reverse=True))


def readings(text: str) -> Iterator[str]:
    """`text` and what it decodes to, layer by layer, case-folded."""
    yield text.casefold()
    for _ in range(_LAYERS):
        decoded = unquote(text, errors="surrogateescape") if "%" in text else text
        decoded = html.unescape(decoded) if "&" in decoded else decoded
        decoded = _ESCAPED.sub(_unescaped, decoded) if "\\" in decoded else decoded
        if decoded == text:
            return
        text = decoded
        yield text.casefold()


@lru_cache(maxsize=1_024)
def pattern_of(secret: str) -> re.Pattern[str] | None:
    """What finds `secret` in a text; None: it is too short. Repetitions are bounded, so that a hostile text
    costs linear time."""
    spelled = sorted(_spelled(secret), key=len, reverse=True)
    if not spelled:
        return None
    characters = ["".join(map(_character, form)) for form in spelled if len(form) <= 8_192]
    literal = [re.escape(form) for form in sorted(_encoded(secret), key=len, reverse=True)]
    return re.compile("|".join((*characters, *literal)), re.I)


def _spelled(secret: str) -> set[str]:
    plain = {secret, secret.strip(), " ".join(secret.split())}
    return {one for one in plain if len(one) >= SHORTEST_SECRET}


def _encoded(secret: str) -> set[str]:
    """The whole secret in an encoding."""
    if not secret:
        return set()
    raw = secret.encode("utf-8", "surrogatepass")
    forms = {
        quote(raw, safe=""),
        quote(raw),
        quote_plus(raw),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
        html.escape(secret),
        raw.hex(),
        *(raw.hex(between) for between in ":- "),  # as dumps and certificates have it
        *_base64_forms(raw),
    }
    return {form for form in forms if len(form) >= SHORTEST_SECRET}


def _base64_forms(raw: bytes) -> set[str]:
    """Base64 of the secret alone, and what is certain of it inside a longer text: which characters that are
    depends on how many bytes stand before it, modulo 3."""
    forms = {base64.b64encode(raw).decode().rstrip("=")}
    if len(raw) >= _SHORTEST_EMBEDDED:
        for before in range(3):
            encoded = base64.b64encode(bytes(before) + raw).decode()
            # The first characters mix with what stands before, the last one with what follows.
            start = (0, 2, 3)[before]
            forms.add(encoded[start : (before + len(raw)) * 8 // 6])
    return forms | {form.replace("+", "-").replace("/", "_") for form in forms}


def _unescaped(match: re.Match[str]) -> str:
    code = match[1] or match[2]
    return chr(int(code, 16)) if code else match[3]


@lru_cache(maxsize=1_024)
def _character(character: str) -> str:
    """An expression for one character in its spellings."""
    code = ord(character)
    raw = character.encode("utf-8", "surrogatepass")
    names = "|".join(
        [f"#0{{0,6}}{code}", f"#x0{{0,6}}{code:x}"]
        + ([name] if (name := codepoint2name.get(code, {0x27: "apos"}.get(code, ""))) else [])
    )
    spellings = [
        re.escape(character),
        "".join(f"%(?:25){{0,3}}{byte:02x}" for byte in raw),
        f"&(?:amp;){{0,3}}(?:{names});?",
        rf"\\{{1,8}}(?:u{code:04x}|x{code:02x})" if code < 0x10000 else re.escape(character),
    ]
    if character in "\"'/\\":
        spellings.append(rf"\\{{1,8}}{re.escape(character)}")
    if character == " ":
        spellings.append(r"\+")
    return f"(?:{'|'.join(dict.fromkeys(spellings))})"
