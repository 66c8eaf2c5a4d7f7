// ssl_object.cpp: OpenSSL's state machine between two memory buffers.
//
// OpenSSL reads from the one and writes to the other, and where the first is empty it stops with "want read", keeps
// where it is, and goes on at the next call. Nothing here waits, so one stack is enough for all connections.
//
// Source: CPython Modules/_ssl.c, _ssl__SSLSocket_do_handshake, read, write, shutdown. Rules: S277.
#include "idna/idna.hpp"
#include "resolver.hpp"
#include "ssl_certificate.hpp"
#include "ssl_state.hpp"

#include <asyncio/ssl_object.hpp>

#include <openssl/x509v3.h>

#include <algorithm>
#include <cassert>
#include <climits>
#include <stdexcept>
#include <utility>

namespace asyncio {
namespace {

/// How many bytes of a size go into a call with an int.
int at_most_int(std::size_t size) { return static_cast<int>(std::min(size, std::size_t{INT_MAX})); }

/// Why the other side's certificate was refused.
[[noreturn]] void throw_verification_error(SSL* connection, const std::string& hostname) {
  ERR_clear_error();
  const long code = SSL_get_verify_result(connection);
  std::string message = X509_verify_cert_error_string(code);
  if (code == X509_V_ERR_HOSTNAME_MISMATCH) {
    message = "Hostname mismatch, certificate is not valid for '" + hostname + "'.";
  } else if (code == X509_V_ERR_IP_ADDRESS_MISMATCH) {
    message = "IP address mismatch, certificate is not valid for '" + hostname + "'.";
  }
  throw SSLCertVerificationError(static_cast<int>(code), message);
}

}  // namespace

struct SSLObject::Engine {
  // OpenSSL goes on calling its callbacks after an SNI callback has chosen another one, and until the connection is
  // freed.
  std::shared_ptr<SSLContext> given;
  SSLPointer connection;
  BIO* incoming = nullptr;  // both are the connection's
  BIO* outgoing = nullptr;
};

SSLObject::SSLObject(std::shared_ptr<SSLContext> context, bool server_side, const std::string& server_hostname)
    : context_(std::move(context)),
      server_side_(server_side),
      server_hostname_(server_side ? "" : encode_idna(server_hostname)),
      engine_(std::make_unique<Engine>()) {
  const SSLContext::State& rules = context_->state();
  context_->check_side(server_side);
  if (!server_side && rules.check_hostname && server_hostname_.empty()) {
    throw std::invalid_argument("check_hostname requires server_hostname");
  }
  engine_->given = context_;
  rules_version_ = context_->state().rules_version();
  ERR_clear_error();
  engine_->connection.reset(SSL_new(rules.context.get()));
  engine_->incoming = BIO_new(BIO_s_mem());
  engine_->outgoing = BIO_new(BIO_s_mem());
  SSL* connection = engine_->connection.get();
  if (!connection || !engine_->incoming || !engine_->outgoing) throw_ssl_error("OpenSSL cannot make a connection");
  BIO_set_mem_eof_return(engine_->incoming, -1);  // empty is "want read", and not the end
  BIO_set_mem_eof_return(engine_->outgoing, -1);
  SSL_set_bio(connection, engine_->incoming, engine_->outgoing);
  SSL_set_app_data(connection, this);
  if (server_side) {
    SSL_set_accept_state(connection);
    return;
  }
  SSL_set_connect_state(connection);
  if (server_hostname_.empty()) return;
  const bool address = family_of_literal(server_hostname_).has_value();
  const bool bad_name = server_hostname_.starts_with(".") || server_hostname_.find('\0') != std::string::npos ||
                        server_hostname_.find('\x7f') != std::string::npos;
  // RFC 6066: only names are asked for.
  if (bad_name || (!address && SSL_set_tlsext_host_name(connection, server_hostname_.c_str()) != 1)) {
    ERR_clear_error();
    throw std::invalid_argument("server_hostname must be a host name or a literal address, got '" + server_hostname_ +
                                "'");
  }
  if (rules.check_hostname) {
    X509_VERIFY_PARAM* verify = SSL_get0_param(connection);
    const int set = address ? X509_VERIFY_PARAM_set1_ip_asc(verify, server_hostname_.c_str())
                            : X509_VERIFY_PARAM_set1_host(verify, server_hostname_.data(), server_hostname_.size());
    if (set != 1) throw_ssl_error("OpenSSL cannot check the name '" + server_hostname_ + "'");
  }
  if (!rules.session_reuse) return;
  if (const SSLSessionPointer session = context_->state().take_session(server_hostname_)) {
    SSL_set_session(connection, session.get());
  }
}

SSLObject::~SSLObject() = default;

// ---- Records ----

void SSLObject::feed(std::string_view records) {
  while (!records.empty()) {
    const int count = BIO_write(engine_->incoming, records.data(), at_most_int(records.size()));
    if (count <= 0) throw std::bad_alloc();  // nothing else keeps memory from being written to
    records.remove_prefix(static_cast<std::size_t>(count));
  }
}

void SSLObject::feed_eof() { BIO_set_mem_eof_return(engine_->incoming, 0); }

std::string SSLObject::take_outgoing() {
  std::string records(outgoing_pending(), '\0');
  if (records.empty()) return records;
  const int count = BIO_read(engine_->outgoing, records.data(), at_most_int(records.size()));
  records.resize(static_cast<std::size_t>(std::max(count, 0)));
  return records;
}

std::size_t SSLObject::incoming_pending() const noexcept { return BIO_ctrl_pending(engine_->incoming); }
std::size_t SSLObject::outgoing_pending() const noexcept { return BIO_ctrl_pending(engine_->outgoing); }

// ---- The state machine ----

/// Throws what a call has failed with; returns only where it needs more records.
///
/// \param result  of the call
void SSLObject::fail(int result) {
  SSL* connection = engine_->connection.get();
  const int error = SSL_get_error(connection, result);
  if (error == SSL_ERROR_SSL && ERR_GET_REASON(ERR_peek_error()) == SSL_R_CERTIFICATE_VERIFY_FAILED &&
      SSL_get_verify_result(connection) != X509_V_OK) {
    throw_verification_error(connection, server_hostname_);
  }
  throw_ssl_error("TLS has failed, and OpenSSL does not say why (error " + std::to_string(error) + ")");
}

bool SSLObject::do_handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(engine_->connection.get());
  if (thrown_) {  // in there
    ERR_clear_error();
    std::rethrow_exception(std::exchange(thrown_, nullptr));
  }
  if (result == 1) return true;
  switch (SSL_get_error(engine_->connection.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return false;
    default: fail(result);
  }
}

std::optional<std::size_t> SSLObject::read(std::span<char> place) {
  assert(!place.empty());
  ERR_clear_error();
  SSL* connection = engine_->connection.get();
  const int result = SSL_read(connection, place.data(), at_most_int(place.size()));
  if (result > 0) return static_cast<std::size_t>(result);
  switch (SSL_get_error(connection, result)) {
    case SSL_ERROR_ZERO_RETURN: return 0;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return {};
    default: fail(result);
  }
}

std::optional<std::size_t> SSLObject::write(std::string_view data) {
  assert(!data.empty());
  ERR_clear_error();
  SSL* connection = engine_->connection.get();
  const int result = SSL_write(connection, data.data(), at_most_int(data.size()));
  if (result > 0) return static_cast<std::size_t>(result);
  switch (SSL_get_error(connection, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return {};
    default: fail(result);
  }
}

bool SSLObject::unwrap() {
  ERR_clear_error();
  SSL* connection = engine_->connection.get();
  int result = SSL_shutdown(connection);
  if (result == 0) result = SSL_shutdown(connection);  // 0: ours is sent; the second call looks for theirs
  if (result > 0) return true;
  if (result == 0) return false;
  switch (SSL_get_error(connection, result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return false;
    default: fail(result);
  }
}

// ---- What was agreed on ----

std::string SSLObject::version() const {
  const SSL* connection = engine_->connection.get();
  return SSL_is_init_finished(connection) ? SSL_get_version(connection) : "";
}

SSLCipher SSLObject::cipher() const {
  const SSL_CIPHER* cipher = SSL_get_current_cipher(engine_->connection.get());
  if (!cipher) return {};
  return {.name = SSL_CIPHER_get_name(cipher),
          .protocol = SSL_CIPHER_get_version(cipher),
          .secret_bits = SSL_CIPHER_get_bits(cipher, nullptr)};
}

std::string SSLObject::selected_alpn_protocol() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(engine_->connection.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

bool SSLObject::session_reused() const noexcept { return SSL_session_reused(engine_->connection.get()) == 1; }

std::string SSLObject::getpeercert_der() const {
  const X509Pointer certificate(SSL_get1_peer_certificate(engine_->connection.get()));
  return certificate ? to_der(*certificate) : "";
}

SSLCertificate SSLObject::getpeercert() const {
  const SSL* connection = engine_->connection.get();
  // What was not checked proves nothing: CPython gives an empty one, too.
  if ((SSL_get_verify_mode(connection) & SSL_VERIFY_PEER) == 0) return {};
  const X509Pointer certificate(SSL_get1_peer_certificate(connection));
  return certificate ? to_certificate(*certificate) : SSLCertificate();
}

}  // namespace asyncio
