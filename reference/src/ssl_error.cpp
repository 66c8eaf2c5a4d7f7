// ssl_error.cpp: from OpenSSL's queue of errors to one sentence.
//
// OpenSSL keeps errors in a queue of the thread, which nobody empties by itself: what is left there by one call
// would be taken for the error of the next. So whoever calls OpenSSL empties the queue before, and here after.
//
// Source: CPython Modules/_ssl.c, fill_and_set_sslerror.
#include "ssl_state.hpp"

#include <cctype>
#include <utility>

namespace asyncio {
namespace {

class SSLCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "ssl"; }
  std::string message(int) const override { return "TLS has failed"; }
};

/// "wrong version number" as CPython spells it, WRONG_VERSION_NUMBER.
std::string in_capitals(std::string_view reason) {
  std::string name;
  for (const char c : reason) {
    name += std::isalnum(static_cast<unsigned char>(c)) ? static_cast<char>(std::toupper(static_cast<unsigned char>(c)))
                                                        : '_';
  }
  return name;
}

/// "SSL routines" as CPython spells it, SSL.
std::string short_name(std::string_view library) {
  if (library == "SSL routines") return "SSL";
  if (library == "x509 certificate routines") return "X509";
  if (library == "PEM routines") return "PEM";
  return std::string(library.substr(0, library.find(" routines")));
}

}  // namespace

const std::error_category& ssl_category() noexcept {
  static const SSLCategory category;
  return category;
}

SSLError::SSLError(std::string library, std::string reason, const std::string& text)
    : std::system_error(SSL_ERROR_SSL, ssl_category()),
      library_(std::make_shared<const std::string>(std::move(library))),
      reason_(std::make_shared<const std::string>(std::move(reason))),
      text_(std::make_shared<const std::string>(text)) {}

SSLCertVerificationError::SSLCertVerificationError(int code, const std::string& message)
    : SSLError("SSL", "CERTIFICATE_VERIFY_FAILED",
               "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: " + message),
      code_(code),
      message_(std::make_shared<const std::string>(message)) {}

void throw_ssl_error(std::string_view fallback) {
  const unsigned long error = ERR_peek_error();
  ERR_clear_error();
  const char* library = ERR_lib_error_string(error);
  const char* reason = ERR_reason_error_string(error);
  if (error == 0 || !reason) throw SSLError("", "", std::string(fallback));
  if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    throw SSLError("SSL", "UNEXPECTED_EOF_WHILE_READING",  // in CPython's words
                   "[SSL: UNEXPECTED_EOF_WHILE_READING] EOF occurred in violation of protocol");
  }
  const std::string where = short_name(library ? library : "unknown library");
  const std::string why = in_capitals(reason);
  throw SSLError(where, why, "[" + where + ": " + why + "] " + reason);
}

}  // namespace asyncio
