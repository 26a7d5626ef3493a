// Reads of a shard and its searches; shard_filter.cc has the filters, shard.cc the writes.

#include <algorithm>
#include <cmath>

#include "engine/payload.h"
#include "engine/shard.h"
#include "engine/stopwatch.h"
#include "engine/vector_adaptor.h"
#include "fmt/format.h"
#include "index/width_curve.h"

namespace vecnest::engine {
namespace {

using storage::Family;

}  // namespace

CollectionInfo Shard::Describe() const {
  const auto meaning = definition();
  CollectionInfo info;
  info.name = meaning->name;
  info.uuid = meaning->uuid();
  info.config = meaning->config();
  info.points = points();
  info.optimized = !NeedsMaintenance();
  info.last_sequence = last_sequence_;
  info.payload_indexes = payload_indexes_.Describe();
  const SlotIndexes indexes = Indexes();
  for (Slot slot = 0; slot < indexes.size(); ++slot) {
    const SlotDefinition& from = meaning->slots[slot];
    const index::IndexStats stats = indexes[slot]->index().Stats();
    VectorInfo& to = info.vectors[from.name];
    to.config = from.config;
    to.model = from.model;
    to.model_identity = from.model_identity;
    to.vectors = stats.live;
    to.indexed_vectors = stats.live - std::min(stats.growing, stats.live);
    to.segments = stats.sealed_segments;
    to.unit_norm = stats.unit_norm;
    if (const auto& adaptor = indexes[slot]->adaptor(); adaptor != nullptr) {
      to.adaptor = engine::Describe(*adaptor);
    }
    to.memory_bytes = stats.memory_bytes;
    to.mapped_bytes = stats.mapped_bytes;
  }
  return info;
}

absl::StatusOr<std::vector<StoredPoint>> Shard::Read(const std::vector<PointId>& ids) const {
  return ReadAt(ids, nullptr);
}

absl::StatusOr<std::vector<StoredPoint>> Shard::ReadAt(const std::vector<PointId>& ids,
                                                       const storage::Snapshot* snapshot) const {
  const storage::CollectionId collection = definition()->id;
  std::vector<std::string> keys;
  keys.reserve(ids.size());
  for (const PointId& id : ids) keys.push_back(storage::PointsKey(collection, ToStorageKey(id)));
  auto values = environment_.store->MultiGet(Family::kPoints, keys, snapshot);
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

absl::Status Shard::ForEachAt(const storage::Snapshot* snapshot, Visit visit) const {
  const storage::CollectionId collection = definition()->id;
  std::shared_ptr<const storage::Snapshot> own;
  if (snapshot == nullptr) {
    own = environment_.store->TakeSnapshot();
    snapshot = own.get();
  }
  for (int i = 0; i < storage::kPartitions; ++i) {
    const std::string prefix = storage::PartitionPrefix(collection, static_cast<uint8_t>(i));
    auto cursor = environment_.store->Scan(Family::kPoints, prefix, {}, snapshot);
    for (; cursor->Valid(); cursor->Next()) {
      const auto key = storage::ParsePointsKey(cursor->key());
      if (!key) return absl::DataLossError("a key of the points is not well-formed");
      auto record = PointRecord::Decode(cursor->value());
      if (!record.ok()) return record.status();
      if (!visit(ToPointId(*key), *record)) return absl::OkStatus();
    }
    if (auto status = cursor->status(); !status.ok()) return status;
  }
  return absl::OkStatus();
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

namespace {

size_t RescoredOf(const Query& query, size_t k) {
  if (std::isinf(query.oversampling)) return index::SearchParams::kAllFound;
  return static_cast<size_t>(std::ceil(query.oversampling * static_cast<double>(k)));
}

}  // namespace

absl::StatusOr<std::vector<ScoredPoint>> Shard::Nearest(const NearestQuery& nearest,
                                                        const Query& query,
                                                        const CallLimits& limits,
                                                        QueryPlan* plan) const {
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
  auto found_with_stats = FindNearest(nearest, query, limits, params);
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
    plan->filter_indexed = {found_with_stats->evaluation.indexed.begin(),
                            found_with_stats->evaluation.indexed.end()};
    plan->filter_unindexed = {found_with_stats->evaluation.unindexed.begin(),
                              found_with_stats->evaluation.unindexed.end()};
    plan->filter_payloads = found_with_stats->filter_payloads;
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

absl::StatusOr<WidthReport> Shard::MeasureWidths(Slot slot, const CallLimits& limits) const {
  constexpr size_t kQueries = 64;
  const Metric metric = definition()->slots[slot].config.metric;
  auto curve = index::MeasureWidths(IndexOf(slot)->index(), kQueries, ToIndexMetric(metric),
                                    [&] { return limits.Check(); });
  if (!curve.ok()) return curve.status();
  WidthReport report;
  report.queries = curve->queries;
  for (const index::WidthPoint& point : curve->widths) {
    report.widths.push_back(
        {static_cast<int>(point.dimensions), point.recall, point.bytes, 1 / point.seconds});
  }
  return report;
}

absl::Status Shard::Verify(VerifyReport& report) const {
  // Writes wait, so that store and index are looked at in one state.
  absl::MutexLock lock(&write_mutex_);
  const auto meaning = definition();
  const auto complain = [&](std::string what) {
    report.problems.push_back(fmt::format("collection '{}': {}", meaning->name, what));
  };
  for (const std::string& repair : repairs_) complain(repair);
  const SlotIndexes indexes = Indexes();
  std::vector<size_t> vectors(meaning->slots.size());
  uint64_t points = 0;
  absl::Status failure;
  auto status = ForEach([&](const PointId& id, const PointRecord& record) {
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
      const auto indexed = indexes[entry.slot]->index().Get(entry.label);
      if (!indexed) {
        complain(fmt::format("point {}: its vector is missing in the index", id.ToString()));
      } else if (fits && !indexes[entry.slot]->Matches(indexed->vector, (*vector)->vector)) {
        complain(fmt::format("point {}: index and store hold different vectors", id.ToString()));
      } else if (indexed->key != ToIndexKey(id) || indexed->number != record.number) {
        complain(fmt::format("point {}: the index has its vector for another one", id.ToString()));
      }
      ++vectors[entry.slot];
      ++report.vectors;
    }
    return true;
  });
  if (status.ok()) status = failure;
  if (!status.ok()) return status;
  for (size_t slot = 0; slot < indexes.size(); ++slot) {
    const size_t live = indexes[slot]->index().LiveLabels().size();
    if (live != vectors[slot]) {
      complain(fmt::format("the index has {} vectors named '{}', the store {}", live,
                           meaning->slots[slot].name, vectors[slot]));
    }
    if (auto files = indexes[slot]->index().VerifyFiles(); !files.ok()) {
      complain(std::string(files.message()));
    }
  }
  if (points != this->points()) {
    complain(fmt::format("the store has {} points, its counter says {}", points, this->points()));
  }
  std::string difference;
  if (status = VerifyPayloadIndexes(difference); !status.ok()) return status;
  if (!difference.empty()) {
    complain(fmt::format("indexes and store differ in {}", difference));
  }
  report.points += points;
  ++report.collections;
  return absl::OkStatus();
}

}  // namespace vecnest::engine
