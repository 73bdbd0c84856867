"""The queue on an executor of the test's own: slots, second attempts, stopping."""

from collections import Counter

from alfs_cli.executors import Outcome, Task, run_all


def task(run):
    return Task(run, f"/{run}", {}, "cpu", 1, "/", "/cache")


class Scripted:
    """Ends tasks in order with the outcomes that were written down for them, else finished."""

    threads = 1

    def __init__(self, slots, script=()):
        self.slots = slots
        self.script = {run: list(statuses) for run, statuses in dict(script).items()}
        self.running = []
        self.started = []
        self.most = 0

    def start(self, task):
        self.running.append(task)
        self.started.append(task)
        self.most = max(self.most, len(self.running))

    def wait(self, seconds):
        run = self.running.pop(0).run
        statuses = self.script.get(run, [])
        return [Outcome(run, statuses.pop(0) if statuses else "finished")]

    def stop(self):
        left = [Outcome(task.run, "interrupted") for task in self.running]
        self.running = []
        return left


def run(executor, names="abcdef", stops_after=99):
    seen = []
    outcomes = run_all(
        [task(name) for name in names],
        executor,
        on_event=lambda event, attempt: seen.append((event.run, event.status, attempt)),
        is_stopped=lambda: len(seen) >= stops_after,
    )
    return outcomes, seen


def test_every_task_once_and_never_more_than_the_slots():
    executor = Scripted(2)
    outcomes, _ = run(executor)
    assert executor.most == 2
    assert Counter(task.run for task in executor.started) == Counter("abcdef")
    assert {outcome.status for outcome in outcomes.values()} == {"finished"}


def test_a_failed_run_is_tried_once_more_anew_and_a_dead_one_from_its_checkpoint():
    executor = Scripted(2, {"a": ["failed"], "b": ["died"], "c": ["failed", "failed", "failed"]})
    outcomes, seen = run(executor)
    assert [task.anew for task in executor.started if task.run == "a"] == [False, True]
    assert [task.anew for task in executor.started if task.run == "b"] == [False, False]
    assert [entry for entry in seen if entry[0] == "c"] == [("c", "failed", 1), ("c", "failed", 2)]
    assert outcomes["a"].status == outcomes["b"].status == "finished"
    assert outcomes["c"].status == "failed"


def test_stopping_begins_nothing_more():
    executor = Scripted(2)
    outcomes, _ = run(executor, stops_after=1)
    assert len(executor.started) <= 3
    assert outcomes["a"].status == "finished"
    assert "interrupted" in {outcome.status for outcome in outcomes.values()}
    assert "f" not in outcomes
