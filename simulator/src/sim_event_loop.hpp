// sim_event_loop.hpp: the event loop of a host in a world.
//
// BaseEventLoop asks a loop three things: to wait, to say what happened, and to be woken. Here nothing waits. The
// world runs the loop turn by turn, and only when there is something to do; the clock is the world's; and what
// happens outside was put into a list by the world before the turn began.
//
//     select() ── never waits ──► process_events(): the list, in an order that is chosen (io)
//                                 move_due_timers(): those of one instant in an order that is chosen (tie)
//                                 run_ready(): all of them in order, or one that is chosen (ready)
//
// So this class overrides exactly those points at which asyncio leaves the order open, and one at which it does
// not: under ReadyOrder::any a turn runs a single handle, whichever is chosen.
//
// A loop ends in two steps. When its host crashes, or the execution is over, it is dead: nobody gives it a turn
// any more, and what is scheduled stays where it is, so that no stack is unwound while the world goes on (W3).
// When the world is taken down, the loop is closed, and its stacks unwind. Destructors of the program under test
// run then, and call whatever they like; a closed loop of this kind accepts everything and does nothing, because
// an exception in a destructor would end the process.
//
//   V1  The clock stands still during a turn.
//   V2  A dead loop runs no handle.
//   V3  After close() no function that schedules throws, and none keeps what it is given.
#pragma once

#include <asyncio/base_events.hpp>

#include "choice_random.hpp"
#include "io_source.hpp"
#include "sim_threads.hpp"
#include "task_observer.hpp"

#include <cstdint>
#include <vector>

namespace asyncio::sim {

class SimHost;
class StreamSocket;
class WorldCore;

/// The loop of one host, from one start of its main to the next.
class SimEventLoop final : public BaseEventLoop {
 public:
  SimEventLoop(WorldCore& world, SimHost& host);
  ~SimEventLoop() override;

  // ---- For the world ----

  /// Begins the one long run of this loop that all its turns are part of.
  void start();
  /// One iteration.
  ///
  /// \return whether a handle ran
  bool turn();
  /// Whether a turn would find something to do at this instant.
  bool has_work();
  /// When the next timer is due; TimePoint::max() where there is none.
  TimePoint next_timer();
  /// Whether there are generators to close, or jobs to wait for, before a client has ended.
  bool has_to_clean_up() const;
  /// Nobody will run this loop any more (V2).
  void die() noexcept;
  bool dead() const noexcept { return dead_; }
  /// Closes the loop and unwinds its stacks; the execution is over.
  void unwind() noexcept;

  /// The next poll will find this.
  void io_ready(IoSource& source);
  /// Queues what a poll found: for IoSource::queue_handles().
  void queue_io(Ref<HandleState> handle) { add_callback(std::move(handle)); }
  /// How many handles could run now, the running one not counted.
  std::size_t ready_count() const noexcept { return ready_.size() + choosable_.size(); }
  /// Under ReadyOrder::any: chooses who goes on, the calling task or a ready handle; what run_ready() would choose if
  /// the task gave way. Where it is not the task, it must give way now.
  ///
  /// \return whether the calling task goes on
  bool choose_caller();
  /// How often in a row tasks gave way before an access of a Shared: for before_access().
  std::size_t gave_way_in_a_row = 0;

  WorldCore& world() const noexcept { return world_; }
  SimHost& host() const noexcept { return host_; }
  SimThreads& threads() noexcept { return threads_; }

  // ---- What programs call ----

  TimePoint time() const override;
  std::uint64_t next_task_number() override { return ++last_task_number_; }
  RandomEngine& random() override { return random_; }
  std::optional<std::uint64_t> library_seed() override;
  std::uint64_t library_world() const noexcept override;

  Handle call_soon(Callback callback, std::optional<Context> context = {}) override;
  void call_soon_handle(Ref<HandleState> handle) override;
  TimerHandle call_at(TimePoint when, Callback callback, std::optional<Context> context = {}) override;
  Handle call_soon_threadsafe(Callback callback, std::optional<Context> context = {}) override;
  AnyTask make_task_object(Coroutine coroutine, TaskOptions options) override;
  void submit_to_executor(std::shared_ptr<Executor> executor, Job job) override;
  void close() override;

  void call_exception_handler(const ExceptionContext& context) override;
  void default_exception_handler(const ExceptionContext& context) override;

  Server create_server(ProtocolFactory factory, ServerOptions options) override;
  std::pair<std::shared_ptr<Transport>, std::shared_ptr<BaseProtocol>> connect_stream(
      ProtocolFactory factory, ConnectionOptions options) override;
  std::pair<std::shared_ptr<DatagramTransport>, std::shared_ptr<BaseProtocol>> open_datagram_endpoint(
      ProtocolFactory factory, DatagramOptions options) override;

 protected:
  EventList select(std::optional<Duration> timeout) override;
  void process_events(EventList events) override;
  void write_to_self() noexcept override {}
  void move_due_timers() override;
  void run_ready(std::size_t count) override;
  Future<void> do_shutdown(std::shared_ptr<Executor> executor) override;

 private:
  void run_in_order(std::size_t count);
  void run_chosen();
  std::uint32_t choose_ready();
  void take_choosable();
  void drop_cancelled();
  Ref<HandleState> take_chosen(std::size_t index);
  void queue_tied(std::vector<Ref<TimerState>>& tied);
  void run_one(HandleState& handle);
  bool must_stop() const noexcept;

  WorldCore& world_;
  SimHost& host_;
  TaskObserver observer_;
  ChoiceRandom random_;
  SimThreads threads_;
  std::uint64_t last_task_number_ = 0;
  std::uint64_t library_seeds_ = 0;  // given so far
  bool any_order_;                   // ReadyOrder::any
  bool dead_ = false;                // V2
  bool ran_ = false;                 // whether this turn has run a handle
  std::vector<Ref<IoSource>> io_;    // what the next poll will find, each once

  // Under ReadyOrder::any: what is ready, oldest first, and beside it who each of them is, in the form in which
  // choose() takes it.
  std::vector<Ref<HandleState>> choosable_;
  std::vector<std::uint64_t> choosable_ids_;
  std::size_t choosable_callbacks_ = 0;  // how many of them step no task: only those can be cancelled
  std::uint64_t chosen_id_ = 0;          // whom choose_caller() has chosen, for the next turn; 0: nobody
};

}  // namespace asyncio::sim
