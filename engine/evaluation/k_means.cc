#include "engine/evaluation/k_means.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <tuple>
#include <utility>

#include "absl/functional/function_ref.h"
#include "embedder/matrix_product.h"
#include "embedder/status_macros.h"
#include "fmt/format.h"

namespace vecnest::engine::evaluation {
namespace {

// The vectors are dealt with in so many pieces whatever the threads, so that sums do not depend on
// them, and of a piece in blocks, so that products stay in the cache.
constexpr size_t kPieces = 8;
constexpr size_t kBlockRows = 512;

struct Range {
  size_t first = 0;
  size_t end = 0;
};

Range PieceOf(size_t piece, size_t count) {
  return {piece * count / kPieces, (piece + 1) * count / kPieces};
}

double SquaredNorm(absl::Span<const float> row) {
  double sum = 0;
  for (const float value : row) sum += double{value} * value;
  return sum;
}

double SquaredDistance(absl::Span<const float> a, absl::Span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += std::pow(double{a[i]} - double{b[i]}, 2);
  return sum;
}

// One clustering problem: its vectors, moved so that their mean is zero, which keeps f32 products
// exact where vectors share one direction.
class Problem {
 public:
  Problem(const VectorMatrix& vectors, const KMeansOptions& options, const CallLimits& limits)
      : rows_(vectors), options_(options), limits_(limits), workers_(options.threads) {
    std::vector<double> mean(rows_.width);
    for (size_t i = 0; i < count(); ++i) {
      for (size_t d = 0; d < rows_.width; ++d) mean[d] += rows_.Row(i)[d];
    }
    for (size_t i = 0; i < count(); ++i) {
      const absl::Span<float> row = rows_.Row(i);
      for (size_t d = 0; d < rows_.width; ++d) {
        row[d] -= static_cast<float>(mean[d] / static_cast<double>(count()));
      }
      norms_.push_back(SquaredNorm(row));
    }
    const double variances = std::accumulate(norms_.begin(), norms_.end(), 0.0) /
                             static_cast<double>(count() * rows_.width);
    least_shift_ = options.tolerance * variances;
  }

  size_t count() const { return rows_.count(); }

  absl::StatusOr<Clusters> Run(std::mt19937_64& random) const {
    VECNEST_ASSIGN_OR_RETURN(VectorMatrix centers, Seeds(random));
    Assignment now;
    for (size_t iteration = 0; iteration < options_.max_iterations; ++iteration) {
      VECNEST_RETURN_IF_ERROR(limits_.Check());
      std::vector<uint32_t> before = std::move(now.clusters);
      VECNEST_ASSIGN_OR_RETURN(now, Assign(centers));
      if (now.clusters == before) break;
      VectorMatrix moved = MeansOf(now);
      double shift = 0;
      for (size_t c = 0; c < moved.count(); ++c) {
        shift += SquaredDistance(moved.Row(c), centers.Row(c));
      }
      centers = std::move(moved);
      if (shift > least_shift_) continue;
      VECNEST_ASSIGN_OR_RETURN(now, Assign(centers));
      break;
    }
    return Clusters{now.clusters, Inertia(now.clusters)};
  }

 private:
  struct Assignment {
    std::vector<uint32_t> clusters;
    std::vector<double> distances;  // squared, to the center
  };
  // Receives the squared distances of one row to all centers.
  using RowSink = absl::FunctionRef<void(size_t row, absl::Span<const double> distances)>;

  absl::Status Distances(const VectorMatrix& centers, RowSink sink) const {
    const size_t width = rows_.width;
    std::vector<double> center_norms;
    for (size_t c = 0; c < centers.count(); ++c)
      center_norms.push_back(SquaredNorm(centers.Row(c)));
    return workers_.Run(kPieces, [&](size_t piece) -> absl::Status {
      const Range range = PieceOf(piece, count());
      std::vector<float> products(kBlockRows * centers.count());
      std::vector<double> distances(centers.count());
      for (size_t first = range.first; first < range.end; first += kBlockRows) {
        const size_t rows = std::min(kBlockRows, range.end - first);
        VECNEST_RETURN_IF_ERROR(embedder::Multiply(
            {rows_.Row(first).data(), width}, {centers.values.data(), width, /*transposed=*/true},
            {rows, width, centers.count()}, products.data(), centers.count()));
        for (size_t i = 0; i < rows; ++i) {
          for (size_t c = 0; c < centers.count(); ++c) {
            const double product = products[i * centers.count() + c];
            distances[c] = std::max(norms_[first + i] + center_norms[c] - 2 * product, 0.0);
          }
          sink(first + i, distances);
        }
      }
      return absl::OkStatus();
    });
  }

  absl::StatusOr<Assignment> Assign(const VectorMatrix& centers) const {
    Assignment assignment = {std::vector<uint32_t>(count()), std::vector<double>(count())};
    VECNEST_RETURN_IF_ERROR(Distances(centers, [&](size_t row, absl::Span<const double> distances) {
      const auto least = std::min_element(distances.begin(), distances.end());
      assignment.clusters[row] = static_cast<uint32_t>(least - distances.begin());
      assignment.distances[row] = *least;
    }));
    return assignment;
  }

