// What a payload index has to know of one payload: the values under a path, sorted out by kind.
#ifndef VECNEST_ENGINE_PAYLOAD_INDEX_FIELD_TERMS_H_
#define VECNEST_ENGINE_PAYLOAD_INDEX_FIELD_TERMS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/json.h"
#include "engine/payload.h"
#include "vecnest/collection.h"
#include "vecnest/filter.h"

namespace vecnest::engine {

// Longer strings are not terms: they count as values of another kind.
inline constexpr size_t kMaxTermBytes = 512;

struct FieldTerms {
  std::vector<std::string> words;  // of keyword, uuid, bool, text; sorted, each once
  std::vector<int64_t> numbers;    // of the others, see OrderedDouble, GeoCellOf; the same
  // Sizes of the values themselves (a list: its length, null: 0, others: 1); empty: no value.
  std::vector<int64_t> counts;  // sorted, each once
  bool null = false;            // a value is null
  // Of the values, and the elements of those that are lists, those that are not null.
  bool any = false;
  bool several = false;
  bool others = false;  // some are not of the index's kind

  friend bool operator==(const FieldTerms&, const FieldTerms&) = default;
};

FieldTerms ExtractTerms(PayloadIndexType type, const PayloadPath& path, const Json& payload);

// The terms of a value alone, of an index of words; nothing when it is no term of such an index.
std::optional<std::string> WordOf(PayloadIndexType type, const MatchValue& value);

// Doubles as integers of the same order.
int64_t OrderedDouble(double value);
double FromOrderedDouble(int64_t ordered);

// A word of a text as an index has it; those at the ends of a text that is searched for may go on.
struct TextWord {
  std::string_view word;
  bool open_left = false;
  bool open_right = false;
};
// Runs of letters and digits of any script; everything else parts them.
std::vector<TextWord> SplitWords(std::string_view text);

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_PAYLOAD_INDEX_FIELD_TERMS_H_
