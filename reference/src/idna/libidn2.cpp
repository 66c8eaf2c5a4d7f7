// libidn2.cpp: names by libidn2.
#include "idna.hpp"

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <string_view>

#include <idn2.h>

namespace asyncio {
namespace {

[[noreturn]] void refuse_name(const std::string& host, std::string_view why) {
  throw std::invalid_argument("encoding with 'idna' codec failed: '" + host + "' (" + std::string(why) + ")");
}

}  // namespace

bool knows_idna() noexcept { return true; }

std::string encode_idna(const std::string& host) {
  if (std::ranges::all_of(host, [](unsigned char c) { return c < 0x80; })) return host;
  if (host.find('\0') != std::string::npos) throw std::invalid_argument("embedded null character");

  char* encoded = nullptr;
  const int error = idn2_to_ascii_8z(host.c_str(), &encoded, IDN2_NFC_INPUT | IDN2_TRANSITIONAL);
  const std::unique_ptr<char, decltype([](char* text) { idn2_free(text); })> kept(encoded);
  if (error != IDN2_OK) refuse_name(host, idn2_strerror(error));
  std::string name = encoded;
  if (name.starts_with('.') || name.find("..") != std::string::npos) refuse_name(host, "label empty or too long");
  return name;
}

}  // namespace asyncio
