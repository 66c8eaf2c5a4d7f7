// network.cpp: the functions of Network. What has two directions is done for each of them.
#include <asyncio/sim/network.hpp>

#include "sim_network.hpp"
#include "world_core.hpp"

namespace asyncio::sim {

void Network::set_default(Link link) { world_.impl_->network().set_default(link); }

void Network::set_link(std::string_view a, std::string_view b, Link link) {
  set_path(a, b, link);
  set_path(b, a, link);
}

void Network::set_path(std::string_view from, std::string_view to, Link link) {
  world_.impl_->network().set_path(from, to, link);
}

void Network::partition(std::string_view a, std::string_view b) {
  partition_oneway(a, b);
  partition_oneway(b, a);
}

void Network::partition_oneway(std::string_view from, std::string_view to) {
  world_.impl_->network().partition(from, to);
}

void Network::repair(std::string_view a, std::string_view b) {
  world_.impl_->network().repair(a, b);
  world_.impl_->network().repair(b, a);
}

void Network::repair_all() { world_.impl_->network().repair_all(); }

void Network::hold(std::string_view a, std::string_view b) {
  world_.impl_->network().hold(a, b);
  world_.impl_->network().hold(b, a);
}

void Network::release(std::string_view a, std::string_view b) {
  world_.impl_->network().release(a, b);
  world_.impl_->network().release(b, a);
}

}  // namespace asyncio::sim
