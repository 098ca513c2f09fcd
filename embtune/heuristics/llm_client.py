"""Asking a language model behind an address that speaks OpenAI's chat protocol.

The key goes to that address alone: redirects are not followed, and no message has the key in it.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from pydantic import SecretStr

from embtune.errors import HeuristicError

Messages = Sequence[Mapping[str, str]]

AT_ONCE = 4
"""Requests under way at the same time, at most."""

_ATTEMPTS = 6
_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_ANSWER_BYTES_AT_MOST = 2**20
_LONGEST_WAIT = 300.0
_NOT_SET = (
    "No LLM address is configured: set EMBTUNE_LLM_URL, EMBTUNE_LLM_MODEL and, if needed, EMBTUNE_LLM_KEY."
)


@dataclass(frozen=True)
class LlmSettings:
    """Where a language model is and how it may be used.

    Attributes
    ----------
    url
        Its address, with or without `/v1` or `/v1/chat/completions`.
    key
        Sent to that address as a bearer token; None if it wants none.
    model
        Its name there; None if every heuristic names one.
    price_in, price_out
        What a million tokens cost, sent and answered, in any one currency; None if not known.
    requests_per_minute
        Requests started in any minute, at most.
    seconds
        How long one request may take.
    backoff_seconds
        The first wait after a failure that may pass; it doubles with each.
    """

    url: str
    key: SecretStr | None = None
    model: str | None = None
    price_in: float | None = None
    price_out: float | None = None
    requests_per_minute: int = 60
    seconds: float = 60.0
    backoff_seconds: float = 1.0


@dataclass(frozen=True)
class Answer:
    """What a model said, and how many tokens that took."""

    text: str
    tokens_in: int
    tokens_out: int


class RefusedRequestError(Exception):
    """The service refused this one request (too long, filtered); others may do."""


class StoppedAskingError(Exception):
    """`LlmClient.stop` was set while a request waited for its turn."""


def endpoint(url: str) -> str:
    """Return the address that requests go to.

    Raises
    ------
    HeuristicError
        If it is no http address, or has a name and password in it.
    """
    parts = urlsplit(url.strip())
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise HeuristicError("EMBTUNE_LLM_URL is no address such as https://host/v1.")
    if "@" in parts.netloc:
        raise HeuristicError(
            "EMBTUNE_LLM_URL must not hold a name or a password: set EMBTUNE_LLM_KEY instead."
        )
    path = parts.path.rstrip("/")
    if not path.endswith("/chat/completions"):
        path = (path or "/v1") + "/chat/completions"
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def shown(url: str) -> str:
    """Return an address as it may be shown: no name, password or query in it."""
    parts = urlsplit(url.strip())
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/"), "", ""))


def usable(settings: LlmSettings | None) -> LlmSettings:
    """Return settings that a service can be asked with.

    Raises
    ------
    HeuristicError
        If there is no address, or the address, key or rate cannot be used.
    """
    if settings is None or not settings.url.strip():
        raise HeuristicError(_NOT_SET)
    endpoint(settings.url)
    key = settings.key.get_secret_value() if settings.key else ""
    if not key.strip().isascii() or not key.strip().isprintable():
        raise HeuristicError("EMBTUNE_LLM_KEY holds characters that cannot be sent: copy the key again.")
    if settings.requests_per_minute < 1:
        raise HeuristicError("EMBTUNE_LLM_REQUESTS_PER_MINUTE must be 1 or more.")
    return settings


class LlmClient:
    """Asks one service, from several threads, no faster than it may; the settings must be `usable`."""

    def __init__(self, settings: LlmSettings) -> None:
        import httpx2

        self.stop = threading.Event()
        self.address = shown(settings.url)
        self._endpoint = endpoint(settings.url)
        self._settings = settings
        self._key = settings.key.get_secret_value().strip() if settings.key else ""
        self._between = 60.0 / settings.requests_per_minute
        self._lock = threading.Lock()
        self._next = self._held_until = time.monotonic()
        self._heard = False
        self._http = httpx2.Client(
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            timeout=httpx2.Timeout(settings.seconds, connect=min(10.0, settings.seconds)),
            follow_redirects=False,
            trust_env=urlsplit(self._endpoint).hostname not in _HERE,  # no proxy on the way to this machine
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    @property
    def held_seconds(self) -> float:
        """How long the service still wants nothing to be asked."""
        return max(0.0, self._held_until - time.monotonic())

    def ask(self, messages: Messages, *, model: str, temperature: float | None) -> Answer:
        """Ask once; try again after what may pass (too many requests, server errors, cut connections).

        Raises
        ------
        HeuristicError
            If the service cannot be reached, refuses the key, knows no such model or does not recover.
        RefusedRequestError
            If it refuses this request only.
        StoppedAskingError
            If `stop` was set before it was sent.
        """
        import httpx2

        payload: dict[str, Any] = {"model": model, "messages": list(messages)}
        if temperature is not None:
            payload["temperature"] = temperature
        problem = ""
        for attempt in range(_ATTEMPTS):
            self._take_turn()
            wait = self._settings.backoff_seconds * 2**attempt
            try:
                status, headers, body = self._post(payload)
            except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol) as error:
                problem = self._clean(str(error)) or "no connection"
                if not self._heard:
                    raise HeuristicError(
                        f"No LLM can be reached at {self.address} ({problem}): is it running, and is "
                        "EMBTUNE_LLM_URL right?"
                    ) from None
            except httpx2.TimeoutException:
                problem = f"no answer within {self._settings.seconds:g} seconds"
            except httpx2.HTTPError as error:
                problem = self._clean(str(error)) or "the connection was cut"
            else:
                self._heard = True
                if status == 200:
                    return self._read(body, messages)
                self._refuse(status, headers, body, model)
                problem = f"status {status}"
                asked_for = _retry_after(headers.get("retry-after"))
                if asked_for is not None:
                    wait = asked_for
                    with self._lock:
                        self._held_until = max(self._held_until, time.monotonic() + wait)
            if attempt + 1 < _ATTEMPTS and self.stop.wait(wait):
                raise StoppedAskingError
        raise HeuristicError(
            f"The LLM at {self.address} did not answer in {_ATTEMPTS} attempts (the last: {problem}): run "
            "again later, the answers so far are kept."
        )

    def _take_turn(self) -> None:
        """Wait until the rate and the service allow one more request."""
        with self._lock:
            turn = max(time.monotonic(), self._next)
            self._next = turn + self._between
        while (wait := max(turn, self._held_until) - time.monotonic()) > 0:
            if self.stop.wait(wait):
                raise StoppedAskingError
        if self.stop.is_set():
            raise StoppedAskingError

    def _post(self, payload: dict[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
        """Send a request and read the answer, up to a size."""
        body = bytearray()
        with self._http.stream("POST", self._endpoint, json=payload) as response:
            for part in response.iter_bytes():
                body += part
                if len(body) > _ANSWER_BYTES_AT_MOST:
                    break
            return response.status_code, response.headers, bytes(body)

    def _read(self, body: bytes, messages: Messages) -> Answer:
        try:
            answer = json.loads(body)
            text = answer["choices"][0]["message"]["content"]
        except (ValueError, LookupError, TypeError):
            if said := self._clean(_error_text(body)):
                raise RefusedRequestError(said) from None
            raise HeuristicError(
                f"What answers at {self.address} does not speak OpenAI's protocol: check EMBTUNE_LLM_URL."
            ) from None
        text = text if isinstance(text, str) else ""
        usage = answer.get("usage")
        usage = usage if isinstance(usage, dict) else {}
        sent, answered = usage.get("prompt_tokens"), usage.get("completion_tokens")
        return Answer(
            text,
            sent if isinstance(sent, int) else tokens(*(message["content"] for message in messages)),
            answered if isinstance(answered, int) else tokens(text),
        )

    def _refuse(self, status: int, headers: Mapping[str, str], body: bytes, model: str) -> None:
        """Raise for a status that trying again does not mend."""
        said = self._clean(_error_text(body))
        about = f" ({said})" if said else ""
        if status in {401, 403}:
            raise HeuristicError(
                f"The LLM at {self.address} refused {'the key' if self._key else 'to answer without a key'} "
                f"(status {status}): check EMBTUNE_LLM_KEY."
            )
        if status == 402 or (status == 429 and b"insufficient_quota" in body):
            raise HeuristicError(f"The account at {self.address} has no credit left{about}: top it up.")
        if status in {404, 405}:
            raise HeuristicError(
                f"There is no chat model {model!r} at {self.address}{about}: check EMBTUNE_LLM_URL and "
                "EMBTUNE_LLM_MODEL."
            )
        if 300 <= status < 400:
            to = shown(headers.get("location", "")) or "elsewhere"
            raise HeuristicError(
                f"The LLM's address {self.address} leads to {to}, where the key is not sent: set "
                "EMBTUNE_LLM_URL to the address that answers."
            )
        if status not in {408, 409, 425, 429} and status < 500:
            raise RefusedRequestError(said or f"status {status}")

    def _clean(self, text: str) -> str:
        """Put what somebody else said on one short line, without the key."""
        text = text.replace(self._key, "…") if self._key else text
        return " ".join(text.split())[:200].rstrip(".")


def tokens(*texts: str) -> int:
    """Guess how many tokens texts are: a quarter of their characters."""
    return -(-sum(len(text) for text in texts) // 4)


def _error_text(body: bytes) -> str:
    """Return a service's own words about an error, if it has any."""
    try:
        error = json.loads(body)
    except ValueError:
        return ""
    while isinstance(error, dict):
        error = error.get("error", error.get("message", error.get("detail")))
    return error if isinstance(error, str) else ""


def _retry_after(value: str | None) -> float | None:
    """Read a Retry-After header, in seconds or as a date; None if there is none."""
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            until = parsedate_to_datetime(value)
        except ValueError:
            return None
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        seconds = (until - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), _LONGEST_WAIT)
