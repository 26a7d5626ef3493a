// Queries through the public C++ API, as a process that tests/bench/http_bench runs over a data
// directory that the server has written.
//
//   api_driver_bench DIRECTORY COLLECTION VECTORS FIRST COUNT ROUNDS THREADS RECALL
//
// VECTORS is raw little-endian f32. Merges the collection's segments, then asks for the 10 points
// with their payload nearest to each of COUNT vectors from row FIRST on, at RECALL (0: the
// default). Prints one line of JSON: the mean seconds of ROUNDS rounds, `segments`, and `ids` of
// the points found.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "fmt/format.h"
#include "fmt/ranges.h"
#include "tests/bench/spent.h"
#include "vecnest/database.h"

namespace vecnest {
namespace {

void Check(const absl::Status& status) {
  if (status.ok()) return;
  fmt::print(stderr, "{}\n", std::string(status.message()));
  std::exit(1);
}

std::vector<Query> ReadQueries(const std::string& file, size_t width, size_t first, size_t count,
                               float recall) {
  std::ifstream input(file, std::ios::binary);
  input.seekg(static_cast<std::streamoff>(first * width * sizeof(float)));
  std::vector<Query> queries(count);
  for (Query& query : queries) {
    std::vector<float> vector(width);
    input.read(reinterpret_cast<char*>(vector.data()),
               static_cast<std::streamsize>(width * sizeof(float)));
    query.nearest = std::move(vector);
    query.with_payload.kind = PayloadSelector::Kind::kAll;
    if (recall > 0) query.recall = recall;
  }
  if (!input) Check(absl::InvalidArgumentError("VECTORS is too short"));
  return queries;
}

void Round(const Database& database, const std::string& collection,
           const std::vector<Query>& queries, size_t threads,
           std::vector<std::vector<std::string>>& found) {
  std::atomic<size_t> next = 0;
  std::vector<std::thread> workers;
  const auto work = [&] {
    for (size_t i = next++; i < queries.size(); i = next++) {
      const auto answer = database.Search(collection, queries[i]);
      Check(answer.status());
      found[i].clear();
      for (const ScoredPoint& point : answer->points) found[i].push_back(point.id.ToString());
    }
  };
  for (size_t i = 1; i < threads; ++i) workers.emplace_back(work);
  work();
  for (std::thread& worker : workers) worker.join();
}

int Main(char** arguments) {
  const std::string collection = arguments[2];
  DatabaseOptions options;
  options.directory = arguments[1];
  auto opened = Database::Open(options);
  Check(opened.status());
  Database& database = **opened;
  Check(database.Optimize(collection));
  const auto info = database.DescribeCollection(collection);
  Check(info.status());
  const VectorInfo& vectors = info->vectors.at("");
  const std::vector<Query> queries =
      ReadQueries(arguments[3], static_cast<size_t>(vectors.config.size),
                  std::strtoull(arguments[4], nullptr, 10),
                  std::strtoull(arguments[5], nullptr, 10), std::strtof(arguments[8], nullptr));
  const int rounds = std::atoi(arguments[6]);
  const size_t threads = std::strtoull(arguments[7], nullptr, 10);
  std::vector<std::vector<std::string>> found(queries.size());
  const auto round = [&] { Round(database, collection, queries, threads, found); };
  round();
  const Spent spent = Measure([&] {
    for (int i = 0; i < rounds; ++i) round();
  });
  fmt::print("{{\"wall_seconds\": {}, \"cpu_seconds\": {}, \"segments\": {}, \"ids\": {}}}\n",
             spent.wall / rounds, spent.cpu / rounds, vectors.segments, found);
  return 0;
}

}  // namespace
}  // namespace vecnest

int main(int argc, char** argv) {
  // As the server has it.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
  if (argc != 9) {
    fmt::print(
        stderr,
        "usage: api_driver_bench DIRECTORY COLLECTION VECTORS FIRST COUNT ROUNDS THREADS RECALL\n");
    return 2;
  }
  return vecnest::Main(argv);
}
