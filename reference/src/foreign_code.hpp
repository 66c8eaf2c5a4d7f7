// foreign_code.hpp: what code of the program may throw into the library, and who gets it.
//
// A protocol, or a handler of errors, may throw anything. Three of its exceptions are no errors, and nobody on their
// way may keep them: KeyboardInterrupt and SystemExit leave the loop (S57), and CoroutineExit unwinds the stack of a
// fiber that is being destroyed. A CancelledError is an error here, as it is one to `except BaseException`.
#pragma once

#include <asyncio/coroutine.hpp>
#include <asyncio/exceptions.hpp>

namespace asyncio {

/// Calls code of the program, and has what it throws handled, unless that has to go on.
///
/// \param code    the code
/// \param failed  is called while the exception is being handled: std::current_exception() is it, `throw;` sends it on
/// \return        whether the code threw nothing
template <class Code, class Failed>
bool call_foreign_code(Code&& code, Failed&& failed) {
  try {
    code();
    return true;
  } catch (const KeyboardInterrupt&) {
    throw;
  } catch (const SystemExit&) {
    throw;
  } catch (const CoroutineExit&) {
    throw;
  } catch (...) {
    failed();
    return false;
  }
}

}  // namespace asyncio
