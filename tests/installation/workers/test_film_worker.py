"""The film worker's process: that it ends with the visit, and what becomes of a film that fails."""

from typing import Any

import psutil

from installation.workers.child_process import ChildProcess
from installation.workers.film_worker import FilmWorker
from tests.support.engine_kit import until


def child_of(worker: FilmWorker) -> ChildProcess:
    """The process of the film that is being made."""
    job = worker._job
    assert job is not None
    until(lambda: job._child is not None)
    assert job._child is not None
    return job._child


def unusable() -> Any:
    """Something that no film can be made of."""
    return None


def test_a_dropped_film_takes_its_process_along() -> None:
    worker = FilmWorker()
    worker.begin(unusable(), "en", False)
    job, process_id = worker._job, child_of(worker).pid
    worker.drop()
    assert worker.done and worker.film is None
    until(lambda: not psutil.pid_exists(process_id))
    assert job is not None
    job.thread.join(30)
    assert not job.thread.is_alive() and job.film is None


def test_where_rendering_fails_there_is_no_film() -> None:
    worker = FilmWorker()
    worker.begin(unusable(), "en", False)
    process_id = child_of(worker).pid
    worker.wait()
    assert worker.done and worker.film is None
    assert not psutil.pid_exists(process_id)


def test_a_second_film_ends_the_first() -> None:
    worker = FilmWorker()
    worker.begin(unusable(), "en", False)
    first = child_of(worker).pid
    worker.begin(unusable(), "en", False)
    until(lambda: not psutil.pid_exists(first))
    worker.drop()


def test_a_film_of_the_meeting_waits_for_it() -> None:
    worker = FilmWorker()
    worker.begin(unusable(), "en", False, meets=True)
    process_id = child_of(worker).pid
    assert not worker.done
    worker.finish(None)
    worker.wait()
    assert worker.done and worker.film is None
    until(lambda: not psutil.pid_exists(process_id))
    worker.begin(unusable(), "en", False, meets=True)
    job = worker._job
    worker.drop()  # a visit that ends before its meeting
    assert job is not None
    job.thread.join(30)
    assert not job.thread.is_alive()
    worker.finish(None)
