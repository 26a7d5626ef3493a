#include "net/short_turns.h"

#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace vecnest::net {
namespace {

// The least that the kernel takes; most queries are shorter.
constexpr uint64_t kTurnNanoseconds = 100'000;

// As sched_setattr(2) has it in its first version. The C library has no function for it.
struct Attributes {
  uint32_t size;
  uint32_t policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime;
  uint64_t deadline;
  uint64_t period;
};

}  // namespace

bool TakeShortTurns() {
  Attributes attributes = {};
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0U) != 0) return false;
  if (attributes.policy != SCHED_OTHER) return false;
  attributes.runtime = kTurnNanoseconds;
  // Older kernels take the call and ignore what it asks.
  return syscall(SYS_sched_setattr, 0, &attributes, 0U) == 0 &&
         syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0U) == 0 &&
         attributes.runtime == kTurnNanoseconds;
}

}  // namespace vecnest::net
