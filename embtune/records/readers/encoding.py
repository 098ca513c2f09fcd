"""Say what a text that is not UTF-8 looks like, where it stops being UTF-8, and how to convert it."""

from __future__ import annotations

import codecs
import shlex
from pathlib import PurePath

from embtune.records.readers.source import Source

_CHUNK = 1 << 20
_SAMPLE = 8_192

# Byte order marks, the longer ones first: UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
# Likely ones only: with all of Python's codecs to choose from, short texts are taken for rare ones.
_CANDIDATES = {
    "cp1252": "Windows-1252",
    "cp1250": "Windows-1250",
    "cp1251": "Windows-1251",
    "cp1253": "Windows-1253",
    "cp1254": "Windows-1254",
    "cp1255": "Windows-1255",
    "cp1256": "Windows-1256",
    "koi8_r": "KOI8-R",
    "cp932": "Shift_JIS",
    "euc_jp": "EUC-JP",
    "gb18030": "GB18030",
    "big5": "Big5",
    "cp949": "CP949",
}


def explain_wide_encoding(name: str, head: bytes) -> str | None:
    """Return the sentence for UTF-16 or UTF-32, which would be read as NUL bytes; None for anything else."""
    for mark, encoding in _MARKS:
        if head.startswith(mark):
            return _sentence(name, "its first bytes say otherwise", encoding)
    # Without a mark: in mostly western text every other byte is NUL.
    at_even, at_odd = head[0::2].count(0), head[1::2].count(0)
    if len(head) >= 8 and max(at_even, at_odd) > 0.3 * len(head) and min(at_even, at_odd) < 0.1 * len(head):
        return _sentence(name, "every other byte is NUL", "UTF-16LE" if at_odd > at_even else "UTF-16BE")
    return None


def explain_encoding(file: Source) -> str:
    """Return the sentence about the first byte of the file that is not UTF-8."""
    offset, line, sample = _first_fault(file)
    where = f"byte {offset + 1:,} (line {line:,}) does not fit"
    decoded = sample.decode("utf-8", errors="replace")
    n_faults = decoded.count("\ufffd")
    if sum(not char.isascii() for char in decoded) > 4 * n_faults:
        return (
            f"{file.name} is damaged UTF-8: {where}, while the text around it is UTF-8. Mend that character."
        )
    return _sentence(file.name, where, _likely_encoding(sample))


def _sentence(name: str, where: str, encoding: str | None) -> str:
    if encoding is None:
        return f"{name} is not UTF-8: {where}. Save it again as UTF-8."
    path = PurePath(name)
    target = f"{path.stem}.utf8{path.suffix}"
    command = f"iconv -f {encoding} -t UTF-8 {shlex.quote(name)} > {shlex.quote(target)}"
    return (
        f"{name} is not UTF-8: {where}; it looks like {encoding}. "
        f"Save it as UTF-8, for example with: {command}"
    )


def _first_fault(file: Source) -> tuple[int, int, bytes]:
    """Return the offset and line of the first fault, and the lines around it that have non-ASCII bytes."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    consumed, newlines = 0, 0
    with file.open() as stream:
        while True:
            chunk = stream.read(_CHUNK)
            held = len(decoder.getstate()[0])
            try:
                decoder.decode(chunk, final=not chunk)
            except UnicodeDecodeError as error:
                offset = consumed - held + error.start
                before = chunk[: max(error.start - held, 0)]
                stream.seek(max(offset - _SAMPLE, 0))
                around = stream.read(_CHUNK)
                return offset, newlines + before.count(b"\n") + 1, _telling_lines(around)
            if not chunk:  # only if the file changed under our hands
                return consumed, newlines + 1, b""
            consumed += len(chunk)
            newlines += chunk.count(b"\n")


def _telling_lines(content: bytes) -> bytes:
    lines = [line for line in content.splitlines(keepends=True) if not line.isascii()]
    return b"".join(lines)[:_SAMPLE]


def _likely_encoding(sample: bytes) -> str | None:
    from charset_normalizer import from_bytes

    matches = from_bytes(sample, cp_isolation=list(_CANDIDATES), preemptive_behaviour=False)
    best = matches.best()
    if best is None:
        return None
    # A short text often fits several equally well: the most widespread of them is the likely one.
    equal = [m for m in matches if (m.chaos, -m.coherence) <= (best.chaos, -best.coherence)]
    fitting = {name for match in equal for name in match.could_be_from_charset}
    return next((shown for codec, shown in _CANDIDATES.items() if codec in fitting), best.encoding)
