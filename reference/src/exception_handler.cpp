// exception_handler.cpp: where errors go that nobody can receive.
//
// A callback's exception has no caller to go to, a future's exception may never be asked for, a task may
// be dropped half done. All of these end here: with the handler that the program has set, else as one
// message on standard error. A handler that throws is reported itself, once, and that is the end (S60).
//
// Source: CPython Lib/asyncio/base_events.py, call_exception_handler, default_exception_handler. Rules: S56 to S63.
#include <asyncio/base_events.hpp>

#include "foreign_code.hpp"
#include "log.hpp"

#include <map>
#include <sstream>

namespace asyncio {
namespace {

// The context of the first of task, future, handle that is there (S59).
std::optional<Context> context_to_report_in(const ExceptionContext& context) {
  if (context.task) return context.task.get_context();
  if (context.future) {
    if (const auto* task = dynamic_cast<const TaskState*>(context.future.get())) return task->get_context();
    return std::nullopt;
  }
  if (context.handle) return context.handle.get_context();
  return std::nullopt;
}

void call_handler(const ExceptionHandler& handler, AbstractEventLoop& loop, const ExceptionContext& context) {
  const std::optional<Context> where = context_to_report_in(context);
  // A callback that reports its own failure is still inside its context, which cannot be entered twice.
  if (where && !where->entered()) {
    where->run([&] { handler(loop, context); });
  } else {
    handler(loop, context);
  }
}

std::string place(const std::source_location& where) {
  return std::string(where.file_name()) + ":" + std::to_string(where.line());
}

/// A stack below the words "created at", as CPython prints it.
std::string lines_of(const StackSummary& stack) {
  std::ostringstream lines;
  lines << " (most recent call last):\n";
  print_list(stack.frames(), lines);
  std::string text = lines.str();
  text.pop_back();  // the last end of line
  return text;
}

}  // namespace

void BaseEventLoop::call_exception_handler(const ExceptionContext& context) {
  const ExceptionHandler handler = exception_handler_;  // it may set another one, or none
  if (!handler) {
    call_foreign_code([&] { default_exception_handler(context); },  // S61
                      [] { log_error("Exception in default exception handler"); });
    return;
  }
  const auto report_handler = [&] {
    default_exception_handler({.message = "Unhandled error in exception handler",
                               .exception = std::current_exception(),
                               .context = std::make_shared<const ExceptionContext>(context)});
  };
  const auto both_failed = [] {
    log_error("Exception in default exception handler while handling an unexpected error in custom exception handler");
  };
  call_foreign_code([&] { call_handler(handler, *this, context); },
                    [&] { call_foreign_code(report_handler, both_failed); });
}

void BaseEventLoop::default_exception_handler(const ExceptionContext& context) {
  std::map<std::string, std::string> entries;  // sorted by name (S62)
  if (context.future) entries["future"] = context.future.repr();
  if (context.task) entries["task"] = context.task.repr();
  if (context.handle) entries["handle"] = context.handle.repr();
  if (context.socket) entries["socket"] = std::to_string(context.socket.fileno());
  if (context.asyncgen) entries["asyncgen"] = context.asyncgen.repr();
  if (context.context) entries["context"] = context.context->message;
  if (context.source_traceback) entries["source_traceback"] = "Object created at " + place(*context.source_traceback);
  if (!context.source_stack.empty()) entries["source_traceback"] = "Object created at" + lines_of(context.source_stack);
  if (!entries.contains("source_traceback") && current_handle()) {  // S53
    const StackSummary made = current_handle().get()->source();
    entries["handle_traceback"] = made.empty() ? current_handle().repr() : "Handle created at" + lines_of(made);
  }

  std::string text = context.message.empty() ? "Unhandled exception in event loop" : context.message;
  for (const auto& [name, value] : entries) text += "\n" + name + ": " + value;
  if (context.exception) text += "\n" + describe(context.exception);
  log_error(text);
}

}  // namespace asyncio
