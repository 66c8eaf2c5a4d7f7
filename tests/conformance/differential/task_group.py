"""A task group by the rules of CPython 3.15, S179 to S192, for a Python that does not have them yet.

Other than in 3.13, a group has cancel(), and its tasks are kept in the order in which they were made.
"""
from asyncio import CancelledError, Task, current_task, get_running_loop

LEAVE_THE_LOOP = (SystemExit, KeyboardInterrupt)


class TaskGroup:
    def __init__(self):
        self.loop = None  # until it is entered
        self.parent = None
        self.parent_is_cancelled = False  # by this group
        self.cancel_when_entered = False
        self.exiting = False
        self.aborting = False
        self.tasks = {}  # those that are not done; a dict keeps their order
        self.errors = []
        self.base_error = None  # one that leaves the loop
        self.completed = None  # the future that __aexit__ waits for

    async def __aenter__(self):
        if self.loop is not None:
            raise RuntimeError("TaskGroup has already been entered")
        self.loop = get_running_loop()
        self.parent = current_task()
        if self.cancel_when_entered:
            self.cancel()
        return self

    async def __aexit__(self, kind, error, traceback):
        self.exiting = True
        if isinstance(error, LEAVE_THE_LOOP) and self.base_error is None:
            self.base_error = error
        cancelled = error if isinstance(error, CancelledError) else None
        if error is not None and not self.aborting:
            self.abort()

        last, cancelled = await self.all_tasks_done(cancelled)
        if self.base_error is not None:
            raise self.base_error
        if self.parent_is_cancelled:
            if self.parent.uncancel() == 0:
                cancelled = None
            elif cancelled is None:
                cancelled = last
        if cancelled is not None and not self.errors:
            raise cancelled
        if error is not None and not isinstance(error, CancelledError):
            self.errors.append(error)
        if not self.errors:
            return True
        if self.parent.cancelling():
            self.parent.uncancel()
            self.parent.cancel()
        if isinstance(error, GeneratorExit) and len(self.errors) == 1:
            raise error
        raise BaseExceptionGroup("unhandled errors in a TaskGroup", self.errors) from None

    async def all_tasks_done(self, cancelled):
        """Waits; gives the last cancellation meanwhile, and the one that the group is left with."""
        last = None
        while self.tasks:
            if self.completed is None:
                self.completed = self.loop.create_future()
            try:
                await self.completed
            except CancelledError as error:
                last = error
                if not self.aborting:
                    cancelled = error
                    self.abort()
            self.completed = None
        return last, cancelled

    def create_task(self, coroutine, eager_start):
        refusal = None
        if self.loop is None:
            refusal = "has not been entered"
        elif self.exiting and not self.tasks:
            refusal = "is finished"
        elif self.aborting:
            refusal = "is shutting down"
        if refusal:
            coroutine.close()
            raise RuntimeError(f"TaskGroup {refusal}")
        task = Task(coroutine, loop=self.loop, eager_start=eager_start)
        self.tasks[task] = None
        task.add_done_callback(self.on_task_done)
        if self.aborting and not task.done():  # by what it did eagerly
            task.cancel()
        return task

    def cancel(self):
        if self.loop is None:
            self.cancel_when_entered = True
        elif not self.aborting and not (self.exiting and not self.tasks):
            self.abort()
            self.cancel_parent()

    def abort(self):
        self.aborting = True
        for task in list(self.tasks):
            if not task.done():
                task.cancel()

    def cancel_parent(self):
        if not self.parent_is_cancelled:
            self.parent_is_cancelled = True
            self.parent.cancel()

    def on_task_done(self, task):
        self.tasks.pop(task, None)
        if self.completed is not None and not self.tasks and not self.completed.done():
            self.completed.set_result(True)
        error = None if task.cancelled() else task.exception()
        if error is None:
            return
        self.errors.append(error)
        if isinstance(error, LEAVE_THE_LOOP) and self.base_error is None:
            self.base_error = error
        if not self.parent.done() and not self.aborting and not self.parent_is_cancelled:
            self.abort()
            self.cancel_parent()
