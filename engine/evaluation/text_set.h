// Distinct texts, numbered in the order in which they came.
#ifndef VECNEST_ENGINE_EVALUATION_TEXT_SET_H_
#define VECNEST_ENGINE_EVALUATION_TEXT_SET_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace vecnest::engine::evaluation {

class TextSet {
 public:
  // The number of a text; a new one when it is new.
  uint32_t Add(std::string text) {
    const auto [found, is_new] =
        numbers_.try_emplace(std::move(text), static_cast<uint32_t>(texts_.size()));
    if (is_new) texts_.push_back(found->first);
    return found->second;
  }
  // All texts, by their numbers; the set is empty then.
  std::vector<std::string> Take() {
    numbers_.clear();
    return std::exchange(texts_, {});
  }

 private:
  absl::flat_hash_map<std::string, uint32_t> numbers_;
  std::vector<std::string> texts_;
};

}  // namespace vecnest::engine::evaluation

#endif  // VECNEST_ENGINE_EVALUATION_TEXT_SET_H_
