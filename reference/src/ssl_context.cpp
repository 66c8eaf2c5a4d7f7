// ssl_context.cpp: the settings of a context, and what OpenSSL asks back while it follows them.
//
// What is called from inside OpenSSL, the three on_… functions at the end, stands between C frames: no exception may
// pass, and nothing may suspend.
//
// A session is bound to the rules it was agreed on under (X3). A client keeps it in a map that is emptied when a rule
// changes, and takes none that comes later from a connection with the old rules. A server's are in tickets that clients
// have; in each is the session id context, which is made of the context's number and the version of its rules. And the
// context is chosen by the name before OpenSSL looks at a ticket (on_client_hello()), so that a ticket for one name is
// no admission to another (CVE-2025-23419).
//
// Source: CPython Lib/ssl.py, SSLContext; Modules/_ssl.c. Rules: S228, S229.
#include "ssl_state.hpp"

#include <asyncio/events.hpp>
#include <asyncio/exceptions.hpp>
#include <asyncio/ssl_object.hpp>

#include <openssl/x509v3.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <new>
#include <stdexcept>
#include <utility>

namespace asyncio {
namespace {

static_assert(ssl::VERIFY_X509_PARTIAL_CHAIN == X509_V_FLAG_PARTIAL_CHAIN);
static_assert(ssl::VERIFY_X509_STRICT == X509_V_FLAG_X509_STRICT);
static_assert(ssl::VERIFY_CRL_CHECK_LEAF == X509_V_FLAG_CRL_CHECK);
static_assert(ssl::VERIFY_CRL_CHECK_CHAIN == (X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL));

// Forward secrecy and authenticated encryption, as CPython's build chooses by default; TLS 1.3 has no others.
constexpr const char* TLS_1_2_CIPHERS =
    "@SECLEVEL=2:ECDH+AESGCM:ECDH+CHACHA20:ECDH+AES:DHE+AES:!aNULL:!eNULL:!aDSS:!SHA1:!AESCCM";
// OpenSSL's defaults. They are written out because openssl.cnf may say something else on another machine, and in a
// world each greeting has the same bytes everywhere.
constexpr const char* WORLD_GROUPS = "X25519:P-256:X448:P-521:P-384:ffdhe2048:ffdhe3072:ffdhe4096:ffdhe6144:ffdhe8192";
constexpr const char* WORLD_SIGNATURES =
    "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512:ed25519:ed448:rsa_pss_pss_sha256:"
    "rsa_pss_pss_sha384:rsa_pss_pss_sha512:rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:RSA+SHA256:"
    "RSA+SHA384:RSA+SHA512:ECDSA+SHA224:RSA+SHA224:DSA+SHA224:DSA+SHA256:DSA+SHA384:DSA+SHA512";
constexpr const char* WORLD_TLS_1_3_CIPHERS =
    "TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256";
constexpr std::size_t MAX_KEPT_SESSIONS = 256;
constexpr std::size_t MAX_ALPN_LIST = 65'535;  // its size goes into two bytes (RFC 7301, 3.1)

std::atomic<std::uint64_t> contexts_so_far = 0;

constexpr std::uint64_t OUR_OPTIONS = ssl::OP_IGNORE_UNEXPECTED_EOF;
static_assert(ssl::OP_IGNORE_UNEXPECTED_EOF == SSL_OP_IGNORE_UNEXPECTED_EOF);

/// \return  null: OpenSSL's own
SSLLibraryPointer library_of(AbstractEventLoop* loop) {
  if (!loop || loop->library_world() == 0) return nullptr;
  return make_seeded_library(loop->library_seed().value());
}

/// The name in a client's greeting (RFC 6066, 3); none where there is none, or what is there is no list of one name,
/// which OpenSSL is going to refuse.
std::optional<std::string> asked_name(SSL* connection) {
  constexpr std::size_t HEAD = 5;  // the size of the list, which kind of name, and its size
  const unsigned char* list = nullptr;
  std::size_t size = 0;
  if (SSL_client_hello_get0_ext(connection, TLSEXT_TYPE_server_name, &list, &size) != 1 || size <= HEAD) return {};
  const auto size_at = [&](std::size_t at) { return static_cast<std::size_t>(list[at] << 8 | list[at + 1]); };
  if (size_at(0) != size - 2 || list[2] != TLSEXT_NAMETYPE_host_name || size_at(3) != size - HEAD) return {};
  const std::string name(reinterpret_cast<const char*>(list + HEAD), size - HEAD);
  if (name.find('\0') != std::string::npos) return {};
  return name;
}

}  // namespace

// ---- The state ----

SSLContext::State::State(ssl::Method side, AbstractEventLoop* loop)
    : protocol(side),
      world(loop ? loop->library_world() : 0),
      library(library_of(loop)),
      context(SSL_CTX_new_ex(library.get(), nullptr,
                             side == ssl::PROTOCOL_TLS_CLIENT ? TLS_client_method() : TLS_server_method())),
      number_(++contexts_so_far) {
  if (!context) throw_ssl_error("OpenSSL cannot make a context");
  SSL_CTX* made = context.get();
  if (world != 0) SSL_CTX_clear_options(made, ~std::uint64_t{});  // those of the machine's openssl.cnf
  SSL_CTX_set_options(made, SSL_OP_ENABLE_MIDDLEBOX_COMPAT | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_SINGLE_DH_USE | SSL_OP_SINGLE_ECDH_USE);
  SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_AUTO_RETRY |
                             SSL_MODE_RELEASE_BUFFERS);
  // A stricter rule of the machine's openssl.cnf holds, but in no world.
  const auto least = SSL_CTX_get_min_proto_version(made);
  if ((world != 0 || least < TLS1_2_VERSION) && SSL_CTX_set_min_proto_version(made, TLS1_2_VERSION) != 1) {
    throw_ssl_error("OpenSSL has no TLS 1.2");
  }
  const auto greatest = SSL_CTX_get_max_proto_version(made);
  if ((world != 0 || greatest == 0) && SSL_CTX_set_max_proto_version(made, TLS1_3_VERSION) != 1) {
    throw_ssl_error("OpenSSL has no TLS 1.3");
  }
  if (SSL_CTX_set_cipher_list(made, TLS_1_2_CIPHERS) != 1) throw_ssl_error("OpenSSL has none of the ciphers");
  forget_sessions();  // there are none, but a server needs a session id context
  SSL_CTX_sess_set_new_cb(made, on_new_session);
  if (side == ssl::PROTOCOL_TLS_SERVER) {
    SSL_CTX_set_client_hello_cb(made, on_client_hello, nullptr);
    // The answer to the client that its name has been seen.
    int (*const seen)(SSL*, int*, void*) = [](SSL*, int*, void*) { return SSL_TLSEXT_ERR_OK; };
    SSL_CTX_set_tlsext_servername_callback(made, seen);
  }

