"""Heuristics that ask a language model, against a server that speaks the protocol."""

import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from pydantic import SecretStr

from embtune.errors import HeuristicError, JobCancelledError
from embtune.heuristics import llm_asking
from embtune.heuristics.base import ABSTAIN
from embtune.heuristics.corpus import ArrayCorpus
from embtune.heuristics.llm import LlmConfig, LlmKind
from embtune.heuristics.llm_client import LlmSettings, endpoint, shown
from embtune.heuristics.llm_prompt import questions, read_answer
from embtune.progress import silent

SPORTS, WORLD = 12, 13
NAMES = {"Sports": SPORTS, "World": WORLD}
KEY = "sk-very-secret"
PLAIN = LlmConfig(prompt="Which? {text}")


class Service:
    """A chat service. A test sets `reply(question, n)`, which returns a text or (status, headers, body)."""

    def __init__(self):
        self.reply = lambda question, n: "Sports" if "goal" in question else "World"
        self.requests = []
        self.times = []
        self.most_at_once = self._now = 0
        self._lock = threading.Lock()
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with service._lock:
                    service.requests.append((self.path, dict(self.headers), body))
                    service.times.append(time.monotonic())
                    number = len(service.requests)
                    service._now += 1
                    service.most_at_once = max(service.most_at_once, service._now)
                try:
                    reply = service.reply(body["messages"][-1]["content"], number)
                finally:
                    with service._lock:
                        service._now -= 1
                if reply == "cut":
                    self.connection.shutdown(socket.SHUT_RDWR)
                    self.close_connection = True
                    return
                if isinstance(reply, str):
                    usage = {"prompt_tokens": 100, "completion_tokens": 5}
                    content = {
                        "choices": [{"message": {"role": "assistant", "content": reply}}],
                        "usage": usage,
                    }
                    reply = (200, {}, json.dumps(content))
                status, headers, text = reply
                data = text.encode()
                self.send_response(status)
                for name, value in {**headers, "Content-Length": str(len(data))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *arguments):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def asked(self):
        """The first message of every request, without how to answer."""
        return [body["messages"][0]["content"].partition("\n\n")[0] for _, _, body in self.requests]


@pytest.fixture
def service():
    made = Service()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def looks_often(monkeypatch):
    monkeypatch.setattr(llm_asking, "_LOOK_SECONDS", 0.01)


def settings(service, **other):
    chosen = {"key": SecretStr(KEY), "model": "small", "requests_per_minute": 60_000, "backoff_seconds": 0.01}
    return LlmSettings(service if isinstance(service, str) else service.url, **{**chosen, **other})


def corpus_of(texts):
    return ArrayCorpus(
        texts,
        fields={"title": [text.upper() for text in texts], "year": list(range(len(texts)))},
        label_names={SPORTS: "Sports", WORLD: "World"},
    )


def run(service, corpus, config=PLAIN, report=silent, **other):
    return LlmKind(settings(service, **other)).run(config, corpus, np.arange(corpus.n), report)


def message(service, corpus=None, config=PLAIN, **other):
    with pytest.raises(HeuristicError) as caught:
        run(service, corpus or corpus_of(["a goal"]), config, **other)
    assert KEY not in str(caught.value)
    return str(caught.value)


def test_answers_become_votes_and_the_notes_say_what_they_took(service):
    service.reply = lambda question, n: (
        "none"
        if "rain" in question
        else json.dumps({"label": "Sports" if "goal" in question else "World", "confidence": 0.75})
    )
    corpus = corpus_of(["a goal", "rain", "a vote", "a goal"])
    found = run(service, corpus, price_in=2.0, price_out=10.0)
    assert found.labels.tolist() == [SPORTS, ABSTAIN, WORLD, SPORTS]
    assert found.confidence.tolist() == [0.75, 0.0, 0.75, 0.75]
    assert (found.labels.dtype, found.confidence.dtype) == (np.int64, np.float32)
    assert sorted(service.asked()) == ["Which? a goal", "Which? a vote", "Which? rain"]  # the same text once
    cost = 3 * (100 * 2.0 + 5 * 10.0) / 1e6
    counts = {"asked": 3, "from_cache": 0, "not_asked": 0, "no_label": 0, "refused": 0}
    assert found.notes == {
        **{"model": "small", **counts, "tokens_in": 300, "tokens_out": 15},
        **{"cost": pytest.approx(cost), "warnings": []},
    }


