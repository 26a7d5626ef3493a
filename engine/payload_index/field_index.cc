#include "engine/payload_index/field_index.h"

#include <algorithm>
#include <limits>
#include <string_view>

#include "engine/filter_match.h"
#include "engine/payload_index/geo_cells.h"
#include "fmt/format.h"

namespace vecnest::engine {
namespace {

// True: values of the interval are those within the bounds. `as` makes a bound's type of a value.
template <typename Bounds, typename As, typename Use>
auto WithInterval(const Bounds& bounds, As as, Use use) {
  const auto below = [&](int64_t value) {
    return (bounds.gt && as(value) <= *bounds.gt) || (bounds.gte && as(value) < *bounds.gte);
  };
  const auto above = [&](int64_t value) {
    return (bounds.lt && as(value) >= *bounds.lt) || (bounds.lte && as(value) > *bounds.lte);
  };
  return use(SortedRuns::Interval{below, above});
}

double AsDouble(int64_t value) { return static_cast<double>(value); }
int64_t AsItself(int64_t value) { return value; }

template <typename Use>
auto WithValue(int64_t value, Use use) {
  return WithInterval(DatetimeRangeCondition{{}, value, {}, value}, AsItself, use);
}

bool FitsWord(const TextWord& wanted, std::string_view word) {
  if (wanted.open_left && wanted.open_right) return word.find(wanted.word) != word.npos;
  if (wanted.open_left) return word.ends_with(wanted.word);
  if (wanted.open_right) return word.starts_with(wanted.word);
  return word == wanted.word;
}

void KeepMost(std::vector<FacetHit>& hits, size_t limit) {
  const auto before = [](const FacetHit& a, const FacetHit& b) {
    return a.count != b.count ? a.count > b.count : a.value < b.value;
  };
  const size_t kept = std::min(limit, hits.size());
  std::partial_sort(hits.begin(), hits.begin() + static_cast<std::ptrdiff_t>(kept), hits.end(),
                    before);
  hits.resize(kept);
}

size_t Bytes(const Roaring& bitmap) { return bitmap.getSizeInBytes(/*portable=*/false); }

}  // namespace

absl::StatusOr<FieldIndex> FieldIndex::Create(const std::string& field,
                                              const PayloadIndexConfig& config) {
  auto path = PayloadPath::Parse(field);
  if (!path.ok()) return path.status();
  return FieldIndex(field, *std::move(path), config);
}

bool FieldIndex::HasWords() const {
  switch (config_.type) {
    case PayloadIndexType::kKeyword:
    case PayloadIndexType::kUuid:
    case PayloadIndexType::kBool:
    case PayloadIndexType::kText:
      return true;
    default:
      return false;
  }
}

size_t FieldIndex::MemoryBytes() const {
  size_t bytes = sizeof(*this) + numbers_.HeapBytes();
  bytes += words_.capacity() * (sizeof(std::string) + sizeof(NumberSet) + 1);
  for (const auto& [word, points] : words_) {
    bytes += points.HeapBytes() + (word.size() < sizeof(std::string) / 2 ? 0 : word.size() + 1);
  }
  for (const auto& [count, points] : counts_) bytes += Bytes(points);
  return bytes + Bytes(null_) + Bytes(any_) + Bytes(several_) + Bytes(others_) + Bytes(indexed_);
}

void FieldIndex::AddTerms(PointNumber number, const FieldTerms& terms) {
  for (const std::string& word : terms.words) words_[word].Add(number);
  for (const int64_t value : terms.numbers) numbers_.Add(value, number);
  for (const int64_t count : terms.counts) counts_[count].add(number);
  if (terms.null) null_.add(number);
  if (terms.any) any_.add(number);
  if (terms.several) several_.add(number);
  if (terms.others) others_.add(number);
  if (!terms.words.empty() || !terms.numbers.empty()) indexed_.add(number);
}

void FieldIndex::RemoveTerms(PointNumber number, const FieldTerms& terms) {
  for (const std::string& word : terms.words) {
    const auto found = words_.find(word);
    if (found == words_.end()) continue;
    found->second.Remove(number);
    if (found->second.empty()) words_.erase(found);
  }
  for (const int64_t value : terms.numbers) numbers_.Remove(value, number);
  for (const int64_t count : terms.counts) {
    const auto found = counts_.find(count);
    if (found == counts_.end()) continue;
    found->second.remove(number);
    if (found->second.isEmpty()) counts_.erase(found);
  }
  for (Roaring* bitmap : {&null_, &any_, &several_, &others_, &indexed_}) bitmap->remove(number);
}

void FieldIndex::Change(PointNumber number, const FieldTerms& old_terms, const FieldTerms& terms) {
  if (terms == old_terms) return;
  RemoveTerms(number, old_terms);
  AddTerms(number, terms);
}

void FieldIndex::RemoveAll(const Roaring& numbers) {
  for (auto& [word, points] : words_) points.RemoveAll(numbers);
  absl::erase_if(words_, [](const auto& entry) { return entry.second.empty(); });
  numbers_.RemoveAll(numbers);
  for (auto& [count, points] : counts_) points -= numbers;
  absl::erase_if(counts_, [](const auto& entry) { return entry.second.isEmpty(); });
  for (Roaring* bitmap : {&null_, &any_, &several_, &others_, &indexed_}) *bitmap -= numbers;
}

Roaring FieldIndex::WithCount(absl::FunctionRef<bool(int64_t)> wanted) const {
  Roaring points;
  for (const auto& [count, having] : counts_) {
    if (wanted(count)) points |= having;
  }
  return points;
}

std::optional<Selection> FieldIndex::Any(const std::vector<MatchValue>& values) const {
  if (config_.type == PayloadIndexType::kText) return std::nullopt;
  Selection selection;
  bool foreign = false;  // a value that others may have
  for (const MatchValue& value : values) {
    if (HasWords()) {
      const auto word = WordOf(config_.type, value);
      foreign = foreign || !word;
      if (const auto found = word ? words_.find(*word) : words_.end(); found != words_.end()) {
        found->second.AddTo(selection.certain);
      }
    } else if (config_.type == PayloadIndexType::kInteger &&
               std::holds_alternative<int64_t>(value)) {
      WithValue(std::get<int64_t>(value), [&](const SortedRuns::Interval& interval) {
        numbers_.Collect(interval, selection.certain);
      });
    } else if (config_.type == PayloadIndexType::kInteger) {
      foreign = true;
    } else {
      return std::nullopt;
    }
  }
  selection.possible = selection.certain;
  if (foreign) selection.possible |= others_;
  return selection;
}

std::optional<Selection> FieldIndex::Except(const std::vector<MatchValue>& values) const {
  const auto equal = Any(values);
  if (!equal) return std::nullopt;
  // A single value that is one of `values` is no other one; of several there may be another.
  return Selection{any_ - equal->possible, any_ - (equal->certain - several_)};
}

std::optional<Selection> FieldIndex::Text(const std::string& text) const {
  if (config_.type == PayloadIndexType::kText) return Words(text);
  const bool strings =
      config_.type == PayloadIndexType::kKeyword || config_.type == PayloadIndexType::kUuid;
  if (!strings) return std::nullopt;
  Selection selection;
  for (const auto& [word, points] : words_) {
    if (word.find(text) != std::string::npos) points.AddTo(selection.certain);
  }
  selection.possible = selection.certain | others_;
  return selection;
}

std::optional<Selection> FieldIndex::Words(const std::string& text) const {
  Roaring possible = any_;
  for (const TextWord& wanted : SplitWords(text)) {
    Roaring having = others_;  // those have words that are not in the index
    if (!wanted.open_left && !wanted.open_right) {
      const auto found = words_.find(std::string(wanted.word));
      if (found != words_.end()) found->second.AddTo(having);
    } else {
      for (const auto& [word, points] : words_) {
        if (FitsWord(wanted, word)) points.AddTo(having);
      }
    }
    possible &= having;
  }
  return Selection{{}, std::move(possible)};
}

Selection FieldIndex::Between(const SortedRuns::Interval& interval) const {
  Roaring points;
  numbers_.Collect(interval, points);
  return Selection::Exactly(std::move(points));
}

std::optional<Selection> FieldIndex::Range(const RangeCondition& range) const {
  const auto use = [&](const SortedRuns::Interval& interval) { return Between(interval); };
  if (config_.type == PayloadIndexType::kFloat) return WithInterval(range, FromOrderedDouble, use);
  if (config_.type != PayloadIndexType::kInteger) return std::nullopt;
  Selection selection = WithInterval(range, AsDouble, use);
  selection.possible |= others_;  // other numbers are among them
  return selection;
}

std::optional<Selection> FieldIndex::Range(const DatetimeRangeCondition& range) const {
  if (config_.type != PayloadIndexType::kDatetime) return std::nullopt;
  return WithInterval(range, AsItself,
                      [&](const SortedRuns::Interval& interval) { return Between(interval); });
}

std::optional<Selection> FieldIndex::Places(const GeoCondition& condition) const {
  if (config_.type != PayloadIndexType::kGeo) return std::nullopt;
  const auto area = GeoArea::Create(condition);
  if (!area.ok()) return std::nullopt;
  std::vector<PointNumber> inside;
  std::vector<PointNumber> undecided;
  for (const GeoCellRange& range : CoverArea(**area)) {
    numbers_.ForEach(range.first, range.last, [&](int64_t cell, PointNumber number) {
      const GeoRelation relation =
          range.inside ? GeoRelation::kInside : (*area)->RelationTo(BoundsOfGeoCell(cell));
      if (relation == GeoRelation::kInside) inside.push_back(number);
      if (relation == GeoRelation::kUndecided) undecided.push_back(number);
    });
  }
  Selection selection;
  selection.certain.addMany(inside.size(), inside.data());
  selection.possible = selection.certain;
  selection.possible.addMany(undecided.size(), undecided.data());
  return selection;
}

size_t FieldIndex::EstimatePlaces(const GeoCondition& condition) const {
  const auto area = GeoArea::Create(condition);
  if (!area.ok()) return 0;
  size_t sum = 0;
  for (const GeoCellRange& range : CoverArea(**area)) {
    sum += numbers_.Count(range.first, range.last);
  }
  return sum;
}

std::optional<Selection> FieldIndex::Evaluate(const FieldTest& test, const Roaring& live) const {
  if (const auto* match = std::get_if<MatchCondition>(&test)) return Any({match->value});
  if (const auto* any = std::get_if<MatchAnyCondition>(&test)) return Any(any->values);
  if (const auto* except = std::get_if<MatchExceptCondition>(&test)) return Except(except->values);
  if (const auto* text = std::get_if<MatchTextCondition>(&test)) return Text(text->text);
  if (const auto* range = std::get_if<RangeCondition>(&test)) return Range(*range);
  if (const auto* range = std::get_if<DatetimeRangeCondition>(&test)) return Range(*range);
  if (const auto* geo = std::get_if<GeoCondition>(&test)) return Places(*geo);
  if (std::holds_alternative<IsEmptyCondition>(test)) {
    return Selection::Exactly(live - WithCount([](int64_t count) { return count > 0; }));
  }
  if (std::holds_alternative<IsNullCondition>(test)) return Selection::Exactly(null_);
  const auto& count = std::get<ValuesCountCondition>(test);
  const auto wanted = [&](int64_t value) { return Within(count, value); };
  Roaring points = WithCount(wanted);
  if (wanted(0)) points |= live - WithCount([](int64_t) { return true; });
  return Selection::Exactly(std::move(points));
}

size_t FieldIndex::Estimate(const FieldTest& test, const Roaring& live) const {
  const auto of_interval = [&](const SortedRuns::Interval& interval) {
    return numbers_.Estimate(interval);
  };
  const auto of_value = [&](const MatchValue& value) -> size_t {
    if (const auto* number = std::get_if<int64_t>(&value); number != nullptr && !HasWords()) {
      return WithValue(*number, of_interval);
    }
    const auto word = WordOf(config_.type, value);
    const auto found = word ? words_.find(*word) : words_.end();
    return found == words_.end() ? others_.cardinality() : found->second.size();
  };
  if (const auto* match = std::get_if<MatchCondition>(&test)) return of_value(match->value);
  if (const auto* any = std::get_if<MatchAnyCondition>(&test)) {
    size_t sum = 0;
    for (const MatchValue& value : any->values) sum += of_value(value);
    return sum;
  }
  if (const auto* range = std::get_if<RangeCondition>(&test)) {
    return config_.type == PayloadIndexType::kFloat
               ? WithInterval(*range, FromOrderedDouble, of_interval)
               : WithInterval(*range, AsDouble, of_interval) + others_.cardinality();
  }
  if (const auto* range = std::get_if<DatetimeRangeCondition>(&test)) {
    return WithInterval(*range, AsItself, of_interval);
  }
  if (const auto* geo = std::get_if<GeoCondition>(&test)) return EstimatePlaces(*geo);
  if (std::holds_alternative<IsNullCondition>(test)) return null_.cardinality();
  return live.cardinality();
}

absl::StatusOr<std::vector<FacetHit>> FieldIndex::Facet(const Roaring* among, size_t limit) const {
  std::vector<FacetHit> hits;
  const auto offer = [&](MatchValue value, size_t count) {
    if (count > 0) hits.push_back({std::move(value), count});
  };
  if (config_.type == PayloadIndexType::kInteger) {
    std::optional<int64_t> current;
    size_t count = 0;
    numbers_.ForEach([&](int64_t value, PointNumber number) {
      if (current != value) {
        if (current) offer(*current, count);
        current = value;
        count = 0;
      }
      if (among == nullptr || among->contains(number)) ++count;
    });
    if (current) offer(*current, count);
  } else if (HasWords() && config_.type != PayloadIndexType::kText) {
    for (const auto& [word, points] : words_) {
      const size_t count = among == nullptr ? points.size() : points.CountIn(*among);
      if (config_.type == PayloadIndexType::kBool) {
        offer(word == "true", count);
      } else {
        offer(word, count);
      }
    }
  } else {
    return absl::InvalidArgumentError(
        fmt::format("key: the index of '{}' has no facets; expected one of keyword, integer, bool "
                    "or uuid",
                    field_));
  }
  KeepMost(hits, limit);
  return hits;
}

void FieldIndex::Encode(ByteWriter& writer) const {
  writer.Text(field_);
  writer.Number(static_cast<uint8_t>(config_.type));
  writer.Text(config_.params);
  writer.Number(static_cast<uint32_t>(words_.size()));
  for (const auto& [word, points] : words_) {
    writer.Text(word);
    points.Encode(writer);
  }
  numbers_.Encode(writer);
  writer.Number(static_cast<uint32_t>(counts_.size()));
  for (const auto& [count, points] : counts_) {
    writer.Number(count);
    WriteBitmap(writer, points);
  }
  for (const Roaring* bitmap : {&null_, &any_, &several_, &others_, &indexed_}) {
    WriteBitmap(writer, *bitmap);
  }
}

absl::StatusOr<FieldIndex> FieldIndex::Decode(ByteReader& reader) {
  const std::string field = reader.Text();
  PayloadIndexConfig config;
  config.type = static_cast<PayloadIndexType>(reader.Number<uint8_t>());
  config.params = reader.Text();
  auto index = Create(field, config);
  if (!index.ok()) return index.status();
  const size_t words = reader.Count(sizeof(uint32_t));
  index->words_.reserve(words);
  for (size_t i = 0; i < words; ++i) {
    std::string word = reader.Text();
    index->words_[std::move(word)] = NumberSet::Decode(reader);
  }
  index->numbers_ = SortedRuns::Decode(reader);
  const size_t counts = reader.Count(sizeof(int64_t));
  for (size_t i = 0; i < counts; ++i) {
    const auto count = reader.Number<int64_t>();
    index->counts_[count] = ReadBitmap(reader);
  }
  for (Roaring* bitmap :
       {&index->null_, &index->any_, &index->several_, &index->others_, &index->indexed_}) {
    *bitmap = ReadBitmap(reader);
  }
  return index;
}

bool operator==(const FieldIndex& a, const FieldIndex& b) {
  return a.field_ == b.field_ && a.config_ == b.config_ && a.words_ == b.words_ &&
         a.numbers_ == b.numbers_ && a.counts_ == b.counts_ && a.null_ == b.null_ &&
         a.any_ == b.any_ && a.several_ == b.several_ && a.others_ == b.others_ &&
         a.indexed_ == b.indexed_;
}

}  // namespace vecnest::engine
