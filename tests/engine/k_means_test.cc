#include "engine/evaluation/k_means.h"

#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <stop_token>
#include <vector>

#include "engine/evaluation/label_scores.h"
#include "gtest/gtest.h"

namespace vecnest::engine::evaluation {
namespace {

struct Groups {
  VectorMatrix vectors;
  std::vector<uint32_t> labels;
};

// Around `groups` centers that are far from each other beside `spread`.
Groups MakeGroups(size_t groups, size_t members, size_t width, float spread) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  Groups made = {{width, {}}, {}};
  std::vector<float> centers(groups * width);
  for (float& value : centers) value = normal(random);
  for (size_t i = 0; i < groups * members; ++i) {
    const size_t group = i % groups;
    for (size_t d = 0; d < width; ++d) {
      made.vectors.values.push_back(centers[group * width + d] + spread * normal(random));
    }
    made.labels.push_back(static_cast<uint32_t>(group));
  }
  return made;
}

double SquaredDistanceToMeans(const VectorMatrix& vectors, const std::vector<uint32_t>& clusters,
                              size_t count) {
  double sum = 0;
  for (size_t c = 0; c < count; ++c) {
    std::vector<double> mean(vectors.width);
    double members = 0;
    for (size_t i = 0; i < vectors.count(); ++i) {
      if (clusters[i] != c) continue;
      for (size_t d = 0; d < vectors.width; ++d) mean[d] += vectors.Row(i)[d];
      ++members;
    }
    for (size_t i = 0; i < vectors.count(); ++i) {
      if (clusters[i] != c) continue;
      for (size_t d = 0; d < vectors.width; ++d) {
        sum += std::pow(vectors.Row(i)[d] - mean[d] / members, 2);
      }
    }
  }
  return sum;
}

TEST(KMeansTest, FindsGroupsThatAreThere) {
  const Groups groups = MakeGroups(12, 60, 32, 0.2F);
  const auto clusters = KMeans(groups.vectors, {.clusters = 12}, {});
  ASSERT_TRUE(clusters.ok()) << clusters.status();
  EXPECT_NEAR(ScoreClusters(groups.labels, clusters->of).v_measure, 1, 1e-12);
  EXPECT_NEAR(clusters->inertia, SquaredDistanceToMeans(groups.vectors, clusters->of, 12),
              1e-3 * clusters->inertia);
}

// On a line the best two clusters are one of the n - 1 cuts.
TEST(KMeansTest, FindsTheBestCutOfALine) {
  const VectorMatrix line = {1, {0, 1, 2, 3, 10, 11, 12.5F, 30}};
  double best = std::numeric_limits<double>::infinity();
  for (size_t cut = 1; cut < line.count(); ++cut) {
    std::vector<uint32_t> clusters(line.count());
    for (size_t i = cut; i < clusters.size(); ++i) clusters[i] = 1;
    best = std::min(best, SquaredDistanceToMeans(line, clusters, 2));
  }
  EXPECT_NEAR(KMeans(line, {.clusters = 2}, {})->inertia, best, 1e-4);
}

TEST(KMeansTest, DependsOnTheSeedAlone) {
  const Groups groups = MakeGroups(20, 50, 16, 1.0F);
  KMeansOptions options = {.clusters = 20, .runs = 2, .threads = 1};
  const auto one = KMeans(groups.vectors, options, {});
  options.threads = 3;
  EXPECT_EQ(KMeans(groups.vectors, options, {})->of, one->of);
  options.seed = 2;
  EXPECT_NE(KMeans(groups.vectors, options, {})->of, one->of);
}

// As many clusters as vectors, and vectors that are equal: some clusters have to be left empty or
// take what is farthest, and nothing may be lost.
TEST(KMeansTest, AsManyClustersAsVectors) {
  const VectorMatrix vectors = {1, {1, 5, 9, 20}};
  const auto clusters = KMeans(vectors, {.clusters = 4}, {});
  EXPECT_EQ(std::set<uint32_t>(clusters->of.begin(), clusters->of.end()).size(), 4U);
  EXPECT_NEAR(clusters->inertia, 0, 1e-9);
  const VectorMatrix equal = {2, std::vector<float>(20, 0.5F)};
  EXPECT_NEAR(KMeans(equal, {.clusters = 3}, {})->inertia, 0, 1e-9);
}

TEST(KMeansTest, Refusals) {
  const VectorMatrix vectors = {1, {1, 2}};
  EXPECT_TRUE(absl::IsInvalidArgument(KMeans(vectors, {.clusters = 3}, {}).status()));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_TRUE(
      absl::IsCancelled(KMeans(vectors, {.clusters = 1}, {.stop = stop.get_token()}).status()));
}

}  // namespace
}  // namespace vecnest::engine::evaluation
