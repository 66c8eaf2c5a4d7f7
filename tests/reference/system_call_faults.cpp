// system_call_faults.cpp: the functions that stand before the real ones.
#include "tests/reference/system_call_faults.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <optional>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

thread_local SystemCallFaults* current = nullptr;

std::vector<Fault> errors(std::initializer_list<int> codes) {
  std::vector<Fault> faults;
  for (const int code : codes) faults.push_back({code});
  return faults;
}

bool moves_bytes(const SystemCall& call) { return call.bytes > 1; }

}  // namespace

std::string Fault::to_string() const {
  if (error == SHORT) return "one byte";
  if (error == NOTHING) return "nothing";
  return ::strerrorname_np(error);
}

bool is_passing(const Fault& fault) {
  return fault.error == Fault::SHORT || fault.error == Fault::NOTHING || fault.error == EINTR || fault.error == EAGAIN;
}

std::vector<Fault> faults_of(const SystemCall& call) {
  const auto streams = [&](std::vector<Fault> faults) {
    faults.push_back({EINTR});
    if (call.may_block) return faults;
    faults.push_back({EAGAIN});
    if (moves_bytes(call)) faults.push_back({Fault::SHORT});
    return faults;
  };
  if (call.name == "recv") return streams(errors({ECONNRESET, ETIMEDOUT, ENOMEM}));
  if (call.name == "send" || call.name == "sendmsg") return streams(errors({EPIPE, ECONNRESET, ENOBUFS, ENOMEM}));
  if (call.name == "read") return call.may_block ? errors({EINTR}) : streams(errors({EIO}));
  if (call.name == "write") return streams(errors({EPIPE, ENOSPC}));
  if (call.name == "sendfile") return streams(errors({EPIPE, ECONNRESET, EINVAL, EIO, ENOMEM}));
  // A datagram is sent and received whole.
  if (call.name == "recvfrom") return errors({EAGAIN, EINTR, ECONNREFUSED, ENOMEM});
  if (call.name == "sendto") return errors({EAGAIN, EINTR, ENOBUFS, ECONNREFUSED, EMSGSIZE, EPERM});
  if (call.name == "accept4") return errors({EAGAIN, EINTR, ECONNABORTED, EMFILE, ENFILE, ENOBUFS, ENOMEM});
  if (call.name == "connect") return errors({EINTR, ECONNREFUSED, ENETUNREACH, ETIMEDOUT, EADDRNOTAVAIL});
  if (call.name == "socket") return errors({EMFILE, ENFILE, ENOBUFS, EAFNOSUPPORT});
  if (call.name == "bind") return errors({EADDRINUSE, EADDRNOTAVAIL, EACCES, ENOMEM});
  if (call.name == "listen") return errors({EADDRINUSE, ENOMEM});
  if (call.name == "shutdown") return errors({ENOTCONN});
  if (call.name == "getsockname") return errors({ENOBUFS});
  if (call.name == "getpeername") return errors({ENOTCONN});
  if (call.name == "setsockopt") return errors({ENOPROTOOPT, ENOMEM});
  if (call.name == "getsockopt" && call.detail == SO_ERROR) return errors({ECONNREFUSED, ETIMEDOUT});
  if (call.name == "fcntl" && call.detail == F_DUPFD_CLOEXEC) return errors({EMFILE});
  if (call.name == "epoll_create1" || call.name == "eventfd") return errors({EMFILE, ENFILE, ENOMEM});
  if (call.name == "epoll_ctl" && call.detail == EPOLL_CTL_ADD) return errors({ENOMEM, ENOSPC});
  if (call.name == "epoll_pwait2") return errors({EINTR, Fault::NOTHING});
  if (call.name == "pipe2" || call.name == "open") return errors({EMFILE, ENFILE});
  if (call.name == "pidfd_open") return errors({EMFILE, ENFILE, ENODEV, ENOMEM});
  if (call.name == "waitid") return errors({EINTR});
  return {};
}

