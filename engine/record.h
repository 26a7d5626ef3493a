// How points, vectors and commands look as bytes. Each format begins with a version byte;
// integers are little-endian. Decoding never trusts its input: DataLoss says what is wrong.
#ifndef VECNEST_ENGINE_RECORD_H_
#define VECNEST_ENGINE_RECORD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "index/vector_index.h"
#include "storage/keys.h"

namespace vecnest::engine {

// Position of a named vector in its collection.
using Slot = uint16_t;

// A label is made of the command's sequence and the position of the point in the command.
inline constexpr int kLabelPositionBits = 20;
inline constexpr size_t kMaxChangesPerCommand = size_t{1} << kLabelPositionBits;
inline index::Label MakeLabel(storage::Sequence sequence, size_t position) {
  return sequence << kLabelPositionBits | position;
}
inline storage::Sequence SequenceOf(index::Label label) { return label >> kLabelPositionBits; }

// Names a point of a shard in bitmaps: dense, kept for the point's life, reused after it.
using PointNumber = index::PointNumber;
inline constexpr PointNumber kNoNumber = UINT32_MAX;

struct SlotLabel {
  Slot slot = 0;
  index::Label label = 0;
  friend bool operator==(const SlotLabel&, const SlotLabel&) = default;
};

// Value in the points family.
struct PointRecord {
  storage::Sequence version = 0;  // of the last change
  std::vector<SlotLabel> labels;  // the vectors the point has, by slot
  std::string payload;            // a JSON object
  // kNoNumber: written before points had numbers; the next start gives it one.
  PointNumber number = kNoNumber;

  std::string Encode() const;
  static absl::StatusOr<PointRecord> Decode(std::string_view bytes);
  std::optional<index::Label> LabelOf(Slot slot) const;
};

// Value in the vectors family.
struct VectorRecord {
  index::Label label = 0;
  // What the vector was made from, when it was a text, and the prefix when it was not the model's.
  std::optional<std::string> text;
  std::optional<std::string> prefix;
  std::vector<float> vector;

  std::string Encode() const;
  static absl::StatusOr<VectorRecord> Decode(std::string_view bytes);
};

struct VectorWrite {
  Slot slot = 0;
  std::optional<std::string> text;
  std::optional<std::string> prefix;
  std::vector<float> vector;
};

// What a command does to one point, independent of the state it meets.
struct PointChange {
  enum class Kind : uint8_t {
    kDelete,
    kReplace,  // whole point: vectors and payload
    kPatch,    // only what is given
  };
  storage::PointKey key;
  Kind kind = Kind::kReplace;
  std::optional<std::string> payload;
  std::vector<VectorWrite> vectors;
  std::vector<Slot> removed_slots;  // of kPatch
};

// A self-contained command of the write log: distinct points, already embedded.
std::string EncodeCommand(const std::vector<PointChange>& changes);
absl::StatusOr<std::vector<PointChange>> DecodeCommand(std::string_view bytes);

// Points that a command changed, with their numbers.
using NumberedKey = std::pair<storage::PointKey, PointNumber>;
std::string EncodeNumbered(const std::vector<NumberedKey>& points);
absl::StatusOr<std::vector<NumberedKey>> DecodeNumbered(std::string_view bytes);

// Labels that a command made obsolete.
std::string EncodeLabels(const std::vector<SlotLabel>& labels);
absl::StatusOr<std::vector<SlotLabel>> DecodeLabels(std::string_view bytes);

// Which segment files hold which part of a collection: the commit point of background work.
struct ShardManifest {
  // Every command up to this one is contained in segments and tombstones.
  storage::Sequence contained = 0;
  std::vector<index::Manifest> slots;

  std::string Encode() const;
  static absl::StatusOr<ShardManifest> Decode(std::string_view bytes);
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_RECORD_H_