def test_the_request_is_the_protocols(service):
    run(service, corpus_of(["a goal"]), LlmConfig(prompt="{title} of {year}", model="other", labels=(WORLD,)))
    ((path, headers, body),) = service.requests
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert (body["model"], body["temperature"]) == ("other", 0.0)
    assert body["messages"] == [{"role": "user", "content": body["messages"][0]["content"]}]
    assert body["messages"][0]["content"].startswith("A GOAL of 0\n\nAnswer with JSON only")
    assert body["messages"][0]["content"].endswith(":\n- World")


def test_no_key_and_no_temperature_are_not_sent(service):
    run(service, corpus_of(["a goal"]), LlmConfig(temperature=None), key=None)
    ((_, headers, body),) = service.requests
    assert "Authorization" not in headers
    assert "temperature" not in body


def test_a_second_run_asks_nothing_and_costs_nothing(service):
    corpus = corpus_of(["a goal", "a vote"])
    first = run(service, corpus)
    again = run(service, corpus, price_in=1.0, price_out=1.0)
    assert len(service.requests) == 2
    assert again.labels.tolist() == first.labels.tolist()
    assert (again.notes["asked"], again.notes["from_cache"], again.notes["cost"]) == (0, 2, 0.0)
    run(service, corpus, LlmConfig(prompt="Which? {text}", min_confidence=0.5))  # judged here, not there
    assert len(service.requests) == 2


@pytest.mark.parametrize(
    ("config", "other"),
    [
        (LlmConfig(prompt="What? {text}"), {}),
        (LlmConfig(prompt="Which? {text}", labels=(SPORTS,)), {}),
        (LlmConfig(prompt="Which? {text}", temperature=1.0), {}),
        (PLAIN, {"model": "large"}),
    ],
)
def test_another_question_is_asked_anew(service, config, other):
    corpus = corpus_of(["a goal"])
    run(service, corpus)
    run(service, corpus, config, **other)
    assert len(service.requests) == 2


def test_an_unsure_answer_abstains(service):
    service.reply = lambda question, n: (
        '{"label": "Sports", "confidence": %s}' % (0.9 if "goal" in question else 0.4)
    )
    found = run(service, corpus_of(["goal", "other"]), LlmConfig(prompt="{text}", min_confidence=0.5))
    assert found.labels.tolist() == [SPORTS, ABSTAIN]
    assert found.confidence.tolist() == [np.float32(0.9), 0.0]


def test_nonsense_is_asked_once_more_then_counted_and_asked_anew_by_the_next_run(service):
    service.reply = lambda question, n: "I think it is about football."
    corpus = corpus_of(["a goal"])
    found = run(service, corpus)
    assert found.labels.tolist() == [ABSTAIN]
    assert found.notes["no_label"] == 1
    assert found.notes["tokens_in"] == 200
    assert found.notes["warnings"] == ["1 answer was no label, even when asked again."]
    assert [len(body["messages"]) for _, _, body in service.requests] == [1, 3]
    service.reply = lambda question, n: "" if "goal" in question else "…"  # empty answers are not kept either
    assert run(service, corpus).notes["no_label"] == 1
    assert len(service.requests) == 4
    service.reply = lambda question, n: "Sports"
    assert run(service, corpus).labels.tolist() == [SPORTS]
    assert len(service.requests) == 5


def test_nonsense_that_was_kept_once_is_asked_anew(service):
    corpus = corpus_of(["a goal"])
    run(service, corpus)
    corpus.remember(dict.fromkeys(corpus._answers, ""))
    assert run(service, corpus).labels.tolist() == [SPORTS]
    assert len(service.requests) == 2


