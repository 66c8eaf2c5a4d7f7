import asyncio


# [bank]
class Bank:
    balance = 0

    async def deposit(self, amount):
        seen = self.balance
        await asyncio.sleep(0.005)
        self.balance = seen + amount
# [bank]


# [main]
async def main():
    bank = Bank()
    await bank.deposit(100)
    await bank.deposit(100)
    print("one after the other:", bank.balance)

    bank = Bank()
    await asyncio.gather(bank.deposit(100), bank.deposit(100))
    print("side by side:", bank.balance)
# [main]


asyncio.run(main())
