// choice_words.hpp: a choice in words that somebody understands who has never seen a tape.
#pragma once

#include <asyncio/sim/choices.hpp>

#include <string>
#include <string_view>

namespace asyncio::sim::tool {

/// "latency: alice to bob, way 3 of 0-7 (the message took longer)".
std::string in_words(const Choice& choice);

/// What it means that another way than 0 was picked: "the message took longer".
std::string_view meaning(ChoiceKind kind) noexcept;

/// The kind that a label begins with.
ChoiceKind kind_of_label(std::string_view label) noexcept;

}  // namespace asyncio::sim::tool
