// The reads and searches of the database.

#include <algorithm>
#include <chrono>

#include "absl/cleanup/cleanup.h"
#include "engine/database_impl.h"
#include "engine/payload.h"
#include "engine/vector_check.h"
#include "fmt/format.h"

namespace vecnest::engine {
namespace {

// A query asks for at most this many points, skipped ones included.
constexpr size_t kMaxResults = 100'000;

absl::Status CheckCount(const Query& query) {
  if (query.limit + query.offset > kMaxResults || query.limit > kMaxResults) {
    return absl::InvalidArgumentError(
        fmt::format("limit + offset: {}, expected at most {}; use scroll for more",
                    query.limit + query.offset, kMaxResults));
  }
  return absl::OkStatus();
}

absl::Status CheckDimensions(const Query& query, const SlotDefinition& slot) {
  if (query.dimensions < 0 || query.dimensions > slot.config.size) {
    return absl::InvalidArgumentError(
        fmt::format("params.dimensions: {}, expected 1 to {} (the width of vector '{}')",
                    query.dimensions, slot.config.size, slot.name));
  }
  return absl::OkStatus();
}

// A query vector has the vector's width, or just the dimensions that are asked for.
absl::StatusOr<std::vector<float>> FitWidth(std::vector<float> vector, const Query& query,
                                            const SlotDefinition& slot) {
  const auto size = static_cast<size_t>(slot.config.size);
  if (query.dimensions > 0 && vector.size() == static_cast<size_t>(query.dimensions)) {
    vector.resize(size, 0.0F);
  }
  if (vector.size() == size) return vector;
  return absl::InvalidArgumentError(fmt::format(
      "Wrong input: Vector dimension error: expected dim: {}, got {} (query of vector '{}'{})",
      size, vector.size(), slot.name,
      slot.model.empty() ? "" : fmt::format(", model {}", slot.model)));
}

// For errors about one of `count` queries.
std::string NameOfQuery(size_t query, size_t count) {
  return count == 1 ? "the query" : fmt::format("query {}", query);
}

// Why a query by the vector of a point has none.
absl::Status NoSuchVector(const Shard& shard, const PointId& id, const std::string& vector_name) {
  auto points = shard.Read({id});
  if (!points.ok()) return points.status();
  if (points->empty()) {
    return absl::NotFoundError(fmt::format("No point with id {} found", id.ToString()));
  }
  return absl::NotFoundError(
      vector_name.empty() ? fmt::format("Point {} has no vector", id.ToString())
                          : fmt::format("Point {} has no vector '{}'", id.ToString(), vector_name));
}

}  // namespace

absl::StatusOr<std::vector<Record>> DatabaseImpl::Retrieve(
    const std::string& collection, const std::vector<PointId>& ids,
    const PayloadSelector& with_payload, const VectorSelector& with_vectors) const {
  auto shard = FindShard(collection);
  if (!shard.ok()) return shard.status();
  auto points = (*shard)->Read(ids);
  if (!points.ok()) return points.status();
  std::vector<Record> records;
  for (const StoredPoint& point : *points) {
    auto payload = SelectPayload(point.record.payload, with_payload);
    if (!payload.ok()) return payload.status();
    auto vectors = (*shard)->ReadVectors(point, with_vectors);
    if (!vectors.ok()) return vectors.status();
    records.push_back({point.id, *std::move(payload), *std::move(vectors)});
  }
  return records;
}

absl::StatusOr<ScrollPage> DatabaseImpl::Scroll(const std::string& collection,
                                                const ScrollRequest& request,
                                                const CallLimits& limits) const {
  if (request.limit < 1) return absl::InvalidArgumentError("limit: 0, expected at least 1");
  auto shard = FindShard(collection);
  if (!shard.ok()) return shard.status();
  ScrollPage page;
  std::vector<StoredPoint> points;
  auto status =
      (*shard)->ForEachOrdered(request.filter ? &*request.filter : nullptr, request.offset, limits,
                               [&](const PointId& id, const PointRecord& record) {
                                 if (points.size() == request.limit) {
                                   page.next_offset = id;
                                   return false;
                                 }
                                 points.push_back({id, record});
                                 return true;
                               });
  if (!status.ok()) return status;
  for (const StoredPoint& point : points) {
    if (status = limits.Check(); !status.ok()) return status;
    auto payload = SelectPayload(point.record.payload, request.with_payload);
    if (!payload.ok()) return payload.status();
    auto vectors = (*shard)->ReadVectors(point, request.with_vectors);
    if (!vectors.ok()) return vectors.status();
    page.records.push_back({point.id, *std::move(payload), *std::move(vectors)});
  }
  return page;
}

absl::StatusOr<uint64_t> DatabaseImpl::Count(const std::string& collection,
                                             const std::optional<Filter>& filter,
                                             const CallLimits& limits) const {
  auto shard = FindShard(collection);
  if (!shard.ok()) return shard.status();
  if (!filter) return (*shard)->points();
  return (*shard)->Count(*filter, limits);
}

absl::StatusOr<std::vector<FacetHit>> DatabaseImpl::Facet(const std::string& collection,
                                                          const FacetRequest& request,
                                                          const CallLimits& limits) const {
  auto shard = FindShard(collection);
  if (!shard.ok()) return shard.status();
  auto hits = (*shard)->Facet(request, limits);
  if (!absl::IsNotFound(hits.status())) return hits;
  return absl::InvalidArgumentError(
      fmt::format("key: {}; make one first", std::string(hits.status().message())));
}

absl::StatusOr<WidthReport> DatabaseImpl::MeasureWidths(const std::string& collection,
                                                        const std::string& vector_name,
                                                        const CallLimits& limits) const {
  auto shard = FindShard(collection);
  if (!shard.ok()) return shard.status();
  auto slot = (*shard)->definition()->RequireSlot(vector_name);
  if (!slot.ok()) return slot.status();
  // Two would slow each other down and measure that.
  if (!widths_mutex_.TryLock()) {
    return absl::ResourceExhaustedError("widths are being measured for another request");
  }
  const absl::Cleanup unlock = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS { widths_mutex_.Unlock(); };
  return (*shard)->MeasureWidths(*slot, limits);
}

absl::StatusOr<QueryAnswer> DatabaseImpl::Listing(const Shard& shard, const Query& query,
                                                  const CallLimits& limits) const {
  ScrollRequest request;
  request.filter = query.filter;
  request.limit = query.limit + query.offset;
  request.with_payload = query.with_payload;
  request.with_vectors = query.with_vectors;
  QueryAnswer answer;
  if (query.limit == 0) return answer;
  auto page = Scroll(shard.definition()->name, request, limits);
  if (!page.ok()) return page.status();
  for (size_t i = query.offset; i < page->records.size(); ++i) {
    Record& record = page->records[i];
    answer.points.push_back(
        {record.id, 0, 0, std::move(record.payload), std::move(record.vectors)});
  }
  return answer;
}

absl::StatusOr<std::vector<QueryAnswer>> DatabaseImpl::SearchBatch(
    const std::string& collection, const std::vector<Query>& queries,
    const CallLimits& limits) const {
  auto found = FindShard(collection);
  if (!found.ok()) return found.status();
  const Shard& shard = **found;
  const auto definition = shard.definition();

  // First everything that can be refused, then the texts of all queries at once.
  TextBatch texts(*models_, *definition);
  std::vector<std::optional<size_t>> tickets(queries.size());
  std::vector<NearestQuery> nearest(queries.size());
  for (size_t i = 0; i < queries.size(); ++i) {
    const Query& query = queries[i];
    if (auto status = CheckCount(query); !status.ok()) return status;
    if (!query.nearest) continue;
    auto slot = definition->RequireSlot(query.vector_name);
    if (!slot.ok()) return slot.status();
    nearest[i].slot = *slot;
    const SlotDefinition& target = definition->slots[*slot];
    if (auto status = CheckDimensions(query, target); !status.ok()) return status;
    absl::StatusOr<std::vector<float>> vector;
    if (const auto* text = std::get_if<Text>(&*query.nearest)) {
      auto ticket = texts.Add(*text, *slot, TextType::kQuery);
      if (!ticket.ok()) {
        if (!text->chunk) return ticket.status();
        return absl::InvalidArgumentError(fmt::format("{}: {}", NameOfQuery(i, queries.size()),
                                                      std::string(ticket.status().message())));
      }
      tickets[i] = *ticket;
      continue;
    }
    if (const auto* id = std::get_if<PointId>(&*query.nearest)) {
      auto record = shard.ReadVector(*id, *slot);
      if (!record.ok()) return record.status();
      std::optional<VectorRecord>& stored = *record;
      if (!stored) return NoSuchVector(shard, *id, query.vector_name);
      vector = std::move(stored->vector);
      nearest[i].excluded = *id;
    } else {
      vector = std::get<std::vector<float>>(*query.nearest);
    }
    const size_t given_width = vector->size();
    vector = FitWidth(*std::move(vector), query, target);
    if (!vector.ok()) return vector.status();
    if (query.metric.value_or(target.config.metric) == Metric::kCosine) {
      const std::vector<float>& given = *vector;
      if (auto status = CheckLength(given); !status.ok()) return status;
    }
    nearest[i].prefix = given_width < vector->size();
    nearest[i].vector = *std::move(vector);
  }
  const auto embed_start = std::chrono::steady_clock::now();
  const auto name = [&](size_t ticket) {
    const auto query = std::find(tickets.begin(), tickets.end(), ticket);
    return NameOfQuery(static_cast<size_t>(query - tickets.begin()), queries.size());
  };
  if (auto status = texts.Run(name, embedder::Priority::kUrgent, limits); !status.ok()) {
    return status;
  }
  const double embed_seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - embed_start).count();

  std::vector<QueryAnswer> answers;
  for (size_t i = 0; i < queries.size(); ++i) {
    const Query& query = queries[i];
    if (auto status = limits.Check(); !status.ok()) return status;
    if (!query.nearest) {
      auto answer = Listing(shard, query, limits);
      if (!answer.ok()) return answer.status();
      answers.push_back(*std::move(answer));
      continue;
    }
    QueryAnswer answer;
    if (query.explain) answer.plan.emplace();
    if (const auto& ticket = tickets[i]) {
      const embedder::Encoding& encoding = texts.result(*ticket);
      nearest[i].vector = encoding.vector;
      answer.tokens = encoding.tokens;
      answer.truncated = encoding.truncated;
      answer.usage = texts.usage(*ticket);
      if (answer.plan) answer.plan->embed_seconds = embed_seconds;
    }
    auto points = shard.Nearest(nearest[i], query, limits, answer.plan ? &*answer.plan : nullptr);
    if (!points.ok()) return points.status();
    answer.points = *std::move(points);
    answers.push_back(std::move(answer));
  }
  return answers;
}

}  // namespace vecnest::engine
