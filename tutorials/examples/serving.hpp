// serving.hpp: what the main() of each example needs of a real machine, and a world has in other ways.
//
// The programs of the examples know neither arguments nor signals: those belong to a process. Each main.cpp puts the
// two together, for the real loop; each scenarios.cpp does the same for a world.
#pragma once

#include <asyncio/asyncio.hpp>

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace examples {

/// The arguments after the name of the command.
using Arguments = std::vector<std::string>;

/// Something that can be asked for on the command line.
struct Command {
  std::string usage;                                    ///< "HOST PORT NAME": as many words as arguments
  std::function<void(const Arguments& arguments)> run;  ///< the main task; may suspend
};

/// Runs the command that is named by the first argument, as the main task of a real loop.
///
/// \param commands  by name
/// \return          the exit status: 0; 1 where the command threw; 2 where the arguments are none of `commands`'
int main(int argc, char** argv, const std::map<std::string, Command>& commands);

/// A port from the command line.
///
/// \throws std::invalid_argument  unless it is a number from 0 to 65535
int port(const std::string& text);

/// Says where a server listens, in one line: "listening on 127.0.0.1:8080".
void announce(const asyncio::Server& server);

/// SIGINT and SIGTERM as a request to end, from the making of this object on: made before announce(), so that who has
/// read that line may send them.
class StopSignal {
 public:
  StopSignal();
  StopSignal(const StopSignal&) = delete;
  StopSignal& operator=(const StopSignal&) = delete;
  ~StopSignal();

  /// \suspends until one of them has come
  void wait() { told_.wait(); }

 private:
  asyncio::Event told_;
};

}  // namespace examples
