// contextvars_test.cpp: variables that belong to a flow of control. V1 and V2 are in contextvars.hpp.
#include <asyncio/contextvars.hpp>
#include <asyncio/exceptions.hpp>
#include <asyncio/tasks.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <thread>

#include "tests/reference/scripted_loop.hpp"

namespace asyncio {
namespace {

using testing::ElementsAre;

ContextVar<int> plain("plain");
ContextVar<int> with_default("with_default", 10);
ContextVar<std::string> text("text");

// Getting -----------------------------------------------------------------------------------------------

// S349: the value, else the argument, else the variable's default, else an error.
TEST(AContextVar, GivesItsValueFirst) {
  Context().run([] {
    with_default.set(1);

    EXPECT_EQ(with_default.get(), 1);
    EXPECT_EQ(with_default.get(5), 1);
  });
}

// S349.
TEST(AContextVar, GivesTheArgumentBeforeItsDefault) {
  Context().run([] {
    EXPECT_EQ(with_default.get(5), 5);
    EXPECT_EQ(with_default.get(), 10);
  });
}

// S349: LookupError in Python.
TEST(AContextVar, ThrowsWhereNothingWasSet) {
  Context().run([] { EXPECT_THROW(plain.get(), std::out_of_range); });
}

// Tokens ------------------------------------------------------------------------------------------------

// S349.
TEST(AToken, PutsTheEarlierValueBack) {
  Context().run([] {
    plain.set(1);
    const Token token = plain.set(2);

    plain.reset(token);

    EXPECT_EQ(plain.get(), 1);
  });
}

// S349: "not set" comes back as well.
TEST(AToken, PutsNothingBackWhereNothingWas) {
  Context().run([] {
    const Token token = plain.set(2);

    plain.reset(token);

    EXPECT_THROW(plain.get(), std::out_of_range);
    EXPECT_EQ(copy_context().size(), 0u);
  });
}

// S349: RuntimeError; copies are the same token.
TEST(AToken, IsUsedOnce) {
  Context().run([] {
    const Token token = plain.set(2);
    const Token copy = token;
    plain.reset(token);

    EXPECT_THROW(plain.reset(token), RuntimeError);
    EXPECT_THROW(plain.reset(copy), RuntimeError);
  });
}

// Token.var, Token.old_value, Token.MISSING.
TEST(AToken, KnowsItsVariableAndTheEarlierValue) {
  Context().run([] {
    const ContextVar<int> other("other");
    const Token first = plain.set(1);
    const Token second = plain.set(2);

    EXPECT_EQ(&second.var(), &plain);
    EXPECT_EQ(second.old_value(plain), 1);
    EXPECT_EQ(first.old_value(plain), std::nullopt);
    EXPECT_THROW(first.old_value(other), std::invalid_argument);
    EXPECT_THROW(Token().var(), std::invalid_argument);
  });
}

// S349: ValueError in Python; and the token can still be used where it belongs.
TEST(AToken, BelongsToItsVariable) {
  Context().run([] {
    const Token token = plain.set(2);

    EXPECT_THROW(with_default.reset(token), std::invalid_argument);
    EXPECT_THROW(plain.reset(Token()), std::invalid_argument);

    EXPECT_NO_THROW(plain.reset(token));
  });
}

// S349: ValueError in Python.
TEST(AToken, BelongsToItsContext) {
  Context().run([] {
    const Token token = plain.set(2);

    copy_context().run([&] { EXPECT_THROW(plain.reset(token), std::invalid_argument); });

    EXPECT_NO_THROW(plain.reset(token));
  });
}

// `with var.set(value):`
TEST(SettingForABody, PutsTheEarlierValueBackOnEveryWayOut) {
  Context().run([] {
    plain.set(1);

    EXPECT_EQ(plain.set(2, [] { return plain.get() + 10; }), 12);
    EXPECT_EQ(plain.get(), 1);
    EXPECT_THROW(plain.set(3, [] { throw std::logic_error("out"); }), std::logic_error);
    EXPECT_EQ(plain.get(), 1);
  });
}

TEST(SettingForABody, MaySuspend) {
  ScriptedLoop loop;
  std::vector<int> seen;
  const auto task = loop.create_task([&] {
    plain.set(1);
    plain.set(2, [&] {
      give_way();
      seen.push_back(plain.get());
    });
    seen.push_back(plain.get());
  });
  loop.turn(2);

  EXPECT_TRUE(task.done());
  EXPECT_THAT(seen, ElementsAre(2, 1));
}

// The body is unwound instead of resumed, and its context is not the current one any more.
TEST(SettingForABody, MayBeAbandoned) {
  ScriptedLoop loop;
  loop.create_task([&] { plain.set(2, [&] { await(loop.create_future<void>()); }); });
  loop.turn();

  loop.close();

  EXPECT_EQ(stack_statistics().live, 0u);
}

// Contexts ----------------------------------------------------------------------------------------------

// S350.
TEST(AContext, KeepsWhatIsSetInside) {
  const Context context;

  context.run([] { plain.set(3); });

  EXPECT_EQ(context.get(plain), 3);
  EXPECT_TRUE(context.contains(plain));
  EXPECT_THROW(plain.get(), std::out_of_range);
}

// S350, V1.
TEST(AContext, CannotBeEnteredTwice) {
  const Context context;
  const Context same = context;  // NOLINT(performance-unnecessary-copy-initialization)

  context.run([&] {
    EXPECT_TRUE(same.entered());
    EXPECT_THROW(same.run([] {}), RuntimeError);
    Context().run([&] { EXPECT_THROW(context.run([] {}), RuntimeError); });  // further down the stack
  });

  EXPECT_FALSE(context.entered());
  EXPECT_EQ(context.run([] { return 4; }), 4);
}

// V1: also where what ran inside threw.
TEST(AContext, IsLeftByExceptions) {
  const Context context;

  EXPECT_THROW(context.run([] { throw std::logic_error("inside"); }), std::logic_error);

  EXPECT_FALSE(context.entered());
  EXPECT_THROW(plain.get(), std::out_of_range);
}

// S350, V2: a copy is a snapshot, and later changes of either are not shared.
TEST(ACopiedContext, SharesNoLaterChange) {
  const Context context;
  context.run([] { plain.set(1); });

  const Context copy = context.copy();
  copy.run([] { plain.set(2); });
  context.run([] { text.set("only here"); });

  EXPECT_EQ(context.get(plain), 1);
  EXPECT_EQ(copy.get(plain), 2);
  EXPECT_FALSE(copy.contains(text));
}

// S350.
TEST(CopyContext, TakesASnapshotOfTheCurrentOne) {
  Context().run([] {
    plain.set(1);
    const Context copy = copy_context();
    plain.set(2);

    EXPECT_EQ(copy.get(plain), 1);
  });
}

TEST(AContext, LooksOnlyAtItself) {
  const Context context;

  EXPECT_THROW(context.get(with_default), std::out_of_range);  // a default does not count
  EXPECT_EQ(context.get(with_default, 4), 4);
}

TEST(AContext, NamesItsVariablesInTheOrderOfTheirConstruction) {
  const Context context;

  context.run([] {
    text.set("a");
    plain.set(1);
  });

  EXPECT_THAT(context.keys(), ElementsAre("plain", "text"));
  EXPECT_EQ(context.size(), 2u);
}

TEST(Contexts, AreEqualWhereTheyHoldTheSameValues) {
  const Context one;
  one.run([] { plain.set(1); });
  const Context copy = one.copy();
  const Context other;
  other.run([] { plain.set(2); });

  EXPECT_EQ(Context(), Context());
  EXPECT_EQ(one, copy);
  EXPECT_FALSE(one == other);
  EXPECT_FALSE(one == Context());
}

// V2. Re-entrancy: to replace a value is to destroy it, which may set the variable again.
TEST(AContextVar, MayBeSetByTheDestructorOfItsValue) {
  struct Sets {
    ~Sets() { plain.set(8); }
  };
  static ContextVar<std::shared_ptr<Sets>> var("var");

  Context().run([] {
    var.set(std::make_shared<Sets>());
    var.set(nullptr);

    EXPECT_EQ(plain.get(), 8);
  });
}

TEST(AContextVar, BelongsToItsThreadOutsideEveryContext) {
  std::thread([] {
    const Token token = plain.set(1);
    EXPECT_EQ(plain.get(), 1);
    plain.reset(token);
  }).join();

  EXPECT_THROW(plain.get(), std::out_of_range);
}

// Tasks -------------------------------------------------------------------------------------------------

// S351: a task works on its own copy.
TEST(TheContextOfATask, HidesWhatItSetsFromItsCreator) {
  ScriptedLoop loop;

  const int seen = loop.run_until_complete([] {
    with_default.set(1);
    await(create_task([] { with_default.set(with_default.get() + 1); }));
    return with_default.get();
  });

  EXPECT_EQ(seen, 1);
}

// S351: a context that is given is used itself.
TEST(TheContextOfATask, IsTheVeryOneItWasGiven) {
  ScriptedLoop loop;
  const Context context;

  const auto task = loop.create_task([] { plain.set(6); }, {.context = context});
  loop.run_until_complete(task);

  EXPECT_EQ(context.get(plain), 6);
}

// A coroutine may suspend inside Context::run(), which Python has no way to do: nobody else sees that context.
TEST(TheContextOfATask, MayBeAnInnerOneWhenItSuspends) {
  ScriptedLoop loop;
  std::vector<int> seen;
  const auto inside = loop.create_task([&] {
    Context().run([&] {
      plain.set(1);
      give_way();
      seen.push_back(plain.get());
    });
    seen.push_back(plain.get(0));
  });
  const auto outside = loop.create_task([&] { seen.push_back(plain.get(0)); });

  loop.turn(2);

  EXPECT_THAT(seen, ElementsAre(0, 1, 0));
  EXPECT_TRUE(inside.done() && outside.done());
}

// The same task, abandoned: its stack is unwound while some other context is current.
TEST(TheContextOfATask, MayBeAnInnerOneWhenItIsAbandoned) {
  ScriptedLoop loop;
  const Context context;
  auto never = loop.create_future<void>();
  const auto task = loop.create_task([&] { context.run([&] { Context().run([&] { await(never); }); }); });
  loop.turn();
  EXPECT_TRUE(context.entered());

  Context().run([&] {
    plain.set(2);
    loop.close();
    EXPECT_EQ(plain.get(), 2);
  });

  EXPECT_FALSE(context.entered());
  EXPECT_THROW(plain.get(), std::out_of_range);
}

// The same, where the last owner of the coroutine is not the task: it is destroyed after the task was.
TEST(TheContextOfATask, MayBeAnInnerOneWhenItsCoroutineIsDestroyed) {
  const Context context;
  auto coroutine = std::make_unique<Coroutine>([&] { context.run(give_way); });
  {
    ScriptedLoop loop;
    const auto task = make_task(loop, *coroutine, {});
    loop.turn();
    loop.close();
  }

  coroutine.reset();

  EXPECT_FALSE(context.entered());
}

}  // namespace
}  // namespace asyncio
