"""The one JSON file of a refinery export, read out of its zip without trusting it."""

from __future__ import annotations

import errno
import io
import json
import re
import stat
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

from embtune.errors import BadFileError
from embtune.records.readers.json_lines import explain_broken, kind_of
from embtune.records.readers.source import Source

MOST_BYTES = 1 << 30
"""A snapshot's JSON may have so many bytes."""

MOST_MEMBERS = 1_000
_RATIO = 200  # a snapshot packs about ten to one, a bomb a thousand to one
_SMALL = 16 << 20  # bytes that do no harm, however well they were packed
_CHUNK = 1 << 20
_DRIVE = re.compile(r"[A-Za-z]:")
_JUNK = frozenset((".ds_store", "thumbs.db", "desktop.ini"))
_AGAIN = "Export the project from refinery again."


def read_object(
    source: Path | bytes, name: str | None = None, *, most_bytes: int = MOST_BYTES
) -> tuple[dict[str, Any], str, str]:
    """Read the JSON object of a snapshot, zipped or as it is. Nothing is written anywhere.

    Parameters
    ----------
    source
        Path of the file, or the content of an upload.
    name
        File name shown to the user; needed with an upload.
    most_bytes
        The JSON may have so many, whatever the zip says of it.

    Returns
    -------
    content, file, place
        The object, the file's name, and how to name the JSON in a message.

    Raises
    ------
    BadFileError
        If the file is missing, damaged, hostile or no snapshot; the message names the member and says what
        to do.
    """
    file = Source.of(source, name)
    try:
        with file.open() as stream:
            raw, place = _bytes_of(file.name, stream, most_bytes)
    except PermissionError:
        raise BadFileError(
            f"{file.name} cannot be read: you have no permission to. Change that first."
        ) from None
    except OSError as error:
        reason = error.strerror or errno.errorcode.get(error.errno or 0, "the disk gave an error")
        raise BadFileError(f"{file.name} cannot be read: {reason}.") from error
    return _parsed(raw, place), file.name, place


def _bytes_of(name: str, stream: BinaryIO, most_bytes: int) -> tuple[bytes, str]:
    head = stream.read(256)
    stream.seek(0)
    if head[:2] == b"PK":
        return _from_zip(name, stream, most_bytes)
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] != b"{":
        raise BadFileError(
            f"{name} is neither a zip nor a JSON object: give the snapshot.zip that refinery exports."
        )
    return _limited(stream, name, most_bytes), name


def _from_zip(name: str, stream: BinaryIO, most_bytes: int) -> tuple[bytes, str]:
    try:
        with zipfile.ZipFile(stream) as archive:
            member = _chosen(name, archive.infolist())
            place = f"{name}, {member.filename}"
            _check_size(place, member, most_bytes)
            with archive.open(member) as content:
                return _limited(content, place, most_bytes), place
    except NotImplementedError:
        raise BadFileError(
            f"{name} is packed in a way that cannot be read here: unpack it and give the JSON file."
        ) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, LookupError) as error:
        raise BadFileError(
            f"{name} is a damaged zip ({str(error).rstrip('.') or 'it ends in the middle'}). {_AGAIN}"
        ) from None


def _chosen(name: str, members: list[zipfile.ZipInfo]) -> zipfile.ZipInfo:
    """Check every member, also those that are not read, and return the JSON."""
    if len(members) > MOST_MEMBERS:
        raise BadFileError(
            f"{name} holds {len(members):,} members; a snapshot holds one JSON file. Check where it is from."
        )
    for member in members:
        _check_place(name, member)
    kept = [member for member in members if not member.is_dir() and not _is_junk(member.filename)]
    stray = [member.filename for member in kept if not member.filename.lower().endswith(".json")]
    if stray:
        raise BadFileError(
            f"{name}: the member {_short(stray[0])} is no JSON, and a snapshot holds one JSON file only. "
            "Take it out of the zip."
        )
    if not kept:
        raise BadFileError(f"{name} holds no JSON file. {_AGAIN}")
    if len(kept) > 1:
        listed = ", ".join(_short(member.filename) for member in kept[:5])
        raise BadFileError(f"{name} holds {len(kept)} JSON files ({listed}): keep the snapshot's alone.")
    if kept[0].flag_bits & 0x1:
        raise BadFileError(
            f"{name}: the member {_short(kept[0].filename)} is protected by a password. "
            "Unpack it with that and give the JSON file."
        )
    return kept[0]


def _check_place(name: str, member: zipfile.ZipInfo) -> None:
    path = member.orig_filename.replace("\\", "/")
    kind = stat.S_IFMT(member.external_attr >> 16)
    wrong = None
    if path.startswith("/") or _DRIVE.match(path):
        wrong = "has an absolute path"
    elif ".." in path.split("/"):
        wrong = "leads out of the zip"
    elif "\0" in path:
        wrong = "has a NUL in its name"
    elif kind == stat.S_IFLNK:
        wrong = "is a link to another file"
    elif kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        wrong = "is no regular file"
    if wrong:
        raise BadFileError(
            f"{name}: the member {_short(member.orig_filename)} {wrong}, as no snapshot's does. "
            "Do not use this zip."
        )


def _check_size(place: str, member: zipfile.ZipInfo, most_bytes: int) -> None:
    size, packed = member.file_size, max(member.compress_size, 1)
    if size > most_bytes:
        raise _too_big(place, most_bytes)
    if size > _SMALL and size > _RATIO * packed:
        raise BadFileError(
            f"{place} would unpack {packed:,} bytes to {size:,}, which no snapshot does. Do not use this zip."
        )


def _limited(stream: Any, place: str, most_bytes: int) -> bytes:
    kept = io.BytesIO()
    while chunk := stream.read(_CHUNK):
        if kept.tell() + len(chunk) > most_bytes:
            raise _too_big(place, most_bytes)
        kept.write(chunk)
    return kept.getvalue()


def _parsed(raw: bytes, place: str) -> dict[str, Any]:
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadFileError(f"{place}: byte {error.start + 1:,} is no UTF-8. {_AGAIN}") from None
    try:
        content = json.loads(text, parse_constant=lambda _: None)  # NaN and infinities stand for nothing
    except RecursionError:
        raise BadFileError(f"{place} is nested too deeply to be a snapshot. {_AGAIN}") from None
    except ValueError as error:
        raise BadFileError(explain_broken(place, error, text)) from None
    if not isinstance(content, dict):
        raise BadFileError(
            f"{place} holds {kind_of(content)}, not the object of a snapshot: give the file that refinery "
            "exports as a project snapshot."
        )
    return content


def _is_junk(path: str) -> bool:
    """Tell whether an operating system left a member there."""
    parts = path.lower().split("/")
    return parts[0] == "__macosx" or parts[-1] in _JUNK


def _too_big(place: str, most_bytes: int) -> BadFileError:
    return BadFileError(
        f"{place} has more than {most_bytes:,} bytes, the most that is read. "
        "Export the project without its embeddings."
    )


def _short(path: str) -> str:
    return repr(path if len(path) <= 80 else path[:79] + "…")
