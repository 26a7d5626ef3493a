// Reads and searches of a shard; shard.cc has the writes.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <queue>

#include "engine/payload.h"
#include "engine/shard.h"
#include "fmt/format.h"

namespace vecnest::engine {
namespace {

using storage::Family;

class Stopwatch {
 public:
  double Seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }

 private:
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// The points of a collection in the order of their ids: a merge of its partitions.
class OrderedCursor {
 public:
  OrderedCursor(const storage::Store& store, const storage::CollectionId& collection,
                const std::optional<PointId>& start) {
    const auto snapshot = store.TakeSnapshot();
    for (int i = 0; i < storage::kPartitions; ++i) {
      std::string prefix = storage::PartitionPrefix(collection, static_cast<uint8_t>(i));
      std::string first;
      if (start) {
        // Within a partition keys sort as ids do, whichever partition `start` itself lives in.
        first = storage::PointsKey(collection, ToStorageKey(*start));
        first[0] = prefix[0];
      }
      cursors_.push_back(store.Scan(Family::kPoints, prefix, first, snapshot.get()));
      Push(cursors_.size() - 1);
    }
  }

  bool Valid() const { return !heap_.empty(); }
  storage::PointKey key() const { return heap_.top().first; }
  std::string_view value() const { return cursors_[heap_.top().second]->value(); }
  void Next() {
    const size_t source = heap_.top().second;
    heap_.pop();
    cursors_[source]->Next();
    Push(source);
  }
  absl::Status status() const { return status_; }

 private:
  void Push(size_t source) {
    const storage::Cursor& cursor = *cursors_[source];
    if (!cursor.Valid()) {
      status_.Update(cursor.status());
      return;
    }
    if (const auto key = storage::ParsePointsKey(cursor.key())) {
      heap_.emplace(*key, source);
    } else {
      status_.Update(absl::DataLossError("a key of the points is not well-formed"));
    }
  }

