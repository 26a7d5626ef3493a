// Small models with random weights that live in the tree: 36 wide, a vocabulary of 29 words.
#ifndef VECNEST_TESTS_ENGINE_TEST_MODELS_H_
#define VECNEST_TESTS_ENGINE_TEST_MODELS_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "vecnest/database.h"

namespace vecnest {

inline constexpr int kTinyDimensions = 36;
inline std::string TinyModel() { return std::string(VECNEST_TEST_DATA) + "/tiny-bert-cls"; }
inline std::string OtherTinyModel() { return std::string(VECNEST_TEST_DATA) + "/tiny-bert-max"; }
// 17 words with 11 values each.
inline std::string TinyWords() { return std::string(VECNEST_TEST_DATA) + "/tiny-words.bin"; }

inline std::unique_ptr<Database> OpenOrDie(const std::string& directory,
                                           std::vector<std::string> models = {},
                                           size_t seal_threshold = 64) {
  DatabaseOptions options;
  options.directory = directory;
  options.models = std::move(models);
  options.model_options.threads = 1;
  options.seal_threshold = seal_threshold;
  auto database = Database::Open(options);
  EXPECT_TRUE(database.ok()) << database.status();
  return *std::move(database);
}

inline CollectionConfig Unnamed(int size, Metric metric = Metric::kCosine) {
  CollectionConfig config;
  config.vectors[""] = {size, metric, {}};
  return config;
}

inline Point MakePoint(PointId id, VectorInput vector, std::string payload = "{}") {
  return {id, {{"", std::move(vector)}}, std::move(payload)};
}

inline Filter Must(FieldCondition condition) {
  Filter filter;
  filter.must.emplace_back(std::move(condition));
  return filter;
}

}  // namespace vecnest

#endif  // VECNEST_TESTS_ENGINE_TEST_MODELS_H_
