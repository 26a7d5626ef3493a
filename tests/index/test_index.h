// Small indexes for tests.
#ifndef VECNEST_TESTS_INDEX_TEST_INDEX_H_
#define VECNEST_TESTS_INDEX_TEST_INDEX_H_

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "index/vector_index.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index::testing {

inline std::unique_ptr<VectorIndex> MustOpen(const std::string& directory,
                                             const IndexConfig& config,
                                             const Manifest& manifest = {}) {
  auto opened = VectorIndex::Open(directory, config, manifest);
  EXPECT_TRUE(opened.ok()) << opened.status();
  EXPECT_TRUE(opened->damaged.empty());
  return std::move(opened->index);
}

inline IndexConfig Config(int dimensions, size_t seal_threshold) {
  IndexConfig config;
  config.dimensions = dimensions;
  config.seal_threshold = seal_threshold;
  config.m = 8;
  config.ef_construct = 60;
  return config;
}

inline void AddRows(VectorIndex& index, const Matrix& points, size_t first, size_t end) {
  for (size_t row = first; row < end; ++row) {
    ASSERT_TRUE(
        index.Add(row + 1, KeyOf(row + 1), static_cast<PointNumber>(row + 1), points.Row(row))
            .ok());
  }
}

inline std::set<std::string> Files(const std::string& directory) {
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    files.insert(entry.path().filename().string());
  }
  return files;
}

}  // namespace vecnest::index::testing

#endif  // VECNEST_TESTS_INDEX_TEST_INDEX_H_
