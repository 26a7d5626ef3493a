#include "engine/bm25.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "absl/types/span.h"
#include "fmt/format.h"

namespace vecnest::engine {

absl::StatusOr<std::unique_ptr<Bm25Index>> Bm25Index::Create(const Bm25Parameters& parameters) {
  constexpr double kLargestK1 = 1000;
  if (!(parameters.k1 > 0 && parameters.k1 <= kLargestK1)) {
    return absl::InvalidArgumentError(
        fmt::format("k1: {}, expected more than 0 and at most {}", parameters.k1, kLargestK1));
  }
  if (!(parameters.b >= 0 && parameters.b <= 1)) {
    return absl::InvalidArgumentError(fmt::format("b: {}, expected 0 to 1", parameters.b));
  }
  auto analyzer = TextAnalyzer::Create(parameters.language);
  if (!analyzer.ok()) return analyzer.status();
  return std::unique_ptr<Bm25Index>(new Bm25Index(parameters, *std::move(analyzer)));
}

std::vector<index::SparseTerm> Bm25Index::CountWords(std::string_view text, bool known_only) {
  counts_.clear();
  analyzer_->ForEachWord(text, [&](std::string_view word) {
    const auto known = words_.find(word);
    if (known != words_.end()) {
      ++counts_[known->second];
    } else if (!known_only) {
      const auto number = static_cast<uint32_t>(words_.size());
      words_.emplace(word, number);
      ++counts_[number];
    }
  });
  std::vector<index::SparseTerm> terms;
  terms.reserve(counts_.size());
  for (const auto& [word, count] : counts_) terms.push_back({word, static_cast<float>(count)});
  // The order of a hash table differs from run to run, and with it the last bits of sums.
  std::sort(terms.begin(), terms.end(),
            [](const auto& a, const auto& b) { return a.dimension < b.dimension; });
  return terms;
}

absl::Status Bm25Index::Add(std::string_view text) {
  if (finished_) return absl::FailedPreconditionError("texts are added before the first search");
  // A text has far fewer new words than this.
  constexpr size_t kMostWords = std::numeric_limits<uint32_t>::max() / 2;
  if (words_.size() > kMostWords) {
    return absl::ResourceExhaustedError(fmt::format("more than {} different words", kMostWords));
  }
  const std::vector<index::SparseTerm> terms = CountWords(text, /*known_only=*/false);
  terms_.insert(terms_.end(), terms.begin(), terms.end());
  ends_.push_back(terms_.size());
  double length = 0;
  for (const index::SparseTerm& term : terms) length += term.weight;
  lengths_.push_back(static_cast<uint32_t>(length));
  return absl::OkStatus();
}

absl::Status Bm25Index::Finish() {
  finished_ = true;
  std::vector<uint32_t> with_word(words_.size());
  for (const index::SparseTerm& term : terms_) ++with_word[term.dimension];
  const auto texts = static_cast<double>(lengths_.size());
  const double sum = std::accumulate(lengths_.begin(), lengths_.end(), 0.0);
  const double mean = sum > 0 ? sum / texts : 1;
  index::InvertedIndex::Builder builder;
  size_t begin = 0;
  for (size_t text = 0; text < ends_.size(); ++text) {
    const auto terms = absl::MakeSpan(terms_).subspan(begin, ends_[text] - begin);
    const double held_back =
        parameters_.k1 * (1 - parameters_.b + parameters_.b * lengths_[text] / mean);
    for (index::SparseTerm& term : terms) {
      const double n = with_word[term.dimension];
      const double rarity = std::log(1 + (texts - n + 0.5) / (n + 0.5));
      term.weight = static_cast<float>(rarity * term.weight / (term.weight + held_back));
    }
    if (auto status = builder.Add(terms); !status.ok()) return status;
    begin = ends_[text];
  }
  index_ = builder.Build();
  std::vector<index::SparseTerm>().swap(terms_);
  std::vector<size_t>().swap(ends_);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Bm25Index::Hit>> Bm25Index::Search(std::string_view question,
                                                              size_t count) {
  if (!finished_) {
    if (auto status = Finish(); !status.ok()) return status;
  }
  return index_.Search(CountWords(question, /*known_only=*/true), count);
}

}  // namespace vecnest::engine
