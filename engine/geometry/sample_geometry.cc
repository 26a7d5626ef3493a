#include "engine/geometry/sample_geometry.h"

#include <Eigen/Core>
#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>
#include <random>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "embedder/adaptor_training.h"
#include "embedder/status_macros.h"
#include "engine/evaluation/exact_search.h"

namespace vecnest::engine {
namespace {

using evaluation::VectorMatrix;

constexpr size_t kTop = 10;
constexpr size_t kRandomPairs = 100'000;
constexpr size_t kPrefixQueries = 500;
// Of which the covariance is summed up at a time.
constexpr Eigen::Index kRowsPerBlock = 256;
constexpr double kNearDuplicate = 0.999;
constexpr double kOneOfAHundred = 0.01;

using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

Eigen::Map<const RowMajor> MapOf(const VectorMatrix& rows) {
  return {rows.values.data(), static_cast<Eigen::Index>(rows.count()),
          static_cast<Eigen::Index>(rows.width)};
}

// Tells how much is done, in multiplications. Thread-safe.
class Meter {
 public:
  Meter(const VectorMatrix& sample, size_t queries, const std::function<void(double)>& progress)
      : progress_(progress) {
    const auto count = static_cast<double>(sample.count());
    const auto width = static_cast<double>(sample.width);
    double widths = 2 * width;  // the ten nearest at full width, and by codes
    for (const size_t prefix : embedder::DefaultWidths(sample.width)) {
      widths += static_cast<double>(prefix);
    }
    total_ = SpectrumWork(sample) + count * count * width +
             static_cast<double>(queries) * count * widths;
  }
  // Of the covariance and its eigenvalues.
  static double SpectrumWork(const VectorMatrix& sample) {
    const auto width = static_cast<double>(sample.width);
    return width * width * (static_cast<double>(sample.count()) + width);
  }

  void Add(double work) {
    if (!progress_) return;
    const absl::MutexLock lock(&mutex_);
    done_ += work;
    // Thousands of calls would tell nothing more.
    if (done_ < told_ + kStep * total_ && done_ < total_) return;
    told_ = done_;
    progress_(std::min(1.0, done_ / total_));
  }

