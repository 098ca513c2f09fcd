"""The process of one job: `python -m embtune.jobs.worker JOB_ID`."""

from __future__ import annotations

import os
import sys

from embtune.jobs import runner
from embtune.jobs.kinds import followers
from embtune.project import Project
from embtune.store.database import get_database
from embtune.store.jobs import get_job
from embtune.store.projects import get_project


def main(job_id: int) -> int:
    """Run the job, then start those that follow from it; 0 if it was done."""
    db = get_database()
    job = get_job(db, job_id)
    info = get_project(db, job.project_id) if job is not None else None
    if job is None or info is None:
        print(f"There is no job {job_id}.", file=sys.stderr)
        return 1
    project = Project(db, info)
    ended = runner.run(project, job_id, leave=os._exit)
    if ended.state == "done":
        for kind, parameters in followers(project, ended.kind, ended.result or {}):
            runner.start(project, kind, parameters)
    return 0 if ended.state == "done" else 1


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1])))
