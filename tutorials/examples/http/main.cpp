// main.cpp: the server and the client on the real loop.
//
//     http serve 127.0.0.1 8080                 in one terminal, until Ctrl-C
//     curl http://127.0.0.1:8080/               in another one, or our own client:
//     http ask 127.0.0.1 8080 GET /count/3
#include "tutorials/examples/http/client.hpp"
#include "tutorials/examples/http/server.hpp"
#include "tutorials/examples/http/site.hpp"
#include "tutorials/examples/serving.hpp"

#include <iostream>
#include <memory>

namespace {

void serve(const examples::Arguments& arguments) {
  const auto server = std::make_shared<http::Server>(http::site);
  examples::StopSignal stop;
  examples::announce(server->open(arguments[0], examples::port(arguments[1])));  // suspends
  stop.wait();                                                                   // suspends
  server->shutdown();                                                            // suspends
}

void ask(const examples::Arguments& arguments) {
  http::Client client = http::Client::connect(arguments[0], examples::port(arguments[1]));       // suspends
  const http::Answer answer = client.request({.method = arguments[2], .target = arguments[3]});  // suspends
  std::cerr << answer.status << ' ' << answer.reason << '\n';
  std::cout << answer.body;
}

}  // namespace

int main(int argc, char** argv) {
  return examples::main(argc, argv, {{"serve", {"HOST PORT", serve}}, {"ask", {"HOST PORT METHOD TARGET", ask}}});
}
