#include "tutorials/examples/http/client.hpp"

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <utility>

namespace http {

namespace {

/// Waits for a task. \return  whether it has done all it had to do; what it threw instead is told by the reading side
bool has_succeeded(const asyncio::Task<void>& task) {
  asyncio::wait({task});  // suspends
  return !task.cancelled() && !task.exception();
}

}  // namespace

Client Client::connect(const std::string& host, int port, asyncio::OpenConnectionOptions options) {
  options.limit = std::max<std::ptrdiff_t>(options.limit, Limits{}.head);
  auto [reader, writer] = asyncio::open_connection(host, port, std::move(options));  // suspends
  // An IPv6 address stands in brackets, where a port follows it.
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return Client(std::move(reader), std::move(writer), name + ":" + std::to_string(port));
}

Answer Client::request(const Question& question) { return std::move(pipeline({question}).front()); }  // suspends

std::vector<Answer> Client::pipeline(const std::vector<Question>& questions) {
  if (!usable_) throw asyncio::RuntimeError("this HTTP connection has ended: connect again");
  std::vector<std::string> heads;
  for (const Question& question : questions) heads.push_back(head_of(question));  // throws before anything is sent
  usable_ = false;                                                                // until everything went well
  // A task sends while this one reads: a server that waits for its answers to be read before it reads on would
  // otherwise wait for us as we wait for it.
  const auto sending = asyncio::create_task([&] {
    for (std::size_t i = 0; i < questions.size(); ++i) send(heads[i], questions[i]);  // suspends
  });
  std::vector<Answer> answers;
  bool keep_alive = true;
  try {
    for (const Question& question : questions) {
      answers.push_back(read_answer(question.method));  // suspends
      keep_alive = keeps_alive(answers.back().minor_version, answers.back().fields);
    }
  } catch (...) {
    sending.cancel();
    has_succeeded(sending);  // suspends: it refers to our arguments
    throw;
  }
  if (!keep_alive) sending.cancel();               // an answer that came before the question was over
  usable_ = has_succeeded(sending) && keep_alive;  // suspends
  return answers;
}

std::string Client::head_of(const Question& question) const {
  for (const char* ours : {"Host", "Content-Length", "Transfer-Encoding"}) {
    if (question.fields.count(ours) > 0) throw std::invalid_argument(std::string(ours) + " is added by the client");
  }
  RequestHead head{.method = question.method, .target = question.target, .fields = {{"Host", host_}}};
  for (const auto& [name, value] : question.fields) head.fields.add(name, value);
  if (question.pieces) {
    head.fields.add("Transfer-Encoding", "chunked");
  } else if (!question.body.empty() || question.method == "POST" || question.method == "PUT") {
    head.fields.add("Content-Length", std::to_string(question.body.size()));
  }
  return format_head(head);
}

void Client::send(const std::string& head, const Question& question) {
  writer_.write(head + (question.pieces ? "" : question.body));
  const auto drain = [this] { writer_.drain(); };
  drain();                                                             // suspends
  if (question.pieces) write_chunks(writer_, question.pieces, drain);  // suspends
}

Answer Client::read_answer(const std::string& method) {
  Answer answer;
  do {
    static_cast<ResponseHead&>(answer) = parse_response_head(read_head(reader_, "", limits));  // suspends
  } while (answer.status < 200);  // "100 Continue"
  const Framing body = framing(answer, method);
  answer.body = read_body(reader_, body, limits);  // suspends
  if (body.kind == Framing::Kind::until_close) answer.fields.add("Connection", "close");
  return answer;
}

}  // namespace http
