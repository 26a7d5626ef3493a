#include "index/inverted_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace vecnest::index {
namespace {

constexpr uint32_t kNone = std::numeric_limits<uint32_t>::max();
// Sums of products that are rounded in another order may be larger by this factor.
constexpr double kSlack = 1 + 1e-9;

// A list that is gone through document by document.
class Cursor {
 public:
  Cursor(absl::Span<const SparseTerm> postings, double factor, double bound)
      : at_(postings.begin()), end_(postings.end()), factor_(factor), bound_(bound) {}

  uint32_t document() const { return at_ == end_ ? kNone : at_->dimension; }
  double score() const { return factor_ * at_->weight; }
  // What it adds to a document's score at most.
  double bound() const { return bound_; }
  void Next() { ++at_; }

  // To the first document that is not before `document`: in steps that double, then by halves.
  void Seek(uint32_t document) {
    size_t step = 1;
    auto low = at_;
    auto high = at_;
    while (high != end_ && high->dimension < document) {
      low = high;
      high = step < static_cast<size_t>(end_ - high) ? high + static_cast<ptrdiff_t>(step) : end_;
      step *= 2;
    }
    at_ = std::lower_bound(low, high, document, [](const SparseTerm& posting, uint32_t wanted) {
      return posting.dimension < wanted;
    });
  }

 private:
  using Iterator = absl::Span<const SparseTerm>::const_iterator;
  Iterator at_;
  Iterator end_;
  double factor_;
  double bound_;
};

// The best so far; the worst of them on top.
class Best {
 public:
  explicit Best(size_t count) : count_(count) {}

  // A later document of an equal score does not get in.
  double threshold() const {
    return hits_.size() < count_ ? 0 : static_cast<double>(hits_.front().score);
  }
  void Offer(uint32_t document, double score) {
    hits_.push_back({document, static_cast<float>(score)});
    std::push_heap(hits_.begin(), hits_.end(), IsBetter);
    if (hits_.size() <= count_) return;
    std::pop_heap(hits_.begin(), hits_.end(), IsBetter);
    hits_.pop_back();
  }
  std::vector<InvertedIndex::Hit> Take() {
    std::sort_heap(hits_.begin(), hits_.end(), IsBetter);
    return std::move(hits_);
  }

 private:
  static bool IsBetter(const InvertedIndex::Hit& a, const InvertedIndex::Hit& b) {
    return a.score != b.score ? a.score > b.score : a.document < b.document;
  }
  const size_t count_;
  std::vector<InvertedIndex::Hit> hits_;
};

bool IsWeight(float weight) { return std::isfinite(weight) && weight > 0; }

}  // namespace

absl::Status InvertedIndex::Builder::Add(absl::Span<const SparseTerm> terms) {
  seen_.clear();
  for (const SparseTerm& term : terms) {
    if (!IsWeight(term.weight)) {
      return absl::InvalidArgumentError(
          fmt::format("dimension {} has the weight {}, expected a positive number", term.dimension,
                      term.weight));
    }
    seen_.push_back(term.dimension);
  }
  std::sort(seen_.begin(), seen_.end());
  if (const auto twice = std::adjacent_find(seen_.begin(), seen_.end()); twice != seen_.end()) {
    return absl::InvalidArgumentError(fmt::format("dimension {} comes twice", *twice));
  }
  if (documents_ == kNone) {
    return absl::ResourceExhaustedError(
        fmt::format("an inverted index holds at most {} documents", kNone));
  }
  for (const SparseTerm& term : terms) {
    lists_[term.dimension].push_back({documents_, term.weight});
  }
  ++documents_;
  return absl::OkStatus();
}

InvertedIndex InvertedIndex::Builder::Build() {
  InvertedIndex built;
  built.documents_ = std::exchange(documents_, 0);
  size_t postings = 0;
  for (const auto& [dimension, list] : lists_) postings += list.size();
  built.postings_.reserve(postings);
  built.lists_.reserve(lists_.size());
  for (auto& [dimension, list] : lists_) {
    List placed{built.postings_.size(), built.postings_.size() + list.size(), 0};
    for (const SparseTerm& posting : list) placed.most = std::max(placed.most, posting.weight);
    built.postings_.insert(built.postings_.end(), list.begin(), list.end());
    built.lists_[dimension] = placed;
    std::vector<SparseTerm>().swap(list);
  }
  lists_.clear();
  return built;
}

size_t InvertedIndex::ListSize(uint32_t dimension) const {
  const auto list = lists_.find(dimension);
  return list == lists_.end() ? 0 : list->second.end - list->second.begin;
}

std::vector<InvertedIndex::Hit> InvertedIndex::Search(absl::Span<const SparseTerm> query,
                                                      size_t count) const {
  std::vector<Cursor> cursors;
  for (const SparseTerm& term : query) {
    const auto list = lists_.find(term.dimension);
    if (list == lists_.end() || !IsWeight(term.weight)) continue;
    const auto& [begin, end, most] = list->second;
    cursors.emplace_back(absl::MakeConstSpan(postings_).subspan(begin, end - begin), term.weight,
                         static_cast<double>(term.weight) * most);
  }
  if (count == 0) return {};
  // What can add least comes first; bounds[i]: what cursors 0..i add together at most.
  std::sort(cursors.begin(), cursors.end(),
            [](const Cursor& a, const Cursor& b) { return a.bound() < b.bound(); });
  std::vector<double> bounds;
  double sum = 0;
  for (const Cursor& cursor : cursors) bounds.push_back((sum += cursor.bound()) * kSlack);

  Best best(count);
  // A document that only cursors before this one have is not among the best.
  size_t essential = 0;
  while (true) {
    while (essential < cursors.size() && bounds[essential] <= best.threshold()) ++essential;
    uint32_t document = kNone;
    for (size_t i = essential; i < cursors.size(); ++i) {
      document = std::min(document, cursors[i].document());
    }
    if (document == kNone) return best.Take();
    double score = 0;
    for (size_t i = essential; i < cursors.size(); ++i) {
      if (cursors[i].document() != document) continue;
      score += cursors[i].score();
      cursors[i].Next();
    }
    for (size_t i = essential; i-- > 0 && score + bounds[i] > best.threshold();) {
      cursors[i].Seek(document);
      if (cursors[i].document() == document) score += cursors[i].score();
    }
    // As it will be kept: no smaller difference counts.
    if (static_cast<float>(score) > best.threshold()) best.Offer(document, score);
  }
}

}  // namespace vecnest::index
