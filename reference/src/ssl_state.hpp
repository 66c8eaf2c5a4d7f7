// ssl_state.hpp: what is behind an SSLContext, and OpenSSL's errors as ours.
//
// The only header that includes OpenSSL's.
#pragma once

#include <asyncio/ssl.hpp>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace asyncio {

/// Calls OpenSSL's function that frees what a pointer of this kind points to.
template <auto Free>
struct OpenSSLFree {
  /// Frees it.
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};

using SSLPointer = std::unique_ptr<SSL, OpenSSLFree<SSL_free>>;
using SSLContextPointer = std::unique_ptr<SSL_CTX, OpenSSLFree<SSL_CTX_free>>;
using SSLSessionPointer = std::unique_ptr<SSL_SESSION, OpenSSLFree<SSL_SESSION_free>>;
using X509Pointer = std::unique_ptr<X509, OpenSSLFree<X509_free>>;
using KeyPointer = std::unique_ptr<EVP_PKEY, OpenSSLFree<EVP_PKEY_free>>;
using BIOPointer = std::unique_ptr<BIO, OpenSSLFree<BIO_free>>;

/// Closes a file.
struct FileClose {
  /// Closes it.
  void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using FilePointer = std::unique_ptr<std::FILE, FileClose>;

struct SeededProvider;  // ssl_seeded.cpp

/// Gives a library of make_seeded_library() back.
struct SSLLibraryReturn {
  /// Keeps it for the next one, or frees it.
  void operator()(OSSL_LIB_CTX* library) const noexcept;

  SeededProvider* provider = nullptr;  ///< whose random numbers it has
  std::uint64_t thread = 0;            ///< where it was made; 0: not to be kept
};
using SSLLibraryPointer = std::unique_ptr<OSSL_LIB_CTX, SSLLibraryReturn>;

/// The state of a context.
struct SSLContext::State {
  /// \param protocol  which side it is for
  /// \param loop      whose world it belongs to; null: the real one
  State(ssl::Method protocol, AbstractEventLoop* loop);

  /// Has verify_mode take effect.
  void apply_verify_mode() const;
  /// Has a connection that has begun with another context go on with all rules of this one.
  void take_over(SSL* connection) const;
  /// Which rules are in force: grows whenever they change (X3).
  std::uint64_t rules_version();
  /// Keeps the session that a client has got for a host, instead of an older one.
  ///
  /// \param rules  rules_version() when the connection was made; another one than now: the session is not kept
  void remember_session(const std::string& host, std::uint64_t rules, SSL_SESSION* session);
  /// Takes the session out that is kept for a host; null where there is none. Each is offered once: who sees two
  /// connections offer the same one knows that they come from the same client (RFC 8446, C.4).
  SSLSessionPointer take_session(const std::string& host);
  /// Drops all of them, and makes the tickets that a server has given out worthless: what was allowed under other rules
  /// need not be under the new ones (X3). To be called by whatever changes a rule.
  void forget_sessions();

  // OpenSSL's callbacks.
  static int on_client_hello(SSL* connection, int* alert, void*) noexcept;
  static int on_alpn(SSL* connection, const unsigned char** chosen, unsigned char* chosen_size,
                     const unsigned char* offered, unsigned offered_size, void* state) noexcept;
  static int on_new_session(SSL* connection, SSL_SESSION* session) noexcept;
  static void on_keylog(const SSL* connection, const char* line) noexcept;

  const ssl::Method protocol;
  const std::uint64_t world;        // AbstractEventLoop::library_world()
  const SSLLibraryPointer library;  // null: OpenSSL's own; dies after `context`
  const SSLContextPointer context;
  ssl::VerifyMode verify_mode = ssl::CERT_NONE;
  bool check_hostname = false;
  std::string alpn;  // as it is sent: each name behind a byte with its length
  ssl::SniCallback sni_callback;
  bool session_reuse = false;
  std::string keylog_filename;  // empty: secrets are kept
  FilePointer keylog;           // null where there is no name

 private:
  const std::uint64_t number_;  // no other context of the process has it
  std::uint64_t rules_version_ = 0;
  std::mutex sessions_mutex_;  // connections of several threads may share a context
  std::map<std::string, SSLSessionPointer> sessions_;
  std::mutex keylog_mutex_;  // one line after the other
};

/// A library of OpenSSL's whose random numbers all follow from `seed`: nothing that it makes is a secret.
///
/// \throws SSLError  where OpenSSL cannot
SSLLibraryPointer make_seeded_library(std::uint64_t seed);

/// Throws the oldest error of OpenSSL's queue, and empties that.
///
/// \param fallback  what to say where there is none
[[noreturn]] void throw_ssl_error(std::string_view fallback);

}  // namespace asyncio
