"""Jobs: in this process and in one of their own; cancelled, killed, resumed."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import embtune
from embtune.errors import BadInputError, JobCancelledError, NotFoundError, StorageError, UnknownChoiceError
from embtune.jobs import runner
from embtune.jobs.kinds import KINDS, followers
from embtune.store.jobs import create_job, find_or_create_job, finish_job, get_job, start_job


@pytest.fixture(autouse=True)
def quick_reports(monkeypatch):
    monkeypatch.setattr(runner, "REPORT_SECONDS", 0.01)
    monkeypatch.setattr(runner, "HEARTBEAT_SECONDS", 0.05)


@pytest.fixture
def work(monkeypatch):
    """Put a function in as the job kind `work`: `work(lambda project, report: {...})`."""
    return lambda function: monkeypatch.setitem(KINDS, "work", function)


def run(project, kind="work", **parameters):
    return runner.run(project, create_job(project.db, project.id, kind, parameters))


def wait_until(condition, seconds=60.0):
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.02)


def ended(project, job_id):
    wait_until(lambda: not project.job(job_id).active)
    return project.job(job_id)


# ---- in this process -------------------------------------------------------------------------


def test_a_job_that_is_done_keeps_its_result_and_last_report(project, work):
    def function(project, report, *, n):
        report(1, n, "records", "first")
        report(n, n, "records", "last", {"loss": [1.0, 0.5]})
        return {"made": n}

    work(function)
    job = run(project, n=4)
    assert (job.state, job.result, job.error) == ("done", {"made": 4}, None)
    assert (job.done, job.total, job.unit, job.message) == (4, 4, "records", "last")
    assert job.detail == {"loss": [1.0, 0.5]}
    assert job.pid == os.getpid()
    assert job.created_at <= job.started_at <= job.finished_at


@pytest.mark.parametrize(
    ("raised", "message"),
    [
        (BadInputError("The field 'x' is not there."), "The field 'x' is not there."),
        (
            OSError(28, "No space left on device", "/data/x.npy"),
            "The system refused at /data/x.npy: No space",
        ),
        (ValueError("odd"), "Unexpected ValueError: odd"),
    ],
)
def test_a_job_that_fails_says_why_in_one_sentence(project, work, raised, message, capsys):
    def function(project, report):
        raise raised

    work(function)
    job = run(project)
    assert job.state == "failed"
    assert job.error.startswith(message)
    assert "\n" not in job.error
    assert ("Traceback" in capsys.readouterr().err) == isinstance(raised, ValueError)


def test_a_cancel_arrives_at_the_next_report(project, work):
    reported = []

    def function(project, report):
        while True:
            report(len(reported), None, "steps")
            reported.append(1)
            if len(reported) == 3:
                project.cancel(project.jobs(active=True)[0].id)
            time.sleep(0.01)

    work(function)
    job = run(project)
    assert (job.state, job.result, job.error) == ("cancelled", None, None)
    assert len(reported) >= 3


def test_reports_reach_the_echo_at_once(project, work):
    work(lambda project, report: report(1, 2, "records", "half") or {})
    told = []
    job_id = create_job(project.db, project.id, "work", {})
    runner.run(project, job_id, echo=lambda *given: told.append(given))
    assert told == [(1, 2, "records", "half", None)]


def test_a_busy_database_fails_no_job(project, work, monkeypatch):
    calls = []

    def busy(*given, **values):
        calls.append(values)
        if len(calls) < 4:
            raise StorageError("Another process keeps it locked.")
        return False

    def function(project, report):
        report(1, 2, "records", "kept")
        wait_until(lambda: len(calls) >= 4)
        return {}

    monkeypatch.setattr(runner, "report_job", busy)
    work(function)
    assert run(project).state == "done"
    assert calls[3]["message"] == "kept"  # what could not be written waited for the next time


def test_a_job_cancelled_before_it_began_never_runs(project, work):
    work(lambda *_: pytest.fail("it ran"))
    job_id = create_job(project.db, project.id, "work", {})
    project.cancel(job_id)
    assert runner.run(project, job_id).state == "cancelled"


def test_a_job_runs_once(project, work):
    work(lambda *_: {})
    job_id = create_job(project.db, project.id, "work", {})
    assert runner.run(project, job_id).state == "done"
    work(lambda *_: pytest.fail("it ran again"))
    assert runner.run(project, job_id).state == "done"
    assert not start_job(project.db, job_id, 1)
    assert not finish_job(project.db, job_id, "failed")


def test_a_job_of_another_project_is_not_found(project, plain_project):
    job_id = create_job(project.db, project.id, "map", {})
    with pytest.raises(NotFoundError, match=f"Project 'plain' has no job {job_id}"):
        plain_project.cancel(job_id)
    with pytest.raises(UnknownChoiceError, match="Unknown kind of job 'dream'"):
        project.start("dream")


def test_several_embeddings_are_evaluated_as_parts_of_one_whole(project, monkeypatch):
    told = []
    monkeypatch.setattr(
        type(project), "evaluate", lambda self, *, embedding, report, **_: report(1, 3, "steps", "top_k")
    )
    result = KINDS["evaluate"](project, lambda *given: told.append(given[:4]), embeddings=["raw", "v1"])
    assert result == {"embeddings": ["raw", "v1"]}
    assert told == [(1, 6, "steps", "raw: top_k"), (4, 6, "steps", "v1: top_k")]


def test_new_vectors_are_followed_by_their_maps_and_old_ones_are_not(project):
    wanted = [("map", {"embedding": "raw", "method": "umap"})]
    assert followers(project, "embed", {"extended": []}) == wanted
    assert followers(project, "import", {}) == followers(project, "map", {}) == []
    from embtune.store.artifacts import put_map

    row = project.require_embedding("raw")
    put_map(
        project.db,
        project.id,
        embedding="raw",
        method="umap",
        n_rows=60,
        file="x",
        detail={"vectors": row.file},
    )
    assert followers(project, "embed", {"extended": []}) == []


# ---- the same job twice ----------------------------------------------------------------------


def test_two_clicks_at_once_make_one_job(project, monkeypatch):
    spawned = []
    monkeypatch.setattr(runner, "spawn", lambda project, job_id: spawned.append(job_id))
    barrier, ids = threading.Barrier(4), []

    def click():
        barrier.wait()
        ids.append(project.start("map", method="pca"))

    threads = [threading.Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(ids)) == len(spawned) == 1
    assert project.start("map", method="umap") not in ids


def test_parameters_compare_as_they_are_kept(project, monkeypatch, tmp_path):
    monkeypatch.setattr(runner, "spawn", lambda *_: None)
    first = project.start("export", out=tmp_path / "x.csv", labels=("Alpha", "Beta"))
    assert project.start("export", out=tmp_path / "x.csv", labels=["Alpha", "Beta"]) == first
    assert project.job(first).parameters["out"] == str(tmp_path / "x.csv")


def test_a_dead_or_cancelled_job_is_not_taken_for_a_running_one(project, monkeypatch):
    monkeypatch.setattr(runner, "spawn", lambda *_: None)
    first = project.start("map")
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    start_job(project.db, first, process.pid)
    second = project.start("map")
    assert second != first
    assert project.job(first).state == "interrupted"
    project.cancel(second)
    assert find_or_create_job(project.db, project.id, "map", {})[1]


# ---- processes that end ----------------------------------------------------------------------


def test_sweep_tells_the_living_from_the_dead(project):
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        alive, queued, dead = (create_job(project.db, project.id, "map", {"i": i}) for i in range(3))
        start_job(project.db, alive, sleeper.pid)
        start_job(project.db, dead, 2**22 - 1)  # above any number the system gives
        assert [job.id for job in runner.sweep(project.db)] == [dead]
        assert project.job(dead).state == "interrupted"
        assert "Resume it to go on" in project.job(dead).error
        assert (project.job(alive).state, project.job(queued).state) == ("running", "queued")
        os.kill(sleeper.pid, signal.SIGKILL)  # not waited for: a zombie is dead too
        wait_until(lambda: bool(runner.sweep(project.db)))
        assert project.job(alive).state == "interrupted"
    finally:
        sleeper.kill()
        sleeper.wait()


def test_a_number_given_to_a_later_process_is_not_the_job(project, monkeypatch):
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        job_id = create_job(project.db, project.id, "map", {})
        start_job(project.db, job_id, sleeper.pid)
        import sqlalchemy as sa

        with project.db.write() as connection:  # as if the job had begun, and fallen silent, an hour ago
            connection.execute(
                sa.text("update jobs set started_at = started_at - 3600, heartbeat_at = heartbeat_at - 3600")
            )
        assert [job.id for job in runner.sweep(project.db)] == [job_id]
    finally:
        sleeper.kill()
        sleeper.wait()


def test_cancelling_a_job_whose_process_is_gone_ends_it(project):
    job_id = create_job(project.db, project.id, "map", {})
    start_job(project.db, job_id, 2**22 - 1)
    assert project.cancel(job_id).state == "cancelled"


def test_a_process_that_cannot_be_started_is_told(project, monkeypatch):
    def refused(*_, **__):
        raise OSError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(runner.subprocess, "Popen", refused)
    with pytest.raises(StorageError, match="The system refused: Resource temporarily unavailable"):
        project.start("map")
    assert (project.jobs()[0].state, project.jobs(active=True)) == ("failed", [])


def test_a_job_that_hears_nothing_is_left_by_its_heartbeat(home):
    """The process of a cancelled job that never reports ends of itself."""
    program = """
