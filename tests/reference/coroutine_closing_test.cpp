// coroutine_closing_test.cpp: how coroutines end that have not come to their end: closed, or without a handle.
#include <asyncio/coroutine.hpp>
#include <asyncio/exceptions.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace asyncio {
namespace {

using State = Coroutine::State;
using Why = Stop::Why;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::internal::CaptureStderr;
using testing::internal::GetCapturedStderr;

/// Tells a list when it is destroyed.
struct Says {
  std::vector<std::string>& to;
  std::string text;
  ~Says() { to.push_back(text); }
};

template <class T>
T& result(const Coroutine& coroutine) {
  return static_cast<Slot<T>&>(coroutine.get()->slot()).value();
}

/// Suspends in its destructor, as nobody should.
struct SuspendsWhenDestroyed {
  ~SuspendsWhenDestroyed() { Coroutine::suspend(); }
};

/// The text of the E that `act` throws.
template <class E, class F>
std::string thrown(F act) {
  try {
    act();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing";
}

// Closing, CPython gen_close ----------------------------------------------------------------------------

TEST(Close, RunsTheDestructorsOnTheStack) {
  std::vector<std::string> said;
  const Coroutine coroutine([&] {
    const Says outer{said, "outer"};
    const Says inner{said, "inner"};
    Coroutine::suspend();
    said.push_back("never");
  });
  coroutine.send();
  coroutine.close();
  EXPECT_THAT(said, ElementsAre("inner", "outer"));
  EXPECT_EQ(coroutine.state(), State::closed);
}

TEST(Close, NeverEntersACoroutineThatHasNotStarted) {
  bool entered = false;
  const Coroutine coroutine([&] { entered = true; });
  coroutine.close();
  EXPECT_FALSE(entered);
  EXPECT_EQ(coroutine.state(), State::closed);
}

TEST(Close, LeavesAnEndedCoroutineAsItIs) {
  const Coroutine coroutine([] { return 7; });
  coroutine.send();
  coroutine.close();
  EXPECT_EQ(result<int>(coroutine), 7);
}

TEST(Close, IsContentWithACoroutineThatReturns) {
  const Coroutine coroutine([] {
    try {
      Coroutine::suspend();
    } catch (const CoroutineExit&) {
    }
  });
  coroutine.send();
  EXPECT_NO_THROW(coroutine.close());
}

TEST(Close, RefusesACoroutineThatSuspendsAgain) {
  const Coroutine coroutine([] {
    try {
      Coroutine::suspend();
    } catch (const CoroutineExit&) {
    }
    Coroutine::suspend();
  });
  coroutine.send();
  EXPECT_EQ(thrown<RuntimeError>([&] { coroutine.close(); }), "coroutine ignored GeneratorExit");
  EXPECT_EQ(coroutine.state(), State::suspended);
  EXPECT_EQ(coroutine.send().why, Why::returned);
}

TEST(Close, HandsOutAnotherErrorOfTheCoroutine) {
  const Coroutine coroutine([] {
    try {
      Coroutine::suspend();
    } catch (const CoroutineExit&) {
      throw std::runtime_error("while closing");
    }
  });
  coroutine.send();
  EXPECT_EQ(thrown<std::runtime_error>([&] { coroutine.close(); }), "while closing");
}

TEST(Close, IsRefusedToARunningCoroutine) {
  Coroutine coroutine;
  std::string refusal;
  coroutine = Coroutine([&] { refusal = thrown<RuntimeError>([&] { coroutine.close(); }); });
  coroutine.send();
  EXPECT_EQ(refusal, "coroutine already executing");
}

// Losing the last handle (C4) ---------------------------------------------------------------------------

TEST(LastHandle, UnwindsTheStackBeforeTheCallableGoes) {
  std::vector<std::string> said;
  {
    const Coroutine coroutine([&said, captured = std::make_unique<Says>(said, "captured")] {
      const Says local{said, "local, while the captured text is " + captured->text};
      Coroutine::suspend();
    });
    coroutine.send();
  }
  EXPECT_THAT(said, ElementsAre("local, while the captured text is captured", "captured"));
}

TEST(LastHandle, MayBeDroppedInsideAnotherCoroutine) {
  std::vector<std::string> said;
  const Coroutine outer([&] {
    Coroutine inner([&] {
      const Says local{said, "inner"};
      Coroutine::suspend();
    });
    inner.send();
    inner = Coroutine();
    said.push_back("outer");
  });
  outer.send();
  EXPECT_THAT(said, ElementsAre("inner", "outer"));
}

TEST(LastHandle, PassesACatchAllThatRethrows) {
  std::vector<std::string> said;
  {
    const Coroutine coroutine([&] {
      try {
        Coroutine::suspend();
      } catch (...) {
        said.push_back("saw it");
        throw;
      }
    });
    coroutine.send();
  }
  EXPECT_THAT(said, ElementsAre("saw it"));
}

TEST(LastHandle, ThrowsAgainWhereTheExitIsSwallowed) {
  int swallowed = 0;
  CaptureStderr();
  {
    const Coroutine coroutine([&] {
      while (swallowed < 50) {
        try {
          Coroutine::suspend();
        } catch (...) {
          ++swallowed;
        }
      }
    });
    coroutine.send();
  }
  EXPECT_EQ(GetCapturedStderr(), "");
  EXPECT_EQ(swallowed, 50);
}

TEST(LastHandle, AbandonsAndReportsACoroutineThatSwallowsEveryExit) {
  const std::size_t before = stack_statistics().abandoned;
  int swallowed = 0;
  CaptureStderr();
  {
    const Coroutine coroutine([&] {
      for (;;) {
        try {
          Coroutine::suspend();
        } catch (...) {
          ++swallowed;
        }
      }
    });
    coroutine.send();
  }
  EXPECT_THAT(GetCapturedStderr(),
              testing::MatchesRegex("orrery: a coroutine \\(made at .*coroutine_closing_test.cpp:[0-9]+\\) "
                                    "caught CoroutineExit 100 times .* abandoned.*\n"));
  EXPECT_EQ(swallowed, 100);
  EXPECT_EQ(stack_statistics().abandoned, before + 1);
}

TEST(LastHandle, ReportsAnErrorThatNobodyCanReceive) {
  CaptureStderr();
  {
    const Coroutine coroutine([] {
      try {
        Coroutine::suspend();
      } catch (const CoroutineExit&) {
        throw std::runtime_error("too late");
      }
    });
    coroutine.send();
  }
  EXPECT_THAT(GetCapturedStderr(), HasSubstr("unwound: runtime_error: too late\n"));
}

TEST(LastHandle, AbandonsACoroutineThatIsSuspendedDuringUnwinding) {
  CaptureStderr();
  {
    const Coroutine coroutine([] {
      const SuspendsWhenDestroyed guard;
      throw std::runtime_error("unwinds the guard");
    });
    coroutine.send();
  }
  EXPECT_THAT(GetCapturedStderr(), HasSubstr("is suspended in a destructor, where an exception would end the process"));
}

TEST(LastHandle, AbandonsACoroutineThatSuspendsWhileItIsUnwound) {
  CaptureStderr();
  {
    const Coroutine coroutine([] {
      const SuspendsWhenDestroyed guard;
      Coroutine::suspend();
    });
    coroutine.send();
  }
  EXPECT_THAT(GetCapturedStderr(), HasSubstr("is suspended in a destructor, where an exception would end the process"));
}

}  // namespace
}  // namespace asyncio
