#include "embedder/word_lookup.h"

#include <algorithm>
#include <utility>

#include "embedder/unicode_rules.h"
#include "embedder/utf8.h"

namespace vecnest::embedder {
namespace {

bool IsLowerCase(std::string_view word) {
  if (FindInvalidUtf8(word)) return true;  // never found, so it decides nothing
  for (size_t i = 0; i < word.size();) {
    const char32_t c = DecodeUtf8(word, &i);
    const CodePoints lower = LowerCase(c);
    if (lower.size != 1 || lower.values[0] != c) return false;
  }
  return true;
}

void AppendLowerCase(char32_t c, std::string* text) {
  const CodePoints lower = LowerCase(c);
  for (size_t i = 0; i < lower.size; ++i) {
    char bytes[4];
    text->append(bytes, EncodeUtf8(lower.values[i], bytes));
  }
}

constexpr std::string_view kContraction = "n't";

// Where the pieces of a stretch end.
std::vector<size_t> PieceEnds(std::string_view stretch, bool split_contractions) {
  std::vector<size_t> ends;
  for (size_t i = 0; i < stretch.size();) {
    const size_t begin = i;
    if (split_contractions && stretch.substr(i).starts_with(kContraction)) {
      i += kContraction.size();
    } else {
      const char32_t c = DecodeUtf8(stretch, &i);
      if (!IsPunctuation(c) && !IsCjkIdeograph(c)) continue;
    }
    if (begin > 0 && (ends.empty() || ends.back() != begin)) ends.push_back(begin);
    ends.push_back(i);
  }
  if (ends.empty() || ends.back() != stretch.size()) ends.push_back(stretch.size());
  return ends;
}

}  // namespace

WordLookup::WordLookup(StringMap<std::string_view, int32_t> ids,
                       std::shared_ptr<const MappedFile> file)
    : file_(std::move(file)), ids_(std::move(ids)) {
  for (const auto& [word, id] : ids_) {
    longest_ = std::max(longest_, word.size());
    lowercase_ = lowercase_ && IsLowerCase(word);
    traits_.vocabulary_size = std::max(traits_.vocabulary_size, id + 1);
  }
  splits_contractions_ = ids_.contains(kContraction);
}

int32_t WordLookup::IdOf(std::string_view token) const {
  if (token.size() > longest_) return -1;
  const auto found = ids_.find(token);
  return found == ids_.end() ? -1 : found->second;
}

void WordLookup::ForEachToken(TokenSink sink) const {
  for (const auto& [word, id] : ids_) sink(word, id, false);
}

bool WordLookup::Tokenize(std::string_view text, size_t max_tokens, std::vector<int32_t>* ids,
                          GoOn go_on) const {
  Pauses pauses(go_on);
  const size_t most = ids->size() + max_tokens;
  std::string stretch;
  for (size_t i = 0; i < text.size();) {
    const char32_t c = DecodeUtf8(text, &i);
    if (!IsWhitespace(c)) {
      if (lowercase_) {
        AppendLowerCase(c, &stretch);
      } else {
        char bytes[4];
        stretch.append(bytes, EncodeUtf8(c, bytes));
      }
      continue;
    }
    if (!AppendStretch(stretch, most, ids)) return true;
    stretch.clear();
    if (!pauses.GoOn()) return true;
  }
  return !AppendStretch(stretch, most, ids);
}

// Returns whether all of it fitted.
bool WordLookup::AppendStretch(std::string_view stretch, size_t most,
                               std::vector<int32_t>* ids) const {
  const auto add = [&](int32_t id) {
    if (ids->size() == most) return false;
    ids->push_back(id);
    return true;
  };
  if (stretch.empty()) return true;
  if (const int32_t id = IdOf(stretch); id >= 0) return add(id);
  const std::vector<size_t> ends = PieceEnds(stretch, splits_contractions_);
  for (size_t first = 0, begin = 0; first < ends.size(); begin = ends[first++]) {
    size_t last = std::min(first + kMostPieces, ends.size());
    int32_t id = -1;
    while (id < 0 && last > first) {
      --last;
      id = IdOf(stretch.substr(begin, ends[last] - begin));
    }
    if (id < 0) continue;
    if (!add(id)) return false;
    first = last;
  }
  return true;
}

}  // namespace vecnest::embedder
