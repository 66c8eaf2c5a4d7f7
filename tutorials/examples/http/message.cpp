#include "tutorials/examples/http/message.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace http {

namespace {

// ---- Characters: by hand, because those of <cctype> depend on a locale ----

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_token_character(char c) {
  return is_digit(c) || is_letter(c) || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
bool is_token(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_token_character); }
/// Of a value: visible, blank, or beyond ASCII, whatever that may be (RFC 9110, 5.5).
bool is_value_character(char c) { return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != 0x7f); }
/// Of a target: visible ASCII.
bool is_target_character(char c) { return c > ' ' && c < 0x7f; }
bool is_path(std::string_view text) { return text.starts_with('/') && std::ranges::all_of(text, is_target_character); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool equal_without_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](char x, char y) { return lower(x) == lower(y); });
}
std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// "localhost", "127.0.0.1:8080", "[::1]:80": a name or an address, and a port perhaps.
bool is_host(std::string_view text) {
  const auto all = [](std::string_view part, std::string_view marks) {
    return !part.empty() && std::ranges::all_of(part, [marks](char c) {
      return is_digit(c) || is_letter(c) || marks.find(c) != std::string_view::npos;
    });
  };
  const bool bracketed = text.starts_with('[');
  const std::size_t end = bracketed ? text.find(']') : std::min(text.find(':'), text.size());
  if (end == std::string_view::npos) return false;
  const std::string_view port = text.substr(end + (bracketed ? 1 : 0));
  return (bracketed ? all(text.substr(1, end - 1), ":.%-_~") : all(text.substr(0, end), "-._~!$&'()*+,;=%")) &&
         (port.empty() || (port[0] == ':' && std::ranges::all_of(port.substr(1), is_digit)));
}

/// "http://a:80/b?c" ─► "a:80", and "/b?c" is left: what a proxy is sent, and a server has to understand as well.
///
/// \return  "" where the target is none of that kind
std::string take_authority(std::string& target) {
  constexpr std::string_view SCHEME = "http://";
  if (!equal_without_case(std::string_view(target).substr(0, SCHEME.size()), SCHEME)) return "";
  const std::size_t end = std::min(target.find_first_of("/?", SCHEME.size()), target.size());
  const std::string authority = target.substr(SCHEME.size(), end - SCHEME.size());
  if (!is_host(authority)) throw Refusal(400, "the target names no machine");
  target.erase(0, end);
  if (!target.starts_with('/')) target.insert(0, "/");
  return authority;
}

// ---- Lines ----

/// Takes the next line off `bytes`. \throws Refusal  where it does not end with CR LF (M1)
std::string_view take_line(std::string_view& bytes) {
  const std::size_t end = bytes.find('\n');
  if (end == std::string_view::npos || end == 0 || bytes[end - 1] != '\r') {
    throw Refusal(400, "a line does not end with CR LF");
  }
  const std::string_view line = bytes.substr(0, end - 1);
  bytes.remove_prefix(end + 1);
  return line;
}

/// The part of `text` before the first `separator`, which is taken off with it; all of it where there is none.
std::string_view take_until(std::string_view& text, char separator) {
  const std::size_t end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return part;
}

/// "HTTP/1.1" ─► 1
int minor_version_of(std::string_view version) {
  const bool is_version = version.size() == 8 && version.starts_with("HTTP/") && is_digit(version[5]) &&
                          version[6] == '.' && is_digit(version[7]);
  if (!is_version) throw Refusal(400, "the line does not have the form of HTTP/1.1");
  if (version[5] != '1') throw Refusal(505, "this is a server of HTTP/1.1");
  return version[7] == '0' ? 0 : 1;  // a later minor version says that we may answer as 1.1
}

std::uint64_t parse_number(std::string_view digits, int base, std::size_t longest, const char* what) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, base);
  // from_chars() takes no sign for an unsigned number, no blank and no prefix; and no more digits than fit.
  if (error != std::errc() || end != digits.data() + digits.size() || digits.size() > longest) {
    throw Refusal(400, std::string(what) + " is no number that could be one");
  }
  return number;
}

/// The fields that delimit a body; empty where there are none.
std::optional<Framing> explicit_framing(int minor_version, const Fields& fields) {
  const std::size_t codings = fields.count("Transfer-Encoding");
  const std::size_t lengths = fields.count("Content-Length");
  if (codings + lengths == 0) return {};
  if (codings + lengths > 1) throw Refusal(400, "the length of the body is given more than once");  // M3
  if (codings == 1) {                                                                               // M4
    if (minor_version == 0) throw Refusal(400, "HTTP/1.0 has no Transfer-Encoding");
    if (!equal_without_case(*fields.find("Transfer-Encoding"), "chunked")) {
      throw Refusal(501, "the only transfer coding here is chunked");
    }
    return Framing{.kind = Framing::Kind::chunked};
  }
  return Framing{.kind = Framing::Kind::length,
                 .length = parse_number(*fields.find("Content-Length"), 10, 18, "Content-Length")};
}

/// \param authority  the machine that the target named, or ""
void check_host(const RequestHead& head, const std::string& authority) {
  const std::size_t hosts = head.fields.count("Host");
  if (hosts > 1 || (hosts == 0 && head.minor_version == 1)) throw Refusal(400, "HTTP/1.1 wants one Host");
  if (hosts == 0) return;
  const std::string& host = *head.fields.find("Host");
  if (!is_host(host)) throw Refusal(400, "the Host is none");
  if (!authority.empty() && !equal_without_case(authority, host)) {  // M6
    throw Refusal(400, "the target and the Host name two machines");
  }
}

