// system_call_faults.hpp: what the operating system does once in a year, as often as a test likes.
//
// The library calls the system directly, and nothing in it knows of this file. The linker does the work: with
// --wrap=recv every call of recv() in this test program arrives at __wrap_recv() of system_call_faults.cpp, and only
// that one reaches the real function. (The list of names stands in tests/CMakeLists.txt.)
//
//     library ── recv() ──► __wrap_recv() ──┬─ the call that is to fail ──► errno, -1
//                                           ├─ the call that is to be short ─► __real_recv(1 byte)
//                                           └─ any other ─────────────────► __real_recv()
//
// So a test runs a program once to see which calls it makes, and once more for each of these calls and each way in
// which it can fail. Only the calls of the thread that asked count: what jobs do in threads has no fixed order.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// A call as it was made.
struct SystemCall {
  std::string_view name;   ///< of the function: "recv"
  int descriptor = -1;     ///< which it is about; -1 for none
  std::size_t bytes = 0;   ///< that it may move; 0 where it moves none
  int detail = 0;          ///< what tells calls of one name apart: the option, the operation
  bool may_block = false;  ///< the descriptor waits, so EAGAIN is no answer
  std::size_t number = 0;  ///< how many calls of this name there were before
};

/// How a call fails.
struct Fault {
  static constexpr int SHORT = -1;    ///< moves a single byte
  static constexpr int FEW = -2;      ///< moves at most a thousand
  static constexpr int NOTHING = -3;  ///< epoll finds nothing
  int error = 0;                      ///< an errno, or one of these
  /// "recv ECONNRESET" without the name of the call.
  std::string to_string() const;
  friend bool operator==(const Fault&, const Fault&) = default;
};

/// The ways in which the system's documentation lets a call fail through no fault of the program.
std::vector<Fault> faults_of(const SystemCall& call);
/// Whether a program must not be able to notice: the call can be made again at once, or later.
bool is_passing(const Fault& fault);

/// Notes the system calls of this thread, and makes some of them fail, as long as a Scope lives.
class SystemCallFaults {
 public:
  /// Only notes.
  SystemCallFaults();
  /// Makes one call fail. \param call  its name and number count, and its detail
  SystemCallFaults(const SystemCall& call, Fault fault);
  SystemCallFaults(const SystemCallFaults&) = delete;
  SystemCallFaults& operator=(const SystemCallFaults&) = delete;

  /// While the faults strike.
  class Scope {
   public:
    explicit Scope(SystemCallFaults& faults);
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope();
  };

  /// Lets every second call of each name fail in a way that is to pass, and the others move few bytes only.
  void make_everything_hard() noexcept { hard_ = true; }
  /// Makes every call of one name and detail fail from now on.
  void fail_all(const SystemCall& call, Fault fault);

  const std::vector<SystemCall>& made() const noexcept { return made_; }
  /// Whether the call that is to fail was made.
  bool struck() const noexcept { return struck_; }

 private:
  friend struct SystemCallGate;

  std::vector<SystemCall> made_;
  std::map<std::string_view, std::size_t> made_of_name_;  // how many
  const SystemCall failing_;                              // without a name: none
  const Fault fault_;
  SystemCall all_failing_;
  Fault fault_of_all_;
  bool hard_ = false;
  bool struck_ = false;
  int bell_ = -1;  // the loop's eventfd: a write to it cannot fail, and says nothing
};
