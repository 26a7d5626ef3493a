// Runs a check on every vector level that this CPU has.
#ifndef VECNEST_TESTS_EMBEDDER_HIGHWAY_LEVELS_H_
#define VECNEST_TESTS_EMBEDDER_HIGHWAY_LEVELS_H_

#include <gtest/gtest.h>

#include <hwy/targets.h>

namespace vecnest::embedder {

template <typename Check>
void OnEveryLevel(const Check& check) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    check();
  }
  hwy::SetSupportedTargetsForTest(0);
}

}  // namespace vecnest::embedder

#endif  // VECNEST_TESTS_EMBEDDER_HIGHWAY_LEVELS_H_
