// Any bytes as a table of words, in both forms: an error, or a row for every word; the words it
// holds are found in a text made of them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "embedder/utf8.h"
#include "embedder/word_lookup.h"
#include "embedder/word_table.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vecnest::embedder;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const WordTableFormat format : {WordTableFormat::kText, WordTableFormat::kBinary}) {
    auto table = ParseWordTable(bytes, format, "fuzz");
    if (!table.ok()) continue;
    const size_t words = table->ids.size();
    if (words == 0 || table->values.size() != words * table->width) std::abort();
    const WordLookup lookup(std::move(table->ids), nullptr);
    if (FindInvalidUtf8(bytes)) continue;
    for (const size_t most : {size_t{2}, size + 1}) {
      std::vector<int32_t> ids;
      lookup.Tokenize(bytes, most, &ids);
      if (ids.size() > most) std::abort();
      for (const int32_t id : ids) {
        if (id < 0 || static_cast<size_t>(id) >= words) std::abort();
      }
    }
  }
  return 0;
}
