#include "engine/record.h"

#include <utility>

#include "engine/byte_io.h"

namespace vecnest::engine {
namespace {

constexpr size_t kNumberedBytes = 1 + 8 + 8 + sizeof(PointNumber);
// Of points: 2 added the number.
constexpr uint8_t kPointVersion = 2;

void WriteLabels(ByteWriter& writer, const std::vector<SlotLabel>& labels) {
  writer.Number(static_cast<uint32_t>(labels.size()));
  for (const auto& [slot, label] : labels) {
    writer.Number(slot);
    writer.Number(label);
  }
}

std::vector<SlotLabel> ReadLabels(ByteReader& reader) {
  std::vector<SlotLabel> labels(reader.Count(sizeof(Slot) + sizeof(index::Label)));
  for (auto& [slot, label] : labels) {
    slot = reader.Number<Slot>();
    label = reader.Number<index::Label>();
  }
  return labels;
}

void WriteKey(ByteWriter& writer, const storage::PointKey& key) {
  writer.Number(key.kind);
  writer.Number(key.high);
  writer.Number(key.low);
}

storage::PointKey ReadKey(ByteReader& reader) {
  storage::PointKey key;
  key.kind = reader.Number<uint8_t>();
  key.high = reader.Number<uint64_t>();
  key.low = reader.Number<uint64_t>();
  return key;
}

void WriteChange(ByteWriter& writer, const PointChange& change) {
  WriteKey(writer, change.key);
  writer.Number(static_cast<uint8_t>(change.kind));
  writer.OptionalText(change.payload);
  writer.Number(static_cast<uint32_t>(change.vectors.size()));
  for (const VectorWrite& vector : change.vectors) {
    writer.Number(vector.slot);
    writer.OptionalText(vector.text);
    writer.OptionalText(vector.prefix);
    writer.Floats(vector.vector);
  }
  writer.Number(static_cast<uint32_t>(change.removed_slots.size()));
  for (Slot slot : change.removed_slots) writer.Number(slot);
}

PointChange ReadChange(ByteReader& reader) {
  PointChange change;
  change.key = ReadKey(reader);
  change.kind = static_cast<PointChange::Kind>(reader.Number<uint8_t>());
  change.payload = reader.OptionalText();
  change.vectors.resize(reader.Count(sizeof(Slot)));
  for (VectorWrite& vector : change.vectors) {
    vector.slot = reader.Number<Slot>();
    vector.text = reader.OptionalText();
    vector.prefix = reader.OptionalText();
    vector.vector = reader.Floats();
  }
  change.removed_slots.resize(reader.Count(sizeof(Slot)));
  for (Slot& slot : change.removed_slots) slot = reader.Number<Slot>();
  return change;
}

}  // namespace

std::string PointRecord::Encode() const {
  ByteWriter writer(kPointVersion);
  writer.Number(version);
  writer.Number(number);
  WriteLabels(writer, labels);
  writer.Text(payload);
  return writer.Take();
}

absl::StatusOr<PointRecord> PointRecord::Decode(std::string_view bytes) {
  ByteReader reader(bytes, "point", kPointVersion);
  PointRecord record;
  record.version = reader.Number<storage::Sequence>();
  if (reader.version() >= 2) record.number = reader.Number<PointNumber>();
  record.labels = ReadLabels(reader);
  record.payload = reader.Text();
  return Finished(reader, std::move(record));
}

std::optional<index::Label> PointRecord::LabelOf(Slot slot) const {
  for (const SlotLabel& entry : labels) {
    if (entry.slot == slot) return entry.label;
  }
  return std::nullopt;
}

std::string VectorRecord::Encode() const {
  ByteWriter writer;
  writer.Number(label);
  writer.OptionalText(text);
  writer.OptionalText(prefix);
  writer.Floats(vector);
  return writer.Take();
}

absl::StatusOr<VectorRecord> VectorRecord::Decode(std::string_view bytes) {
  ByteReader reader(bytes, "vector");
  VectorRecord record;
  record.label = reader.Number<index::Label>();
  record.text = reader.OptionalText();
  record.prefix = reader.OptionalText();
  record.vector = reader.Floats();
  return Finished(reader, std::move(record));
}

std::string EncodeCommand(const std::vector<PointChange>& changes) {
  ByteWriter writer;
  writer.Number(static_cast<uint32_t>(changes.size()));
  for (const PointChange& change : changes) WriteChange(writer, change);
  return writer.Take();
}

absl::StatusOr<std::vector<PointChange>> DecodeCommand(std::string_view bytes) {
  ByteReader reader(bytes, "command");
  std::vector<PointChange> changes(reader.Count(sizeof(uint64_t)));
  for (PointChange& change : changes) change = ReadChange(reader);
  return Finished(reader, std::move(changes));
}

std::string EncodeNumbered(const std::vector<NumberedKey>& points) {
  ByteWriter writer;
  writer.Number(static_cast<uint32_t>(points.size()));
  for (const auto& [key, number] : points) {
    WriteKey(writer, key);
    writer.Number(number);
  }
  return writer.Take();
}

absl::StatusOr<std::vector<NumberedKey>> DecodeNumbered(std::string_view bytes) {
  ByteReader reader(bytes, "changed points");
  std::vector<NumberedKey> points(reader.Count(kNumberedBytes));
  for (auto& [key, number] : points) {
    key = ReadKey(reader);
    number = reader.Number<PointNumber>();
  }
  return Finished(reader, std::move(points));
}

std::string EncodeLabels(const std::vector<SlotLabel>& labels) {
  ByteWriter writer;
  WriteLabels(writer, labels);
  return writer.Take();
}

absl::StatusOr<std::vector<SlotLabel>> DecodeLabels(std::string_view bytes) {
  ByteReader reader(bytes, "label list");
  auto labels = ReadLabels(reader);
  return Finished(reader, std::move(labels));
}

std::string ShardManifest::Encode() const {
  ByteWriter writer;
  writer.Number(contained);
  writer.Number(static_cast<uint32_t>(slots.size()));
  for (const index::Manifest& slot : slots) {
    writer.Number(slot.persisted_through);
    writer.Number(static_cast<uint32_t>(slot.segments.size()));
    for (const index::SegmentRecord& segment : slot.segments) {
      writer.Text(segment.file);
      writer.Number(segment.min_label);
      writer.Number(segment.max_label);
      writer.Number(segment.count);
      writer.Text(segment.tombstones);
    }
  }
  return writer.Take();
}

absl::StatusOr<ShardManifest> ShardManifest::Decode(std::string_view bytes) {
  ByteReader reader(bytes, "manifest");
  ShardManifest manifest;
  manifest.contained = reader.Number<storage::Sequence>();
  manifest.slots.resize(reader.Count(sizeof(index::Label)));
  for (index::Manifest& slot : manifest.slots) {
    slot.persisted_through = reader.Number<index::Label>();
    slot.segments.resize(reader.Count(sizeof(index::Label)));
    for (index::SegmentRecord& segment : slot.segments) {
      segment.file = reader.Text();
      segment.min_label = reader.Number<index::Label>();
      segment.max_label = reader.Number<index::Label>();
      segment.count = reader.Number<uint64_t>();
      segment.tombstones = reader.Text();
    }
  }
  return Finished(reader, std::move(manifest));
}

}  // namespace vecnest::engine
