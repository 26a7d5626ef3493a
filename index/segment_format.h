// The file of a sealed segment, version 2 or 3.
//
// A header and thirteen sections, each starting on a 64-byte boundary and padded with zeros to the
// next one; integers and floats little-endian, so that the file is used as it is mapped. With
// n = count, d = dimensions, s = stride (components per row), c = bytes per code (0 when there are
// none), m = HNSW links per node:
//
//   header         SegmentHeader
//   labels         u64[n], strictly ascending
//   keys           StoredKey[n]
//   numbers        u32[n], of the points
//   by number      u32[n], the rows in ascending order of number, then row
//   inverse norms  f32[n]
//   vectors        f32[n][s] or, see value_format.h, u16[n][s]; rows as they were added, padded
//   with
//                  zeros
//   center         f32[d] when there are codes, see quantizer.h
//   codes          u8[n][c]
//   links          u32[n][1 + 2m], layer 0: how many, then the rows linked to
//   levels         u8[n], the highest layer of each row
//   upper starts   u32[n], index of the row's first block in the upper links (layer 1)
//   recall         f32[12], see calibration.h
//   upper links    u32[sum of levels][1 + m], one block per row and layer above 0
//
// Every section carries the XXH3-64 of its bytes, padding included, and the header one of itself,
// so that no byte of the file is unguarded. Parse verifies all of them, at the speed of memory.
#ifndef VECNEST_INDEX_SEGMENT_FORMAT_H_
#define VECNEST_INDEX_SEGMENT_FORMAT_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "index/metric.h"
#include "index/prefetch.h"
#include "index/quantizer.h"
#include "index/rows.h"

namespace vecnest::index {

enum Section {
  kLabels,
  kKeys,
  kNumbers,
  kByNumber,
  kInverseNorms,
  kVectors,
  kCenter,
  kCodes,
  kLinks,
  kLevels,
  kUpperStarts,
  kRecall,
  kUpperLinks,
  kSectionCount
};

struct SectionEntry {
  uint64_t offset = 0;
  uint64_t size = 0;  // with padding
  uint64_t checksum = 0;
};

inline constexpr std::array<char, 8> kSegmentMagic = {'V', 'N', 'S', 'E', 'G', '\r', '\n', '\0'};
// Version 3 has turned codes. What has none is of version 2, so that earlier programs read it.
inline constexpr uint32_t kSegmentVersion = 3;
inline constexpr uint32_t kSegmentVersionWithoutTurns = 2;
inline constexpr int kMaxGraphLevel = 63;
// A walk keeps a bit beside the number of a row (walk_lists.h).
inline constexpr uint64_t kMaxSegmentRows = uint64_t{1} << 31U;
inline constexpr size_t kRecallSteps = 12;

struct SegmentHeader {
  std::array<char, 8> magic = kSegmentMagic;
  uint32_t version = kSegmentVersionWithoutTurns;
  uint32_t metric = 0;  // enum Metric: the one the graph was built for
  uint64_t count = 0;
  uint32_t dimensions = 0;
  uint32_t stride = 0;
  uint32_t m = 0;
  uint32_t entry_point = 0;
  uint32_t max_level = 0;
  uint32_t code_bits = 0;
  uint32_t codes_normalized = 0;
  float code_step = 0;
  uint64_t file_size = 0;
  uint32_t value_format = 0;  // enum ValueFormat
  uint32_t codes_turned = 0;
  std::array<uint64_t, 7> reserved{};
  std::array<SectionEntry, kSectionCount> sections;
  uint64_t checksum = 0;  // of the bytes before it

  ValueFormat values() const { return static_cast<ValueFormat>(value_format); }
  CodeFormat code_format() const {
    return {static_cast<int>(code_bits), codes_normalized != 0, codes_turned != 0};
  }
};
static_assert(sizeof(SegmentHeader) == 448);

// An HNSW graph (Malkov & Yashunin 2016) in the layout of the file. Owns nothing.
struct GraphView {
  size_t m = 0;
  uint32_t entry_point = 0;
  int max_level = 0;
  const uint32_t* links = nullptr;
  const uint8_t* levels = nullptr;
  const uint32_t* upper_starts = nullptr;
  const uint32_t* upper_links = nullptr;

  void PrefetchLinks(uint32_t row) const {
    PrefetchBytes(links + size_t{row} * (1 + 2 * m), (1 + 2 * m) * sizeof(uint32_t));
  }
  // Asks for where the upper links of a row lie.
  void PrefetchUpperStart(uint32_t row) const {
    PrefetchBytes(upper_starts + row, sizeof(uint32_t));
  }
  // And then for those that a descent that gets to the row on this layer reads.
  void PrefetchDescent(uint32_t row, int level) const {
    PrefetchBytes(UpperBlock(row, level), (1 + m) * sizeof(uint32_t));
    if (level == 1) PrefetchLinks(row);
  }
  absl::Span<const uint32_t> Links(uint32_t row) const {
    const uint32_t* block = links + size_t{row} * (1 + 2 * m);
    return {block + 1, block[0]};
  }
  // level in 1 .. levels[row]
  absl::Span<const uint32_t> UpperLinks(uint32_t row, int level) const {
    const uint32_t* block = UpperBlock(row, level);
    return {block + 1, block[0]};
  }

 private:
  const uint32_t* UpperBlock(uint32_t row, int level) const {
    return upper_links + (upper_starts[row] + static_cast<size_t>(level - 1)) * (1 + m);
  }
};

// A parsed file. Points into the bytes it was parsed from.
struct SegmentView {
  Metric metric = Metric::kCosine;
  size_t dimensions = 0;
  Rows rows;       // without marks
  CodeView codes;  // none when the graph was built without
  GraphView graph;
  absl::Span<const float> recall;
};

// The offsets and padded sizes of the sections (checksums left 0), and file_size, from count,
// dimensions, stride, the formats of values and codes, m and the number of upper blocks.
void LayOut(SegmentHeader& header, uint64_t upper_blocks);

// `bytes` must start on a 64-byte boundary and outlive the view. Checks everything that a search
// relies on: checksums, sizes, order of labels, bounds and levels of every link. DataLoss says what
// is wrong, Unimplemented is a version from the future.
absl::StatusOr<SegmentView> ParseSegment(absl::Span<const uint8_t> bytes);

// Checks the checksums alone; `bytes` was parsed before.
absl::Status VerifyChecksums(absl::Span<const uint8_t> bytes);

uint64_t HeaderChecksum(const SegmentHeader& header);
uint64_t SectionChecksum(absl::Span<const uint8_t> bytes);

}  // namespace vecnest::index

#endif  // VECNEST_INDEX_SEGMENT_FORMAT_H_
