#include "net/body_budget.h"

namespace vecnest::net {

bool BodyBudget::Share::TryGrow(uint64_t bytes) {
  if (bytes <= kFreeBytes || bytes <= held_) return true;
  const uint64_t more = bytes - held_;
  uint64_t held = budget_.held_.load();
  while (more <= budget_.bytes_ - held) {
    if (budget_.held_.compare_exchange_weak(held, held + more)) {
      held_ = bytes;
      return true;
    }
  }
  return false;
}

void BodyBudget::Share::Release() {
  budget_.held_ -= held_;
  held_ = 0;
}

}  // namespace vecnest::net
