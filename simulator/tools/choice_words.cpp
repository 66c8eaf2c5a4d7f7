// choice_words.cpp: one sentence for each kind of choice, for people who have never seen a tape.
#include "choice_words.hpp"

#include <fmt/format.h>

namespace asyncio::sim::tool {

std::string_view meaning(ChoiceKind kind) noexcept {
  switch (kind) {
    case ChoiceKind::turn: return "another host had its turn first";
    case ChoiceKind::ready: return "another ready callback ran first";
    case ChoiceKind::tie: return "another timer of the same instant went first";
    case ChoiceKind::leap: return "the step took so long that what comes next was due as well";
    case ChoiceKind::io: return "the events of one poll came in another order";
    case ChoiceKind::latency: return "the message took longer";
    case ChoiceKind::loss: return "the message was lost";
    case ChoiceKind::duplicate: return "the datagram came twice";
    case ChoiceKind::reorder: return "the datagram was overtaken";
    case ChoiceKind::thread: return "the job in a thread took longer";
    case ChoiceKind::access: return "another task went first";
    case ChoiceKind::random: return "a random number";
    case ChoiceKind::user: return "the scenario's own choice";
  }
  return "";
}

ChoiceKind kind_of_label(std::string_view label) noexcept {
  const std::string_view word = label.substr(0, label.find(':'));
  for (int kind = 0; kind != static_cast<int>(ChoiceKind::user); ++kind) {
    if (to_string(static_cast<ChoiceKind>(kind)) == word) return static_cast<ChoiceKind>(kind);
  }
  return ChoiceKind::user;
}

std::string in_words(const Choice& choice) {
  const std::string_view label = choice.label.empty() ? to_string(choice.kind) : std::string_view(choice.label);
  return fmt::format("{}, way {} of 0-{} ({})", label, choice.picked, choice.ways - 1, meaning(choice.kind));
}

}  // namespace asyncio::sim::tool
