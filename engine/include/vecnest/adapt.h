// Adaptors: making prefixes of a collection's vectors tell more.
#ifndef VECNEST_ADAPT_H_
#define VECNEST_ADAPT_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "vecnest/types.h"

namespace vecnest {

// How an adaptor is made. All of them rotate: cosine, dot product and Euclidean distance at the
// full width stay as they are, but for rounding; Manhattan distances do not, and are refused.
enum class AdaptMethod {
  // The axes along which the vectors differ most come first, and are scaled in prefixes so that
  // similarities of prefixes come close to those of whole vectors; learned from the vectors alone.
  kPrefixes,
  kRotation,  // the axes of the vectors' second moment (uncentered PCA), without scales
  // As kPrefixes, but learned from queries and what they should find (InfoNCE): a collection's own
  // kind of question counts, not only which of its vectors are near each other.
  kPairs,
  kNone,   // no adaptor: the index holds the vectors as they are stored
  kGiven,  // AdaptRequest::adaptor, learned before, elsewhere; the collection may be empty
};

// "prefixes", "rotation", "pairs", "none", "given".
std::string_view AdaptMethodName(AdaptMethod method);
// Accepts exactly what AdaptMethodName gives; InvalidArgument lists the choices.
absl::StatusOr<AdaptMethod> ParseAdaptMethod(std::string_view name);

// What takes part in a pair: a vector, a text, which is encoded as a query or a document, or the id
// of a stored point, whose vector is taken.
using AdaptInput = std::variant<std::vector<float>, Text, PointId>;

struct AdaptPair {
  AdaptInput query;
  AdaptInput positive;
  // What a search takes for an answer and is none (mining.h); all pairs have as many.
  std::vector<AdaptInput> negatives = {};
};

struct AdaptRequest {
  std::string vector_name = {};
  AdaptMethod method = AdaptMethod::kPrefixes;
  // How many of the stored vectors it is learned from, or all when there are fewer.
  static constexpr size_t kFewestSamples = 100;
  static constexpr size_t kMostSamples = 1'000'000;
  // Of vectors that are learned from. Finding the axes of more takes minutes, and nothing ends it.
  static constexpr int kMostDimensions = 2048;
  size_t samples = 20'000;
  uint64_t seed = 1;  // the same vectors and seed give the same adaptor

  // Of kPrefixes and kPairs: how much nearer must a vector be to count more, how often are rotation
  // and scales turned, and which prefixes shall be of use (none: 32, 64, 96, 128, 192...).
  double temperature = 0.04;
  int steps = 200;
  std::vector<int> widths = {};

  // Of kPairs. Each query learns from the others' positives, too: several pairs of the same query,
  // and positives that are the same, are known as such by their vectors.
  static constexpr size_t kFewestPairs = 16;
  static constexpr size_t kMostNegatives = 100;  // of each pair
  std::vector<AdaptPair> pairs = {};

  // Of kGiven: the adaptor's file, as Database::ReadAdaptor gives it.
  std::string adaptor = {};
};

enum class AdaptPhase {
  kNone,       // nothing was asked for since the database was opened
  kWaiting,    // about to begin
  kEncoding,   // reading the texts of pairs
  kTraining,   // reading vectors, learning from them
  kIndexing,   // making the index anew
  kDone,       // the new index answers
  kFailed,     // nothing has changed
  kCancelled,  // nothing has changed
};

// "none", "waiting", "encoding", "training", "indexing", "done", "failed", "cancelled".
std::string_view AdaptPhaseName(AdaptPhase phase);

struct AdaptJob {
  AdaptRequest request = {};  // without its pairs and adaptor
  uint64_t pairs = 0;
  AdaptPhase phase = AdaptPhase::kNone;
  double progress = 0;  // of the phase, 0..1
  double seconds = 0;   // since it was asked for, or that it took
  // The method of the adaptor that was learned, or given; "rotation" where scales would have no
  // effect.
  std::string made = {};
  std::string error = {};  // of kFailed

  bool running() const {
    return phase == AdaptPhase::kWaiting || phase == AdaptPhase::kEncoding ||
           phase == AdaptPhase::kTraining || phase == AdaptPhase::kIndexing;
  }
};

struct AdaptorInfo {
  std::string method = {};    // "rotation", "prefixes", "pairs"
  uint64_t samples = 0;       // vectors, or pairs, it was fitted on
  std::string identity = {};  // differs where the map differs
  // The model whose vectors it was fitted on; empty: not known.
  std::string model = {};
  std::string model_identity = {};
};

// An adaptor by itself, for vectors outside of a collection. Thread-safe.
class Adaptor {
 public:
  // Of a file, as Database::ReadAdaptor gives it. InvalidArgument: it is none, or damaged.
  static absl::StatusOr<std::shared_ptr<const Adaptor>> Decode(std::string_view bytes);
  // Decode of what the file at `path` holds; NotFound: it cannot be read. Errors name it.
  static absl::StatusOr<std::shared_ptr<const Adaptor>> Load(const std::string& path);
  virtual ~Adaptor() = default;

  virtual const AdaptorInfo& info() const = 0;
  virtual int dimensions() const = 0;  // of the vectors that it takes
  // The file.
  virtual std::string Encode() const = 0;

  // Turns vectors, one behind the other, and keeps the first `width` numbers of each (0: all): at
  // the full width rotated, as a prefix scaled as well (as a collection compares them, unless
  // lengths matter to its metric), but not to unit length. InvalidArgument: the numbers make no
  // vectors of dimensions(), or these have no such prefix.
  virtual absl::StatusOr<std::vector<float>> Apply(absl::Span<const float> vectors,
                                                   int width) const = 0;
};

}  // namespace vecnest

#endif  // VECNEST_ADAPT_H_
