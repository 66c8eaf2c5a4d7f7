// groups.hpp: the groups of pairs, one for each file.
#pragma once

#include <vector>

#include "tests/conformance/pairs.hpp"

namespace conformance {

Group scheduling();
Group handles();
Group running();
Group errors();
Group futures();
Group tasks();
Group cancellation();
Group lifetime();
Group eager();
Group gathering();
Group waiting();
Group timeouts();
Group taskgroups();
Group exceptiongroups();
Group locks();
Group queues();
Group runners();
Group contexts();
Group streams();
Group spellings();
Group threads();
Group foreign_tasks();
Group executors();
Group asyncgens();
Group interrupts();
Group introspection();
Group tls();
Group tls_connections();
Group tls_protocols();

/// All of them, in the order of the rules.
inline std::vector<Group> groups() {
  return {scheduling(),   handles(),         running(), errors(),          futures(),      tasks(),
          cancellation(), lifetime(),        eager(),   gathering(),       waiting(),      timeouts(),
          taskgroups(),   exceptiongroups(), locks(),   queues(),          runners(),      contexts(),
          streams(),      spellings(),       threads(), foreign_tasks(),   executors(),    asyncgens(),
          interrupts(),   introspection(),   tls(),     tls_connections(), tls_protocols()};
}

}  // namespace conformance