  X509_VERIFY_PARAM* verify = SSL_CTX_get0_param(made);
  X509_VERIFY_PARAM_set_flags(verify, X509_V_FLAG_TRUSTED_FIRST);
  X509_VERIFY_PARAM_set_hostflags(verify, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
  apply_verify_mode();
  if (world != 0) {
    if (SSL_CTX_set1_groups_list(made, WORLD_GROUPS) != 1 || SSL_CTX_set1_sigalgs_list(made, WORLD_SIGNATURES) != 1 ||
        SSL_CTX_set1_client_sigalgs_list(made, WORLD_SIGNATURES) != 1 ||
        SSL_CTX_set_ciphersuites(made, WORLD_TLS_1_3_CIPHERS) != 1) {
      throw_ssl_error("OpenSSL has none of the algorithms of a world");
    }
    // Both are the clock's: when a ticket was made, and whether a certificate has expired.
    SSL_CTX_set_options(made, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(made, 0);
    SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
    X509_VERIFY_PARAM_set_flags(verify, X509_V_FLAG_NO_CHECK_TIME);
  }
}

void SSLContext::State::apply_verify_mode() const {
  int mode = SSL_VERIFY_NONE;
  if (verify_mode != ssl::CERT_NONE) mode = SSL_VERIFY_PEER;
  if (verify_mode == ssl::CERT_REQUIRED) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(context.get(), mode, nullptr);
}

void SSLContext::State::take_over(SSL* connection) const {
  SSL_CTX* ours = context.get();
  if (!SSL_set_SSL_CTX(connection, ours)) throw_ssl_error("OpenSSL cannot change the context of a connection");
  // That was certificates, trust, ciphers and ALPN. The rest OpenSSL has copied when the connection was made.
  SSL_set_verify(connection, SSL_CTX_get_verify_mode(ours), nullptr);
  X509_VERIFY_PARAM* verify = SSL_get0_param(connection);
  X509_VERIFY_PARAM_clear_flags(verify, X509_VERIFY_PARAM_get_flags(verify));
  X509_VERIFY_PARAM_set_flags(verify, X509_VERIFY_PARAM_get_flags(SSL_CTX_get0_param(ours)));
  SSL_clear_options(connection, OUR_OPTIONS);
  SSL_set_options(connection, SSL_CTX_get_options(ours) & OUR_OPTIONS);
  if (SSL_set_min_proto_version(connection, static_cast<int>(SSL_CTX_get_min_proto_version(ours))) != 1 ||
      SSL_set_max_proto_version(connection, static_cast<int>(SSL_CTX_get_max_proto_version(ours))) != 1) {
    throw_ssl_error("OpenSSL cannot change the versions of a connection");
  }
}

std::uint64_t SSLContext::State::rules_version() {
  const std::lock_guard lock(sessions_mutex_);
  return rules_version_;
}

void SSLContext::State::remember_session(const std::string& host, std::uint64_t rules, SSL_SESSION* session) {
  SSL_SESSION_up_ref(session);
  SSLSessionPointer kept(session);
  const std::lock_guard lock(sessions_mutex_);
  if (rules != rules_version_) return;
  if (sessions_.size() >= MAX_KEPT_SESSIONS && !sessions_.contains(host)) sessions_.erase(sessions_.begin());
  sessions_.insert_or_assign(host, std::move(kept));
}

SSLSessionPointer SSLContext::State::take_session(const std::string& host) {
  const std::lock_guard lock(sessions_mutex_);
  const auto found = sessions_.extract(host);
  return found ? std::move(found.mapped()) : nullptr;
}

void SSLContext::State::forget_sessions() {
  const std::lock_guard lock(sessions_mutex_);
  sessions_.clear();
  const std::array<std::uint64_t, 2> id = {number_, ++rules_version_};
  SSL_CTX_set_session_id_context(context.get(), reinterpret_cast<const unsigned char*>(id.data()), sizeof id);
}

// ---- SSLContext ----

SSLContext::SSLContext(ssl::Method protocol) : state_(std::make_unique<State>(protocol, get_running_loop_or_null())) {
  if (protocol != ssl::PROTOCOL_TLS_CLIENT) return;
  state_->verify_mode = ssl::CERT_REQUIRED;
  state_->check_hostname = true;
  state_->apply_verify_mode();
}

SSLContext::~SSLContext() = default;

ssl::Method SSLContext::protocol() const noexcept { return state_->protocol; }

void SSLContext::check_side(bool server_side) const {
  if (server_side == (state_->protocol == ssl::PROTOCOL_TLS_SERVER)) return;
  throw SSLError("", "",
                 server_side ? "Cannot create a server socket with a PROTOCOL_TLS_CLIENT context"
                             : "Cannot create a client socket with a PROTOCOL_TLS_SERVER context");
}

ssl::VerifyMode SSLContext::verify_mode() const noexcept { return state_->verify_mode; }

void SSLContext::set_verify_mode(ssl::VerifyMode mode) {
  if (mode == ssl::CERT_NONE && state_->check_hostname) {  // X1
    throw std::invalid_argument("Cannot set verify_mode to CERT_NONE when check_hostname is enabled.");
  }
  state_->forget_sessions();
  state_->verify_mode = mode;
  state_->apply_verify_mode();
}

bool SSLContext::check_hostname() const noexcept { return state_->check_hostname; }

void SSLContext::set_check_hostname(bool check) {
  state_->forget_sessions();
  state_->check_hostname = check;
  if (check && state_->verify_mode == ssl::CERT_NONE) set_verify_mode(ssl::CERT_REQUIRED);  // X1
}

std::uint64_t SSLContext::verify_flags() const noexcept {
  return X509_VERIFY_PARAM_get_flags(SSL_CTX_get0_param(state_->context.get()));
}

void SSLContext::set_verify_flags(std::uint64_t flags) {
  state_->forget_sessions();
  X509_VERIFY_PARAM* verify = SSL_CTX_get0_param(state_->context.get());
  constexpr std::uint64_t ours = ssl::VERIFY_X509_PARTIAL_CHAIN | ssl::VERIFY_X509_STRICT | ssl::VERIFY_CRL_CHECK_CHAIN;
  X509_VERIFY_PARAM_clear_flags(verify, ours & ~flags);
  X509_VERIFY_PARAM_set_flags(verify, flags);
}

std::uint64_t SSLContext::options() const noexcept { return SSL_CTX_get_options(state_->context.get()) & OUR_OPTIONS; }

void SSLContext::set_options(std::uint64_t options) {
  if ((options & ~OUR_OPTIONS) != 0) {
    throw std::invalid_argument("set_options() knows ssl::OP_IGNORE_UNEXPECTED_EOF only; other rules have functions");
  }
  state_->forget_sessions();
  SSL_CTX_clear_options(state_->context.get(), OUR_OPTIONS & ~options);
  SSL_CTX_set_options(state_->context.get(), options);
}

ssl::TLSVersion SSLContext::minimum_version() const noexcept {
  return static_cast<ssl::TLSVersion>(SSL_CTX_get_min_proto_version(state_->context.get()));
}

void SSLContext::set_minimum_version(ssl::TLSVersion version) {
  state_->forget_sessions();
  if (SSL_CTX_set_min_proto_version(state_->context.get(), static_cast<int>(version)) == 1) return;
  throw_ssl_error("OpenSSL cannot do this version of TLS");
}

ssl::TLSVersion SSLContext::maximum_version() const noexcept {
  return static_cast<ssl::TLSVersion>(SSL_CTX_get_max_proto_version(state_->context.get()));
}

void SSLContext::set_maximum_version(ssl::TLSVersion version) {
  state_->forget_sessions();
  if (SSL_CTX_set_max_proto_version(state_->context.get(), static_cast<int>(version)) == 1) return;
  throw_ssl_error("OpenSSL cannot do this version of TLS");
}

void SSLContext::set_ciphers(const std::string& ciphers) {
  ERR_clear_error();
  state_->forget_sessions();
  if (SSL_CTX_set_cipher_list(state_->context.get(), ciphers.c_str()) == 1) return;
  ERR_clear_error();
  throw SSLError("SSL", "NO_CIPHER_MATCH", "[SSL: NO_CIPHER_MATCH] No cipher can be selected from '" + ciphers + "'");
}

void SSLContext::set_alpn_protocols(const std::vector<std::string>& protocols) {
  std::string list;
  for (const std::string& name : protocols) {
    if (name.empty() || name.size() > 255) {
      throw std::invalid_argument("ALPN protocols must be 1 to 255 bytes long, and one has " +
                                  std::to_string(name.size()));
    }
    list += static_cast<char>(name.size());
    list += name;
  }
  if (list.size() > MAX_ALPN_LIST) {
    throw std::invalid_argument("the names of ALPN protocols may be " + std::to_string(MAX_ALPN_LIST) +
                                " bytes together, one more counted for each, and these are " +
                                std::to_string(list.size()));
  }
  state_->forget_sessions();
  const auto* bytes = reinterpret_cast<const unsigned char*>(list.data());
  if (SSL_CTX_set_alpn_protos(state_->context.get(), bytes, static_cast<unsigned>(list.size())) != 0) {  // 0: success
    throw_ssl_error("OpenSSL cannot offer these protocols");
  }
  state_->alpn = std::move(list);
  SSL_CTX_set_alpn_select_cb(state_->context.get(), State::on_alpn, state_.get());
}

void SSLContext::set_sni_callback(ssl::SniCallback callback) { state_->sni_callback = std::move(callback); }

void SSLContext::set_session_reuse(bool reuse) {
  if (reproducible()) reuse = false;  // a session says when it was made
  state_->session_reuse = reuse;
  if (!reuse) state_->forget_sessions();
  if (state_->protocol != ssl::PROTOCOL_TLS_CLIENT) return;
  SSL_CTX_set_session_cache_mode(state_->context.get(),
                                 reuse ? SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL : SSL_SESS_CACHE_OFF);
}

bool SSLContext::reproducible() const noexcept { return state_->world != 0; }

bool SSLContext::belongs_to(const AbstractEventLoop& loop) const noexcept {
  return state_->world == loop.library_world();
}

std::shared_ptr<SSLContext> ssl::create_default_context(Purpose purpose, const VerifyLocations& locations) {
  const auto context =
      std::make_shared<SSLContext>(purpose == Purpose::SERVER_AUTH ? PROTOCOL_TLS_CLIENT : PROTOCOL_TLS_SERVER);
  context->set_verify_flags(VERIFY_X509_PARTIAL_CHAIN | VERIFY_X509_STRICT);
  if (!locations.cafile.empty() || !locations.capath.empty() || !locations.cadata.empty()) {
    context->load_verify_locations(locations);
  } else if (context->verify_mode() != CERT_NONE && !context->reproducible()) {
    context->set_default_verify_paths();
  }
  if (context->reproducible()) return context;  // no environment reaches into a world
  const char* const keylog = ::secure_getenv("SSLKEYLOGFILE");
  if (keylog && *keylog != '\0') context->set_keylog_filename(keylog);
  return context;
}

// ---- What OpenSSL calls ----

/// Before anything of the greeting has had an effect: versions, tickets and ALPN are looked at under the chosen rules.
int SSLContext::State::on_client_hello(SSL* connection, int* alert, void*) noexcept {
  auto& object = *static_cast<SSLObject*>(SSL_get_app_data(connection));
  if (std::exchange(object.context_chosen_, true)) return SSL_CLIENT_HELLO_SUCCESS;
  try {
    const State& self = object.context_->state();
    const ssl::SniCallback callback = self.sni_callback;  // a copy: it may set another one while it runs
    const auto chosen = callback ? callback(asked_name(connection)) : nullptr;
    if (!chosen) return SSL_CLIENT_HELLO_SUCCESS;
    if (chosen->state().world != self.world) {  // X2
      throw RuntimeError("an SNI callback must choose a context of the same world");
    }
    if (chosen->protocol() != ssl::PROTOCOL_TLS_SERVER) {
      throw std::invalid_argument("an SNI callback must choose a PROTOCOL_TLS_SERVER context");
    }
    chosen->state().take_over(connection);
    object.context_ = chosen;
    return SSL_CLIENT_HELLO_SUCCESS;
  } catch (...) {
    object.thrown_ = std::current_exception();
    *alert = SSL_AD_HANDSHAKE_FAILURE;
    return SSL_CLIENT_HELLO_ERROR;
  }
}

int SSLContext::State::on_alpn(SSL*, const unsigned char** chosen, unsigned char* chosen_size,
                               const unsigned char* offered, unsigned offered_size, void* state) noexcept {
  const std::string& ours = static_cast<State*>(state)->alpn;
  if (ours.empty() || offered_size == 0) return SSL_TLSEXT_ERR_NOACK;
  const int found = SSL_select_next_proto(const_cast<unsigned char**>(chosen), chosen_size,
                                          reinterpret_cast<const unsigned char*>(ours.data()),
                                          static_cast<unsigned>(ours.size()), offered, offered_size);
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

/// \return  0: OpenSSL's own reference stays its own
int SSLContext::State::on_new_session(SSL* connection, SSL_SESSION* session) noexcept {
  const auto* object = static_cast<SSLObject*>(SSL_get_app_data(connection));
  if (!object || object->server_side_ || object->server_hostname_.empty()) return 0;
  State& self = object->context_->state();
  if (!self.session_reuse) return 0;
  try {
    self.remember_session(object->server_hostname_, object->rules_version_, session);
  } catch (const std::bad_alloc&) {  // the next handshake is a whole one
  }
  return 0;
}

}  // namespace asyncio
