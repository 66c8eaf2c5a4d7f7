import asyncio


# [breakfast]
async def brew(what, time):
    print(what, "begins")
    await asyncio.sleep(time)
    print(what, "ends")


async def breakfast():
    tea = asyncio.create_task(brew("tea", 0.02))
    print("the kettle is on")
    await brew("toast", 0.2)
    await tea
    print("breakfast")
# [breakfast]


asyncio.run(breakfast())