/// A Refusal of a response is the other side's fault.
template <class Parse>
auto as_response(Parse parse) {
  try {
    return parse();
  } catch (const Refusal& refusal) {
    throw Refusal(502, refusal.what());
  }
}

/// What comes from our own side is held to the same rules: a CR LF in there would begin another line, or another
/// message.
void require(bool fine, const char* what) {
  if (!fine) throw std::invalid_argument(std::string(what) + " cannot be sent: it would not be read as it is");
}

std::string format_lines(std::string first, const Fields& fields) {
  for (const auto& [name, value] : fields) {
    require(is_token(name) && std::ranges::all_of(value, is_value_character), "a field");
    first += "\r\n" + name + ": " + value;
  }
  return first + "\r\n\r\n";
}

}  // namespace

// ---- Fields ----

std::size_t Fields::count(std::string_view name) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(fields_, [&](const auto& field) { return equal_without_case(field.first, name); }));
}

const std::string* Fields::find(std::string_view name) const {
  const auto found =
      std::ranges::find_if(fields_, [&](const auto& field) { return equal_without_case(field.first, name); });
  return found == fields_.end() ? nullptr : &found->second;
}

bool Fields::has(std::string_view name, std::string_view token) const {
  return std::ranges::any_of(fields_, [&](const auto& field) {
    if (!equal_without_case(field.first, name)) return false;
    for (std::string_view rest = field.second; !rest.empty();) {
      if (equal_without_case(trimmed(take_until(rest, ',')), token)) return true;
    }
    return false;
  });
}

// ---- Heads ----

Fields parse_fields(std::string_view bytes) {
  Fields fields;
  for (std::string_view line; !(line = take_line(bytes)).empty();) {
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {  // M2 too
      throw Refusal(400, "a field does not have the form Name: value");
    }
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (!std::ranges::all_of(value, is_value_character)) {
      throw Refusal(400, "the value of a field has a control character");
    }
    fields.add(std::string(line.substr(0, colon)), std::string(value));
  }
  if (!bytes.empty()) throw Refusal(400, "something follows the end of the fields");
  return fields;
}

// [parse_request_head]
RequestHead parse_request_head(std::string_view bytes) {
  RequestHead head;
  std::string_view line = take_line(bytes);
  head.method = take_until(line, ' ');
  head.target = take_until(line, ' ');
  head.minor_version = minor_version_of(line);
  if (!is_token(head.method)) throw Refusal(400, "the method is no word");
  const std::string authority = take_authority(head.target);
  if (!is_path(head.target)) throw Refusal(400, "the target is no path");
  head.fields = parse_fields(bytes);
  check_host(head, authority);
  static_cast<void>(framing(head));  // a head whose body has no clear end is no head
  return head;
}
// [parse_request_head]

ResponseHead parse_response_head(std::string_view bytes) {
  return as_response([&] {
    ResponseHead head;
    std::string_view line = take_line(bytes);
    head.minor_version = minor_version_of(take_until(line, ' '));
    const std::string_view status = take_until(line, ' ');
    if (status.size() != 3 || !std::ranges::all_of(status, is_digit) || status[0] == '0') {
      throw Refusal(400, "the status is no number of three digits");
    }
    head.status = static_cast<int>(parse_number(status, 10, 3, "the status"));
    if (!std::ranges::all_of(line, is_value_character)) throw Refusal(400, "the reason has a control character");
    head.reason = line;
    head.fields = parse_fields(bytes);
    return head;
  });
}

std::uint64_t parse_chunk_size(std::string_view line) {
  if (line.ends_with("\r\n")) line.remove_suffix(2);
  if (!std::ranges::all_of(line, is_value_character)) throw Refusal(400, "a chunk's line has a control character");
  return parse_number(trimmed(line.substr(0, line.find(';'))), 16, 15, "the size of a chunk");
}

Framing framing(const RequestHead& request) {
  return explicit_framing(request.minor_version, request.fields).value_or(Framing{});
}

Framing framing(const ResponseHead& response, std::string_view method) {
  if (method == "HEAD" || !may_have_body(response.status)) return {};
  return as_response([&] {
    return explicit_framing(response.minor_version, response.fields)
        .value_or(Framing{.kind = Framing::Kind::until_close});
  });
}

bool may_have_body(int status) noexcept { return status >= 200 && status != 204 && status != 304; }

bool keeps_alive(int minor_version, const Fields& fields) {
  if (fields.has("Connection", "close")) return false;
  return minor_version >= 1 || fields.has("Connection", "keep-alive");
}

std::string format_head(const RequestHead& request) {
  require(is_token(request.method), "the method");
  require(is_path(request.target), "the target");
  return format_lines(request.method + " " + request.target + " HTTP/1." + std::to_string(request.minor_version),
                      request.fields);
}

std::string format_head(const ResponseHead& response) {
  require(response.status >= 100 && response.status <= 999, "the status");
  require(std::ranges::all_of(response.reason, is_value_character), "the reason");
  return format_lines("HTTP/1." + std::to_string(response.minor_version) + " " + std::to_string(response.status) + " " +
                          response.reason,
                      response.fields);
}

std::string_view reason_of(int status) noexcept {
  switch (status) {
    case 100: return "Continue";
    case 200: return "OK";
    case 204: return "No Content";
    case 400: return "Bad Request";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 417: return "Expectation Failed";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    default: return "";
  }
}

}  // namespace http
