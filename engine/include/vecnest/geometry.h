// The geometry of a collection's vectors: how they lie in their space, and what that means for
// searches.
#ifndef VECNEST_GEOMETRY_H_
#define VECNEST_GEOMETRY_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vecnest {

struct GeometryRequest {
  std::string vector_name = {};
  // How many of the stored vectors are looked at, or all when there are fewer. Time grows with the
  // square of it.
  static constexpr size_t kFewestSamples = 100;
  static constexpr size_t kMostSamples = 20'000;
  size_t samples = 5000;
  uint64_t seed = 1;  // of which these are
  // Where in the payload the text of a point is: tells whether the model's prefix was used.
  std::string field = "text";
  // Called now and then with the share that is done, 0 to 1, from one of the threads that measure
  // at a time. To end the call, ask CallLimits::stop to stop.
  std::function<void(double share)> progress = {};
};

enum class VerdictLevel {
  kOk,
  kWarn,  // searches work, and could work better
  kFail,  // searches can't be trusted
  kSkip,  // not checked: the finding says what it takes
};
// "ok", "warn", "fail", "skip".
std::string_view VerdictLevelName(VerdictLevel level);

struct Verdict {
  // "collapse", "metric", "normalization", "prefix", "int8", "dimensions", "duplicates".
  std::string check;
  VerdictLevel level = VerdictLevel::kOk;
  std::string finding;
  std::string advice = {};  // what to do; empty: nothing
};

struct GeometryReport {
  uint64_t vectors = 0;  // of the collection
  uint64_t samples = 0;  // that were looked at
  int dimensions = 0;

  struct Norms {
    double least = 0;
    double mean = 0;
    double deviation = 0;  // standard
    double most = 0;
  };
  Norms norms;
  uint64_t zero_vectors = 0;
  uint64_t constant_vectors = 0;  // all numbers of one are the same, and not zero
  int constant_dimensions = 0;    // in which all vectors have the same number

  // Cosines of two vectors drawn at random. Their mean is what Ethayarajh (2019) calls anisotropy.
  struct Cosines {
    double mean = 0;
    double deviation = 0;
    double low = 0;   // one of a hundred is smaller
    double high = 0;  // one of a hundred is larger
  };
  Cosines random_pairs;

  // How evenly the vectors spread over the directions of the space: IsoScore (Rudman et al. 2022),
  // 0: along one, 1: along all alike.
  double isotropy = 0;
  // How many directions that amounts to: the exponential of the entropy of the shares of variance
  // (Roy & Vetterli 2007).
  double effective_rank = 0;
  // Share of the mean square length that is not the mean vector's: what tells vectors apart.
  double variance_share = 0;
  std::vector<double> spectrum;  // share of variance along each principal axis, largest first
  int axes_for_half = 0;         // principal axes that hold half of the variance
  int axes_for_90 = 0;           // 90 %
  int axes_for_99 = 0;           // 99 %

  // How often vectors are among the ten nearest of others (Radovanović et al. 2010).
  struct Hubness {
    double skewness = 0;  // of these counts; 0: even
    uint64_t most = 0;    // the largest
    double never = 0;     // share of vectors that are nobody's near neighbour
  };
  Hubness hubness;

  // Sampled vectors whose nearest other has a cosine of 0.999 or more.
  uint64_t near_duplicates = 0;

  // What the first dimensions are worth alone, by the collection's adaptor if it has one.
  struct Prefix {
    int dimensions = 0;
    double variance = 0;  // share of it
    double recall = 0;    // of the ten nearest at the full width, within the sample
  };
  std::vector<Prefix> prefixes;  // ascending
  double int8_recall = 0;        // of the ten nearest, by 8-bit codes alone

  // Whether the texts of points were read under the model's prefix for documents.
  struct Prompt {
    std::string model;
    std::string prefix;
    uint64_t texts = 0;      // that were read again
    uint64_t with = 0;       // whose vector is the one with the prefix
    uint64_t without = 0;    // without
    uint64_t otherwise = 0;  // neither
  };
  std::optional<Prompt> prompt;  // none: no model with prefixes, or no texts

  std::vector<Verdict> verdicts;
};

}  // namespace vecnest

#endif  // VECNEST_GEOMETRY_H_