def test_a_second_answer_that_is_a_label_counts(service):
    service.reply = lambda question, n: "Hm." if n == 1 else "Sports"
    assert run(service, corpus_of(["a goal"])).labels.tolist() == [SPORTS]


@pytest.mark.parametrize(
    ("failure", "n"),
    [((500, {}, "oops"), 1), ((503, {}, ""), 2), ((429, {}, "{}"), 2), ("cut", 2)],
)
def test_what_passes_is_tried_again(service, failure, n):
    fine = service.reply
    service.reply = lambda question, number: failure if 1 < number <= 1 + n else fine(question, number)
    assert run(service, corpus_of(["a goal", "a vote"])).labels.tolist() == [SPORTS, WORLD]
    assert len(service.requests) == 2 + n


def test_what_does_not_pass_is_told_after_some_attempts(service):
    service.reply = lambda question, n: (500, {}, "oops")
    said = message(service, backoff_seconds=0.001)
    assert said == (
        f"The LLM at {service.url} did not answer in 6 attempts (the last: status 500): run again later, "
        "the answers so far are kept."
    )
    assert len(service.requests) == 6


def test_retry_after_holds_every_request_back(service):
    service.reply = lambda question, n: (429, {"Retry-After": "1"}, "{}") if n == 1 else "Sports"
    said = []
    run(
        service,
        corpus_of([f"goal {n}" for n in range(20)]),
        report=lambda done, total=None, unit="", message="", detail=None: said.append(message),
        requests_per_minute=1_200,  # one every 50 ms: most are still to come when the first is refused
    )
    waited = [later - service.times[0] for later in service.times[1:]]
    assert sum(wait < 0.9 for wait in waited) <= 6  # under way already
    assert max(waited) > 1
    assert len(service.requests) == 21


def test_the_rate_is_kept_and_no_more_than_four_are_under_way(service):
    def slow(question, n):
        time.sleep(0.1)
        return "Sports"

    service.reply = slow
    run(service, corpus_of([f"goal {n}" for n in range(12)]), requests_per_minute=3_000)  # one every 20 ms
    assert service.most_at_once == 4
    run(service, corpus_of([f"shot {n}" for n in range(4)]), requests_per_minute=600)  # one every 100 ms
    assert service.times[-1] - service.times[-4] >= 0.2


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (
            (401, {}, f'{{"error": {{"message": "Incorrect API key {KEY}"}}}}'),
            "refused the key (status 401): check",
        ),
        ((404, {}, '{"error": {"message": "no model small"}}'), "There is no chat model 'small' at "),
        (
            (302, {"Location": "http://evil.test/v1?x=1"}, ""),
            "leads to http://evil.test/v1, where the key is not sent",
        ),
        (
            (400, {}, f'{{"error": {{"message": "temperature: {KEY}"}}}}'),
            "refused every request (temperature: …): check",
        ),
        (
            (429, {}, '{"error": {"code": "insufficient_quota", "message": "Pay."}}'),
            "has no credit left (Pay): top",
        ),
        ((200, {}, "<html>Welcome</html>"), "does not speak OpenAI's protocol: check EMBTUNE_LLM_URL"),
        ((200, {}, '{"choices": []}'), "does not speak OpenAI's protocol: check EMBTUNE_LLM_URL"),
    ],
)
def test_what_trying_again_does_not_mend_is_told_at_once(service, reply, said):
    service.reply = lambda question, n: reply
    assert said in message(service)
    assert len(service.requests) == 1


def test_nobody_there_is_told_in_one_sentence():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    said = message(url)
    assert said.startswith(f"No LLM can be reached at {url} (")
    assert said.endswith("): is it running, and is EMBTUNE_LLM_URL right?")


def test_a_slow_service_is_given_up(service):
    service.reply = lambda question, n: time.sleep(0.3) or "Sports"
    assert "(the last: no answer within 0.05 seconds)" in message(
        service, seconds=0.05, backoff_seconds=0.001
    )