 private:
  static constexpr double kStep = 0.01;
  const std::function<void(double)>& progress_;
  double total_ = 0;
  absl::Mutex mutex_;
  double done_ ABSL_GUARDED_BY(mutex_) = 0;
  double told_ ABSL_GUARDED_BY(mutex_) = 0;
};

void MeasureLengths(const VectorMatrix& sample, GeometryReport* report) {
  const auto rows = MapOf(sample);
  const Eigen::ArrayXd lengths = rows.cast<double>().rowwise().norm();
  report->norms.least = lengths.minCoeff();
  report->norms.most = lengths.maxCoeff();
  report->norms.mean = lengths.mean();
  report->norms.deviation = std::sqrt((lengths - report->norms.mean).square().mean());
  for (size_t i = 0; i < sample.count(); ++i) {
    const absl::Span<const float> row = sample.Row(i);
    const bool constant =
        std::all_of(row.begin(), row.end(), [&](float value) { return value == row[0]; });
    if (!constant) continue;
    ++(row[0] == 0 ? report->zero_vectors : report->constant_vectors);
  }
  const Eigen::RowVectorXf least = rows.colwise().minCoeff();
  const Eigen::RowVectorXf most = rows.colwise().maxCoeff();
  report->constant_dimensions = static_cast<int>((least.array() == most.array()).count());
}

// Of rows of unit length.
void MeasureRandomPairs(const VectorMatrix& units, uint64_t seed, GeometryReport* report) {
  std::mt19937_64 random(seed);
  std::vector<double> cosines;
  cosines.reserve(kRandomPairs);
  const auto rows = MapOf(units);
  const size_t count = units.count();
  while (cosines.size() < kRandomPairs) {
    const size_t a = random() % count;
    const size_t b = random() % count;
    if (a == b) continue;
    cosines.push_back(
        rows.row(static_cast<Eigen::Index>(a)).dot(rows.row(static_cast<Eigen::Index>(b))));
  }
  const double sum = std::accumulate(cosines.begin(), cosines.end(), 0.0);
  const double mean = sum / kRandomPairs;
  double squares = 0;
  for (const double cosine : cosines) squares += (cosine - mean) * (cosine - mean);
  std::sort(cosines.begin(), cosines.end());
  report->random_pairs.mean = mean;
  report->random_pairs.deviation = std::sqrt(squares / kRandomPairs);
  report->random_pairs.low = cosines[static_cast<size_t>(kOneOfAHundred * kRandomPairs)];
  report->random_pairs.high = cosines[static_cast<size_t>((1 - kOneOfAHundred) * kRandomPairs)];
}

int AxesFor(const std::vector<double>& spectrum, double share) {
  double sum = 0;
  int axes = 0;
  for (const double part : spectrum) {
    if (sum >= share) break;
    sum += part;
    ++axes;
  }
  return axes;
}

absl::Status MeasureSpectrum(const VectorMatrix& sample, const CallLimits& limits,
                             GeometryReport* report) {
  const auto rows = MapOf(sample);
  const Eigen::RowVectorXd mean = rows.cast<double>().colwise().mean();
  Eigen::MatrixXd covariance = Eigen::MatrixXd::Zero(mean.size(), mean.size());
  for (Eigen::Index first = 0; first < rows.rows(); first += kRowsPerBlock) {
    VECNEST_RETURN_IF_ERROR(limits.Check());
    const Eigen::Index count = std::min(kRowsPerBlock, rows.rows() - first);
    const Eigen::MatrixXd centered = rows.middleRows(first, count).cast<double>().rowwise() - mean;
    covariance.selfadjointView<Eigen::Lower>().rankUpdate(centered.transpose());
  }
  covariance /= static_cast<double>(sample.count() - 1);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> solver(covariance, Eigen::EigenvaluesOnly);
  if (solver.info() != Eigen::Success) {
    return absl::InternalError("the eigenvalues of the vectors' covariance were not found");
  }
  std::vector<double> eigenvalues(solver.eigenvalues().begin(), solver.eigenvalues().end());
  for (double& value : eigenvalues) value = std::max(value, 0.0);  // rounding
  std::sort(eigenvalues.begin(), eigenvalues.end(), std::greater<>());
  const double variance = std::accumulate(eigenvalues.begin(), eigenvalues.end(), 0.0);
  const auto count = static_cast<double>(sample.count());
  const double energy = covariance.trace() * (count - 1) / count;
  const double whole = energy + mean.squaredNorm();
  report->variance_share = whole > 0 ? energy / whole : 0;
  report->isotropy = IsoScore(eigenvalues);
  report->effective_rank = EffectiveRank(eigenvalues);
  for (const double value : eigenvalues) {
    report->spectrum.push_back(variance > 0 ? value / variance : 0);
  }
  report->axes_for_half = AxesFor(report->spectrum, 0.5);
  report->axes_for_90 = AxesFor(report->spectrum, 0.9);
  report->axes_for_99 = AxesFor(report->spectrum, 0.99);
  return absl::OkStatus();
}

// For each of the first `queries` rows of `asked`: its nearest others among `rows`, sorted.
absl::StatusOr<std::vector<std::vector<uint32_t>>> NearestOthers(
    const VectorMatrix& asked, size_t queries, const VectorMatrix& rows, Metric metric,
    const CallLimits& limits, Meter& meter) {
  const VectorMatrix first = {
      asked.width,
      {asked.values.begin(), asked.values.begin() + static_cast<ptrdiff_t>(queries * asked.width)}};
  evaluation::ExactSearch search;
  search.metric = metric;
  search.limit = kTop + 1;
  std::vector<std::vector<uint32_t>> nearest(queries);
  const auto work = static_cast<double>(rows.values.size());
  VECNEST_RETURN_IF_ERROR(evaluation::SearchExactly(
      first, rows, search, limits, [&](size_t query, absl::Span<const uint32_t> found) {
        for (const uint32_t row : found) {
          if (row != query && nearest[query].size() < kTop) nearest[query].push_back(row);
        }
        meter.Add(work);
      }));
  return nearest;
}

double RecallOf(std::vector<std::vector<uint32_t>> found,
                const std::vector<std::vector<uint32_t>>& wanted) {
  size_t hits = 0;
  size_t all = 0;
  for (size_t i = 0; i < found.size(); ++i) {
    for (const uint32_t row : found[i]) {
      hits += static_cast<size_t>(std::count(wanted[i].begin(), wanted[i].end(), row));
    }
    all += wanted[i].size();
  }
  return all == 0 ? 1 : static_cast<double>(hits) / static_cast<double>(all);
}

void MeasureHubness(const VectorMatrix& units, const std::vector<std::vector<uint32_t>>& nearest,
                    GeometryReport* report) {
  std::vector<uint64_t> counts(nearest.size());
  const auto rows = MapOf(units);
  for (size_t i = 0; i < nearest.size(); ++i) {
    for (const uint32_t row : nearest[i]) ++counts[row];
    const double cosine = nearest[i].empty()
                              ? 0
                              : rows.row(static_cast<Eigen::Index>(i)).dot(rows.row(nearest[i][0]));
    if (cosine >= kNearDuplicate) ++report->near_duplicates;
  }
  const auto total = static_cast<double>(counts.size());
  const double mean = std::accumulate(counts.begin(), counts.end(), 0.0) / total;
  double squares = 0;
  double cubes = 0;
  for (const uint64_t count : counts) {
    const double difference = static_cast<double>(count) - mean;
    squares += difference * difference;
    cubes += difference * difference * difference;
  }
  const double deviation = std::sqrt(squares / total);
  report->hubness.skewness = deviation > 0 ? cubes / total / std::pow(deviation, 3) : 0;
  report->hubness.most = *std::max_element(counts.begin(), counts.end());
  report->hubness.never =
      static_cast<double>(std::count(counts.begin(), counts.end(), uint64_t{0})) / total;
}

// What prefixes are taken of.
absl::StatusOr<VectorMatrix> Adapted(const VectorMatrix& sample, const SampleSettings& settings) {
  if (settings.adaptor == nullptr) return sample;
  VectorMatrix rotated = {sample.width, std::vector<float>(sample.values.size())};
  VECNEST_RETURN_IF_ERROR(settings.adaptor->Rotate(sample.values, absl::MakeSpan(rotated.values)));
  return rotated;
}

absl::Status MeasurePrefixes(const VectorMatrix& sample, const SampleSettings& settings,
                             const std::vector<std::vector<uint32_t>>& nearest,
                             const CallLimits& limits, Meter& meter, GeometryReport* report) {
  VECNEST_ASSIGN_OR_RETURN(VectorMatrix rows, Adapted(sample, settings));
  const auto values = MapOf(rows).cast<double>();
  const Eigen::RowVectorXd mean = values.colwise().mean();
  const Eigen::RowVectorXd variances =
      (values.rowwise() - mean).array().square().colwise().mean().matrix();
  const double variance = variances.sum();
  if (settings.adaptor != nullptr && settings.renormalize) {
    const std::vector<float>& scales = settings.adaptor->parameters().scales;
    for (size_t i = 0; i < rows.count(); ++i) {
      for (size_t j = 0; j < rows.width; ++j) rows.Row(i)[j] *= scales[j];
    }
  }
  for (const size_t width : embedder::DefaultWidths(sample.width)) {
    VECNEST_RETURN_IF_ERROR(limits.Check());
    const VectorMatrix cut = evaluation::CutTo(rows, width, settings.renormalize);
    VECNEST_ASSIGN_OR_RETURN(
        auto found, NearestOthers(cut, nearest.size(), cut, settings.metric, limits, meter));
    GeometryReport::Prefix prefix;
    prefix.dimensions = static_cast<int>(width);
    prefix.variance =
        variance > 0 ? variances.head(static_cast<Eigen::Index>(width)).sum() / variance : 0;
    prefix.recall = RecallOf(std::move(found), nearest);
    report->prefixes.push_back(prefix);
  }
  return absl::OkStatus();
}

absl::Status MeasureCodes(const VectorMatrix& sample, Metric metric,
                          const std::vector<std::vector<uint32_t>>& nearest,
                          const CallLimits& limits, Meter& meter, GeometryReport* report) {
  VectorMatrix coded = sample;
  VECNEST_RETURN_IF_ERROR(evaluation::StoreAs(VectorCodes::kInt8, metric == Metric::kCosine,
                                              /*principal_axes=*/false, coded));
  VECNEST_ASSIGN_OR_RETURN(auto found,
                           NearestOthers(sample, nearest.size(), coded, metric, limits, meter));
  report->int8_recall = RecallOf(std::move(found), nearest);
  return absl::OkStatus();
}

}  // namespace

double IsoScore(const std::vector<double>& eigenvalues) {
  const auto n = static_cast<double>(eigenvalues.size());
  double squares = 0;
  for (const double value : eigenvalues) squares += value * value;
  if (n < 2 || squares == 0) return 0;
  double defect = 0;
  for (const double value : eigenvalues) {
    const double difference = value * std::sqrt(n / squares) - 1;
    defect += difference * difference;
  }
  defect /= 2 * (n - std::sqrt(n));
  const double kept = n - defect * (n - std::sqrt(n));
  return (kept * kept - n) / (n * (n - 1));
}

double EffectiveRank(const std::vector<double>& eigenvalues) {
  const double sum = std::accumulate(eigenvalues.begin(), eigenvalues.end(), 0.0);
  double entropy = 0;
  for (const double value : eigenvalues) {
    if (value > 0) entropy -= value / sum * std::log(value / sum);
  }
  return sum > 0 ? std::exp(entropy) : 0;
}

absl::Status MeasureSample(const VectorMatrix& sample, const SampleSettings& settings,
                           const CallLimits& limits, GeometryReport* report) {
  report->samples = sample.count();
  report->dimensions = static_cast<int>(sample.width);
  const size_t queries = std::min(kPrefixQueries, sample.count());
  Meter meter(sample, queries, settings.progress);
  const VectorMatrix units = evaluation::Normalized(sample);
  MeasureLengths(sample, report);
  MeasureRandomPairs(units, settings.seed, report);
  VECNEST_RETURN_IF_ERROR(limits.Check());
  VECNEST_RETURN_IF_ERROR(MeasureSpectrum(sample, limits, report));
  meter.Add(Meter::SpectrumWork(sample));
  VECNEST_ASSIGN_OR_RETURN(
      auto nearest, NearestOthers(units, units.count(), units, Metric::kCosine, limits, meter));
  MeasureHubness(units, nearest, report);
  VECNEST_ASSIGN_OR_RETURN(nearest,
                           NearestOthers(sample, queries, sample, settings.metric, limits, meter));
  VECNEST_RETURN_IF_ERROR(MeasurePrefixes(sample, settings, nearest, limits, meter, report));
  return MeasureCodes(sample, settings.metric, nearest, limits, meter, report);
}

}  // namespace vecnest::engine