SystemCallFaults::SystemCallFaults() : SystemCallFaults(SystemCall{}, {}) {}
SystemCallFaults::SystemCallFaults(const SystemCall& call, Fault fault) : failing_(call), fault_(fault) {}
SystemCallFaults::Scope::Scope(SystemCallFaults& faults) { current = &faults; }
SystemCallFaults::Scope::~Scope() { current = nullptr; }

void SystemCallFaults::fail_all(const SystemCall& call, Fault fault) {
  all_failing_ = call;
  fault_of_all_ = fault;
}

/// What every wrapper asks.
struct SystemCallGate {
  /// Notes the call. \return  how it is to fail, if it is
  static std::optional<Fault> pass(SystemCall call) {
    SystemCallFaults* const faults = current;
    static const pid_t this_process = ::getpid();
    if (!faults || ::getpid() != this_process) return {};  // in the child of a vfork() too: it may allocate nothing
    if (call.descriptor >= 0 && call.descriptor == faults->bell_ && call.name == "write") return {};
    call.number = faults->made_of_name_[call.name]++;
    faults->made_.push_back(call);
    const SystemCall& failing = faults->failing_;
    if (call.name == failing.name && call.number == failing.number && call.detail == failing.detail) {
      faults->struck_ = true;
      return faults->fault_;
    }
    const SystemCall& all = faults->all_failing_;
    if (call.name == all.name && call.detail == all.detail) return faults->fault_of_all_;
    return faults->hard_ ? hardship(call) : std::nullopt;
  }
  static void note_bell(int descriptor) {
    if (current) current->bell_ = descriptor;
  }

 private:
  static std::optional<Fault> hardship(const SystemCall& call) {
    std::vector<Fault> passing = faults_of(call);
    std::erase_if(passing, [](const Fault& fault) { return !is_passing(fault) || fault.error == Fault::SHORT; });
    if (call.number % 2 == 0 && !passing.empty()) return passing[call.number / 2 % passing.size()];
    if (call.bytes > 1 && !call.may_block) return Fault{Fault::FEW};
    return {};
  }
};

namespace {

bool blocks(int descriptor);

/// The common form: fails, or is the real call.
template <class Real>
auto gate(const SystemCall& call, Real real) -> decltype(real()) {
  if (const auto fault = SystemCallGate::pass(call)) {
    errno = fault->error;
    return -1;
  }
  return real();
}

/// For what moves bytes. \param real  gets how many it may move
template <class Real>
ssize_t transfer(std::string_view name, int descriptor, std::size_t bytes, bool may_block, Real real) {
  const auto fault = SystemCallGate::pass({name, descriptor, bytes, 0, may_block});
  if (!fault) return real(bytes);
  if (fault->error == Fault::SHORT) return real(std::min<std::size_t>(bytes, 1));
  if (fault->error == Fault::FEW) return real(std::min<std::size_t>(bytes, 1000));
  errno = fault->error;
  return -1;
}

}  // namespace

