#include "index/segment_format.h"

#include <xxhash.h>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <string_view>
#include <utility>

#include "fmt/format.h"

namespace vecnest::index {
namespace {

static_assert(std::endian::native == std::endian::little, "segment files are used as mapped");

constexpr uint64_t kAlignment = 64;

uint64_t Pad(uint64_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

constexpr std::array<std::string_view, kSectionCount> kSectionNames = {
    "labels", "keys",  "numbers", "by number",    "inverse norms", "vectors",    "center",
    "codes",  "links", "levels",  "upper starts", "recall",        "upper links"};

absl::Status CheckHeader(absl::Span<const uint8_t> bytes, SegmentHeader& header) {
  if (bytes.size() < sizeof(header)) {
    return absl::DataLossError(fmt::format("{} bytes are too few for a segment", bytes.size()));
  }
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.magic != kSegmentMagic) return absl::DataLossError("not a segment file");
  if (header.version != kSegmentVersion && header.version != kSegmentVersionWithoutTurns) {
    return absl::UnimplementedError(fmt::format("segment version {}, this program reads {} and {}",
                                                header.version, kSegmentVersionWithoutTurns,
                                                kSegmentVersion));
  }
  if (header.checksum != HeaderChecksum(header)) {
    return absl::DataLossError("the header's checksum is wrong");
  }
  if (header.metric > static_cast<uint32_t>(Metric::kManhattan) || header.dimensions == 0 ||
      header.stride != RowStride(header.dimensions) || header.m < 2 || header.count == 0 ||
      header.count > kMaxSegmentRows || header.entry_point >= header.count ||
      header.max_level > kMaxGraphLevel || header.codes_normalized > 1 ||
      header.codes_turned != (header.version == kSegmentVersion ? 1 : 0) ||
      (header.codes_turned != 0 && header.code_bits != 1) ||
      header.value_format > static_cast<uint32_t>(ValueFormat::kBf16) ||
      (header.code_bits != 0 && header.code_bits != 1 && header.code_bits != 4 &&
       header.code_bits != 8) ||
      !(header.code_step >= 0) || (header.code_bits != 0) != std::isnormal(header.code_step)) {
    return absl::DataLossError("the header contradicts itself");
  }
  return absl::OkStatus();
}

// The sizes follow from the header except for the upper links, whose size is taken from the file
// and checked against the levels later.
absl::Status CheckLayout(const SegmentHeader& header, uint64_t bytes) {
  // Guards the products in LayOut: no section is larger than the file.
  const uint64_t row_bytes = ValueBytes(header.values()) * uint64_t{header.stride} +
                             4 * (1 + 2 * uint64_t{header.m}) +
                             header.code_format().Bytes(header.dimensions);
  if (header.file_size != bytes || header.count > bytes / row_bytes) {
    return absl::DataLossError(
        fmt::format("the file has {} bytes, its header says {}", bytes, header.file_size));
  }
  const uint64_t block_bytes = 4 * (1 + uint64_t{header.m});
  const uint64_t upper = header.sections[kUpperLinks].size;
  SegmentHeader expected = header;
  bool fits = false;
  // Padding hides up to 63 bytes: the block count is the largest that the section can hold.
  if (upper <= bytes) {
    LayOut(expected, upper / block_bytes);
    fits = expected.sections[kUpperLinks].offset + upper == bytes && upper % kAlignment == 0;
  }
  for (size_t i = 0; i < kSectionCount && fits; ++i) {
    fits = expected.sections[i].offset == header.sections[i].offset &&
           (i == kUpperLinks || expected.sections[i].size == header.sections[i].size);
  }
  if (!fits) return absl::DataLossError("the sections do not fit the file");
  return absl::OkStatus();
}

template <class T>
const T* SectionData(absl::Span<const uint8_t> bytes, const SegmentHeader& header, Section id) {
  return reinterpret_cast<const T*>(bytes.data() + header.sections[id].offset);
}

absl::Status CheckRows(const Rows& rows) {
  for (size_t row = 0; row < rows.count; ++row) {
    if (row > 0 && rows.labels[row] <= rows.labels[row - 1]) {
      return absl::DataLossError(fmt::format("label {} is out of order", row));
    }
    if (!(rows.inverse_norms[row] >= 0) ||
        rows.inverse_norms[row] > std::numeric_limits<float>::max()) {
      return absl::DataLossError(fmt::format("inverse norm {} is no number", row));
    }
    if (rows.keys[row].kind > std::numeric_limits<uint8_t>::max()) {
      return absl::DataLossError(fmt::format("key {} is of no kind", row));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckNumbers(const Rows& rows) {
  for (size_t i = 0; i < rows.count; ++i) {
    const uint32_t row = rows.by_number[i];
    if (row >= rows.count ||
        (i > 0 && std::pair(rows.numbers[row], row) <=
                      std::pair(rows.numbers[rows.by_number[i - 1]], rows.by_number[i - 1]))) {
      return absl::DataLossError(fmt::format("place {} in the order of numbers is wrong", i));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckFloats(const SegmentView& view) {
  for (const float value : view.codes.center) {
    if (!std::isfinite(value)) return absl::DataLossError("the center of the codes is no vector");
  }
  for (const float value : view.recall) {
    if (!(value >= 0 && value <= 1)) return absl::DataLossError("the recall curve is out of range");
  }
  return absl::OkStatus();
}

bool LinksAreSane(absl::Span<const uint32_t> block, size_t count, const uint8_t* levels,
                  int level) {
  if (block[0] >= block.size()) return false;
  for (const uint32_t row : block.subspan(1, block[0])) {
    if (row >= count || levels[row] < level) return false;
  }
  return true;
}

absl::Status CheckGraph(const GraphView& graph, size_t count, uint64_t upper_bytes) {
  const size_t block = 1 + 2 * graph.m;
  const size_t upper_block = 1 + graph.m;
  uint64_t blocks = 0;
  for (size_t row = 0; row < count; ++row) {
    if (graph.levels[row] > graph.max_level || graph.upper_starts[row] != blocks) {
      return absl::DataLossError(fmt::format("row {} has an impossible level", row));
    }
    blocks += graph.levels[row];
  }
  if (Pad(blocks * upper_block * sizeof(uint32_t)) != upper_bytes ||
      graph.levels[graph.entry_point] != graph.max_level) {
    return absl::DataLossError("the upper layers do not fit the levels");
  }
  for (size_t row = 0; row < count; ++row) {
    bool sane = LinksAreSane({graph.links + row * block, block}, count, graph.levels, 0);
    for (int level = 1; level <= graph.levels[row] && sane; ++level) {
      const size_t start = graph.upper_starts[row] + static_cast<size_t>(level - 1);
      sane = LinksAreSane({graph.upper_links + start * upper_block, upper_block}, count,
                          graph.levels, level);
    }
    if (!sane) return absl::DataLossError(fmt::format("row {} has an impossible link", row));
  }
  return absl::OkStatus();
}

absl::Status CheckSections(absl::Span<const uint8_t> bytes, const SegmentHeader& header) {
  for (size_t i = 0; i < kSectionCount; ++i) {
    const SectionEntry& section = header.sections[i];
    if (SectionChecksum(bytes.subspan(section.offset, section.size)) != section.checksum) {
      return absl::DataLossError(fmt::format("the checksum of the {} is wrong", kSectionNames[i]));
    }
  }
  return absl::OkStatus();
}

}  // namespace

uint64_t HeaderChecksum(const SegmentHeader& header) {
  return XXH3_64bits(&header, offsetof(SegmentHeader, checksum));
}

uint64_t SectionChecksum(absl::Span<const uint8_t> bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

void LayOut(SegmentHeader& header, uint64_t upper_blocks) {
  const uint64_t n = header.count;
  const uint64_t m = header.m;
  const uint64_t centered = header.code_bits == 0 ? 0 : header.dimensions;
  const std::array<uint64_t, kSectionCount> sizes = {
      n * sizeof(Label),
      n * sizeof(StoredKey),
      n * sizeof(PointNumber),
      n * sizeof(uint32_t),
      n * sizeof(float),
      n * header.stride * ValueBytes(header.values()),
      centered * sizeof(float),
      n * header.code_format().Bytes(header.dimensions),
      n * (1 + 2 * m) * sizeof(uint32_t),
      n,
      n * sizeof(uint32_t),
      kRecallSteps * sizeof(float),
      upper_blocks * (1 + m) * sizeof(uint32_t)};
  uint64_t offset = Pad(sizeof(SegmentHeader));
  for (size_t i = 0; i < kSectionCount; ++i) {
    header.sections[i] = {offset, Pad(sizes[i]), 0};
    offset += header.sections[i].size;
  }
  header.file_size = offset;
}

absl::StatusOr<SegmentView> ParseSegment(absl::Span<const uint8_t> bytes) {
  SegmentHeader header;
  if (absl::Status status = CheckHeader(bytes, header); !status.ok()) return status;
  if (absl::Status status = CheckLayout(header, bytes.size()); !status.ok()) return status;
  if (absl::Status status = CheckSections(bytes, header); !status.ok()) return status;
  SegmentView view;
  view.metric = static_cast<Metric>(header.metric);
  view.dimensions = header.dimensions;
  view.rows.count = header.count;
  view.rows.stride = header.stride;
  view.rows.labels = SectionData<Label>(bytes, header, kLabels);
  view.rows.keys = SectionData<StoredKey>(bytes, header, kKeys);
  view.rows.numbers = SectionData<PointNumber>(bytes, header, kNumbers);
  view.rows.by_number = SectionData<uint32_t>(bytes, header, kByNumber);
  view.rows.inverse_norms = SectionData<float>(bytes, header, kInverseNorms);
  view.rows.format = header.values();
  view.rows.vectors = SectionData<uint8_t>(bytes, header, kVectors);
  if (header.code_bits != 0) {
    view.codes.format = header.code_format();
    view.codes.codes = SectionData<uint8_t>(bytes, header, kCodes);
    view.codes.stride = view.codes.format.Bytes(header.dimensions);
    view.codes.center = {SectionData<float>(bytes, header, kCenter), header.dimensions};
    view.codes.step = header.code_step;
  }
  view.graph.m = header.m;
  view.graph.entry_point = header.entry_point;
  view.graph.max_level = static_cast<int>(header.max_level);
  view.graph.links = SectionData<uint32_t>(bytes, header, kLinks);
  view.graph.levels = SectionData<uint8_t>(bytes, header, kLevels);
  view.graph.upper_starts = SectionData<uint32_t>(bytes, header, kUpperStarts);
  view.recall = {SectionData<float>(bytes, header, kRecall), kRecallSteps};
  view.graph.upper_links = SectionData<uint32_t>(bytes, header, kUpperLinks);
  if (absl::Status status = CheckRows(view.rows); !status.ok()) return status;
  if (absl::Status status = CheckNumbers(view.rows); !status.ok()) return status;
  if (absl::Status status = CheckFloats(view); !status.ok()) return status;
  if (absl::Status status = CheckGraph(view.graph, header.count, header.sections[kUpperLinks].size);
      !status.ok()) {
    return status;
  }
  return view;
}

absl::Status VerifyChecksums(absl::Span<const uint8_t> bytes) {
  SegmentHeader header;
  if (absl::Status status = CheckHeader(bytes, header); !status.ok()) return status;
  if (absl::Status status = CheckLayout(header, bytes.size()); !status.ok()) return status;
  return CheckSections(bytes, header);
}

}  // namespace vecnest::index
