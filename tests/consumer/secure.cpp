// The two ends of an encrypted connection: docs/howto/03_tls.md shows them.
//
//     secure serve PORT      with chain.pem and key.pem in this folder; 0 is any free port
//     secure ask HOST PORT
#include <asyncio/asyncio.hpp>

#include <iostream>
#include <string>
#include <vector>

void serve(int port) {
  const auto answer = [](asyncio::StreamReader reader, asyncio::StreamWriter writer) {
    writer.write("you said " + reader.readline());
    writer.close();
  };

  // Shows a certificate.
  auto context = asyncio::ssl::create_default_context(asyncio::ssl::Purpose::CLIENT_AUTH);
  context->load_cert_chain({.certfile = "chain.pem", .keyfile = "key.pem"});
  auto server = asyncio::start_server(answer, "0.0.0.0", port, {.ssl = context});

  std::cout << server->sockets()[0].getsockname().port() << std::endl;
  server->serve_forever();
}

void ask(const std::string& host, int port) {
  // Trusts whom the system trusts, and checks the name.
  auto context = asyncio::ssl::create_default_context();
  auto [reader, writer] = asyncio::open_connection(host, port, {.ssl = context});

  writer.write("hello\n");
  std::cout << reader.readline();
  writer.close();
}

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 2 && words[0] == "serve") {
    asyncio::run([&] { serve(std::stoi(words[1])); });
  } else if (words.size() == 3 && words[0] == "ask") {
    asyncio::run([&] { ask(words[1], std::stoi(words[2])); });
  } else {
    std::cerr << "usage: secure serve PORT | secure ask HOST PORT\n";
    return 2;
  }
}
