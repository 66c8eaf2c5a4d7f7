// ssl_seeded.cpp: an OpenSSL without chance, for worlds.
//
// OpenSSL draws keys, nonces and the random part of a greeting from a "RAND" of its library context. A library
// context of our own can be given a RAND of our own, by way of a provider that has nothing else to offer. It is
// SplitMix64, and its state follows from the seed and from how many generators were asked for before: OpenSSL makes
// one for secrets and one for what is sent in the clear, for each thread. What is drawn is the same on every machine.
//
// To make a library context and have it find its algorithms takes some milliseconds, and an exploration makes
// thousands. So each thread keeps a few that are not in use, and gives them a new seed:
//
//     make_seeded_library() ──► in use ──► the last handle goes ──► idle ──► new seed ──► in use
//
//   L1  A library that is used again gives the same numbers as a new one: its generators are made in a fixed order
//       before anybody draws, and a new seed sets each to where it would have begun.
//
// Who knows the seed can read everything. SSLContext sees to it that this stays in worlds (X2).
#include "ssl_state.hpp"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/rand.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <utility>
#include <vector>

namespace asyncio {
namespace {

/// SplitMix64.
struct SeededGenerator {
  std::uint64_t next() noexcept {
    std::uint64_t z = (state += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
  }
  /// Begins anew.
  void set_seed(std::uint64_t seed) noexcept {
    state = seed + number;
    state = next();
  }

  SeededProvider* provider;
  std::uint64_t number;  // of its provider, from 1
  std::uint64_t state = 0;
};

}  // namespace

/// What the provider keeps: of one library context.
struct SeededProvider {
  std::uint64_t seed;
  std::uint64_t made = 0;  // generators so far
  std::vector<SeededGenerator*> generators = {};
  std::vector<OSSL_PROVIDER*> loaded = {};  // of the library, this one among them
};

namespace {

// What a provider is asked for is a table of plain functions. These have OpenSSL's types, and its rule: 1 is success.

void* seeded_new(void* provider, void*, const OSSL_DISPATCH*) {
  auto& of = *static_cast<SeededProvider*>(provider);
  try {
    auto made = std::make_unique<SeededGenerator>(SeededGenerator{&of, of.made + 1});
    made->set_seed(of.seed);
    of.generators.push_back(made.get());
    ++of.made;
    return made.release();
  } catch (const std::bad_alloc&) {  // between C frames: null says that it has failed
    return nullptr;
  }
}
void seeded_free(void* generator) {
  auto* const gone = static_cast<SeededGenerator*>(generator);
  if (gone) std::erase(gone->provider->generators, gone);
  delete gone;
}
int seeded_instantiate(void*, unsigned, int, const unsigned char*, std::size_t, const OSSL_PARAM*) { return 1; }
int seeded_uninstantiate(void*) { return 1; }
int seeded_generate(void* generator, unsigned char* out, std::size_t size, unsigned, int, const unsigned char*,
                    std::size_t) {
  for (std::size_t i = 0; i < size; ++i) {
    out[i] = static_cast<unsigned char>(static_cast<SeededGenerator*>(generator)->next());
  }
  return 1;
}
int seeded_enable_locking(void*) { return 1; }
int seeded_lock(void*) { return 1; }
void seeded_unlock(void*) {}
const OSSL_PARAM* seeded_gettable(void*, void*) {
  static const OSSL_PARAM params[] = {OSSL_PARAM_int(OSSL_RAND_PARAM_STATE, nullptr),
                                      OSSL_PARAM_uint(OSSL_RAND_PARAM_STRENGTH, nullptr),
                                      OSSL_PARAM_size_t(OSSL_RAND_PARAM_MAX_REQUEST, nullptr), OSSL_PARAM_END};
  return params;
}
int seeded_get(void*, OSSL_PARAM params[]) {
  constexpr unsigned STRENGTH_BITS = 256;  // else OpenSSL does not believe that it is strong enough for TLS
  constexpr std::size_t MAX_REQUEST = 1 << 20;
  if (auto* state = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STATE)) {
    OSSL_PARAM_set_int(state, EVP_RAND_STATE_READY);
  }
  if (auto* strength = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_STRENGTH)) {
    OSSL_PARAM_set_uint(strength, STRENGTH_BITS);
  }
  if (auto* size = OSSL_PARAM_locate(params, OSSL_RAND_PARAM_MAX_REQUEST)) OSSL_PARAM_set_size_t(size, MAX_REQUEST);
  return 1;
}

template <class Function>
OSSL_DISPATCH dispatch_entry(int number, Function* function) {
  return {number, reinterpret_cast<void (*)()>(function)};
}

const OSSL_ALGORITHM* seeded_query(void*, int operation, int* no_cache) {
  static const OSSL_DISPATCH functions[] = {dispatch_entry(OSSL_FUNC_RAND_NEWCTX, seeded_new),
                                            dispatch_entry(OSSL_FUNC_RAND_FREECTX, seeded_free),
                                            dispatch_entry(OSSL_FUNC_RAND_INSTANTIATE, seeded_instantiate),
                                            dispatch_entry(OSSL_FUNC_RAND_UNINSTANTIATE, seeded_uninstantiate),
                                            dispatch_entry(OSSL_FUNC_RAND_GENERATE, seeded_generate),
                                            dispatch_entry(OSSL_FUNC_RAND_ENABLE_LOCKING, seeded_enable_locking),
                                            dispatch_entry(OSSL_FUNC_RAND_LOCK, seeded_lock),
                                            dispatch_entry(OSSL_FUNC_RAND_UNLOCK, seeded_unlock),
                                            dispatch_entry(OSSL_FUNC_RAND_GETTABLE_CTX_PARAMS, seeded_gettable),
                                            dispatch_entry(OSSL_FUNC_RAND_GET_CTX_PARAMS, seeded_get),
                                            {0, nullptr}};
  static const OSSL_ALGORITHM generators[] = {{"ORRERY-SEEDED", "provider=orrery", functions, ""},
                                              {nullptr, nullptr, nullptr, nullptr}};
  *no_cache = 0;
  return operation == OSSL_OP_RAND ? generators : nullptr;
}

void seeded_teardown(void* provider) { delete static_cast<SeededProvider*>(provider); }

// OpenSSL passes nothing through to seeded_init(), and nothing back.
thread_local std::uint64_t seed_of_next_provider = 0;
thread_local SeededProvider* last_provider = nullptr;

int seeded_init(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** out, void** provider) {
  static const OSSL_DISPATCH functions[] = {dispatch_entry(OSSL_FUNC_PROVIDER_QUERY_OPERATION, seeded_query),
                                            dispatch_entry(OSSL_FUNC_PROVIDER_TEARDOWN, seeded_teardown),
                                            {0, nullptr}};
  *out = functions;
  last_provider = new (std::nothrow) SeededProvider{seed_of_next_provider};
  *provider = last_provider;
  return last_provider ? 1 : 0;
}

/// OpenSSL counts whoever has loaded a provider, and frees none before its count is 0.
void free_library(OSSL_LIB_CTX* library, const SeededProvider& provider) noexcept {
  const std::vector<OSSL_PROVIDER*> loaded = provider.loaded;  // `provider` goes with the last of them
  for (OSSL_PROVIDER* one : loaded) OSSL_PROVIDER_unload(one);
  OSSL_LIB_CTX_free(library);
}

// A std::thread::id may be given again to the next thread.
std::atomic<std::uint64_t> threads_so_far = 0;
thread_local const std::uint64_t thread_number = ++threads_so_far;

thread_local bool thread_ends = false;  // no destructor, so that it can be asked until the very end

/// The libraries of a thread that are not in use.
class IdleLibraries {
 public:
  IdleLibraries() = default;
  IdleLibraries(const IdleLibraries&) = delete;
  IdleLibraries& operator=(const IdleLibraries&) = delete;
  ~IdleLibraries() {
    thread_ends = true;
    for (const auto& [library, provider] : idle_) free_library(library, *provider);
  }