import embtune, os, sys, time
from embtune.jobs import runner
from embtune.jobs.kinds import KINDS
from embtune.store.jobs import create_job
runner.REPORT_SECONDS, runner.GRACE_SECONDS = 0.01, 0.1
project = embtune.open("deaf")
def deaf(project, report):
    project.cancel(project.jobs(active=True)[0].id)
    time.sleep(60)
KINDS["work"] = deaf
runner.run(project, create_job(project.db, project.id, "work", {}), leave=os._exit)
sys.exit("it was not left")
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=60, check=False).returncode == 0
    (job,) = embtune.open("deaf").jobs()
    assert job.state == "cancelled"


def test_a_worker_makes_a_map_and_is_marked_interrupted_when_killed(project):
    done = ended(project, project.start("map", method="pca"))
    assert (done.state, done.error) == ("done", None)
    assert done.pid != os.getpid()
    assert project.map("raw", "pca", make=False).shape == (60, 2)

    killed = project.start("map", method="pca", seed=1)
    os.kill(project.job(killed).pid, signal.SIGKILL)
    wait_until(lambda: runner.sweep(project.db) or not project.job(killed).active)
    assert project.job(killed).state == "interrupted"
    again = runner.retry(project, killed)
    assert again != killed
    assert ended(project, again).state == "done"


