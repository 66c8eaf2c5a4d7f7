// exceptions_test.cpp: the names and texts of errors, and groups of them. E1 and E2 are in exception_groups.hpp.
#include <asyncio/exception_groups.hpp>
#include <asyncio/exceptions.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace asyncio {
namespace {

using testing::ElementsAre;

template <class E>
std::exception_ptr error(E held) {
  return std::make_exception_ptr(std::move(held));
}

/// Descriptions of the leaves of a group, with brackets around each group; "-" for null.
std::string tree(const std::exception_ptr& part) {
  if (!part) return "-";
  const auto* group = exception_ptr_cast<BaseExceptionGroup>(part);
  if (!group) return describe(part);
  std::string text = group->message() + "[";
  for (const auto& member : group->exceptions()) {
    if (text.back() != '[') text += ", ";
    text += tree(member);
  }
  return text + "]";
}

/// outer[timeout, inner[timeout, full]]
ExceptionGroup two_levels() {
  const auto inner = make_exception_group("inner", {error(TimeoutError("2")), error(QueueFull("3"))});
  return ExceptionGroup("outer", {error(TimeoutError("1")), inner});
}

// Descriptions ------------------------------------------------------------------------------------------

TEST(ADescription, HasTheNameAndTheText) {
  EXPECT_EQ(describe(error(RuntimeError("why"))), "RuntimeError: why");
  EXPECT_EQ(describe(error(CancelledError())), "CancelledError");
  EXPECT_EQ(describe(error(KeyboardInterrupt())), "KeyboardInterrupt");
  EXPECT_EQ(describe(nullptr), "null");
  EXPECT_EQ(describe(error(1)), "int");
}

// A user saw "std::_Nested_exception<asyncio::TimeoutError>" in a report.
TEST(ADescription, OfANestedExceptionHasTheNameThatWasMeant) {
  std::exception_ptr nested;
  try {
    try {
      throw CancelledError();
    } catch (...) {
      std::throw_with_nested(TimeoutError("late"));
    }
  } catch (...) {
    nested = std::current_exception();
  }

  EXPECT_EQ(describe(nested), "TimeoutError: late");
  EXPECT_EQ(type_name(nested), "TimeoutError");
}

TEST(ADescription, OfAGroupCountsItsMembers) {
  EXPECT_EQ(describe(make_exception_group("several", {error(RuntimeError("a"))})),
            "ExceptionGroup: several (1 sub-exception)");
  EXPECT_EQ(describe(make_exception_group("several", {error(RuntimeError("a")), error(CancelledError())})),
            "BaseExceptionGroup: several (2 sub-exceptions)");
}

// S113: generic error handlers must not catch these.
TEST(ACancelledError, IsNoOrdinaryError) {
  EXPECT_FALSE(holds<std::exception>(error(CancelledError())));
  EXPECT_FALSE(holds<std::exception>(error(KeyboardInterrupt())));
  EXPECT_FALSE(holds<std::exception>(error(SystemExit(1))));
  EXPECT_TRUE(holds<std::exception>(error(TimeoutError())));
}

TEST(ExceptionPtrCast, GivesWhatIsHeldOrNull) {
  const auto held = error(LimitOverrunError("far", 7));

  EXPECT_EQ(exception_ptr_cast<LimitOverrunError>(held)->consumed(), 7u);
  EXPECT_NE(exception_ptr_cast<std::exception>(held), nullptr);
  EXPECT_EQ(exception_ptr_cast<RuntimeError>(held), nullptr);
  EXPECT_EQ(exception_ptr_cast<RuntimeError>(nullptr), nullptr);
}

// Groups ------------------------------------------------------------------------------------------------

// E1.
TEST(AnExceptionGroup, IsNotEmpty) {
  EXPECT_THROW(ExceptionGroup("none", {}), std::invalid_argument);
  EXPECT_THROW(BaseExceptionGroup("none", {}), std::invalid_argument);
  EXPECT_THROW(make_exception_group("none", {}), std::invalid_argument);
  EXPECT_THROW(BaseExceptionGroup("null", {nullptr}), std::invalid_argument);
}

// S185, E2.
TEST(AnExceptionGroup, HoldsOrdinaryErrorsOnly) {
  EXPECT_THROW(ExceptionGroup("cancelled", {error(CancelledError())}), std::invalid_argument);

  EXPECT_TRUE(holds<ExceptionGroup>(make_exception_group("ordinary", {error(RuntimeError("a"))})));
  EXPECT_TRUE(holds<std::runtime_error>(make_exception_group("ordinary", {error(RuntimeError("a"))})));
  const auto with_cancelled = make_exception_group("cancelled", {error(RuntimeError("a")), error(CancelledError())});
  EXPECT_TRUE(holds<BaseExceptionGroup>(with_cancelled));
  EXPECT_FALSE(holds<std::exception>(with_cancelled));
}

// E2: also where it lies one level down.
TEST(AnExceptionGroup, HoldsNoBaseExceptionGroup) {
  const auto base = make_exception_group("cancelled", {error(CancelledError())});

  EXPECT_FALSE(holds<ExceptionGroup>(make_exception_group("outer", {base})));
}

TEST(AnExceptionGroup, IsCaughtAsBoth) {
  const auto group = error(two_levels());

  EXPECT_EQ(exception_ptr_cast<std::exception>(group)->what(), std::string("outer (2 sub-exceptions)"));
  EXPECT_EQ(exception_ptr_cast<BaseExceptionGroup>(group)->message(), "outer");
}

TEST(SplittingAGroup, KeepsTheShapeOfBothParts) {
  const auto [timeouts, rest] = two_levels().split<TimeoutError>();

  EXPECT_EQ(tree(timeouts), "outer[TimeoutError: 1, inner[TimeoutError: 2]]");
  EXPECT_EQ(tree(rest), "outer[inner[QueueFull: 3]]");
}

TEST(SplittingAGroup, GivesNullForAnEmptyPart) {
  EXPECT_EQ(tree(two_levels().split<QueueEmpty>().matching), "-");
  EXPECT_EQ(tree(two_levels().split<QueueEmpty>().rest), tree(error(two_levels())));
  EXPECT_EQ(tree(two_levels().split<TimeoutError, QueueFull>().rest), "-");
}

// The group is asked about first, as a whole, then its members.
TEST(SplittingAGroup, TakesAGroupThatMatchesWhole) {
  EXPECT_EQ(tree(two_levels().split<ExceptionGroup>().matching), tree(error(two_levels())));

  const auto named_inner = [](const std::exception_ptr& part) {
    const auto* group = exception_ptr_cast<BaseExceptionGroup>(part);
    return group && group->message() == "inner";
  };
  EXPECT_EQ(tree(two_levels().split(named_inner).matching), "outer[inner[TimeoutError: 2, QueueFull: 3]]");
  EXPECT_EQ(tree(two_levels().split(named_inner).rest), "outer[TimeoutError: 1]");
}

TEST(SplittingAGroup, AsksEachMemberInOrder) {
  std::vector<std::string> asked;
  two_levels().split([&](const std::exception_ptr& part) {
    asked.push_back(type_name(part));
    return false;
  });

  EXPECT_THAT(asked, ElementsAre("ExceptionGroup", "TimeoutError", "ExceptionGroup", "TimeoutError", "QueueFull"));
}

// What is left of a BaseExceptionGroup without the cancellations is an ordinary error.
TEST(SplittingAGroup, MakesOrdinaryGroupsWhereItCan) {
  const BaseExceptionGroup group("both", {error(CancelledError("stop")), error(RuntimeError("a"))});

  const auto [cancelled, rest] = group.split<CancelledError>();

  EXPECT_FALSE(holds<std::exception>(cancelled));
  EXPECT_TRUE(holds<ExceptionGroup>(rest));
}

TEST(SubgroupOfAGroup, IsTheMatchingPart) {
  EXPECT_EQ(tree(two_levels().subgroup<QueueFull>()), "outer[inner[QueueFull: 3]]");
  EXPECT_EQ(tree(two_levels().subgroup([](const auto&) { return false; })), "-");
}

/// A group class of one's own.
class Failures : public ExceptionGroup {
 public:
  using ExceptionGroup::ExceptionGroup;
  std::exception_ptr derive(std::vector<std::exception_ptr> exceptions) const override {
    return error(Failures(message(), std::move(exceptions)));
  }
};

TEST(AGroupClassOfOnesOwn, SplitsIntoItsOwnType) {
  const Failures failures("mine", {error(TimeoutError()), error(QueueFull())});

  const auto [timeouts, rest] = failures.split<TimeoutError>();

  EXPECT_TRUE(holds<Failures>(timeouts));
  EXPECT_TRUE(holds<Failures>(rest));
  EXPECT_TRUE(holds<Failures>(failures.subgroup<Failures>()));
}

}  // namespace
}  // namespace asyncio