  /// \return  whether it was taken
  bool put(OSSL_LIB_CTX* library, SeededProvider* provider) {
    if (idle_.size() == MAX_IDLE) return false;
    idle_.emplace_back(library, provider);
    return true;
  }
  /// \return  null where there is none
  SSLLibraryPointer take() {
    if (idle_.empty()) return nullptr;
    const auto [library, provider] = idle_.back();
    idle_.pop_back();
    return SSLLibraryPointer(library, {.provider = provider, .thread = thread_number});
  }

 private:
  static constexpr std::size_t MAX_IDLE = 8;
  std::vector<std::pair<OSSL_LIB_CTX*, SeededProvider*>> idle_;
};

thread_local IdleLibraries idle_libraries;

SSLLibraryPointer make_new_library(std::uint64_t seed) {
  ERR_clear_error();
  OSSL_LIB_CTX* const made = OSSL_LIB_CTX_new();
  if (!made) throw_ssl_error("OpenSSL cannot make a library context");
  seed_of_next_provider = seed;
  OSSL_PROVIDER* const ours =
      OSSL_PROVIDER_add_builtin(made, "orrery", seeded_init) == 1 ? OSSL_PROVIDER_load(made, "orrery") : nullptr;
  if (!ours) {
    OSSL_LIB_CTX_free(made);
    throw_ssl_error("OpenSSL cannot load a provider");
  }
  last_provider->loaded.push_back(ours);
  SSLLibraryPointer library(made, {.provider = last_provider, .thread = 0});  // of no thread: is not kept
  OSSL_PROVIDER* const standard = OSSL_PROVIDER_load(made, "default");
  if (standard) last_provider->loaded.push_back(standard);
  const bool ready = standard && RAND_set_DRBG_type(made, "ORRERY-SEEDED", "provider=orrery", nullptr, nullptr) == 1 &&
                     RAND_get0_primary(made) && RAND_get0_public(made) && RAND_get0_private(made);  // L1: in this order
  if (!ready) throw_ssl_error("OpenSSL cannot be given random numbers");
  library.get_deleter().thread = thread_number;
  return library;
}

}  // namespace

void SSLLibraryReturn::operator()(OSSL_LIB_CTX* library) const noexcept {
  if (!thread_ends && thread == thread_number && idle_libraries.put(library, provider)) return;
  free_library(library, *provider);
}

SSLLibraryPointer make_seeded_library(std::uint64_t seed) {
  SSLLibraryPointer idle = idle_libraries.take();
  if (!idle) return make_new_library(seed);
  SeededProvider& provider = *idle.get_deleter().provider;
  provider.seed = seed;
  for (SeededGenerator* generator : provider.generators) generator->set_seed(seed);  // L1
  return idle;
}

}  // namespace asyncio
