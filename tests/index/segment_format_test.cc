#include "index/segment_format.h"

#include <cstring>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "index/file_io.h"
#include "tests/index/test_vectors.h"

namespace vecnest::index {
namespace {

// A valid file in memory that may be damaged.
class SegmentFormatTest : public ::testing::Test {
 protected:
  SegmentFormatTest() {
    const TemporaryDirectory directory;
    GraphParams params;
    params.m = 4;
    EXPECT_TRUE(
        WriteSegmentFile(directory.path(), "a", testing::Clustered(300, 10, 1), params).ok());
    const std::string bytes = testing::ReadBytes(directory.path() + "/a");
    // Whole cache lines: the start must be aligned.
    storage_.resize(bytes.size() / sizeof(Line));
    std::memcpy(storage_.data(), bytes.data(), bytes.size());
    size_ = bytes.size();
  }

  uint8_t* data() { return storage_.front().bytes; }
  absl::Span<const uint8_t> bytes() { return {data(), size_}; }
  SegmentHeader& header() { return *reinterpret_cast<SegmentHeader*>(data()); }
  template <class T>
  T* section(Section id) {
    return reinterpret_cast<T*>(data() + header().sections[id].offset);
  }

  // Makes the checksums right again, so that only the structure is wrong.
  void Reseal() {
    for (SectionEntry& entry : header().sections) {
      entry.checksum = SectionChecksum(bytes().subspan(entry.offset, entry.size));
    }
    header().checksum = HeaderChecksum(header());
  }

  struct alignas(64) Line {
    uint8_t bytes[64];
  };
  std::vector<Line> storage_;
  size_t size_ = 0;
};

TEST_F(SegmentFormatTest, ValidFileIsRead) {
  const auto view = ParseSegment(bytes());
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->rows.count, 300U);
  EXPECT_EQ(view->dimensions, 10U);
  EXPECT_EQ(view->graph.m, 4U);
  EXPECT_GT(view->graph.max_level, 0);
  EXPECT_TRUE(VerifyChecksums(bytes()).ok());
}

TEST_F(SegmentFormatTest, EveryFlippedByteIsDetected) {
  for (size_t position = 0; position < size_; position += position < 512 ? 1 : 37) {
    data()[position] ^= 0x40;
    EXPECT_FALSE(ParseSegment(bytes()).ok()) << position;
    EXPECT_FALSE(VerifyChecksums(bytes()).ok()) << position;
    data()[position] ^= 0x40;
  }
  EXPECT_TRUE(ParseSegment(bytes()).ok());
}

TEST_F(SegmentFormatTest, EveryTruncationIsDetected) {
  for (size_t size = 0; size < size_; size += size < 512 ? 1 : 61) {
    EXPECT_FALSE(ParseSegment(bytes().first(size)).ok()) << size;
  }
}

TEST_F(SegmentFormatTest, WrongStructureIsDetectedBehindRightChecksums) {
  const std::vector<std::function<void()>> damages = {
      [&] { section<Label>(kLabels)[5] = section<Label>(kLabels)[4]; },
      [&] { section<float>(kInverseNorms)[7] = -1; },
      [&] { section<StoredKey>(kKeys)[7].kind = 256; },
      [&] { section<uint32_t>(kLinks)[0] = 9; },
      [&] { section<uint32_t>(kLinks)[1] = 300; },
      [&] { section<uint8_t>(kLevels)[3] = 200; },
      [&] { section<uint8_t>(kLevels)[3] += 1; },
      [&] { section<uint32_t>(kUpperStarts)[299] += 1; },
      [&] { section<uint32_t>(kUpperLinks)[0] = 5; },
      [&] { section<uint32_t>(kUpperLinks)[1] = 300; },
      [&] { header().entry_point = 300; },
      [&] { header().max_level += 1; },
      [&] { header().count = 0; },
      [&] { header().count = 299; },
      [&] { header().count = ~uint64_t{0} / 4; },
      [&] { header().m = 0x7fffffff; },
      [&] { header().metric = 4; },
      [&] { header().dimensions = 20; },
      [&] { header().stride = 0; },
      [&] { header().code_bits = 5; },
      [&] { header().code_bits = 0; },
      [&] { header().code_step = 0; },
      [&] { header().codes_normalized = 2; },
      [&] { header().codes_turned = 1; },
      [&] { header().version = kSegmentVersion; },
      [&] { header().codes_turned = 1, header().version = kSegmentVersion; },  // of 8 bits
      [&] { section<float>(kCenter)[3] = std::numeric_limits<float>::infinity(); },
      [&] { section<uint32_t>(kByNumber)[7] = 300; },
      [&] { std::swap(section<uint32_t>(kByNumber)[7], section<uint32_t>(kByNumber)[8]); },
      [&] { header().file_size += 64; },
  };
  const std::vector<Line> valid = storage_;
  for (size_t i = 0; i < damages.size(); ++i) {
    storage_ = valid;
    damages[i]();
    Reseal();
    const auto view = ParseSegment(bytes());
    EXPECT_EQ(view.status().code(), absl::StatusCode::kDataLoss) << i;
  }
  storage_ = valid;
  header().sections[kVectors].offset += 64;
  header().checksum = HeaderChecksum(header());
  EXPECT_FALSE(ParseSegment(bytes()).ok());
}

TEST_F(SegmentFormatTest, FutureVersionsAreNamed) {
  EXPECT_EQ(header().version, kSegmentVersionWithoutTurns);
  header().version = kSegmentVersion + 1;
  Reseal();
  EXPECT_EQ(ParseSegment(bytes()).status().code(), absl::StatusCode::kUnimplemented);
}

}  // namespace
}  // namespace vecnest::index
