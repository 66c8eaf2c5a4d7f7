#include "tutorials/examples/http/site.hpp"

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace http {

namespace {

constexpr std::uint64_t HIGHEST_COUNT = 100'000'000;

std::optional<std::uint64_t> count_of(std::string_view digits) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size() || number > HIGHEST_COUNT) return {};
  return number;
}

/// Sends lines in pieces of some kilobytes: one system call each, not one a line.
void count_to(std::uint64_t last, const SendPiece& send) {
  std::string piece;
  for (std::uint64_t number = 1; number <= last; ++number) {
    piece += std::to_string(number) + "\n";
    if (piece.size() < 8192 && number < last) continue;
    send(piece);  // suspends
    piece.clear();
  }
}

}  // namespace

Response site(const Request& request) {
  const std::string path = request.target.substr(0, request.target.find('?'));
  const bool reads = request.method == "GET" || request.method == "HEAD";
  if (path == "/") return reads ? text(200, "a loop that you can read\n") : not_allowed("GET, HEAD");
  if (path == "/echo") return request.method == "POST" ? text(200, request.body) : not_allowed("POST");
  if (path.starts_with("/count/")) {
    const auto last = count_of(std::string_view(path).substr(7));
    if (!last) return text(404, "count to a number from 0 to 100000000\n");
    if (!reads) return not_allowed("GET, HEAD");
    Response response = text(200, "");
    response.pieces = [last = *last](const SendPiece& send) { count_to(last, send); };
    return response;
  }
  return text(404, "there is no " + path + " here\n");
}

}  // namespace http
