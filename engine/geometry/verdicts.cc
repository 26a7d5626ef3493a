#include "engine/geometry/verdicts.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "fmt/format.h"

namespace vecnest::engine {
namespace {

// Real models keep 0.15 (e5) to 0.97 (MiniLM) of the mean square length for telling texts apart,
// and a third to two thirds of their dimensions; what is collapsed has hundredths of either.
constexpr double kCollapsedVariance = 0.02;
constexpr double kLittleVariance = 0.08;
constexpr double kCollapsedRank = 0.02;
constexpr double kLowRank = 0.1;
// Lengths that differ by less do not change an order that anybody would notice.
constexpr double kSameLength = 0.01;
constexpr double kManyZeros = 0.01;
constexpr double kSafeInt8 = 0.95;
constexpr double kUsableInt8 = 0.8;
constexpr double kGoodPrefix = 0.8;
constexpr double kManyDuplicates = 0.05;

constexpr double kPercent = 100;

double ShareOf(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

Verdict JudgeCollapse(const GeometryReport& report) {
  Verdict verdict{"collapse", VerdictLevel::kOk, {}, {}};
  const double room = std::min<double>(report.dimensions, static_cast<double>(report.samples) - 1);
  const double rank = report.effective_rank / std::max(room, 1.0);
  verdict.finding = fmt::format(
      "{:.0f} % of the vectors' length tells them apart, along {:.0f} of {} directions; random "
      "pairs "
      "have a cosine of {:.2f} (sd {:.2f})",
      kPercent * report.variance_share, report.effective_rank, report.dimensions,
      report.random_pairs.mean, report.random_pairs.deviation);
  if (report.variance_share < kCollapsedVariance || rank < kCollapsedRank) {
    verdict.level = VerdictLevel::kFail;
    verdict.advice =
        "the vectors are nearly all the same, or lie along a few directions: look for a training "
        "that collapsed, a wrong layer or pooling, or texts that are all alike";
  } else if (report.variance_share < kLittleVariance || rank < kLowRank) {
    verdict.level = VerdictLevel::kWarn;
    verdict.advice =
        "scores lie close together: compare them with each other, not with a fixed threshold, and "
        "see whether the texts are all of one kind";
  }
  return verdict;
}

Verdict JudgeMetric(const GeometryReport& report, const GeometryContext& context) {
  Verdict verdict{"metric", VerdictLevel::kOk, {}, {}};
  const std::string metric(MetricName(context.metric));
  if (context.metric == Metric::kManhattan) {
    verdict.level = VerdictLevel::kWarn;
    verdict.finding = "Manhattan distances; hardly any model is trained for them";
    verdict.advice = "choose Cosine, unless you know that your vectors want this";
    return verdict;
  }
  if (context.metric == Metric::kCosine || context.unit_norm) {
    verdict.finding =
        context.unit_norm
            ? metric + " over vectors of unit length: Cosine, Dot and Euclid give one order"
            : metric + ": lengths do not count";
    return verdict;
  }
  verdict.finding = fmt::format(
      "{} over vectors of different lengths ({:.3g} to {:.3g}): {}", metric, report.norms.least,
      report.norms.most,
      context.metric == Metric::kDot ? "longer ones win" : "lengths are part of distances");
  if (context.model && context.model->normalized) {
    verdict.level = VerdictLevel::kFail;
    verdict.finding += fmt::format("; model '{}' gives unit length", context.model->name);
    verdict.advice = "PATCH the collection to Cosine";
  } else if (report.norms.deviation > kSameLength * report.norms.mean) {
    verdict.level = VerdictLevel::kWarn;
    verdict.advice = "choose Cosine unless the model was trained for lengths to count";
  }
  return verdict;
}

Verdict JudgeNormalization(const GeometryReport& report, const GeometryContext& context) {
  Verdict verdict{"normalization", VerdictLevel::kOk, {}, {}};
  verdict.finding = fmt::format("lengths {:.3g} to {:.3g}, mean {:.3g}", report.norms.least,
                                report.norms.most, report.norms.mean);
  const double zeros = ShareOf(report.zero_vectors + report.constant_vectors, report.samples);
  if (report.zero_vectors + report.constant_vectors > 0) {
    verdict.level = zeros > kManyZeros ? VerdictLevel::kFail : VerdictLevel::kWarn;
    verdict.finding += fmt::format("; {} of {} are zero and {} constant", report.zero_vectors,
                                   report.samples, report.constant_vectors);
    verdict.advice = "these find nothing and are found by chance: embed their texts again";
    return verdict;
  }
  if (context.unit_norm) return verdict;
  const bool even = report.norms.deviation <= kSameLength * report.norms.mean;
  if (context.model && context.model->normalized) {
    verdict.level = VerdictLevel::kWarn;
    verdict.finding += fmt::format("; model '{}' gives unit length", context.model->name);
    verdict.advice =
        "they were cut or changed after the model: scale them to unit length, or use Cosine alone";
  } else if (!even && context.metric != Metric::kCosine) {
    verdict.level = VerdictLevel::kWarn;
    verdict.advice = "scale vectors to unit length before they are stored, or use Cosine";
  }
  return verdict;
}

Verdict JudgePrompt(const GeometryReport& report, const GeometryContext& context) {
  Verdict verdict{"prefix", VerdictLevel::kOk, {}, {}};
  if (!report.prompt && context.model && context.model->document_prefix.empty()) {
    verdict.finding = fmt::format("model '{}' puts nothing before documents", context.model->name);
    return verdict;
  }
  if (!report.prompt) {
    verdict.level = VerdictLevel::kSkip;
    verdict.finding =
        context.model
            ? "not checked: points have no texts that could be read again"
            : "not checked: no loaded model with a prefix for documents can have made the vectors, "
              "or points have no texts";
    verdict.advice = "name the model that made the vectors, and the field that has their texts";
    return verdict;
  }
  const auto& [model, prefix, texts, with, without, otherwise] = *report.prompt;
  verdict.finding = fmt::format(
      "of {} texts read again by '{}', {} have the vector with its prefix '{}', {} the one "
      "without, {} neither",
      texts, model, with, prefix, without, otherwise);
  if (without > 0) {
    verdict.level = VerdictLevel::kFail;
    verdict.advice = "embed the texts again with the prefix; the model was trained with it";
  } else if (otherwise > 0) {
    verdict.level = VerdictLevel::kWarn;
    verdict.advice = "these vectors are another model's, or the text is not what was embedded";
  }
  return verdict;
}

Verdict JudgeInt8(const GeometryReport& report) {
  Verdict verdict{"int8", VerdictLevel::kOk, {}, {}};
  verdict.finding = fmt::format("8-bit codes alone find {:.1f} % of the ten nearest",
                                kPercent * report.int8_recall);
  if (report.int8_recall < kSafeInt8) {
    verdict.level = report.int8_recall < kUsableInt8 ? VerdictLevel::kFail : VerdictLevel::kWarn;
    verdict.advice =
        "a few dimensions are far larger than the others, or neighbours very close: search with "
        "quantization.ignore, or a larger oversampling";
  }
  return verdict;
}

Verdict JudgeDimensions(const GeometryReport& report, const GeometryContext& context) {
  Verdict verdict{"dimensions", VerdictLevel::kOk, {}, {}};
  const GeometryReport::Prefix* half = nullptr;
  const GeometryReport::Prefix* good = nullptr;
  for (const GeometryReport::Prefix& prefix : report.prefixes) {
    if (2 * prefix.dimensions <= report.dimensions || half == nullptr) half = &prefix;
    if (good == nullptr && prefix.recall >= kGoodPrefix) good = &prefix;
  }
  if (half == nullptr) {
    verdict.level = VerdictLevel::kSkip;
    verdict.finding = "not checked: too few dimensions for prefixes";
    return verdict;
  }
  verdict.finding = fmt::format("the first {} of {} dimensions find {:.0f} % of the ten nearest",
                                half->dimensions, report.dimensions, kPercent * half->recall);
  if (half->recall >= kGoodPrefix) return verdict;
  verdict.level = VerdictLevel::kWarn;
  verdict.advice = good == nullptr
                       ? "search at the full width"
                       : fmt::format("search at {} dimensions or more", good->dimensions);
  verdict.advice += context.adapted
                        ? "; the vectors may have changed since they were adapted: adapt again"
                        : "; vecnest adapt makes prefixes tell more";
  return verdict;
}

Verdict JudgeDuplicates(const GeometryReport& report) {
  Verdict verdict{"duplicates", VerdictLevel::kOk, {}, {}};
  const double share = ShareOf(report.near_duplicates, report.samples);
  verdict.finding = fmt::format("{} of {} vectors have another that is nearly the same",
                                report.near_duplicates, report.samples);
  if (share > kManyDuplicates) {
    verdict.level = VerdictLevel::kWarn;
    verdict.advice = "answers are full of repetitions: remove texts that come several times";
  }
  return verdict;
}

}  // namespace

std::vector<Verdict> JudgeGeometry(const GeometryReport& report, const GeometryContext& context) {
  return {JudgeCollapse(report),
          JudgeMetric(report, context),
          JudgeNormalization(report, context),
          JudgePrompt(report, context),
          JudgeInt8(report),
          JudgeDimensions(report, context),
          JudgeDuplicates(report)};
}

}  // namespace vecnest::engine
