#include "engine/payload_index/field_terms.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <limits>

#include "engine/datetime.h"
#include "engine/filter_match.h"
#include "engine/payload_index/geo_cells.h"

namespace vecnest::engine {
namespace {

constexpr size_t kMaxWordBytes = 64;

template <typename Value>
void SortUnique(std::vector<Value>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

// Bytes beyond ASCII belong to words, whatever they mean: words only narrow a search down.
bool InWord(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x80 || std::isalnum(byte) != 0;
}

// False: the value is not (wholly) a term.
bool AddWords(const std::string& text, FieldTerms& terms) {
  bool all = true;
  for (const TextWord& word : SplitWords(text)) {
    if (word.word.size() > kMaxWordBytes) {
      all = false;
    } else {
      terms.words.emplace_back(word.word);
    }
  }
  return all;
}

bool AddTerm(PayloadIndexType type, const Json& value, FieldTerms& terms) {
  switch (type) {
    case PayloadIndexType::kBool:
      if (!value.is_boolean()) return false;
      terms.words.push_back(*WordOf(type, value.get<bool>()));
      return true;
    case PayloadIndexType::kKeyword:
    case PayloadIndexType::kUuid: {
      if (!value.is_string()) return false;
      auto word = WordOf(type, value.get_ref<const std::string&>());
      if (word) terms.words.push_back(*std::move(word));
      return word.has_value();
    }
    case PayloadIndexType::kText:
      return value.is_string() && AddWords(value.get_ref<const std::string&>(), terms);
    case PayloadIndexType::kInteger: {
      constexpr auto kMax = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
      if (!value.is_number_integer()) return false;
      if (value.is_number_unsigned() && value.get<uint64_t>() > kMax) return false;
      terms.numbers.push_back(value.get<int64_t>());
      return true;
    }
    case PayloadIndexType::kFloat:
      if (!value.is_number()) return false;
      terms.numbers.push_back(OrderedDouble(value.get<double>()));
      return true;
    case PayloadIndexType::kDatetime: {
      if (!value.is_string()) return false;
      const auto time = ParseDatetime(value.get_ref<const std::string&>());
      if (time) terms.numbers.push_back(*time);
      return time.has_value();
    }
    case PayloadIndexType::kGeo: {
      const auto place = ReadGeoPoint(value);
      if (place) terms.numbers.push_back(GeoCellOf(*place));
      return place.has_value();
    }
  }
  return false;
}

void AddElement(PayloadIndexType type, const Json& value, FieldTerms& terms) {
  if (value.is_null()) return;
  terms.several = terms.any;
  terms.any = true;
  if (!AddTerm(type, value, terms)) terms.others = true;
}

}  // namespace

FieldTerms ExtractTerms(PayloadIndexType type, const PayloadPath& path, const Json& payload) {
  FieldTerms terms;
  path.AnyOf(payload, [&](const Json& value) {
    terms.counts.push_back(ValueCount(value));
    if (value.is_null()) terms.null = true;
    if (value.is_array()) {
      for (const Json& element : value) AddElement(type, element, terms);
    } else {
      AddElement(type, value, terms);
    }
    return false;
  });
  SortUnique(terms.words);
  SortUnique(terms.numbers);
  SortUnique(terms.counts);
  return terms;
}

std::optional<std::string> WordOf(PayloadIndexType type, const MatchValue& value) {
  if (type == PayloadIndexType::kBool) {
    if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
    return std::nullopt;
  }
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr || text->size() > kMaxTermBytes) return std::nullopt;
  return *text;
}

int64_t OrderedDouble(double value) {
  value += 0.0;  // both zeros are one
  int64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(bits));
  return bits < 0 ? std::numeric_limits<int64_t>::min() - bits : bits;
}

double FromOrderedDouble(int64_t ordered) {
  const int64_t bits = ordered < 0 ? std::numeric_limits<int64_t>::min() - ordered : ordered;
  double value = 0;
  std::memcpy(&value, &bits, sizeof(value));
  return value;
}

std::vector<TextWord> SplitWords(std::string_view text) {
  std::vector<TextWord> words;
  size_t begin = 0;
  while (begin < text.size()) {
    if (!InWord(text[begin])) {
      ++begin;
      continue;
    }
    size_t end = begin;
    while (end < text.size() && InWord(text[end])) ++end;
    words.push_back({text.substr(begin, end - begin), begin == 0, end == text.size()});
    begin = end;
  }
  return words;
}

}  // namespace vecnest::engine
