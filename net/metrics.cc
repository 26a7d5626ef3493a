#include "net/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"

namespace vecnest::net {
namespace {

const prometheus::Histogram::BucketBoundaries seconds_buckets = {
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5};

}  // namespace

struct Metrics::Impl {
  struct Series {
    prometheus::Counter* requests = nullptr;
    prometheus::Histogram* durations = nullptr;
  };
  // Found by a short key: the library's families compare sets of labels.
  Series SeriesOf(const std::string& method, const std::string& route, int status);

  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests =
      prometheus::BuildCounter()
          .Name("vecnest_http_requests_total")
          .Help(
              "Requests answered, refused ones too; route none: no "
              "such path or method, or not HTTP")
          .Register(registry);
  prometheus::Family<prometheus::Histogram>& durations =
      prometheus::BuildHistogram()
          .Name("vecnest_http_request_duration_seconds")
          .Help("Time from the request's last byte to the answer's first")
          .Register(registry);
  prometheus::Counter& tokens =
      prometheus::BuildCounter()
          .Name("vecnest_encoder_tokens_total")
          .Help(
              "Tokens of the texts that answered requests asked to encode, "
              "whether from the cache or not; pass_tokens_total has those "
              "that went through passes, of requests that failed too")
          .Register(registry)
          .Add({});
  absl::Mutex mutex;
  absl::flat_hash_map<std::string, Series> series ABSL_GUARDED_BY(mutex);
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

Metrics::Impl::Series Metrics::Impl::SeriesOf(const std::string& method, const std::string& route,
                                              int status) {
  std::string code = std::to_string(status);
  const std::string key = absl::StrCat(method, " ", route, " ", code);
  absl::MutexLock lock(&mutex);
  const auto known = series.find(key);
  if (known != series.end()) return known->second;
  const Series made = {
      &requests.Add({{"method", method}, {"route", route}, {"status", std::move(code)}}),
      &durations.Add({{"method", method}, {"route", route}}, seconds_buckets)};
  series.emplace(key, made);
  return made;
}

void Metrics::CountRequest(const std::string& method, const std::string& route, int status,
                           double seconds) {
  const Impl::Series counted = impl_->SeriesOf(method, route, status);
  counted.requests->Increment();
  counted.durations->Observe(seconds);
}

void Metrics::CountTokens(uint64_t tokens) { impl_->tokens.Increment(static_cast<double>(tokens)); }

std::string Metrics::Render(const Database* database) const {
  auto families = impl_->registry.Collect();
  if (database != nullptr) {
    // Read now instead of kept in step: a registry of its own lives for this one answer.
    prometheus::Registry state;
    const auto gauge = [&](const char* name,
                           const char* help) -> prometheus::Family<prometheus::Gauge>& {
      return prometheus::BuildGauge().Name(name).Help(help).Register(state);
    };
    auto& collections = gauge("vecnest_collections", "Collections").Add({});
    auto& points = gauge("vecnest_points", "Points of a collection");
    auto& vectors = gauge("vecnest_vectors", "Vectors that can be found");
    auto& indexed = gauge("vecnest_indexed_vectors", "Vectors in sealed segments");
    auto& segments = gauge("vecnest_segments", "Sealed segments");
    auto& memory = gauge("vecnest_index_memory_bytes", "Memory owned by the index");
    auto& mapped = gauge("vecnest_index_mapped_bytes", "Mapped segment files");
    const auto counter = [&](const char* name, const char* help, uint64_t value) {
      prometheus::BuildCounter().Name(name).Help(help).Register(state).Add({}).Increment(
          static_cast<double>(value));
    };
    const EmbedderStats embedder = database->embedder().Stats();
    counter("vecnest_embedding_cache_hits_total", "Texts whose vector was kept from before",
            embedder.cache_hits);
    counter("vecnest_embedding_cache_misses_total", "Texts that had to be encoded",
            embedder.cache_misses);
    const auto by_model = [&](const char* name, const char* help, uint64_t ModelStats::* value) {
      auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(state);
      for (const ModelStats& model : embedder.models) {
        family.Add({{"model", model.model}}).Increment(static_cast<double>(model.*value));
      }
    };
    by_model("vecnest_encoder_passes_total", "Forward passes", &ModelStats::passes);
    by_model("vecnest_encoder_pass_texts_total", "Texts in these passes", &ModelStats::pass_texts);
    by_model("vecnest_encoder_pass_tokens_total",
             "Tokens in these passes: none of texts from the cache, see tokens_total",
             &ModelStats::pass_tokens);
    by_model("vecnest_encoder_dropped_texts_total",
             "Texts not encoded because their client left or their time was over",
             &ModelStats::dropped_texts);
    by_model("vecnest_encoder_refused_calls_total", "Calls refused because too many waited",
             &ModelStats::refused_calls);
    gauge("vecnest_embedding_cache_bytes", "Size of the kept vectors and their texts")
        .Add({})
        .Set(static_cast<double>(embedder.cache_bytes));
    auto& packed = gauge("vecnest_model_packed_bytes", "Memory of a model's packed weights");
    auto& held =
        gauge("vecnest_model_memory_bytes",
              "Memory a model holds: packed weights and tables; its mapped file, which the "
              "page cache shares, is in vecnest_model_mapped_bytes");
    auto& file = gauge("vecnest_model_mapped_bytes", "Mapped file of a model's weights");
    for (const ModelInfo& model : database->embedder().Models()) {
      const prometheus::Labels labels = {
          {"model", model.name}, {"precision", std::string(PrecisionName(model.precision))}};
      packed.Add(labels).Set(static_cast<double>(model.packed_bytes));
      held.Add(labels).Set(static_cast<double>(model.memory_bytes));
      file.Add(labels).Set(static_cast<double>(model.mapped_bytes));
    }
    for (const std::string& name : database->CollectionNames()) {
      auto info = database->DescribeCollection(name);
      if (!info.ok()) continue;
      collections.Increment();
      points.Add({{"collection", name}}).Set(static_cast<double>(info->points));
      for (const auto& [vector, details] : info->vectors) {
        const prometheus::Labels labels = {{"collection", name}, {"vector", vector}};
        vectors.Add(labels).Set(static_cast<double>(details.vectors));
        indexed.Add(labels).Set(static_cast<double>(details.indexed_vectors));
        segments.Add(labels).Set(static_cast<double>(details.segments));
        memory.Add(labels).Set(static_cast<double>(details.memory_bytes));
        mapped.Add(labels).Set(static_cast<double>(details.mapped_bytes));
      }
    }
    for (auto& family : state.Collect()) families.push_back(std::move(family));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace vecnest::net
