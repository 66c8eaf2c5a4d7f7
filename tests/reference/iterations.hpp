// iterations.hpp: how many iterations something takes, for the cost table of semantics.md S93.
#pragma once

#include <asyncio/asyncio.hpp>

/// Counts the iterations of the running loop that begin while it lives.
class Iterations : public asyncio::Instrument {
 public:
  Iterations() { loop_.add_instrument(*this); }
  ~Iterations() override { loop_.remove_instrument(*this); }
  Iterations(const Iterations&) = delete;
  Iterations& operator=(const Iterations&) = delete;

  void before_run_once(asyncio::AbstractEventLoop&) override { ++count_; }
  int count() const { return count_; }

 private:
  asyncio::AbstractEventLoop& loop_ = asyncio::get_running_loop();
  int count_ = 0;
};

/// How many iterations lie between the beginning and the end of `body`.
template <class Body>
int iterations_of(Body body) {
  const Iterations iterations;
  body();
  return iterations.count();
}

/// The same for a body as the only task of a new loop.
template <class Body>
int iterations_alone(Body body) {
  return asyncio::run([&] { return iterations_of(body); });
}
