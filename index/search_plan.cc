#include "index/search_plan.h"

#include <algorithm>
#include <cmath>

namespace vecnest::index {
namespace {

// Per row that it expands, a walk computes about 12 distances (10 to 13 on 20,000 vectors of 384
// dimensions, ef 32 to 128), and one of them, lists and cache misses included, takes as long as
// three in a scan. Filtered walks take as long for each of their ef.
constexpr size_t kScannedPerStep = 36;

// Where fewer match, walks lead nowhere.
constexpr size_t kRowsPerMatch = 50;

// One bit a dimension puts the nearest in an order so coarse that so many times as many rows have
// to be looked at.
constexpr size_t kSpareOfBits = 5;

// What recall is measured at (calibration.h).
constexpr size_t kCalibratedTop = 10;

double Narrowing(size_t dimensions, size_t width) {
  return std::sqrt(static_cast<double>(width) / static_cast<double>(dimensions));
}

bool SharesOrder(Metric metric) { return metric != Metric::kManhattan; }

}  // namespace

bool GraphServes(Metric graph_metric, Metric metric, bool unit_norm) {
  return graph_metric == metric || (unit_norm && SharesOrder(graph_metric) && SharesOrder(metric));
}

size_t DefaultEf(size_t k, size_t rows, size_t dimensions, size_t width, int code_bits) {
  // 48 at 16,000 rows, 72 at a million.
  const double doublings = std::log2(static_cast<double>(std::max<size_t>(rows, 4096)) / 4096);
  const auto base = static_cast<size_t>(40 + 4 * doublings);
  const size_t ef = EfForRecall(base, std::max(k, kCalibratedTop), dimensions, width);
  return code_bits == 1 ? std::max(ef, DefaultRescored(k, dimensions, width, code_bits, 0)) : ef;
}

size_t EfForRecall(size_t ef, size_t wanted, size_t dimensions, size_t width) {
  const auto scaled =
      static_cast<size_t>(static_cast<double>(ef) * std::min(Narrowing(dimensions, width), 4.0));
  return wanted <= kCalibratedTop ? std::max(scaled, wanted)
                                  : std::max(scaled, wanted + scaled / 2);
}

size_t EfBeside(size_t ef, size_t rows, size_t searched) {
  const double share =
      static_cast<double>(rows) / static_cast<double>(std::max<size_t>(searched, 1));
  return static_cast<size_t>(std::ceil(static_cast<double>(ef) * (1 + std::min(share, 1.0)) / 2));
}

size_t DefaultRescored(size_t wanted, size_t dimensions, size_t width, int code_bits, size_t ef) {
  size_t spare = std::max<size_t>(8, wanted / 2);
  if (code_bits == 1) spare = std::max(kSpareOfBits * spare, ef / 2);
  return wanted + static_cast<size_t>(static_cast<double>(spare) *
                                      std::min(Narrowing(dimensions, width), 8.0));
}

size_t FilteredEf(size_t ef, size_t matches, size_t rows) {
  const double share =
      static_cast<double>(std::max<size_t>(matches, 1)) / static_cast<double>(rows);
  return static_cast<size_t>(static_cast<double>(ef) * std::min(1 + 0.1 * (1 / share - 1), 2.0));
}

size_t EfPastDeleted(size_t ef, size_t live, size_t rows) {
  constexpr double kDeviations = 2;
  const double share =
      static_cast<double>(std::max<size_t>(live, 1)) / static_cast<double>(std::max(live, rows));
  const double deviation = std::sqrt(static_cast<double>(ef) * (1 - share));
  return static_cast<size_t>(
      std::ceil((static_cast<double>(ef) + kDeviations * deviation) / share));
}

bool ScanIsBetter(size_t matches, size_t rows, size_t ef) {
  return matches <= kScannedPerStep * ef || matches < rows / kRowsPerMatch;
}

}  // namespace vecnest::index
