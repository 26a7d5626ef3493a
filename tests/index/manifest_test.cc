#include "index/manifest.h"

#include <functional>
#include <utility>

#include "gtest/gtest.h"
#include "index/vector_index.h"
#include "tests/temporary_directory.h"

namespace vecnest::index {
namespace {

Manifest TwoSegments() { return {{{"a", 1, 5, 5, {}}, {"b", 8, 9, 2, {}}}, 12}; }

TEST(ManifestTest, AscendingRangesAreFine) {
  EXPECT_TRUE(CheckManifest({}).ok());
  EXPECT_TRUE(CheckManifest(TwoSegments()).ok());
}

TEST(ManifestTest, ContradictionsAreRefusedAndNothingIsOpened) {
  const std::function<void(Manifest&)> changes[] = {
      [](Manifest& manifest) { std::swap(manifest.segments[0], manifest.segments[1]); },
      [](Manifest& manifest) { manifest.segments[0].min_label = 0; },
      [](Manifest& manifest) { manifest.segments[0].max_label = 8; },
      [](Manifest& manifest) { manifest.segments[1].max_label = 7; },
      [](Manifest& manifest) { manifest.persisted_through = 8; },
      [](Manifest& manifest) { manifest.segments[1].file = "../b"; },
  };
  for (const auto& change : changes) {
    Manifest manifest = TwoSegments();
    change(manifest);
    EXPECT_TRUE(absl::IsInvalidArgument(CheckManifest(manifest)));
    const TemporaryDirectory directory;
    IndexConfig config;
    config.dimensions = 8;
    EXPECT_TRUE(
        absl::IsInvalidArgument(VectorIndex::Open(directory.path(), config, manifest).status()));
  }
}

}  // namespace
}  // namespace vecnest::index