def test_a_record_that_is_refused_leaves_the_others_their_votes(service):
    service.reply = lambda question, n: (
        (400, {}, '{"detail": "too long"}') if "long" in question else "Sports"
    )
    found = run(service, corpus_of(["a goal", "long", "a shot"]))
    assert found.labels.tolist() == [SPORTS, ABSTAIN, SPORTS]
    assert found.notes["refused"] == 1
    assert found.notes["warnings"] == ["1 request was refused (too long)."]


def test_what_was_answered_before_a_failure_is_kept(service):
    service.reply = lambda question, n: "Sports" if n <= 5 else (401, {}, "")
    corpus = corpus_of([f"goal {n}" for n in range(12)])
    message(service, corpus, requests_per_minute=6_000)
    service.requests.clear()
    service.reply = lambda question, n: "Sports"
    found = run(service, corpus)
    assert (found.notes["from_cache"], found.notes["asked"]) == (5, 7)


def test_a_cancel_is_heard_at_once_and_loses_no_answer(service):
    def slow(question, n):
        time.sleep(0.1)
        return "Sports"

    service.reply = slow
    corpus = corpus_of([f"goal {n}" for n in range(200)])

    def report(done, total=None, unit="", message="", detail=None):
        assert (total, unit) == (200, "answers")
        if done >= 6:
            raise JobCancelledError

    start = time.monotonic()
    with pytest.raises(JobCancelledError):
        run(service, corpus, report=report)
    assert time.monotonic() - start < 2
    n_asked = len(service.requests)
    assert 6 <= n_asked < 100
    service.reply = lambda question, n: "Sports"
    assert run(service, corpus).notes["from_cache"] == n_asked  # also those that were under way


def test_a_cancel_is_heard_while_the_service_wants_a_wait(service):
    service.reply = lambda question, n: (429, {"Retry-After": "200"}, "")
    heard = []

    def report(done, total=None, unit="", message="", detail=None):
        heard.append(message)
        if "asked to wait 200 seconds" in message:
            raise JobCancelledError

    start = time.monotonic()
    with pytest.raises(JobCancelledError):
        run(service, corpus_of(["a goal"]), report=report)
    assert time.monotonic() - start < 2


def test_no_more_is_asked_than_the_limit_and_always_the_same(service):
    corpus = corpus_of([f"goal {n}" for n in range(10)])
    config = LlmConfig(prompt="Which? {text}", max_records=4)
    found = run(service, corpus, config)
    assert (found.labels == SPORTS).sum() == 4
    assert found.notes["not_asked"] == 6
    assert found.notes["warnings"] == ["6 questions were not asked, above the limit."]
    assert run(service, corpus, config).labels.tolist() == found.labels.tolist()
    assert len(service.requests) == 4


def test_the_estimate_asks_nothing_and_counts_what_is_left(service):
    corpus = corpus_of(["a goal", "a vote", "a goal"])
    kind = LlmKind(settings(service, requests_per_minute=30, price_in=2.0, price_out=10.0))
    rows = np.arange(3)
    question = questions(PLAIN.prompt, list(NAMES), corpus, rows)[0]
    size = -(-len(question) // 4)
    assert kind.estimate(PLAIN, corpus, rows) == {
        **{"requests": 2, "from_cache": 0, "not_asked": 0, "tokens_in": 2 * size, "tokens_out": 40},
        **{"cost": pytest.approx((2 * size * 2 + 40 * 10) / 1e6), "minutes": pytest.approx(2 / 30)},
    }
    assert service.requests == []
    run(service, corpus)
    left = LlmKind(settings(service)).estimate(PLAIN, corpus, rows)
    assert (left["requests"], left["from_cache"], left["cost"]) == (0, 2, None)


def test_without_an_address_it_says_what_to_set():
    kind = LlmKind()
    assert kind.depends(PLAIN).asks is None
    for ask in (kind.run, kind.estimate):
        arguments = (silent,) if ask == kind.run else ()
        with pytest.raises(HeuristicError, match="No LLM address is configured: set EMBTUNE_LLM_URL"):
            ask(PLAIN, corpus_of(["a"]), np.arange(1), *arguments)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"model": None}, "No model is named: set EMBTUNE_LLM_MODEL"),
        ({"key": SecretStr("a\nb")}, "EMBTUNE_LLM_KEY holds characters that cannot be sent"),
        ({"requests_per_minute": 0}, "EMBTUNE_LLM_REQUESTS_PER_MINUTE must be 1 or more."),
    ],
)
def test_settings_that_cannot_work_are_told(service, other, said):
    assert message(service, **other).startswith(said)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            LlmConfig(prompt="{headline}"),
            "The prompt names 'headline', which is no field; there are text, labels, ",
        ),
        (LlmConfig(prompt="Choose of {labels}"), "The prompt names nothing of the record"),
        (LlmConfig(prompt="{text}", labels=(99,)), "A label that the heuristic chooses from was deleted"),
    ],
)
def test_prompts_that_cannot_work_are_told(service, config, said):
    assert message(service, config=config).startswith(said)
    assert service.requests == []


