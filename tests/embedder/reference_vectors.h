// Texts with the vectors that another program gave them.
#ifndef VECNEST_TESTS_EMBEDDER_REFERENCE_VECTORS_H_
#define VECNEST_TESTS_EMBEDDER_REFERENCE_VECTORS_H_

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "embedder/encoder.h"

namespace vecnest::embedder {

// Compares with lines of {"text", "vector"}, each component within `tolerance`. Returns the number
// of lines.
inline int CompareWithVectors(const Encoder& encoder, const std::string& path, double tolerance) {
  std::ifstream file(path);
  int count = 0;
  for (std::string line; std::getline(file, line); ++count) {
    const auto row = nlohmann::json::parse(line);
    const std::string text = row["text"];
    const std::string_view view = text;
    const auto encodings = encoder.Encode({&view, 1}, {});
    EXPECT_TRUE(encodings.ok()) << encodings.status();
    if (!encodings.ok()) continue;
    const std::vector<float>& vector = (*encodings)[0].vector;
    const auto expected = row["vector"].get<std::vector<double>>();
    EXPECT_EQ(vector.size(), expected.size());
    for (size_t i = 0; i < std::min(vector.size(), expected.size()); ++i) {
      EXPECT_NEAR(vector[i], expected[i], tolerance) << text << ", component " << i;
    }
  }
  return count;
}

}  // namespace vecnest::embedder

#endif  // VECNEST_TESTS_EMBEDDER_REFERENCE_VECTORS_H_
