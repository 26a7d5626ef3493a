// The models and the numbers that the tests of embedder/inspection share; make_inspection.py wrote
// the latter with NumPy and transformers.
#ifndef VECNEST_TESTS_EMBEDDER_INSPECTION_FIXTURE_H_
#define VECNEST_TESTS_EMBEDDER_INSPECTION_FIXTURE_H_

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "embedder/encoder.h"
#include "tests/embedder/test_models.h"

namespace vecnest::embedder {

// Numbers of f32 passes against f64 ones.
inline constexpr double kInspectionTolerance = 2e-5;

inline nlohmann::json InspectionReference(const std::string& part) {
  std::ifstream file(TestData("inspection.json"));
  return nlohmann::json::parse(file)[part];
}

inline std::unique_ptr<Encoder> LoadForInspection(const std::string& name) {
  auto encoder = Encoder::Load(TestData(name), {});
  EXPECT_TRUE(encoder.ok()) << encoder.status();
  return encoder.ok() ? *std::move(encoder) : nullptr;
}

// Without the model's prompts, which the references don't have.
inline EncodeOptions WithoutPrefix() {
  EncodeOptions options;
  options.prefix = "";
  options.truncate = false;
  return options;
}

inline TokenBatch TokenizeOne(const Encoder& encoder, const std::string& text) {
  const std::string_view view = text;
  auto batch = encoder.Tokenize({&view, 1}, WithoutPrefix());
  EXPECT_TRUE(batch.ok()) << batch.status();
  return batch.ok() ? *std::move(batch) : TokenBatch();
}

inline void ExpectNear(const std::vector<double>& ours, const nlohmann::json& theirs,
                       const std::string& what) {
  ASSERT_EQ(ours.size(), theirs.size()) << what;
  for (size_t i = 0; i < ours.size(); ++i) {
    EXPECT_NEAR(ours[i], theirs[i].get<double>(), kInspectionTolerance) << what << ' ' << i;
  }
}

inline CallControl Stopped() {
  std::stop_source stop;
  stop.request_stop();
  CallControl control;
  control.stop = stop.get_token();
  return control;
}

}  // namespace vecnest::embedder

#endif  // VECNEST_TESTS_EMBEDDER_INSPECTION_FIXTURE_H_
