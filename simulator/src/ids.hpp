// ids.hpp: the numbers by which a strategy knows who is who.
//
// A strategy that gives priorities keeps them by these numbers, whatever kind of thing each stands for. So hosts,
// tasks, handles and sockets are numbered apart.
#pragma once

#include <cstdint>

namespace asyncio::sim {

inline constexpr std::uint64_t task_id(std::uint64_t number) noexcept { return number; }
inline constexpr std::uint64_t handle_id(std::uint64_t number) noexcept { return std::uint64_t{1} << 60 | number; }
inline constexpr bool is_handle_id(std::uint64_t id) noexcept { return id >> 60 == 1; }
inline constexpr std::uint64_t host_id(std::uint64_t number) noexcept { return std::uint64_t{2} << 60 | number; }
inline constexpr std::uint64_t socket_id(std::uint64_t number) noexcept { return std::uint64_t{3} << 60 | number; }

}  // namespace asyncio::sim