def test_a_prompt_is_filled_once_and_braces_of_the_record_stay():
    corpus = ArrayCorpus(["{title} 50 %"], fields={"title": ["a {text}"]})
    (question,) = questions('{text}|{title}|{labels}|{"label": "x"}', ["A", "B"], corpus, np.arange(1))
    assert question.startswith('{title} 50 %|a {text}|- A\n- B|{"label": "x"}\n\n')


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Sports", (SPORTS, 1.0)),
        (" sports\n", (SPORTS, 1.0)),
        ('"World"', (WORLD, 1.0)),
        ('{"label": "WORLD", "confidence": 0.5}', (WORLD, 0.5)),
        ('```json\n{"label": "World"}\n```', (WORLD, 1.0)),
        ("<think>Sports? No.</think>\nWorld", (WORLD, 1.0)),
        ("None", (ABSTAIN, 0.0)),
        ('{"label": null}', (ABSTAIN, 0.0)),
        ("It is Sports", None),
        ("", None),
        ("{}", None),
        ('["Sports"]', None),
        ('{"label": ["Sports"]}', None),
        ('{"label": "Sports", "confidence": 90}', None),
        ('{"label": "Sports", "confidence": NaN}', None),
        ('{"label": "Sports", "confidence": true}', None),
        ("[" * 100_000, None),
    ],
)
def test_answers_are_read_strictly(text, expected):
    assert read_answer(text, NAMES) == expected


def test_labels_that_differ_in_case_or_look_like_json_are_told_apart():
    assert read_answer("us", {"us": 1, "US": 2}) == (1, 1.0)
    assert read_answer("Us", {"us": 1, "US": 2}) is None
    assert read_answer("401", {"401": 1}) == (1, 1.0)
    assert read_answer("none", {"None": 5}) == (5, 1.0)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://host:11434", "http://host:11434/v1/chat/completions"),
        ("https://host/v1/", "https://host/v1/chat/completions"),
        (
            "https://host/openai/v1/chat/completions?api-version=2",
            "https://host/openai/v1/chat/completions?api-version=2",
        ),
    ],
)
def test_the_address_may_be_written_in_several_ways(url, expected):
    assert endpoint(url) == expected


@pytest.mark.parametrize(
    "url", ["host:1234", "ftp://host", "file:///etc/passwd", "https://?x", "https://a:b@host/v1"]
)
def test_addresses_that_are_none_are_refused_without_repeating_them(url):
    with pytest.raises(HeuristicError) as caught:
        endpoint(url)
    assert url not in str(caught.value)


def test_what_is_shown_of_an_address_holds_no_secret():
    assert shown("https://me:pw@host:8/v1/?key=secret") == "https://host:8/v1"
    assert KEY not in repr(settings("http://host"))


def test_it_describes_itself():
    kind = LlmKind(settings("http://host/v1"))
    assert kind.describe(LlmConfig(labels=(SPORTS, WORLD)), {SPORTS: "Sports", WORLD: "World"}) == (
        "Which label fits this text? {text} → Sports, World"
    )
    assert kind.depends(PLAIN).asks == "http://host/v1"
    assert kind.voting(LlmConfig(labels=(SPORTS,))) == (SPORTS,)
