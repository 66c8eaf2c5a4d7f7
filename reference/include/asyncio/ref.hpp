// ref.hpp: who keeps an object alive.
//
// A future, a task, a handle and a context are all seen through small handles that are copied freely:
// into lambdas, onto a queue, into another thread's call_soon_threadsafe(). Each of these handles is a
// Ref, and the object behind it counts them. The count lies inside the object, for two reasons: a Ref
// is one word, and a member function can make a Ref to its own object when it has to keep itself alive.
//
// The surprise is in retain(): as long as the process has never had a second thread, the C library says
// so, and the count is changed with plain additions. std::shared_ptr does the same. An atomic addition
// costs some 5 ns, and one step of a task makes several.
//
//   R1  An object with a count above zero is alive; bringing the count to zero calls last_owner_gone().
//   R2  try_retain() never revives an object whose count has reached zero.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

#include <sys/single_threaded.h>

namespace asyncio {

/// Base of every object that is held by Ref: carries the number of its owners.
class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;

  /// Memory comes from a pool of small blocks, see object_pool.cpp.
  static void* operator new(std::size_t size);
  /// In memory that the caller has.
  static void* operator new(std::size_t, void* place) noexcept { return place; }
  /// Gives the memory back to the pool.
  static void operator delete(void* memory, std::size_t size) noexcept;
  /// What needs a stricter alignment than malloc() gives does not come from the pool.
  static void* operator new(std::size_t size, std::align_val_t alignment) { return ::operator new(size, alignment); }
  /// Gives such memory back.
  static void operator delete(void* memory, std::size_t, std::align_val_t alignment) noexcept {
    ::operator delete(memory, alignment);
  }

  /// One owner more.
  void retain() const noexcept {
    if (__libc_single_threaded) {
      count_.store(count_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    } else {
      count_.fetch_add(1, std::memory_order_relaxed);
    }
  }

  /// One owner more, unless the last one has gone already: for weak references (R2).
  bool try_retain() const noexcept {
    auto seen = count_.load(std::memory_order_relaxed);
    while (seen != 0) {
      if (count_.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed)) return true;
    }
    return false;
  }

  /// One owner less; without the last one the object goes (R1).
  void release() const noexcept {
    if (__libc_single_threaded) {
      const auto left = count_.load(std::memory_order_relaxed) - 1;
      count_.store(left, std::memory_order_relaxed);
      if (left == 0) const_cast<RefCounted*>(this)->last_owner_gone();
    } else if (count_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      const_cast<RefCounted*>(this)->last_owner_gone();
    }
  }

  /// Whether there is no other owner than the caller.
  bool has_one_owner() const noexcept { return count_.load(std::memory_order_acquire) == 1; }

 protected:
  virtual ~RefCounted() = default;

  /// Destroys the object. An override may do something first, with the object still whole: it may even
  /// hand out new Refs, as Python's __del__ may, and must then return without destroying.
  virtual void last_owner_gone() noexcept { delete this; }

 private:
  mutable std::atomic<std::uint32_t> count_{0};
};

/// A shared owner of a RefCounted object, or empty.
///
/// The count is RefCounted's, whatever T names its own functions: a lock may well have a release().
template <class T>
class Ref {
 public:
  /// Owns nothing.
  Ref() = default;
  /// Becomes one more owner of `object`; null gives an empty Ref.
  explicit Ref(T* object) noexcept : object_(object) {
    if (object_) object_->RefCounted::retain();
  }
  /// One more owner of the same object.
  Ref(const Ref& other) noexcept : Ref(other.object_) {}
  /// Takes over what `other` owns, and leaves it empty.
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  /// From a Ref to a derived class.
  template <class U>
    requires std::is_convertible_v<U*, T*>
  Ref(const Ref<U>& other) noexcept : Ref(other.get()) {}  // NOLINT(google-explicit-constructor)
  /// From a Ref to a derived class, which is left empty.
  template <class U>
    requires std::is_convertible_v<U*, T*>
  Ref(Ref<U>&& other) noexcept : object_(other.detach()) {}  // NOLINT(google-explicit-constructor)
  /// Gives up what it owns and becomes an owner of the other's object.
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_) object_->RefCounted::release();
  }

  /// A Ref for a count that its maker has already raised with retain() or try_retain().
  static Ref adopt(T* object) noexcept {
    Ref ref;
    ref.object_ = object;
    return ref;
  }

  /// Gives the object up without lowering the count; whoever takes it owes a release().
  [[nodiscard]] T* detach() noexcept { return std::exchange(object_, nullptr); }

  /// The object; null where it owns none.
  T* get() const noexcept { return object_; }
  /// The object. There must be one.
  T& operator*() const noexcept { return *object_; }
  /// The object. There must be one.
  T* operator->() const noexcept { return object_; }
  /// Whether it owns an object.
  explicit operator bool() const noexcept { return object_ != nullptr; }
  /// Equal where both own the same object, or none.
  friend bool operator==(const Ref&, const Ref&) = default;

 private:
  T* object_ = nullptr;
};

/// Makes an object and its first owner.
template <class T, class... Args>
Ref<T> make_ref(Args&&... args) {
  return Ref<T>(new T(std::forward<Args>(args)...));
}

}  // namespace asyncio
