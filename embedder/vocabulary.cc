#include "embedder/vocabulary.h"

namespace vecnest::embedder {

Vocabulary::Vocabulary(const Tokenizer& tokenizer, size_t size)
    : tokenizer_(tokenizer), texts_(size), special_(size, true) {
  std::vector<bool> added_ids(size, false);
  tokenizer.ForEachToken([&](std::string_view token, int32_t id, bool added) {
    const auto index = static_cast<size_t>(id);
    if (index >= size) return;
    texts_[index] = token;
    if (added) added_ids[index] = true;
  });
  for (size_t i = 0; i < size; ++i) {
    special_[i] = added_ids[i] || texts_[i].empty() || texts_[i].starts_with("[unused");
  }
}

}  // namespace vecnest::embedder