  using Item = std::pair<storage::PointKey, size_t>;
  std::vector<std::unique_ptr<storage::Cursor>> cursors_;
  std::priority_queue<Item, std::vector<Item>, std::greater<>> heap_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<std::vector<StoredPoint>> Shard::Read(const std::vector<PointId>& ids) const {
  const storage::CollectionId collection = definition()->id;
  std::vector<std::string> keys;
  keys.reserve(ids.size());
  for (const PointId& id : ids) keys.push_back(storage::PointsKey(collection, ToStorageKey(id)));
  auto values = environment_.store->MultiGet(Family::kPoints, keys);
  if (!values.ok()) return values.status();
  std::vector<StoredPoint> points;
  points.reserve(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto& value = (*values)[i];
    if (!value) continue;
    auto record = PointRecord::Decode(*value);
    if (!record.ok()) return record.status();
    points.push_back({ids[i], *std::move(record)});
  }
  return points;
}

absl::StatusOr<bool> Shard::Passes(const FilterMatcher& matcher, const PointId& id,
                                   const PointRecord& record, const Definition& meaning) const {
  auto payload = ParseJsonObject(record.payload, "stored payload");
  if (!payload.ok()) return absl::DataLossError(std::string(payload.status().message()));
  return matcher.Matches(id, *payload, [&](std::string_view name) {
    const auto slot = meaning.FindSlot(name);
    return slot && record.LabelOf(*slot).has_value();
  });
}

absl::Status Shard::ForEach(
    const FilterMatcher* matcher,
    absl::FunctionRef<bool(const PointId&, const PointRecord&)> visit) const {
  const auto meaning = definition();
  // True: go on.
  const auto offer = [&](const PointId& id, const PointRecord& record) -> absl::StatusOr<bool> {
    if (matcher != nullptr) {
      auto passes = Passes(*matcher, id, record, *meaning);
      if (!passes.ok()) return passes.status();
      if (!*passes) return true;
    }
    return visit(id, record);
  };
  if (matcher != nullptr) {
    if (const auto ids = matcher->CandidateIds()) {
      auto points = Read(*ids);
      if (!points.ok()) return points.status();
      for (const StoredPoint& point : *points) {
        auto more = offer(point.id, point.record);
        if (!more.ok() || !*more) return more.status();
      }
      return absl::OkStatus();
    }
  }
  const auto snapshot = environment_.store->TakeSnapshot();
  for (int i = 0; i < storage::kPartitions; ++i) {
    const std::string prefix = storage::PartitionPrefix(meaning->id, static_cast<uint8_t>(i));
    auto cursor = environment_.store->Scan(Family::kPoints, prefix, {}, snapshot.get());
    for (; cursor->Valid(); cursor->Next()) {
      const auto key = storage::ParsePointsKey(cursor->key());
      if (!key) return absl::DataLossError("a key of the points is not well-formed");
      auto record = PointRecord::Decode(cursor->value());
      if (!record.ok()) return record.status();
      auto more = offer(ToPointId(*key), *record);
      if (!more.ok() || !*more) return more.status();
    }
    if (auto status = cursor->status(); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Shard::ForEachOrdered(
    const FilterMatcher* matcher, const std::optional<PointId>& start,
    absl::FunctionRef<bool(const PointId&, const PointRecord&)> visit) const {
  const auto meaning = definition();
  OrderedCursor cursor(*environment_.store, meaning->id, start);
  for (; cursor.Valid(); cursor.Next()) {
    const PointId id = ToPointId(cursor.key());
    auto record = PointRecord::Decode(cursor.value());
    if (!record.ok()) return record.status();
    if (matcher != nullptr) {
      auto passes = Passes(*matcher, id, *record, *meaning);
      if (!passes.ok()) return passes.status();
      if (!*passes) continue;
    }
    if (!visit(id, *record)) return absl::OkStatus();
  }
  return cursor.status();
}

absl::StatusOr<std::vector<StoredPoint>> Shard::Select(const PointSelector& selector) const {
  if (const auto* given = std::get_if<std::vector<PointId>>(&selector)) {
    std::vector<PointId> ids = *given;
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return Read(ids);
  }
  auto matcher = FilterMatcher::Compile(std::get<Filter>(selector));
  if (!matcher.ok()) return matcher.status();
  std::vector<StoredPoint> points;
  auto status = ForEach(&*matcher, [&](const PointId& id, const PointRecord& record) {
    points.push_back({id, record});
    return true;
  });
  if (!status.ok()) return status;
  return points;
}

absl::StatusOr<std::optional<VectorRecord>> Shard::ReadVector(const PointId& id, Slot slot) const {
  auto value = environment_.store->Get(
      Family::kVectors, storage::VectorsKey(definition()->id, ToStorageKey(id), slot));
  if (!value.ok()) return value.status();
  const std::optional<std::string>& stored = *value;
  if (!stored) return std::nullopt;
  auto record = VectorRecord::Decode(*stored);
  if (!record.ok()) return record.status();
  return *std::move(record);
}

absl::StatusOr<std::optional<NamedVectors>> Shard::ReadVectors(
    const StoredPoint& point, const VectorSelector& selector) const {
  if (selector.kind == VectorSelector::Kind::kNone) return std::nullopt;
  const auto meaning = definition();
  NamedVectors vectors;
  for (const SlotLabel& entry : point.record.labels) {
    const std::string& name = meaning->slots[entry.slot].name;
    if (selector.kind == VectorSelector::Kind::kNames &&
        std::count(selector.names.begin(), selector.names.end(), name) == 0) {
      continue;
    }
    auto record = ReadVector(point.id, entry.slot);
    if (!record.ok()) return record.status();
    // Missing: the point was deleted since it was read.
    if (*record) vectors[name] = std::move((*record)->vector);
  }
  return vectors;
}

absl::StatusOr<std::vector<index::Label>> Shard::MatchingLabels(const Filter& filter,
                                                                Slot slot) const {
  auto matcher = FilterMatcher::Compile(filter);
  if (!matcher.ok()) return matcher.status();
  std::vector<index::Label> labels;
  auto status = ForEach(&*matcher, [&](const PointId&, const PointRecord& record) {
    if (const auto label = record.LabelOf(slot)) labels.push_back(*label);
    return true;
  });
  if (!status.ok()) return status;
  std::sort(labels.begin(), labels.end());
  return labels;
}

absl::StatusOr<Shard::Found> Shard::FindOnce(const NearestQuery& nearest, const Query& query,
                                             index::SearchParams params) const {
  Found found;
  std::optional<index::PointSet> allowed;
  if (query.filter) {
    const Stopwatch filter_time;
    auto labels = MatchingLabels(*query.filter, nearest.slot);
    if (!labels.ok()) return labels.status();
    found.filter_matches = labels->size();
    params.allowed = &allowed.emplace(indexes_[nearest.slot]->PointsOf(*labels));
    found.filter_seconds = filter_time.Seconds();
  }
  const Stopwatch search_time;
  auto hits = indexes_[nearest.slot]->Search(nearest.vector, params, &found.stats);
  if (!hits.ok()) return hits.status();
  found.hits = *std::move(hits);
  found.search_seconds = search_time.Seconds();
  return found;
}

absl::StatusOr<Shard::Found> Shard::FindNearest(const NearestQuery& nearest, const Query& query,
                                                index::SearchParams params) const {
  constexpr int kTries = 2;
  for (int i = 0; i < kTries; ++i) {
    const uint64_t before = generation_;
    auto found = FindOnce(nearest, query, params);
    if (!found.ok() || !query.filter) return found;
    if (before % 2 == 0 && generation_ == before) return found;
  }
  absl::MutexLock lock(&write_mutex_);
  return FindOnce(nearest, query, params);
}

namespace {

size_t RescoredOf(const Query& query, size_t k) {
  if (std::isinf(query.oversampling)) return index::SearchParams::kAllFound;
  return static_cast<size_t>(std::ceil(query.oversampling * static_cast<double>(k)));
}

}  // namespace

absl::StatusOr<std::vector<ScoredPoint>> Shard::Nearest(const NearestQuery& nearest,
                                                        const Query& query, QueryPlan* plan) const {
  const auto meaning = definition();
  index::SearchParams params;
  params.k = query.limit + query.offset + (nearest.excluded ? 1 : 0);
  params.metric = ToIndexMetric(query.metric.value_or(meaning->slots[nearest.slot].config.metric));
  params.dimensions = query.dimensions;
  params.ef = query.hnsw_ef;
  params.recall = query.recall;
  params.rescored = RescoredOf(query, params.k);
  params.exact = query.exact;
  params.score_threshold = query.score_threshold;
  auto found_with_stats = FindNearest(nearest, query, params);
  if (!found_with_stats.ok()) return found_with_stats.status();
  const index::SearchStats& stats = found_with_stats->stats;
  std::vector<index::ScoredLabel>* found = &found_with_stats->hits;
  if (nearest.excluded) {
    const index::PointKey excluded = ToIndexKey(*nearest.excluded);
    std::erase_if(*found, [&](const index::ScoredLabel& hit) { return hit.key == excluded; });
  }
  found->resize(std::min(found->size(), query.limit + query.offset));
  found->erase(found->begin(),
               found->begin() + static_cast<std::ptrdiff_t>(std::min(query.offset, found->size())));
  if (plan != nullptr) {
    plan->metric = FromIndexMetric(stats.metric);
    plan->dimensions = stats.dimensions;
    // The cosine of prefixes is that of the prefixes scaled to unit length.
    const bool narrow = stats.dimensions < meaning->slots[nearest.slot].config.size;
    plan->renormalized = stats.renormalized || (narrow && stats.metric == index::Metric::kCosine);
    plan->strategy = stats.strategy;
    plan->exact = stats.exact;
    plan->segments = stats.segments_scanned + stats.segments_walked;
    plan->hnsw_ef = stats.ef;
    plan->candidates = stats.candidates;
    plan->distances = stats.distances;
    plan->filter_matches = found_with_stats->filter_matches;
    plan->filter_seconds = found_with_stats->filter_seconds;
    plan->search_seconds = found_with_stats->search_seconds;
  }

  const Stopwatch fetch_time;
  std::vector<PointId> ids;
  for (const index::ScoredLabel& hit : *found) ids.push_back(ToPointId(hit.key));
  auto stored = Read(ids);
  if (!stored.ok()) return stored.status();
  std::vector<ScoredPoint> points;
  size_t next = 0;
  for (const StoredPoint& point : *stored) {
    while (ids[next] != point.id) ++next;  // deleted since it was found
    ScoredPoint scored{point.id, point.record.version, (*found)[next].score, {}, {}};
    auto payload = SelectPayload(point.record.payload, query.with_payload);
    if (!payload.ok()) return payload.status();
    scored.payload = *std::move(payload);
    auto vectors = ReadVectors(point, query.with_vectors);
    if (!vectors.ok()) return vectors.status();
    scored.vectors = *std::move(vectors);
    points.push_back(std::move(scored));
  }
  if (plan != nullptr) plan->fetch_seconds = fetch_time.Seconds();
  return points;
}

absl::Status Shard::Verify(VerifyReport& report) const {
  // Writes wait, so that store and index are looked at in one state.
  absl::MutexLock lock(&write_mutex_);
  const auto meaning = definition();
  const auto complain = [&](std::string what) {
    report.problems.push_back(fmt::format("collection '{}': {}", meaning->name, what));
  };
  for (const std::string& repair : repairs_) complain(repair);
  std::vector<std::vector<index::Label>> labels(meaning->slots.size());
  uint64_t points = 0;
  absl::Status failure;
  auto status = ForEach(nullptr, [&](const PointId& id, const PointRecord& record) {
    ++points;
    for (const SlotLabel& entry : record.labels) {
      auto vector = ReadVector(id, entry.slot);
      if (!vector.ok()) {
        failure = vector.status();
        return false;
      }
      const bool fits = *vector && (*vector)->label == entry.label;
      if (!fits) {
        complain(
            fmt::format("point {}: the store lacks the vector its record names", id.ToString()));
      }
      const auto indexed = indexes_[entry.slot]->Get(entry.label);
      if (!indexed) {
        complain(fmt::format("point {}: its vector is missing in the index", id.ToString()));
      } else if (fits && *indexed != (*vector)->vector) {
        complain(fmt::format("point {}: index and store hold different vectors", id.ToString()));
      }
      labels[entry.slot].push_back(entry.label);
      ++report.vectors;
    }
    return true;
  });
  if (status.ok()) status = failure;
  if (!status.ok()) return status;
  for (size_t slot = 0; slot < indexes_.size(); ++slot) {
    const size_t live = indexes_[slot]->LiveLabels().size();
    if (live != labels[slot].size()) {
      complain(fmt::format("the index has {} vectors named '{}', the store {}", live,
                           meaning->slots[slot].name, labels[slot].size()));
    }
    if (auto files = indexes_[slot]->VerifyFiles(); !files.ok()) {
      complain(std::string(files.message()));
    }
  }
  if (points != this->points()) {
    complain(fmt::format("the store has {} points, its counter says {}", points, this->points()));
  }
  report.points += points;
  ++report.collections;
  return absl::OkStatus();
}

}  // namespace vecnest::engine
