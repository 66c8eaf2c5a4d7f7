// trace_recorder.cpp: events that are not choices, and the events that are kept.
#include "trace_recorder.hpp"

namespace asyncio::sim {
namespace {

constexpr std::uint64_t FIRST_HASH = 0x6f727265727931ULL;  // changes when what is folded does

}  // namespace

void TraceRecorder::begin(const Names& names, bool keep) {
  names_ = &names;
  hash_ = FIRST_HASH;
  step_ = 0;
  time_ = {};
  stamp();
  keep_ = keep;
  sealed_ = false;
  trace_.events.clear();
}

void TraceRecorder::fold(const Event& event) noexcept {
  fold(static_cast<std::uint64_t>(event.kind) * 0x9e3779b97f4a7c15U + names_->hash(event.host) * 0xd6e8feb86659fd93U +
       names_->hash(event.subject) * 0xff51afd7ed558ccdU + event.a * 0xc4ceb9fe1a85ec53U +
       event.b * 0x87c37b91114253d5U + hash_text(event.detail) * 0x4cf5ad432745937fU);
}

TraceEvent& TraceRecorder::keep(const Event& event) {
  return trace_.events.emplace_back(TraceEvent{.step = step_,
                                               .time = time_,
                                               .kind = event.kind,
                                               .host = names_->text(event.host),
                                               .subject = names_->text(event.subject),
                                               .detail = std::string(event.detail),
                                               .a = event.a,
                                               .b = event.b});
}

void TraceRecorder::record(const Event& event) {
  if (sealed_) return;
  fold(event);
  if (keep_) keep(event);  // X2
}

void TraceRecorder::keep_choice(const ChoiceEntry& choice) {
  const Event event{.kind = EventKind::choice, .host = choice.actor, .a = choice.picked, .b = choice.ways};
  keep(event).subject = choice_label(*names_, choice);
}

void TraceRecorder::record_failure(NameId host, NameId kind, std::string_view message) {
  if (sealed_) return;
  const Event event{.kind = EventKind::failure, .host = host, .subject = kind};
  fold(event);
  if (keep_) keep(event).detail = message;
}

std::string choice_label(const Names& names, const ChoiceEntry& choice) {
  std::string label(to_string(choice.kind));
  const std::string& about = names.text(choice.site != NameId::none ? choice.site : choice.actor);
  if (!about.empty()) label.append(": ").append(about);
  return label;
}

}  // namespace asyncio::sim
