"""How Dagster starts runs on the Celery workers of deploy/, and how it notices that one of them is gone.

Nothing of flyby needs this module: deploy/dagster.yaml names it.
"""

import time
from typing import Any

from dagster import DagsterRun
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

#: For how long no worker may own up to a run before it counts as dead. A worker may take half a minute to find a Redis
#: again that was away.
SILENCE_S = 45.0


class Launcher(CeleryRunLauncher):
    """Dagster's own, but for how a run is cancelled, and for how it sees whether one goes on: it asks the workers.

    Dagster's believes what Redis noted last. That says "started" for ever when a worker's machine is gone, nothing of
    runs that go on when what Redis held is gone, and "success" of a run that could not tell Postgres how it ended.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._unheard_since: dict[str, float] = {}

    def terminate(self, run_id: str) -> bool:
        """As Ctrl-C, which Dagster understands; its own sends SIGTERM, of which the run dies without a word."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        self.celery.control.revoke(run.tags[DAGSTER_CELERY_TASK_ID_TAG], terminate=True, signal="SIGINT")
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """FAILED at once for a run whose process was killed, and after SILENCE_S for one that nobody is at work on."""
        noted = super().check_run_worker_health(run)
        if noted.status == WorkerStatus.FAILED:
            return noted
        task = run.tags[DAGSTER_CELERY_TASK_ID_TAG]
        replies = self.celery.control.inspect().query_task(task) or {}
        if any(task in at_work_on for at_work_on in replies.values()):
            self._unheard_since.pop(run.run_id, None)
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        now = time.monotonic()
        if now - self._unheard_since.setdefault(run.run_id, now) < SILENCE_S:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        del self._unheard_since[run.run_id]
        return CheckRunHealthResult(WorkerStatus.FAILED, "no worker is at work on it any more")
