import asyncio

loop = asyncio.new_event_loop()


# [main]
def take_the_bag_out():
    loop.call_soon(print, "drink")
    print("take the bag out")


loop.call_later(0.2, print, "the rest is cold")
loop.call_later(0.01, take_the_bag_out)
loop.call_soon(print, "pour the water")
# [main]

loop.call_later(0.21, loop.stop)
loop.run_forever()
loop.close()
