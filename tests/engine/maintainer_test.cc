#include "engine/maintainer.h"

#include <chrono>
#include <thread>

#include "gtest/gtest.h"
#include "tests/engine/test_models.h"
#include "tests/temporary_directory.h"

namespace vecnest::engine {
namespace {

TEST(MaintainerTest, SealsWhatHasGrownWithoutBeingAsked) {
  const TemporaryDirectory directory;
  auto database = OpenOrDie(directory.path(), {}, /*seal_threshold=*/100);
  ASSERT_TRUE(database->CreateCollection("a", Unnamed(2)).ok());
  std::vector<Point> points;
  for (uint64_t i = 0; i < 150; ++i) {
    points.push_back(MakePoint(i, std::vector<float>{1, static_cast<float>(i)}));
  }
  ASSERT_TRUE(database->Upsert("a", std::move(points)).ok());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (database->DescribeCollection("a")->vectors.at("").indexed_vectors < 100) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  EXPECT_TRUE(database->Verify(0)->problems.empty());
}

TEST(MaintainerTest, EndsWithoutWork) { const Maintainer maintainer; }

}  // namespace
}  // namespace vecnest::engine