# ---- embedding goes on where it was ----------------------------------------------------------


@pytest.mark.model
def test_a_cancelled_embedding_goes_on_at_the_last_whole_chunk(home, monkeypatch):
    from embtune.embedding.encoder import Encoder
    from embtune.work import embedding

    monkeypatch.setattr(embedding, "CHUNK", 4)
    project = embtune.open("resumed")
    texts = [f"Story number {i} about something" for i in range(12)]
    project.import_records(("text\n" + "\n".join(texts)).encode(), name="t.csv", text="{text}")
    encode, encoded = Encoder.encode, []

    def watched(self, given, **options):
        if not given[0].startswith("Story"):  # a probe of the device's precision
            return encode(self, given, **options)
        if len(encoded) == 1:
            job_id = project.jobs(active=True)[0].id
            project.cancel(job_id)
            time.sleep(0.2)  # the heartbeat hears it
        vectors = encode(self, given, **options)
        encoded.append(len(given))
        return vectors

    monkeypatch.setattr(Encoder, "encode", watched)
    began = time.monotonic()
    job = run(project, "embed", device="cpu")
    assert job.state == "cancelled"
    assert time.monotonic() - began < 60
    assert project.embeddings == []
    first = sum(encoded)
    assert first == 4
    encoded += [0]  # no second cancel
    job = run(project, "embed", device="cpu")
    assert (job.state, sum(encoded)) == ("done", 12)
    assert job.detail["first_done"] == 4
    vectors = project.vectors("raw")
    assert vectors.shape == (12, 384)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(np.ones(12), abs=1e-2)
    assert not list(project.folder("embeddings").glob("*.partial*"))


def test_pace_and_time_left_come_from_what_this_run_did(project):
    job_id = create_job(project.db, project.id, "map", {})
    start_job(project.db, job_id, os.getpid())
    from dataclasses import replace

    job = get_job(project.db, job_id)
    assert (job.per_second, job.seconds_left) == (None, None)
    at = job.started_at
    job = replace(job, done=150, total=200, detail={"first_done": 50, "first_at": at - 10}, heartbeat_at=at)
    assert job.per_second == pytest.approx(10)
    assert job.seconds_left == pytest.approx(5, abs=2)


def test_cancel_is_raised_as_its_own_error(project):
    reporter = runner._Reporter(project.db, create_job(project.db, project.id, "map", {}), None)
    reporter(1)
    reporter.cancelled.set()
    with pytest.raises(JobCancelledError):
        reporter(2)
