#include "embedder/bpe.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <queue>
#include <tuple>

#include "absl/status/status.h"
#include "embedder/status_macros.h"
#include "embedder/utf8.h"

namespace vecnest::embedder {
namespace {

constexpr std::string_view kWordBegin = "\u2581";  // what these vocabularies write for a blank

uint64_t PairKey(int32_t left, int32_t right) {
  return static_cast<uint64_t>(left) << 32 | static_cast<uint32_t>(right);
}

// Where the next word begins behind `from`: at a mark that does not follow another mark.
size_t NextWord(std::string_view text, size_t from) {
  size_t at = from;
  while (text.substr(at).starts_with(kWordBegin)) at += kWordBegin.size();
  return std::min(text.find(kWordBegin, at), text.size());
}

std::string ReplaceAll(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  size_t position = 0;
  for (size_t at; (at = text.find(from, position)) != std::string_view::npos;) {
    result += text.substr(position, at - position);
    result += to;
    position = at + from.size();
  }
  result += text.substr(position);
  return result;
}

}  // namespace

// A list of the tokens of a word; merging takes the right one of two out of it.
struct BpeTokenizer::Symbol {
  int32_t id;  // -1: merged away
  int32_t previous;
  int32_t next;
};

// Pairs that may be merged, best first: lowest rank, then leftmost.
class BpeTokenizer::Queue {
 public:
  struct Entry {
    int32_t rank;
    int32_t position;
    int32_t id;
    bool operator>(const Entry& other) const {
      return std::tie(rank, position) > std::tie(other.rank, other.position);
    }
  };

  explicit Queue(const BpeTokenizer& tokenizer) : tokenizer_(tokenizer) {}

  void Offer(const std::vector<Symbol>& symbols, int32_t left) {
    const int32_t right = left < 0 ? -1 : symbols[static_cast<size_t>(left)].next;
    if (right < 0) return;
    const Merge* merge = tokenizer_.FindMerge(symbols[static_cast<size_t>(left)].id,
                                              symbols[static_cast<size_t>(right)].id);
    if (merge != nullptr) entries_.push({merge->rank, left, merge->id});
  }

  bool empty() const { return entries_.empty(); }
  Entry Pop() {
    const Entry entry = entries_.top();
    entries_.pop();
    return entry;
  }

