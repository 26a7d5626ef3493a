// The nouns of Vecnest's public API: ids, vectors, points, metrics.
#ifndef VECNEST_TYPES_H_
#define VECNEST_TYPES_H_

#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace vecnest {

// How vectors are compared. Cosine and dot are similarities (larger is nearer); Euclid and
// Manhattan are distances (smaller is nearer). Use the one the model was trained for.
enum class Metric { kCosine, kDot, kEuclid, kManhattan };

// "Cosine", "Dot", "Euclid", "Manhattan".
std::string_view MetricName(Metric metric);
// Accepts exactly what MetricName gives; InvalidArgument lists the choices.
absl::StatusOr<Metric> ParseMetric(std::string_view name);

// A point's name: an unsigned 64-bit number or a UUID. Numbers sort before UUIDs.
class PointId {
 public:
  PointId() = default;
  PointId(uint64_t number) : low_(number) {}  // NOLINT(google-explicit-constructor)

  static PointId Uuid(uint64_t high, uint64_t low);
  // A decimal number, or a UUID with or without dashes, in any case, also as "urn:uuid:…".
  static absl::StatusOr<PointId> Parse(std::string_view text);

  bool is_uuid() const { return is_uuid_; }
  uint64_t number() const { return low_; }  // only when !is_uuid()
  uint64_t high() const { return high_; }
  uint64_t low() const { return low_; }
  // A decimal number, or lower-case 8-4-4-4-12.
  std::string ToString() const;

  friend auto operator<=>(const PointId&, const PointId&) = default;

 private:
  bool is_uuid_ = false;
  uint64_t high_ = 0;
  uint64_t low_ = 0;
};

// How a long text is cut into chunks, see Database::Upsert.
struct Chunking {
  // All that the model reads for a chunk: special tokens and prefix included.
  int max_tokens = 0;
  // The next chunk repeats the last words of a chunk, up to so many tokens.
  int overlap = 0;
};

// A text to be embedded. An empty `model` means the one the collection is bound to, or the
// database's default. `prefix` replaces the model's own prefix (an empty string: none).
struct Text {
  std::string text;
  std::string model;
  std::optional<std::string> prefix;
  // A text longer than the model reads is cut and reported. False: it is an InvalidArgument that
  // names the point and vector (or the query), and how many tokens it has.
  bool truncate = true;
  // Only for Database::Upsert.
  std::optional<Chunking> chunk = std::nullopt;
};

// What one model read for a call, under one prefix.
struct ModelUsage {
  std::string model;
  std::string identity;  // see ModelInfo
  std::string prefix;    // put before every text
  int max_tokens = 0;    // what the model reads of a text at most
  uint64_t texts = 0;
  uint64_t tokens = 0;     // read, special tokens and prefix included
  uint64_t truncated = 0;  // texts
};

// Where a vector is wanted a text may stand.
using VectorInput = std::variant<std::vector<float>, Text>;

// Vectors by name. The unnamed vector of a collection with a single vector is "".
using NamedInputs = std::map<std::string, VectorInput>;
using NamedVectors = std::map<std::string, std::vector<float>>;

struct Point {
  PointId id;
  NamedInputs vectors;
  std::string payload = "{}";  // a JSON object
};

// What a read returns. `payload` is empty when it was not asked for.
struct Record {
  PointId id;
  std::optional<std::string> payload;   // a JSON object
  std::optional<NamedVectors> vectors;  // as they were written, not normalised
};

struct ScoredPoint {
  PointId id;
  uint64_t version = 0;  // sequence number of the point's last change
  float score = 0;
  std::optional<std::string> payload;
  std::optional<NamedVectors> vectors;
};

// Which parts of the payload a read returns. Keys are paths such as "author.name".
struct PayloadSelector {
  enum class Kind { kNone, kAll, kInclude, kExclude };
  Kind kind = Kind::kNone;
  std::vector<std::string> keys;
};

// Which vectors a read returns.
struct VectorSelector {
  enum class Kind { kNone, kAll, kNames };
  Kind kind = Kind::kNone;
  std::vector<std::string> names;
};

// Until when a call's result is wanted. A call that is over ends with Cancelled or
// DeadlineExceeded, a write then without effect, when that is noticed: while it waits for the
// encoder, and between its stages.
struct CallLimits {
  std::stop_token stop = {};  // the default one never asks to stop
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();

  absl::Status Check() const;
};

}  // namespace vecnest

#endif  // VECNEST_TYPES_H_
