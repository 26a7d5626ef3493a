// The index as a process that tests/bench/ann_bench sends commands to, so that peers that are
// Python packages are measured in the same run.
//
//   ann_driver_bench VECTORS ROWS DIMENSIONS DIRECTORY THREADS [CODE_BITS]
//
// VECTORS is raw little-endian f32. The first ROWS are indexed by cosine, sealed into one segment;
// then each line of standard input is a command and gets one line of JSON:
//   search FIRST COUNT K EF RESCORED REPEATS THREADS
//     looks COUNT vectors from row FIRST on up, REPEATS times; `ids` are the rows found by the
//     first round, the seconds those of the fastest
//   filter KIND PERCENT
//     the searches that follow return only so many of the rows: `any`, spread evenly, or of one
//     `topic`, those nearest to row 0. 100: all rows again. `rows` are theirs.
//   reopen
//     closes and opens the index, and answers one query
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <memory>
#include <numeric>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "fmt/ranges.h"
#include "index/vector_index.h"
#include "tests/bench/spent.h"

namespace vecnest::index {
namespace {

void Check(const absl::Status& status) {
  if (status.ok()) return;
  fmt::print(stderr, "{}\n", std::string(status.message()));
  std::exit(1);
}

class Driver {
 public:
  Driver(const std::string& file, std::string directory, const IndexConfig& config)
      : rows_(config.seal_threshold), directory_(std::move(directory)), config_(config) {
    std::ifstream input(file, std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(input)), {});
    vectors_.resize(bytes.size() / sizeof(float));
    std::memcpy(vectors_.data(), bytes.data(), vectors_.size() * sizeof(float));
    Open({});
  }

  void Build() {
    for (size_t row = 0; row < rows_; ++row) {
      const PointKey key{1, 0, row};
      Check(index_->Add(row + 1, key, static_cast<PointNumber>(row), Row(row)));
    }
    const Spent spent = Measure([&] { Check(index_->SealAll()); });
    const IndexStats stats = index_->Stats();
    fmt::print(
        "{{\"wall_seconds\": {}, \"cpu_seconds\": {}, \"walked_bytes\": {}, "
        "\"mapped_bytes\": {}, \"memory_bytes\": {}}}\n",
        spent.wall, spent.cpu, stats.walked_bytes, stats.mapped_bytes, stats.memory_bytes);
  }

  void Answer(const std::string& line) {
    std::istringstream words(line);
    std::string command;
    words >> command;
    if (command == "search") {
      size_t first = 0;
      size_t count = 0;
      SearchParams params;
      int repeats = 1;
      size_t threads = 1;
      words >> first >> count >> params.k >> params.ef >> params.rescored >> repeats >> threads;
      if (allowed_) params.allowed = &*allowed_;
      Search(first, count, params, repeats, threads);
    } else if (command == "filter") {
      std::string kind;
      double percent = 0;
      words >> kind >> percent;
      Filter(kind == "topic", percent);
    } else if (command == "reopen") {
      Reopen();
    }
    std::fflush(stdout);
  }

 private:
  absl::Span<const float> Row(size_t row) const {
    const auto width = static_cast<size_t>(config_.dimensions);
    return {vectors_.data() + row * width, width};
  }

  void Open(const Manifest& manifest) {
    auto opened = VectorIndex::Open(directory_, config_, manifest);
    Check(opened.status());
    index_ = std::move(opened->index);
  }

  void Search(size_t first, size_t count, const SearchParams& params, int repeats,
              size_t threads) const {
    std::vector<std::vector<Label>> found(count);
    const auto round = [&] {
      std::atomic<size_t> next = 0;
      std::vector<std::thread> workers;
      const auto work = [&] {
        for (size_t i = next++; i < count; i = next++) {
          const auto hits = index_->Search(Row(first + i), params, nullptr);
          found[i].clear();
          for (const ScoredLabel& hit : *hits) found[i].push_back(hit.label - 1);
        }
      };
      for (size_t i = 1; i < threads; ++i) workers.emplace_back(work);
      work();
      for (std::thread& worker : workers) worker.join();
    };
    round();
    Spent best;
    for (int i = 0; i < repeats; ++i) {
      const Spent spent = Measure(round);
      best = {std::min(best.wall, spent.wall), std::min(best.cpu, spent.cpu)};
    }
    fmt::print("{{\"wall_seconds\": {}, \"cpu_seconds\": {}, \"ids\": {}}}\n", best.wall, best.cpu,
               found);
  }

  void Filter(bool topic, double percent) {
    const auto matches = static_cast<size_t>(static_cast<double>(rows_) * percent / 100);
    std::vector<std::pair<double, PointNumber>> order;
    for (size_t row = 0; row < rows_; ++row) {
      constexpr uint64_t kGoldenRatio = 2654435761U;
      const auto number = static_cast<PointNumber>(row);
      const double place =
          topic ? -std::inner_product(Row(0).begin(), Row(0).end(), Row(row).begin(), 0.0)
                : static_cast<double>(row * kGoldenRatio % rows_);
      order.emplace_back(place, number);
    }
    std::sort(order.begin(), order.end());
    order.resize(matches);
    allowed_.emplace(rows_);
    std::vector<PointNumber> chosen;
    for (const auto& [place, number] : order) {
      allowed_->Add(number);
      chosen.push_back(number);
    }
    if (matches == rows_) allowed_.reset();
    fmt::print("{{\"rows\": {}}}\n", chosen);
  }

  void Reopen() {
    const Manifest manifest = index_->TakeManifest();
    index_.reset();
    const Spent open = Measure([&] { Open(manifest); });
    const Spent first = Measure([&] { Check(index_->Search(Row(rows_), {}, nullptr).status()); });
    fmt::print("{{\"open_seconds\": {}, \"first_answer_seconds\": {}}}\n", open.wall, first.wall);
  }

  const size_t rows_;
  const std::string directory_;
  const IndexConfig config_;
  std::vector<float> vectors_;
  std::optional<PointSet> allowed_;
  std::unique_ptr<VectorIndex> index_;
};

}  // namespace
}  // namespace vecnest::index

int main(int argc, char** argv) {
  if (argc < 6 || argc > 7) {
    fmt::print(stderr, "usage: {} VECTORS ROWS DIMENSIONS DIRECTORY THREADS [CODE_BITS]\n",
               argv[0]);
    return 2;
  }
  vecnest::index::IndexConfig config;
  config.seal_threshold = std::stoul(argv[2]);
  config.dimensions = std::stoi(argv[3]);
  config.build_threads = std::stoi(argv[5]);
  if (argc > 6) config.code_bits = std::stoi(argv[6]);
  vecnest::index::Driver driver(argv[1], argv[4], config);
  driver.Build();
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) driver.Answer(line);
  return 0;
}