// The names are the linker's.
extern "C" {

int __real_fcntl(int descriptor, int command, ...);
int __real_open(const char* path, int flags, ...);
ssize_t __real_recv(int descriptor, void* data, size_t size, int flags);
ssize_t __real_send(int descriptor, const void* data, size_t size, int flags);
ssize_t __real_sendmsg(int descriptor, const msghdr* message, int flags);
ssize_t __real_recvfrom(int descriptor, void* data, size_t size, int flags, sockaddr* from, socklen_t* length);
ssize_t __real_sendto(int descriptor, const void* data, size_t size, int flags, const sockaddr* to, socklen_t length);
ssize_t __real_read(int descriptor, void* data, size_t size);
ssize_t __real_write(int descriptor, const void* data, size_t size);
ssize_t __real_sendfile(int to, int from, off_t* offset, size_t size);
int __real_accept4(int descriptor, sockaddr* from, socklen_t* length, int flags);
int __real_connect(int descriptor, const sockaddr* to, socklen_t length);
int __real_socket(int family, int type, int protocol);
int __real_bind(int descriptor, const sockaddr* address, socklen_t length);
int __real_listen(int descriptor, int backlog);
int __real_shutdown(int descriptor, int how);
int __real_getsockname(int descriptor, sockaddr* address, socklen_t* length);
int __real_getpeername(int descriptor, sockaddr* address, socklen_t* length);
int __real_setsockopt(int descriptor, int level, int name, const void* value, socklen_t length);
int __real_getsockopt(int descriptor, int level, int name, void* value, socklen_t* length);
int __real_epoll_create1(int flags);
int __real_eventfd(unsigned int value, int flags);
int __real_epoll_ctl(int epoll, int operation, int descriptor, epoll_event* event);
int __real_epoll_pwait2(int epoll, epoll_event* events, int size, const timespec* timeout, const sigset_t* mask);
int __real_pipe2(int* ends, int flags);
int __real_pidfd_open(pid_t pid, unsigned int flags);
int __real_waitid(idtype_t type, id_t id, siginfo_t* info, int options);

ssize_t __wrap_recv(int descriptor, void* data, size_t size, int flags) {
  return transfer("recv", descriptor, size, false, [&](size_t n) { return __real_recv(descriptor, data, n, flags); });
}

ssize_t __wrap_send(int descriptor, const void* data, size_t size, int flags) {
  return transfer("send", descriptor, size, false, [&](size_t n) { return __real_send(descriptor, data, n, flags); });
}

ssize_t __wrap_sendmsg(int descriptor, const msghdr* message, int flags) {
  size_t size = 0;
  for (size_t i = 0; i < message->msg_iovlen; ++i) size += message->msg_iov[i].iov_len;
  return transfer("sendmsg", descriptor, size, false, [&](size_t n) {
    if (n == size) return __real_sendmsg(descriptor, message, flags);
    return __real_send(descriptor, message->msg_iov[0].iov_base, n, flags);  // no piece is empty
  });
}

ssize_t __wrap_recvfrom(int descriptor, void* data, size_t size, int flags, sockaddr* from, socklen_t* length) {
  return gate({"recvfrom", descriptor}, [&] { return __real_recvfrom(descriptor, data, size, flags, from, length); });
}

ssize_t __wrap_sendto(int descriptor, const void* data, size_t size, int flags, const sockaddr* to, socklen_t length) {
  return gate({"sendto", descriptor}, [&] { return __real_sendto(descriptor, data, size, flags, to, length); });
}

ssize_t __wrap_read(int descriptor, void* data, size_t size) {
  return transfer("read", descriptor, size, blocks(descriptor),
                  [&](size_t n) { return __real_read(descriptor, data, n); });
}

ssize_t __wrap_write(int descriptor, const void* data, size_t size) {
  return transfer("write", descriptor, size, blocks(descriptor),
                  [&](size_t n) { return __real_write(descriptor, data, n); });
}

ssize_t __wrap_sendfile(int to, int from, off_t* offset, size_t size) {
  return transfer("sendfile", to, size, false, [&](size_t n) { return __real_sendfile(to, from, offset, n); });
}

int __wrap_accept4(int descriptor, sockaddr* from, socklen_t* length, int flags) {
  return gate({"accept4", descriptor}, [&] { return __real_accept4(descriptor, from, length, flags); });
}

int __wrap_connect(int descriptor, const sockaddr* to, socklen_t length) {
  const auto fault = SystemCallGate::pass({"connect", descriptor});
  if (!fault) return __real_connect(descriptor, to, length);
  // connect(2): the connection is made all the same, in the background.
  if (fault->error == EINTR && __real_connect(descriptor, to, length) < 0 && errno != EINPROGRESS) return -1;
  errno = fault->error;
  return -1;
}

int __wrap_socket(int family, int type, int protocol) {
  return gate({"socket", -1, 0, family}, [&] { return __real_socket(family, type, protocol); });
}

int __wrap_bind(int descriptor, const sockaddr* address, socklen_t length) {
  return gate({"bind", descriptor}, [&] { return __real_bind(descriptor, address, length); });
}

int __wrap_listen(int descriptor, int backlog) {
  return gate({"listen", descriptor}, [&] { return __real_listen(descriptor, backlog); });
}

int __wrap_shutdown(int descriptor, int how) {
  const auto fault = SystemCallGate::pass({"shutdown", descriptor});
  if (!fault) return __real_shutdown(descriptor, how);
  __real_shutdown(descriptor, SHUT_RDWR);  // a socket that is not connected any more has ended in both directions
  errno = fault->error;
  return -1;
}

int __wrap_getsockname(int descriptor, sockaddr* address, socklen_t* length) {
  return gate({"getsockname", descriptor}, [&] { return __real_getsockname(descriptor, address, length); });
}

int __wrap_getpeername(int descriptor, sockaddr* address, socklen_t* length) {
  return gate({"getpeername", descriptor}, [&] { return __real_getpeername(descriptor, address, length); });
}

int __wrap_setsockopt(int descriptor, int level, int name, const void* value, socklen_t length) {
  return gate({"setsockopt", descriptor, 0, name},
              [&] { return __real_setsockopt(descriptor, level, name, value, length); });
}

int __wrap_getsockopt(int descriptor, int level, int name, void* value, socklen_t* length) {
  const auto fault = SystemCallGate::pass({"getsockopt", descriptor, 0, name});
  if (!fault) return __real_getsockopt(descriptor, level, name, value, length);
  *static_cast<int*>(value) = fault->error;  // of SO_ERROR: it is the answer that has the error
  return 0;
}

int __wrap_fcntl(int descriptor, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  const long argument = va_arg(arguments, long);
  va_end(arguments);
  return gate({"fcntl", descriptor, 0, command}, [&] { return __real_fcntl(descriptor, command, argument); });
}

int __wrap_open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = va_arg(arguments, mode_t);
  va_end(arguments);
  return gate({"open"}, [&] { return __real_open(path, flags, mode); });
}

