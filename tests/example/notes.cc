// Vecnest as a library: opens a database, adds texts, asks, changes the width and the metric, and
// finds everything again after closing. No HTTP. Usage: notes DIRECTORY

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "vecnest/vecnest.h"

namespace {

// Ends the program with the error, or gives the value.
template <typename Value>
Value OrDie(absl::StatusOr<Value> value) {
  if (!value.ok()) {
    std::fprintf(stderr, "%s\n", value.status().ToString().c_str());
    std::exit(1);
  }
  return *std::move(value);
}

void OrDie(const absl::Status& status) {
  if (!status.ok()) {
    std::fprintf(stderr, "%s\n", status.ToString().c_str());
    std::exit(1);
  }
}

std::unique_ptr<vecnest::Database> Open(const std::string& directory) {
  vecnest::DatabaseOptions options;
  options.directory = directory;
  options.models = {"all-MiniLM-L6-v2"};
  return OrDie(vecnest::Database::Open(options));
}

// The id of the best answer.
vecnest::PointId Ask(const vecnest::Database& database, const std::string& question,
                     int dimensions) {
  vecnest::Query query;
  query.nearest = vecnest::Text{question, "", {}};
  query.dimensions = dimensions;
  query.limit = 1;
  query.with_payload.kind = vecnest::PayloadSelector::Kind::kAll;
  const vecnest::QueryAnswer answer = OrDie(database.Search("notes", query));
  if (answer.points.empty()) {
    std::fprintf(stderr, "no answer to \"%s\"\n", question.c_str());
    std::exit(1);
  }
  const vecnest::ScoredPoint& best = answer.points.front();
  std::printf("%-32s -> %.3f %s\n", question.c_str(), best.score, best.payload->c_str());
  return best.id;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: notes DIRECTORY\n");
    return 2;
  }
  const std::vector<std::string> texts = {
      "The cat sleeps on the warm windowsill.", "Interest rates rose again this quarter.",
      "Whisk the eggs with sugar until pale.", "The telescope found a new exoplanet."};
  {
    auto database = Open(argv[1]);
    OrDie(database->CreateCollection("notes", {{{"", {384, vecnest::Metric::kCosine, {}}}}, "{}"}));
    std::vector<vecnest::Point> points;
    for (size_t i = 0; i < texts.size(); ++i) {
      points.push_back({vecnest::PointId(i),
                        {{"", vecnest::Text{texts[i], "", {}}}},
                        "{\"text\": \"" + texts[i] + "\"}"});
    }
    const vecnest::WriteResult result = OrDie(database->Upsert("notes", std::move(points)));
    std::printf("%llu texts, %llu tokens\n", static_cast<unsigned long long>(result.affected),
                static_cast<unsigned long long>(result.tokens));
  }
  // Opened again: nothing is embedded a second time.
  auto database = Open(argv[1]);
  const bool right = Ask(*database, "a sleeping pet", 384) == vecnest::PointId(0) &&
                     Ask(*database, "a sleeping pet", 96) == vecnest::PointId(0) &&
                     Ask(*database, "news about the economy", 384) == vecnest::PointId(1) &&
                     Ask(*database, "baking a cake", 128) == vecnest::PointId(2) &&
                     Ask(*database, "astronomy", 384) == vecnest::PointId(3);
  if (!right) std::fprintf(stderr, "an answer is not the expected one\n");
  return right ? 0 : 1;
}
