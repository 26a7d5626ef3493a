// The index of one payload field: which points have which values under a path.
//
// It answers conditions by two sets: points that certainly fulfil it, and points that possibly do.
// What lies between is checked on the payloads by the caller, so an answer is always that of
// FilterMatcher, whatever values of other kinds a field holds. `match.text` looks for letters
// anywhere in the text: an index of words only narrows it down. Of places it has cells of some
// millimetres, which lie between when the border of an area does.
//
// Memory: keyword, uuid, bool and text keep a set of point numbers per word (bitmaps from 33 points
// on), some 100 bytes a word and 2 to 4 a point; integer, float, datetime and geo 12 bytes a value.
// Each index adds about a byte a point to tell nulls, counts and lists apart.
#ifndef VECNEST_ENGINE_PAYLOAD_INDEX_FIELD_INDEX_H_
#define VECNEST_ENGINE_PAYLOAD_INDEX_FIELD_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "engine/payload.h"
#include "engine/payload_index/field_terms.h"
#include "engine/payload_index/number_set.h"
#include "engine/payload_index/selection.h"
#include "engine/payload_index/sorted_runs.h"
#include "vecnest/database.h"

namespace vecnest::engine {

using FieldTest = decltype(FieldCondition::test);

// Not thread-safe; reading beside reading is.
class FieldIndex {
 public:
  // InvalidArgument: `field` is no path.
  static absl::StatusOr<FieldIndex> Create(const std::string& field,
                                           const PayloadIndexConfig& config);

  const std::string& field() const { return field_; }
  const PayloadPath& path() const { return path_; }
  const PayloadIndexConfig& config() const { return config_; }
  uint64_t points() const { return indexed_.cardinality(); }  // with a value of the index's kind
  size_t MemoryBytes() const;

  FieldTerms Terms(const Json& payload) const { return ExtractTerms(config_.type, path_, payload); }
  // The terms of a point change; none: it has no payload.
  void Change(PointNumber number, const FieldTerms& old_terms, const FieldTerms& terms);
  void Add(PointNumber number, const Json& payload) { Change(number, {}, Terms(payload)); }
  void RemoveAll(const Roaring& numbers);

  // Nothing: the index does not serve this condition. `live`: all points.
  std::optional<Selection> Evaluate(const FieldTest& test, const Roaring& live) const;
  // How many points Evaluate would put in a bitmap, at most.
  size_t Estimate(const FieldTest& test, const Roaring& live) const;

  // Values with the number of points of `among` (null: all) that have them: most first, equal ones
  // in the order of values. InvalidArgument: the kind has no facets.
  absl::StatusOr<std::vector<FacetHit>> Facet(const Roaring* among, size_t limit) const;

  void Encode(ByteWriter& writer) const;
  static absl::StatusOr<FieldIndex> Decode(ByteReader& reader);

  friend bool operator==(const FieldIndex& a, const FieldIndex& b);

 private:
  FieldIndex(std::string field, PayloadPath path, PayloadIndexConfig config)
      : field_(std::move(field)), path_(std::move(path)), config_(std::move(config)) {}

  bool HasWords() const;
  void AddTerms(PointNumber number, const FieldTerms& terms);
  void RemoveTerms(PointNumber number, const FieldTerms& terms);
  Roaring WithCount(absl::FunctionRef<bool(int64_t)> wanted) const;

  std::optional<Selection> Any(const std::vector<MatchValue>& values) const;
  std::optional<Selection> Except(const std::vector<MatchValue>& values) const;
  std::optional<Selection> Text(const std::string& text) const;
  std::optional<Selection> Words(const std::string& text) const;
  std::optional<Selection> Range(const RangeCondition& range) const;
  std::optional<Selection> Range(const DatetimeRangeCondition& range) const;
  Selection Between(const SortedRuns::Interval& interval) const;
  std::optional<Selection> Places(const GeoCondition& condition) const;
  size_t EstimatePlaces(const GeoCondition& condition) const;

  std::string field_;
  PayloadPath path_;
  PayloadIndexConfig config_;
  absl::flat_hash_map<std::string, NumberSet> words_;
  SortedRuns numbers_;
  absl::btree_map<int64_t, Roaring> counts_;
  Roaring null_, any_, several_, others_, indexed_;
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_PAYLOAD_INDEX_FIELD_INDEX_H_
