// Filters with payload indexes and without, over 100,000 points of 32 dimensions: counts, pages and
// searches by a keyword of a hundred (1 %), a range (10 %), both, a circle (10 %) and a polygon of
// 100 corners (10 %); writes; a start.
//
// Counters: "matches"; of the build "bytes_per_point" of an index of every type.
#include <benchmark/benchmark.h>

#include <cmath>
#include <filesystem>
#include <numbers>
#include <random>
#include <string>

#include "fmt/format.h"
#include "tests/temporary_directory.h"
#include "vecnest/database.h"

namespace vecnest {
namespace {

constexpr size_t kPoints = 100'000;
constexpr int kWidth = 32;

// Two collections of the same points; the second has indexes.
class Fixture {
 public:
  static Fixture& Get() {
    static auto& fixture = *new Fixture;
    return fixture;
  }
  Database& database() { return *database_; }
  static std::string Name(bool indexed) { return indexed ? "indexed" : "plain"; }

  std::vector<float> Vector() {
    std::vector<float> vector(kWidth);
    std::normal_distribution<float> normal;
    for (float& value : vector) value = normal(random_);
    return vector;
  }
  Point Draw(uint64_t id) {
    const auto word = [&](uint32_t count) { return fmt::format("word{}", random_() % count); };
    return {
        id,
        {{"", Vector()}},
        fmt::format(
            R"({{"topic":"topic{}","size":{},"price":{:.2f},"sold":{},"day":"2024-{:02}-{:02}T00:00:00Z",)"
            R"("key":"{:08x}-0000-4000-8000-{:012x}","text":"{} {} {} {} {} {}",)"
            R"("place":{{"lon":{:.6f},"lat":{:.6f}}}}})",
            random_() % 100, random_() % 1000, (random_() % 100'000) / 100.0, random_() % 2 == 0,
            1 + random_() % 12, 1 + random_() % 28, random_(), id, word(5000), word(5000),
            word(500), word(500), word(50), word(50), Degrees(13), Degrees(52))};
  }
  void Reopen() {
    database_.reset();
    DatabaseOptions options;
    options.directory = directory_.path();
    database_ = *Database::Open(options);
  }

 private:
  Fixture() {
    Reopen();
    CollectionConfig config;
    config.vectors[""] = {kWidth, Metric::kCosine, {}};
    for (const bool indexed : {false, true}) {
      random_.seed(1);
      Check(database_->CreateCollection(Name(indexed), config));
      for (size_t begin = 0; begin < kPoints; begin += 1000) {
        std::vector<Point> points;
        for (size_t id = begin; id < begin + 1000; ++id) points.push_back(Draw(id));
        Check(database_->Upsert(Name(indexed), std::move(points), {Durability::kBuffered, {}})
                  .status());
      }
      Check(database_->Optimize(Name(indexed)));
    }
    for (const auto& [field, type] : Fields()) {
      Check(database_->CreatePayloadIndex(Name(true), field, {type, "{}"}).status());
    }
  }
  static void Check(const absl::Status& status) {
    if (!status.ok()) throw std::runtime_error(status.ToString());
  }
  static std::vector<std::pair<std::string, PayloadIndexType>> Fields() {
    return {{"topic", PayloadIndexType::kKeyword}, {"size", PayloadIndexType::kInteger},
            {"price", PayloadIndexType::kFloat},   {"sold", PayloadIndexType::kBool},
            {"day", PayloadIndexType::kDatetime},  {"key", PayloadIndexType::kUuid},
            {"text", PayloadIndexType::kText},     {"place", PayloadIndexType::kGeo}};
  }
  // Within a degree.
  double Degrees(double middle) {
    return middle + std::uniform_real_distribution<>(-1, 1)(random_);
  }

  TemporaryDirectory directory_;
  std::unique_ptr<Database> database_;
  std::mt19937 random_;
};

Filter MakeFilter(int64_t which) {
  Filter filter;
  const Condition topic = FieldCondition{"topic", MatchCondition{std::string("topic7")}};
  const Condition price = FieldCondition{"price", RangeCondition{{}, {}, 100, {}}};
  if (which == 0 || which == 2) filter.must.push_back(topic);
  if (which == 1 || which == 2) filter.must.push_back(price);
  if (which == 3) {
    filter.must.push_back(FieldCondition{"place", GeoCondition{GeoRadius{{13, 52}, 31'000}}});
  }
  if (which == 4) {
    GeoPolygon polygon;
    for (int i = 0; i <= 100; ++i) {
      const double angle = 2 * std::numbers::pi * (i % 100) / 100;
      polygon.exterior.points.push_back({13 + 0.36 * std::cos(angle), 52 + 0.36 * std::sin(angle)});
    }
    filter.must.push_back(FieldCondition{"place", GeoCondition{std::move(polygon)}});
  }
  return filter;
}

void Count(benchmark::State& state) {
  Fixture& fixture = Fixture::Get();
  const Filter filter = MakeFilter(state.range(1));
  uint64_t matches = 0;
  for (auto _ : state) {
    matches = *fixture.database().Count(Fixture::Name(state.range(0) != 0), filter);
  }
  state.counters["matches"] = static_cast<double>(matches);
}

void Search(benchmark::State& state) {
  Fixture& fixture = Fixture::Get();
  Query query;
  query.nearest = fixture.Vector();
  query.filter = MakeFilter(state.range(1));
  query.explain = true;
  double filter_seconds = 0;
  for (auto _ : state) {
    const auto answer = fixture.database().Search(Fixture::Name(state.range(0) != 0), query);
    filter_seconds += answer->plan->filter_seconds;
  }
  state.counters["filter_ms"] =
      benchmark::Counter(filter_seconds * 1000, benchmark::Counter::kAvgIterations);
}

void Page(benchmark::State& state) {
  Fixture& fixture = Fixture::Get();
  ScrollRequest request;
  request.filter = MakeFilter(state.range(1));
  request.offset = kPoints / 2;
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        fixture.database().Scroll(Fixture::Name(state.range(0) != 0), request));
  }
}

void Write(benchmark::State& state) {
  Fixture& fixture = Fixture::Get();
  uint64_t id = 0;
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<Point> points;
    for (int i = 0; i < 100; ++i) points.push_back(fixture.Draw(id++ % kPoints));
    state.ResumeTiming();
    const auto written = fixture.database().Upsert(Fixture::Name(state.range(0) != 0),
                                                   std::move(points), {Durability::kBuffered, {}});
    benchmark::DoNotOptimize(written);
  }
}

void FacetTopics(benchmark::State& state) {
  Fixture& fixture = Fixture::Get();
  for (auto _ : state) {
    benchmark::DoNotOptimize(fixture.database().Facet("indexed", {"topic", MakeFilter(1), 10}));
  }
}

void Build(benchmark::State& state) {
  Fixture& fixture = Fixture::Get();
  const auto info = *fixture.database().DescribeCollection("indexed");
  auto index = info.payload_indexes.begin();
  std::advance(index, state.range(0));
  for (auto _ : state) {
    state.PauseTiming();
    benchmark::DoNotOptimize(fixture.database().DeletePayloadIndex("indexed", index->first));
    state.ResumeTiming();
    benchmark::DoNotOptimize(
        fixture.database().CreatePayloadIndex("indexed", index->first, index->second.config));
  }
  state.SetLabel(std::string(PayloadIndexTypeName(index->second.config.type)));
  state.counters["bytes_per_point"] =
      static_cast<double>(index->second.memory_bytes) / static_cast<double>(kPoints);
}

void Reopen(benchmark::State& state) {
  for (auto _ : state) Fixture::Get().Reopen();
}

BENCHMARK(Count)
    ->ArgsProduct({{0, 1}, {0, 1, 2, 3, 4}})
    ->ArgNames({"indexed", "filter"})
    ->Unit(benchmark::kMillisecond);
BENCHMARK(Search)
    ->ArgsProduct({{0, 1}, {0, 1, 2, 3, 4}})
    ->ArgNames({"indexed", "filter"})
    ->Unit(benchmark::kMillisecond);
BENCHMARK(Page)
    ->ArgsProduct({{0, 1}, {0, 1, 2, 3, 4}})
    ->ArgNames({"indexed", "filter"})
    ->Unit(benchmark::kMillisecond);
BENCHMARK(FacetTopics)->Unit(benchmark::kMillisecond);
BENCHMARK(Build)->DenseRange(0, 7)->Unit(benchmark::kMillisecond)->Iterations(1);
BENCHMARK(Write)
    ->ArgsProduct({{0, 1}})
    ->ArgNames({"indexed"})
    ->Unit(benchmark::kMillisecond)
    ->Iterations(100);
BENCHMARK(Reopen)->Unit(benchmark::kMillisecond)->Iterations(2);

}  // namespace
}  // namespace vecnest

BENCHMARK_MAIN();