 private:
  const BpeTokenizer& tokenizer_;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> entries_;
};

BpeTokenizer::BpeTokenizer(const BpeSpec& spec)
    : added_tokens_(spec.added_tokens),
      normalizer_(spec.normalizer),
      vocabulary_(spec.vocabulary.begin(), spec.vocabulary.end()),
      byte_fallback_(spec.byte_fallback),
      fuse_unknown_(spec.fuse_unknown) {
  for (const TokenList* list : {&spec.vocabulary, &spec.added_tokens}) {
    for (const auto& [token, id] : *list) {
      traits_.vocabulary_size = std::max(traits_.vocabulary_size, id + 1);
    }
  }
}

absl::StatusOr<BpeTokenizer> BpeTokenizer::Create(const BpeSpec& spec) {
  if (spec.vocabulary.empty()) return absl::InvalidArgumentError("the vocabulary is empty");
  for (const TokenList* list : {&spec.vocabulary, &spec.added_tokens}) {
    for (const auto& [token, id] : *list) {
      if (id < 0 || id == std::numeric_limits<int32_t>::max()) {
        return absl::InvalidArgumentError(fmt::format("token \"{}\" has the id {}", token, id));
      }
    }
  }
  BpeTokenizer tokenizer(spec);
  VECNEST_RETURN_IF_ERROR(tokenizer.ReadSpecialTokens(spec));
  VECNEST_RETURN_IF_ERROR(tokenizer.ReadMerges(spec));
  return tokenizer;
}

absl::Status BpeTokenizer::ReadSpecialTokens(const BpeSpec& spec) {
  const auto find = [&](const std::string& token, int32_t* id) -> absl::Status {
    *id = IdOf(token);
    if (*id >= 0) return absl::OkStatus();
    return absl::InvalidArgumentError(
        fmt::format("the special token \"{}\" is not in the vocabulary", token));
  };
  if (!spec.unknown_token.empty()) {
    VECNEST_RETURN_IF_ERROR(find(spec.unknown_token, &unknown_id_));
    if (spec.drop_unknown) traits_.dropped_id = unknown_id_;
  }
  for (const auto& [tokens, ids] :
       {std::pair{&spec.before, &traits_.before}, std::pair{&spec.after, &traits_.after}}) {
    for (const std::string& token : *tokens) {
      VECNEST_RETURN_IF_ERROR(find(token, &ids->emplace_back()));
    }
  }
  for (size_t byte = 0; spec.byte_fallback && byte < byte_ids_.size(); ++byte) {
    VECNEST_RETURN_IF_ERROR(find(fmt::format("<0x{:02X}>", byte), &byte_ids_[byte]));
  }
  return absl::OkStatus();
}

absl::Status BpeTokenizer::ReadMerges(const BpeSpec& spec) {
  splits_words_ = vocabulary_.contains(kWordBegin);
  int32_t rank = 0;
  for (const auto& [left, right] : spec.merges) {
    const auto a = vocabulary_.find(left);
    const auto b = vocabulary_.find(right);
    const auto joined = vocabulary_.find(left + right);
    if (a == vocabulary_.end() || b == vocabulary_.end() || joined == vocabulary_.end()) {
      return absl::InvalidArgumentError(
          fmt::format("merge {}: \"{}\", \"{}\" or the two joined are not in the vocabulary", rank,
                      left, right));
    }
    merges_.insert_or_assign(PairKey(a->second, b->second), Merge{rank++, joined->second});
    if (NextWord(joined->first, 0) < joined->first.size()) splits_words_ = false;
  }
  return absl::OkStatus();
}

void BpeTokenizer::ForEachToken(TokenSink sink) const {
  for (const auto& [token, id] : vocabulary_) sink(token, id, false);
  added_tokens_.ForEach([&](std::string_view token, int32_t id) { sink(token, id, true); });
}

int32_t BpeTokenizer::IdOf(std::string_view token) const {
  const auto found = vocabulary_.find(token);
  return found != vocabulary_.end() ? found->second : added_tokens_.IdOf(token);
}

const BpeTokenizer::Merge* BpeTokenizer::FindMerge(int32_t left, int32_t right) const {
  const auto found = merges_.find(PairKey(left, right));
  return found == merges_.end() ? nullptr : &found->second;
}

std::string BpeTokenizer::Normalize(std::string_view text) const {
  std::string result(text);
  for (const auto& [from, to] : normalizer_) {
    if (!from.empty()) {
      result = ReplaceAll(result, from, to);
    } else if (!result.empty()) {
      result.insert(0, to);
    }
  }
  return result;
}

bool BpeTokenizer::Tokenize(std::string_view text, size_t max_tokens, std::vector<int32_t>* ids,
                            GoOn go_on) const {
  Pauses pauses(go_on);
  const size_t begin = ids->size();
  const auto over = [&] { return ids->size() - begin > max_tokens; };
  const auto append = [&](std::string_view between) {
    const std::string normalized = Normalize(between);
    size_t position = 0;
    bool wanted = true;
    while (position < normalized.size() && !over() && wanted) {
      const size_t end = splits_words_ ? NextWord(normalized, position) : normalized.size();
      AppendWord(std::string_view(normalized).substr(position, end - position), ids);
      position = end;
      wanted = pauses.GoOn();
    }
    return !over() && wanted;
  };
  added_tokens_.Split(text, append, [&](int32_t id) {
    ids->push_back(id);
    return !over() && pauses.GoOn();
  });
  if (!over()) return false;
  ids->resize(begin + max_tokens);
  return true;
}

// The tokens of a word before anything is merged.
std::vector<BpeTokenizer::Symbol> BpeTokenizer::Characters(std::string_view word) const {
  std::vector<Symbol> symbols;
  const auto add = [&](int32_t id) {
    const auto position = static_cast<int32_t>(symbols.size());
    symbols.push_back({id, position - 1, position + 1});
  };
  bool after_unknown = false;
  for (size_t end = 0; end < word.size();) {
    const size_t begin = end;
    DecodeUtf8(word, &end);
    const std::string_view character = word.substr(begin, end - begin);
    const auto found = vocabulary_.find(character);
    const bool unknown = found == vocabulary_.end() && !byte_fallback_;
    if (found != vocabulary_.end()) {
      add(found->second);
    } else if (byte_fallback_) {
      for (const char byte : character) add(byte_ids_[static_cast<unsigned char>(byte)]);
    } else if (unknown_id_ >= 0 && !(fuse_unknown_ && after_unknown)) {
      add(unknown_id_);
    }
    after_unknown = unknown;
  }
  if (!symbols.empty()) symbols.back().next = -1;
  return symbols;
}

void BpeTokenizer::AppendWord(std::string_view word, std::vector<int32_t>* ids) const {
  std::vector<Symbol> symbols = Characters(word);
  Queue queue(*this);
  for (size_t i = 0; i < symbols.size(); ++i) queue.Offer(symbols, static_cast<int32_t>(i));
  while (!queue.empty()) {
    const Queue::Entry entry = queue.Pop();
    Symbol& left = symbols[static_cast<size_t>(entry.position)];
    if (left.id < 0 || left.next < 0) continue;
    Symbol& right = symbols[static_cast<size_t>(left.next)];
    // The pair may have changed since it was offered.
    const Merge* merge = FindMerge(left.id, right.id);
    if (merge == nullptr || merge->id != entry.id) continue;
    left.id = entry.id;
    left.next = right.next;
    right.id = -1;
    if (left.next >= 0) symbols[static_cast<size_t>(left.next)].previous = entry.position;
    queue.Offer(symbols, left.previous);
    queue.Offer(symbols, entry.position);
  }
  for (const Symbol& symbol : symbols) {
    if (symbol.id >= 0) ids->push_back(symbol.id);
  }
}

}  // namespace vecnest::embedder
