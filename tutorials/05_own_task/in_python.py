import asyncio


# [task]
class OwnTask(asyncio.Future):
    def __init__(self, coroutine, name):
        super().__init__()
        self.coroutine, self.name = coroutine, name
        self.get_loop().call_soon(self.step)
        asyncio._register_task(self)

    def get_name(self):
        return self.name

    def step(self, _=None):
        asyncio._enter_task(self.get_loop(), self)
        try:
            awaited = self.coroutine.send(None)
        except StopIteration:
            awaited = None
        finally:
            asyncio._leave_task(self.get_loop(), self)
        if awaited is None:
            self.set_result(None)
            asyncio._unregister_task(self)
        else:
            awaited._asyncio_future_blocking = False
            awaited.add_done_callback(self.step)
# [task]


def look(when):
    current = asyncio.current_task()
    names = sorted(task.get_name() for task in asyncio.all_tasks())
    print(f"{when:20}current {current.get_name() if current else 'none':6}all", *names)


async def boil():
    look("the eggs are in")
    await asyncio.sleep(0.2)
    look("the eggs are done")


async def kitchen():
    asyncio.current_task().set_name("main")
    tea = asyncio.create_task(asyncio.sleep(0.01), name="tea")
    eggs = OwnTask(boil(), "eggs")
    look("two were made")
    asyncio.get_running_loop().call_later(0.1, look, "in a callback")
    await tea
    look("the tea is ready")
    await eggs
    look("breakfast")


asyncio.run(kitchen())