  // Clusters without members take the rows that are farthest from their centers.
  void FillEmptyClusters(Assignment& assignment) const {
    std::vector<size_t> members(options_.clusters);
    for (const uint32_t cluster : assignment.clusters) ++members[cluster];
    for (size_t c = 0; c < members.size(); ++c) {
      if (members[c] > 0) continue;
      // There is one: a cluster without members leaves two for another.
      size_t farthest = count();
      for (size_t i = 0; i < count(); ++i) {
        if (members[assignment.clusters[i]] == 1) continue;
        if (farthest == count() || assignment.distances[i] > assignment.distances[farthest]) {
          farthest = i;
        }
      }
      --members[assignment.clusters[farthest]];
      ++members[c];
      assignment.clusters[farthest] = static_cast<uint32_t>(c);
      assignment.distances[farthest] = 0;
    }
  }

  VectorMatrix MeansOf(Assignment& assignment) const {
    FillEmptyClusters(assignment);
    return Means(assignment.clusters);
  }

  VectorMatrix Means(absl::Span<const uint32_t> clusters) const {
    const size_t width = rows_.width;
    std::vector<double> sums(options_.clusters * width);
    std::vector<double> members(options_.clusters);
    for (size_t i = 0; i < count(); ++i) {
      double* sum = sums.data() + clusters[i] * width;
      const absl::Span<const float> row = rows_.Row(i);
      for (size_t d = 0; d < width; ++d) sum[d] += row[d];
      ++members[clusters[i]];
    }
    VectorMatrix means = {width, std::vector<float>(sums.size())};
    for (size_t c = 0; c < options_.clusters; ++c) {
      if (members[c] == 0) continue;
      const absl::Span<float> mean = means.Row(c);
      for (size_t d = 0; d < width; ++d) {
        mean[d] = static_cast<float>(sums[c * width + d] / members[c]);
      }
    }
    return means;
  }

  double Inertia(absl::Span<const uint32_t> clusters) const {
    const VectorMatrix means = Means(clusters);
    double inertia = 0;
    for (size_t i = 0; i < count(); ++i) {
      inertia += SquaredDistance(rows_.Row(i), means.Row(clusters[i]));
    }
    return inertia;
  }

  // Rows drawn with chances as their squared distances to the seeds so far; of some that are drawn
  // the one that leaves the least sum of distances.
  absl::StatusOr<VectorMatrix> Seeds(std::mt19937_64& random) const {
    const size_t trials = 2 + static_cast<size_t>(std::log(static_cast<double>(options_.clusters)));
    const size_t width = rows_.width;
    VectorMatrix seeds = {width, {}};
    std::vector<double> nearest(count(), std::numeric_limits<double>::infinity());
    std::vector<uint32_t> drawn = {
        std::uniform_int_distribution<uint32_t>(0, static_cast<uint32_t>(count() - 1))(random)};
    while (true) {
      VECNEST_RETURN_IF_ERROR(limits_.Check());
      VectorMatrix candidates = {width, {}};
      for (const uint32_t row : drawn) {
        candidates.values.insert(candidates.values.end(), rows_.Row(row).begin(),
                                 rows_.Row(row).end());
      }
      std::vector<std::vector<double>> left(drawn.size(), std::vector<double>(count()));
      VECNEST_RETURN_IF_ERROR(
          Distances(candidates, [&](size_t row, absl::Span<const double> distances) {
            for (size_t t = 0; t < distances.size(); ++t) {
              left[t][row] = std::min(nearest[row], distances[t]);
            }
          }));
      size_t best = 0;
      double least = std::numeric_limits<double>::infinity();
      for (size_t t = 0; t < left.size(); ++t) {
        const double sum = std::accumulate(left[t].begin(), left[t].end(), 0.0);
        if (sum < least) std::tie(least, best) = std::make_pair(sum, t);
      }
      nearest = std::move(left[best]);
      const absl::Span<const float> chosen = std::as_const(candidates).Row(best);
      seeds.values.insert(seeds.values.end(), chosen.begin(), chosen.end());
      if (seeds.count() == options_.clusters) return seeds;
      drawn = Draw(nearest, trials, random);
    }
  }

  static std::vector<uint32_t> Draw(const std::vector<double>& weights, size_t draws,
                                    std::mt19937_64& random) {
    std::vector<double> sums(weights.size());
    std::partial_sum(weights.begin(), weights.end(), sums.begin());
    std::uniform_real_distribution<double> uniform(0, sums.back());
    std::vector<uint32_t> drawn;
    for (size_t i = 0; i < draws; ++i) {
      const auto found = std::upper_bound(sums.begin(), sums.end() - 1, uniform(random));
      drawn.push_back(static_cast<uint32_t>(found - sums.begin()));
    }
    return drawn;
  }

  VectorMatrix rows_;
  const KMeansOptions& options_;
  const CallLimits& limits_;
  const embedder::Workers workers_;
  std::vector<double> norms_;  // squared
  double least_shift_ = 0;
};

}  // namespace

absl::StatusOr<Clusters> KMeans(const VectorMatrix& vectors, const KMeansOptions& options,
                                const CallLimits& limits) {
  if (options.clusters < 1 || vectors.count() < options.clusters) {
    return absl::InvalidArgumentError(
        fmt::format("k-means: {} clusters of {} vectors; at least one "
                    "vector per cluster is needed",
                    options.clusters, vectors.count()));
  }
  const Problem problem(vectors, options, limits);
  std::mt19937_64 random(options.seed);
  Clusters best;
  for (size_t run = 0; run < std::max<size_t>(options.runs, 1); ++run) {
    VECNEST_ASSIGN_OR_RETURN(Clusters clusters, problem.Run(random));
    if (run == 0 || clusters.inertia < best.inertia) best = std::move(clusters);
  }
  return best;
}

}  // namespace vecnest::engine::evaluation
