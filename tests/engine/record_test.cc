#include "engine/record.h"

#include "gtest/gtest.h"

namespace vecnest::engine {
namespace {

// Every shorter prefix and a longer text must be refused, not crash or be half understood.
template <typename Decode>
void ExpectOnlyTheWholeDecodes(const std::string& bytes, Decode decode) {
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(decode(bytes.substr(0, size)).status().code(), absl::StatusCode::kDataLoss) << size;
  }
  EXPECT_FALSE(decode(bytes + "x").ok());
  std::string other_version = bytes;
  other_version[0] = 99;
  EXPECT_FALSE(decode(other_version).ok());
  EXPECT_TRUE(decode(bytes).ok());
}

TEST(RecordTest, Point) {
  const PointRecord record{7, {{0, MakeLabel(7, 3)}, {2, 5}}, R"({"a": 1})", 17};
  const auto decoded = PointRecord::Decode(record.Encode());
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->version, 7u);
  EXPECT_EQ(decoded->labels, record.labels);
  EXPECT_EQ(decoded->payload, record.payload);
  EXPECT_EQ(decoded->number, 17u);
  EXPECT_EQ(decoded->LabelOf(2), 5u);
  EXPECT_FALSE(decoded->LabelOf(1).has_value());
  ExpectOnlyTheWholeDecodes(record.Encode(), PointRecord::Decode);
}

// As the first format had it: without a number.
TEST(RecordTest, APointOfVersion1) {
  std::string bytes = PointRecord{7, {{2, 5}}, "{}", 17}.Encode();
  bytes[0] = 1;
  bytes.erase(1 + sizeof(storage::Sequence), sizeof(PointNumber));
  const auto decoded = PointRecord::Decode(bytes);
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->version, 7u);
  EXPECT_EQ(decoded->number, kNoNumber);
  EXPECT_EQ(decoded->LabelOf(2), 5u);
  EXPECT_EQ(decoded->payload, "{}");
}

TEST(RecordTest, NumberedPoints) {
  const std::vector<NumberedKey> points = {{{0, 0, 1}, 5}, {{1, 2, 3}, 0}};
  EXPECT_EQ(*DecodeNumbered(EncodeNumbered(points)), points);
  ExpectOnlyTheWholeDecodes(EncodeNumbered(points), DecodeNumbered);
}

TEST(RecordTest, Vector) {
  const VectorRecord record{9, "text", "", {1.5F, -2}};
  const auto decoded = VectorRecord::Decode(record.Encode());
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->label, 9u);
  EXPECT_EQ(decoded->text, "text");
  EXPECT_EQ(decoded->prefix, "");
  EXPECT_EQ(decoded->vector, record.vector);
  ExpectOnlyTheWholeDecodes(record.Encode(), VectorRecord::Decode);
}

TEST(RecordTest, Command) {
  const std::vector<PointChange> changes = {
      {{0, 0, 1}, PointChange::Kind::kReplace, "{}", {{0, "t", std::nullopt, {1, 2}}}, {}},
      {{1, 2, 3}, PointChange::Kind::kDelete, std::nullopt, {}, {}},
      {{0, 0, 2}, PointChange::Kind::kPatch, std::nullopt, {}, {4, 5}}};
  const std::string bytes = EncodeCommand(changes);
  const auto decoded = DecodeCommand(bytes);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(EncodeCommand(*decoded), bytes);
  EXPECT_EQ((*decoded)[0].vectors[0].vector, (std::vector<float>{1, 2}));
  EXPECT_EQ((*decoded)[2].removed_slots, (std::vector<Slot>{4, 5}));
  ExpectOnlyTheWholeDecodes(bytes, DecodeCommand);
}

TEST(RecordTest, LabelsAndManifest) {
  const std::vector<SlotLabel> labels = {{1, 2}, {3, 4}};
  EXPECT_EQ(*DecodeLabels(EncodeLabels(labels)), labels);
  ExpectOnlyTheWholeDecodes(EncodeLabels(labels), DecodeLabels);
  ShardManifest manifest;
  manifest.contained = 12;
  manifest.slots = {{{{"file", 1, 2, 3, "tombstones"}}, 5}, {}};
  const auto decoded = ShardManifest::Decode(manifest.Encode());
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->Encode(), manifest.Encode());
  EXPECT_EQ(decoded->slots[0].segments[0].tombstones, "tombstones");
  ExpectOnlyTheWholeDecodes(manifest.Encode(), ShardManifest::Decode);
}

TEST(RecordTest, LabelsRiseWithSequences) {
  EXPECT_LT(MakeLabel(1, kMaxChangesPerCommand - 1), MakeLabel(2, 0));
  EXPECT_EQ(SequenceOf(MakeLabel(77, 123)), 77u);
}

}  // namespace
}  // namespace vecnest::engine
