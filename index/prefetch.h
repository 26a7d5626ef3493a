// Asking for memory before it is read.
#ifndef VECNEST_INDEX_PREFETCH_H_
#define VECNEST_INDEX_PREFETCH_H_

#include <unistd.h>

#include <cstddef>

namespace vecnest::index {

inline constexpr size_t kCacheLine = 64;

// Whether the nearest data cache has room for what a walk asks for. Of 32 kB it has not: an AMD
// EPYC of the fourth generation answers 12 % more queries at recall .95 when all goes into the
// second cache, where more lines can be under way at a time. One of the fifth has 48 kB, and
// answers 5 % more when it goes into the nearest.
inline const bool kNearestHasRoom = [] {
  constexpr long kRoom = 48L << 10;  // NOLINT(google-runtime-int): as sysconf
  return sysconf(_SC_LEVEL1_DCACHE_SIZE) >= kRoom;
}();

// Brings the lines of `bytes` from `first` on into a cache, in the background.
inline void PrefetchBytes(const void* first, size_t bytes) {
  constexpr int kSecondCache = 2;
  constexpr int kNearestCache = 3;
  const char* const start = static_cast<const char*>(first);
  if (kNearestHasRoom) {
    for (size_t i = 0; i < bytes; i += kCacheLine) __builtin_prefetch(start + i, 0, kNearestCache);
  } else {
    for (size_t i = 0; i < bytes; i += kCacheLine) __builtin_prefetch(start + i, 0, kSecondCache);
  }
  // A function that does nothing but prefetch has no effect in the eyes of GCC 12, which leaves out
  // calls of it that it does not inline early. This is an effect, of no instruction.
  asm volatile("" : : "r"(start));
}

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_PREFETCH_H_