int __wrap_epoll_create1(int flags) {
  return gate({"epoll_create1"}, [&] { return __real_epoll_create1(flags); });
}

int __wrap_eventfd(unsigned int value, int flags) {
  const int made = gate({"eventfd"}, [&] { return __real_eventfd(value, flags); });
  SystemCallGate::note_bell(made);
  return made;
}

int __wrap_epoll_ctl(int epoll, int operation, int descriptor, epoll_event* event) {
  return gate({"epoll_ctl", descriptor, 0, operation},
              [&] { return __real_epoll_ctl(epoll, operation, descriptor, event); });
}

int __wrap_epoll_pwait2(int epoll, epoll_event* events, int size, const timespec* timeout, const sigset_t* mask) {
  const auto fault = SystemCallGate::pass({"epoll_pwait2", epoll});
  if (!fault) return __real_epoll_pwait2(epoll, events, size, timeout, mask);
  if (fault->error == Fault::NOTHING) return 0;
  errno = fault->error;
  return -1;
}

int __wrap_pipe2(int* ends, int flags) {
  return gate({"pipe2"}, [&] { return __real_pipe2(ends, flags); });
}

int __wrap_pidfd_open(pid_t pid, unsigned int flags) {
  return gate({"pidfd_open"}, [&] { return __real_pidfd_open(pid, flags); });
}

int __wrap_waitid(idtype_t type, id_t id, siginfo_t* info, int options) {
  return gate({"waitid"}, [&] { return __real_waitid(type, id, info, options); });
}

}  // extern "C"

namespace {

bool blocks(int descriptor) {
  const int flags = __real_fcntl(descriptor, F_GETFL);
  return flags >= 0 && (flags & O_NONBLOCK) == 0;
}

}  // namespace
