// Filters of a shard: what passes them, counted, visited, searched.

#include <algorithm>
#include <queue>

#include "engine/shard.h"
#include "engine/stopwatch.h"
#include "fmt/format.h"

namespace vecnest::engine {
namespace {

using storage::Family;

// Points read at once.
constexpr size_t kFirstRead = 16;
constexpr size_t kMaxRead = 1024;
// Reading all points one after the other is so many times faster than finding each by its id.
constexpr size_t kScanSpeed = 4;
constexpr uint64_t kPointsPerCheck = 64;

index::PointSet ToPointSet(const Roaring& numbers) {
  index::PointSet set(numbers.isEmpty() ? 0 : size_t{numbers.maximum()} + 1);
  for (const PointNumber number : numbers) set.Add(number);
  return set;
}

// The points of a collection in the order of their ids: a merge of its partitions.
class OrderedCursor {
 public:
  OrderedCursor(const storage::Store& store, const storage::CollectionId& collection,
                const std::optional<PointId>& start, const storage::Snapshot* snapshot) {
    for (int i = 0; i < storage::kPartitions; ++i) {
      std::string prefix = storage::PartitionPrefix(collection, static_cast<uint8_t>(i));
      std::string first;
      if (start) {
        // Within a partition keys sort as ids do, whichever partition `start` itself lives in.
        first = storage::PointsKey(collection, ToStorageKey(*start));
        first[0] = prefix[0];
      }
      cursors_.push_back(store.Scan(Family::kPoints, prefix, first, snapshot));
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

template <typename Work>
auto Shard::Undisturbed(Work work) const {
  constexpr int kTries = 4;
  for (int i = 0; i < kTries; ++i) {
    if (generation_ % 2 != 0) {
      const absl::MutexLock until_it_is_in(&write_mutex_);
    }
    const uint64_t before = generation_;
    auto result = work();
    if (!result.ok() || (before % 2 == 0 && generation_ == before)) return result;
  }
  absl::MutexLock lock(&write_mutex_);
  return work();
}

absl::StatusOr<Shard::View> Shard::Evaluate(const Filter& filter, Wanted wanted,
                                            const CallLimits& limits) const {
  auto matcher = FilterMatcher::Compile(filter);
  if (!matcher.ok()) return matcher.status();
  auto evaluated = Undisturbed([&]() -> absl::StatusOr<View> {
    View view;
    view.snapshot = environment_.store->TakeSnapshot();
    view.definition = definition();
    const auto numbers_of = [&](const std::vector<PointId>& ids) -> absl::StatusOr<Roaring> {
      auto points = ReadAt(ids, view.snapshot.get());
      if (!points.ok()) return points.status();
      Roaring numbers;
      for (const StoredPoint& point : *points) numbers.add(point.record.number);
      return numbers;
    };
    auto evaluation = payload_indexes_.Evaluate(
        filter, [&](std::string_view name) { return view.definition->FindSlot(name); }, numbers_of);
    if (!evaluation.ok()) return evaluation.status();
    view.evaluation = *std::move(evaluation);
    const Selection& selection = view.evaluation.selection;
    const Roaring read =
        wanted == Wanted::kPoints ? selection.possible : selection.possible - selection.certain;
    if (read.cardinality() * kScanSpeed <= points()) view.keys = payload_indexes_.KeysOf(read);
    return view;
  });
  if (!evaluated.ok()) return evaluated.status();
  evaluated->matcher = *std::move(matcher);
  evaluated->limits = &limits;
  if (evaluated->keys) std::sort(evaluated->keys->begin(), evaluated->keys->end());
  return evaluated;
}

absl::StatusOr<bool> Shard::Passes(const View& view, const PointId& id,
                                   const PointRecord& record) const {
  const Selection& selection = view.evaluation.selection;
  if (selection.certain.contains(record.number)) return true;
  if (!selection.possible.contains(record.number)) return false;
  auto payload = StoredPayload(record);
  if (!payload.ok()) return payload.status();
  ++view.payloads;
  return view.matcher->Matches(id, *payload, [&](std::string_view name) {
    const auto slot = view.definition->FindSlot(name);
    return slot && record.LabelOf(*slot).has_value();
  });
}

absl::StatusOr<bool> Shard::Offer(const View& view, const PointId& id, const PointRecord& record,
                                  Visit visit) const {
  // Filters that no index decides may look at every point, and hold writes up meanwhile.
  if (view.points++ % kPointsPerCheck == 0) {
    if (auto status = view.limits->Check(); !status.ok()) return status;
  }
  auto passes = Passes(view, id, record);
  if (!passes.ok()) return passes;
  return !*passes || visit(id, record);
}

absl::Status Shard::ForEachKey(const View& view, const std::optional<PointId>& start,
                               Visit visit) const {
  auto next = view.keys->begin();
  if (start) {
    next = std::lower_bound(next, view.keys->end(), NumberedKey(ToStorageKey(*start), 0));
  }
  // Most readers want the first few.
  size_t count = kFirstRead;
  while (next != view.keys->end()) {
    std::vector<PointId> ids;
    for (; next != view.keys->end() && ids.size() < count; ++next) {
      ids.push_back(ToPointId(next->first));
    }
    count = std::min(2 * count, kMaxRead);
    auto points = ReadAt(ids, view.snapshot.get());
    if (!points.ok()) return points.status();
    for (const StoredPoint& point : *points) {
      auto more = Offer(view, point.id, point.record, visit);
      if (!more.ok() || !*more) return more.status();
    }
  }
  return absl::OkStatus();
}

absl::Status Shard::ForEachPassing(const View& view, Visit visit) const {
  if (view.keys) return ForEachKey(view, std::nullopt, visit);
  absl::Status failure;
  auto status = ForEachAt(view.snapshot.get(), [&](const PointId& id, const PointRecord& record) {
    auto more = Offer(view, id, record, visit);
    failure = more.status();
    return more.ok() && *more;
  });
  return status.ok() ? failure : status;
}

absl::Status Shard::ForEachOrdered(const Filter* filter, const std::optional<PointId>& start,
                                   const CallLimits& limits, Visit visit) const {
  std::optional<View> view;
  if (filter != nullptr) {
    auto evaluated = Evaluate(*filter, Wanted::kPoints, limits);
    if (!evaluated.ok()) return evaluated.status();
    view = *std::move(evaluated);
    if (view->keys) return ForEachKey(*view, start, visit);
  }
  const auto snapshot = view ? view->snapshot : environment_.store->TakeSnapshot();
  OrderedCursor cursor(*environment_.store, definition()->id, start, snapshot.get());
  for (uint64_t points = 0; cursor.Valid(); cursor.Next()) {
    if (points++ % kPointsPerCheck == 0) {
      if (auto status = limits.Check(); !status.ok()) return status;
    }
    const PointId id = ToPointId(cursor.key());
    auto record = PointRecord::Decode(cursor.value());
    if (!record.ok()) return record.status();
    auto more = view ? Offer(*view, id, *record, visit) : visit(id, *record);
    if (!more.ok() || !*more) return more.status();
  }
  return cursor.status();
}

absl::StatusOr<std::vector<StoredPoint>> Shard::Select(const PointSelector& selector,
                                                       const CallLimits& limits) const {
  if (const auto* given = std::get_if<std::vector<PointId>>(&selector)) {
    std::vector<PointId> ids = *given;
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return Read(ids);
  }
  auto view = Evaluate(std::get<Filter>(selector), Wanted::kPoints, limits);
  if (!view.ok()) return view.status();
  std::vector<StoredPoint> points;
  auto status = ForEachPassing(*view, [&](const PointId& id, const PointRecord& record) {
    points.push_back({id, record});
    return true;
  });
  if (!status.ok()) return status;
  return points;
}

absl::StatusOr<Roaring> Shard::PassingNumbers(const View& view) const {
  Roaring numbers = view.evaluation.selection.certain;
  if (view.evaluation.selection.exact()) return numbers;
  auto status = ForEachPassing(view, [&](const PointId&, const PointRecord& record) {
    numbers.add(record.number);
    return true;
  });
  if (!status.ok()) return status;
  return numbers;
}

absl::StatusOr<uint64_t> Shard::Count(const Filter& filter, const CallLimits& limits) const {
  auto view = Evaluate(filter, Wanted::kNumbers, limits);
  if (!view.ok()) return view.status();
  auto numbers = PassingNumbers(*view);
  if (!numbers.ok()) return numbers.status();
  return numbers->cardinality();
}

absl::StatusOr<std::vector<FacetHit>> Shard::Facet(const FacetRequest& request,
                                                   const CallLimits& limits) const {
  return Undisturbed([&]() -> absl::StatusOr<std::vector<FacetHit>> {
    if (!request.filter) return payload_indexes_.Facet(request.key, nullptr, request.limit);
    auto view = Evaluate(*request.filter, Wanted::kNumbers, limits);
    if (!view.ok()) return view.status();
    auto numbers = PassingNumbers(*view);
    if (!numbers.ok()) return numbers.status();
    return payload_indexes_.Facet(request.key, &*numbers, request.limit);
  });
}

absl::StatusOr<Shard::Found> Shard::FindNearest(const NearestQuery& nearest, const Query& query,
                                                const CallLimits& limits,
                                                index::SearchParams params) const {
  const std::shared_ptr<const SlotIndex> index = IndexOf(nearest.slot);
  if (nearest.prefix && index->adaptor() != nullptr) {
    return absl::InvalidArgumentError(
        fmt::format("the query has only the {} dimensions that are compared, but the collection "
                    "has an adaptor, which makes prefixes of whole vectors: send all {} of the "
                    "model's vector",
                    query.dimensions, nearest.vector.size()));
  }
  const auto search = [&](Found& found) -> absl::Status {
    const Stopwatch search_time;
    auto hits = index->Search(nearest.vector, params, &found.stats);
    if (!hits.ok()) return hits.status();
    found.hits = *std::move(hits);
    found.search_seconds = search_time.Seconds();
    return absl::OkStatus();
  };
  if (!query.filter) {
    Found found;
    if (auto status = search(found); !status.ok()) return status;
    return found;
  }
  return Undisturbed([&]() -> absl::StatusOr<Found> {
    Found found;
    const Stopwatch filter_time;
    auto view = Evaluate(*query.filter, Wanted::kNumbers, limits);
    if (!view.ok()) return view.status();
    auto numbers = PassingNumbers(*view);
    if (!numbers.ok()) return numbers.status();
    const index::PointSet allowed =
        ToPointSet(payload_indexes_.WithVector(nearest.slot, *std::move(numbers)));
    params.allowed = &allowed;
    found.filter_matches = allowed.count();
    found.filter_seconds = filter_time.Seconds();
    found.filter_payloads = view->payloads;
    found.evaluation = std::move(view->evaluation);
    if (auto status = search(found); !status.ok()) return status;
    return found;
  });
}

}  // namespace vecnest::engine
