// interruption.cpp: a flag that the handler of SIGINT sets. The second signal ends the process from within the handler,
// and may do so because it writes nothing that somebody else might be writing.
#include "interruption.hpp"

#include <csignal>

#include <unistd.h>

#include "exit_status.hpp"

namespace asyncio::sim::tool {
namespace {

volatile std::sig_atomic_t was_requested = 0;

void remember(int) {
  if (was_requested != 0) ::_exit(EXIT_INTERRUPTED);
  was_requested = 1;
}

}  // namespace

Interruption::Interruption() {
  was_requested = 0;
  std::signal(SIGINT, remember);
}

Interruption::~Interruption() { std::signal(SIGINT, SIG_DFL); }

bool Interruption::requested() noexcept { return was_requested != 0; }

}  // namespace asyncio::sim::tool
