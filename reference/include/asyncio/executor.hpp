// executor.hpp: something that runs jobs in other threads.
#pragma once

#include <asyncio/callback.hpp>

namespace asyncio {

/// Runs jobs somewhere else than on the loop's thread; what run_in_executor() takes.
class Executor {
 public:
  virtual ~Executor() = default;
  /// Takes a job over, to run it once in another thread.
  ///
  /// \throws RuntimeError  after a shutdown
  virtual void submit(Callback job) = 0;
};

}  // namespace asyncio
