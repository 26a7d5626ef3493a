// Hard negatives: texts that a search takes for answers and that are none. Training from pairs of
// questions and answers (AdaptMethod::kPairs, or sentence-transformers) learns most from these.
#ifndef VECNEST_MINING_H_
#define VECNEST_MINING_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "vecnest/database.h"
#include "vecnest/types.h"

namespace vecnest {

// A question and a text that answers it. Several pairs may have the same query.
struct LabelledPair {
  std::string query;
  std::string positive;
};

struct MinedPair {
  std::string query;
  std::string positive;
  std::vector<std::string> negatives;  // the hardest first; texts of the collection
};

enum class MiningMethod {
  kBoth,   // in turn
  kBm25,   // texts with the words of the question
  kModel,  // texts whose vectors are near that of the question
};
// "both", "bm25", "model".
std::string_view MiningMethodName(MiningMethod method);
// Accepts exactly what MiningMethodName gives; InvalidArgument lists the choices.
absl::StatusOr<MiningMethod> ParseMiningMethod(std::string_view name);

struct MiningOptions {
  MiningMethod method = MiningMethod::kBoth;
  static constexpr size_t kMostNegatives = 100;
  static constexpr size_t kMostDepth = 1000;
  size_t negatives = 5;  // of each pair, 1 to 100; pairs for which there are fewer are left out
  size_t depth = 100;    // of each search, 1 to 1,000: where negatives are looked for
  // What comes nearer to the question than this share of the positive's cosine may well be an
  // answer that nobody marked, and is left out (NV-Retriever; Moreira et al. 2024). 0 to 1.
  double margin = 0.95;
  std::string language = "english";  // of BM25's stems; "none": words as they are
};

struct MiningResult {
  std::vector<MinedPair> pairs;
  uint64_t documents = 0;     // texts of the collection
  uint64_t without_text = 0;  // points of it that have none under the field
  // Pairs that were left out: their positive is no text of the collection, or too few negatives
  // were found.
  uint64_t unknown = 0;
  uint64_t too_few = 0;
  uint64_t near_positive = 0;  // candidates left out by the margin
};

// What is mined: texts, and a search among them. The database's own is below; a server's is as
// good.
class MiningSource {
 public:
  struct Document {
    PointId id;
    std::optional<std::string> text;  // none under the field
  };
  struct Neighbor {
    PointId id;
    float cosine = 0;
  };
  struct Question {
    std::string_view query;
    size_t limit = 0;
    std::vector<PointId> among = {};  // empty: all
  };
  virtual ~MiningSource() = default;

  // About.
  virtual absl::StatusOr<uint64_t> CountDocuments() = 0;
  // The next ones; none: all were given.
  virtual absl::StatusOr<std::vector<Document>> NextDocuments() = 0;
  // In the order of `ids`; what is gone is left out.
  virtual absl::StatusOr<std::vector<Document>> FindDocuments(const std::vector<PointId>& ids) = 0;
  // For each question its nearest documents, best first.
  virtual absl::StatusOr<std::vector<std::vector<Neighbor>>> FindNearest(
      const std::vector<Question>& questions) = 0;
};

// Of a collection whose texts stand in the payload under `field`, compared by `vector_name` at the
// first `dimensions` numbers (0: all), with its adaptor. The database outlives it.
std::unique_ptr<MiningSource> CollectionTexts(const Database& database,
                                              const std::string& collection,
                                              const std::string& field,
                                              const std::string& vector_name, int dimensions);

// Told how much of the work is done, from 0 to 1. Mining ends with a status that is not OK.
using MiningProgress = std::function<absl::Status(double share_done)>;

// A negative is no positive of the same query, has another text than these and the query itself,
// and no other negative's text. InvalidArgument: options out of range, an empty query or positive.
absl::StatusOr<MiningResult> MineNegatives(MiningSource& source,
                                           const std::vector<LabelledPair>& pairs,
                                           const MiningOptions& options,
                                           const MiningProgress& progress);

}  // namespace vecnest

#endif  // VECNEST_MINING_H_
