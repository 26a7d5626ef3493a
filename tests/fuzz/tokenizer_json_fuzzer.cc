// A tokenizer.json and a text behind it, parted by a zero byte: an error, or ids of the vocabulary
// and no more than asked for.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "embedder/json.h"
#include "embedder/tokenizer_files.h"
#include "embedder/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vecnest::embedder;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(bytes.find('\0'), size);
  const std::string_view text = bytes.substr(std::min(end + 1, size));
  const auto root = Json::Parse(bytes.substr(0, end), "fuzz");
  if (!root.ok() || FindInvalidUtf8(text)) return 0;
  for (const bool special_tokens : {false, true}) {
    const auto spec =
        ParseTokenizerJson(*root, {.special_tokens = special_tokens, .unknown_tokens = false});
    if (!spec.ok()) continue;
    const auto tokenizer = CreateTokenizer(*spec);
    if (!tokenizer.ok()) continue;
    for (const size_t most : {size_t{3}, 8 * size + 1}) {
      std::vector<int32_t> ids;
      (*tokenizer)->Tokenize(text, most, &ids);
      if (ids.size() > most) std::abort();
      for (const int32_t id : ids) {
        if (id < 0 || id >= (*tokenizer)->traits().vocabulary_size) std::abort();
      }
    }
  }
  return 0;
}
