// suggestions.hpp: what somebody may have meant who misspelt a name.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace asyncio::sim::tool {

/// ` Did you mean "explore"?` where one of the names is near, else nothing. To be put behind a sentence.
std::string suggestion(std::string_view misspelt, const std::vector<std::string>& names);

}  // namespace asyncio::sim::tool
