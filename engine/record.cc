#include "engine/record.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>
#include <utility>

#include "fmt/format.h"

namespace vecnest::engine {
namespace {

static_assert(std::endian::native == std::endian::little, "records are little-endian");

constexpr uint8_t kVersion = 1;

class Writer {
 public:
  Writer() { Number(kVersion); }
  template <typename Integer>
  void Number(Integer value) {
    static_assert(std::is_integral_v<Integer>);
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void Text(std::string_view text) {
    Number(static_cast<uint32_t>(text.size()));
    bytes_.append(text);
  }
  void OptionalText(const std::optional<std::string>& text) {
    Number(static_cast<uint8_t>(text.has_value()));
    if (text) Text(*text);
  }
  void Floats(const std::vector<float>& values) {
    Number(static_cast<uint32_t>(values.size()));
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float));
  }
  void Labels(const std::vector<SlotLabel>& labels) {
    Number(static_cast<uint32_t>(labels.size()));
    for (const auto& [slot, label] : labels) {
      Number(slot);
      Number(label);
    }
  }
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Reads what Writer wrote. After the first failure everything reads as empty and Finish says so.
class Reader {
 public:
  Reader(std::string_view bytes, std::string_view what) : rest_(bytes), what_(what) {
    const auto version = Number<uint8_t>();
    if (!failed_ && version != kVersion) {
      failed_ = true;
      problem_ = fmt::format("format version {} is unknown, expected {}", version, kVersion);
    }
  }
  template <typename Integer>
  Integer Number() {
    Integer value = 0;
    const std::string_view bytes = Bytes(sizeof(value));
    if (!failed_) std::copy_n(bytes.data(), sizeof(value), reinterpret_cast<char*>(&value));
    return value;
  }
  std::string Text() { return std::string(Bytes(Number<uint32_t>())); }
  std::optional<std::string> OptionalText() {
    if (Number<uint8_t>() == 0) return std::nullopt;
    return Text();
  }
  std::vector<float> Floats() {
    const std::string_view bytes = Bytes(size_t{Number<uint32_t>()} * sizeof(float));
    std::vector<float> values(bytes.size() / sizeof(float));
    if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  // A count of elements that take at least `element_bytes` each, so that it can be reserved.
  size_t Count(size_t element_bytes) {
    const size_t count = Number<uint32_t>();
    if (count > rest_.size() / element_bytes) Fail();
    return failed_ ? 0 : count;
  }
  std::vector<SlotLabel> Labels() {
    std::vector<SlotLabel> labels(Count(sizeof(Slot) + sizeof(index::Label)));
    for (auto& [slot, label] : labels) {
      slot = Number<Slot>();
      label = Number<index::Label>();
    }
    return labels;
  }
  absl::Status Finish() {
    if (!failed_ && !rest_.empty()) {
      failed_ = true;
      problem_ = fmt::format("{} bytes too many", rest_.size());
    }
    if (!failed_) return absl::OkStatus();
    return absl::DataLossError(fmt::format("{} record: {}", what_, problem_));
  }

 private:
  std::string_view Bytes(size_t count) {
    if (count > rest_.size()) Fail();
    if (failed_) return {};
    const std::string_view bytes = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return bytes;
  }
  void Fail() {
    if (!failed_) problem_ = "ends too early";
    failed_ = true;
  }
  std::string_view rest_;
  std::string_view what_;
  bool failed_ = false;
  std::string problem_;
};

template <typename Value>
absl::StatusOr<Value> Finished(Reader& reader, Value value) {
  if (auto status = reader.Finish(); !status.ok()) return status;
  return value;
}

void WriteChange(Writer& writer, const PointChange& change) {
  writer.Number(change.key.kind);
  writer.Number(change.key.high);
  writer.Number(change.key.low);
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

PointChange ReadChange(Reader& reader) {
  PointChange change;
  change.key.kind = reader.Number<uint8_t>();
  change.key.high = reader.Number<uint64_t>();
  change.key.low = reader.Number<uint64_t>();
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
  Writer writer;
  writer.Number(version);
  writer.Labels(labels);
  writer.Text(payload);
  return writer.Take();
}

absl::StatusOr<PointRecord> PointRecord::Decode(std::string_view bytes) {
  Reader reader(bytes, "point");
  PointRecord record;
  record.version = reader.Number<storage::Sequence>();
  record.labels = reader.Labels();
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
  Writer writer;
  writer.Number(label);
  writer.OptionalText(text);
  writer.OptionalText(prefix);
  writer.Floats(vector);
  return writer.Take();
}

absl::StatusOr<VectorRecord> VectorRecord::Decode(std::string_view bytes) {
  Reader reader(bytes, "vector");
  VectorRecord record;
  record.label = reader.Number<index::Label>();
  record.text = reader.OptionalText();
  record.prefix = reader.OptionalText();
  record.vector = reader.Floats();
  return Finished(reader, std::move(record));
}

std::string EncodeCommand(const std::vector<PointChange>& changes) {
  Writer writer;
  writer.Number(static_cast<uint32_t>(changes.size()));
  for (const PointChange& change : changes) WriteChange(writer, change);
  return writer.Take();
}

absl::StatusOr<std::vector<PointChange>> DecodeCommand(std::string_view bytes) {
  Reader reader(bytes, "command");
  std::vector<PointChange> changes(reader.Count(sizeof(uint64_t)));
  for (PointChange& change : changes) change = ReadChange(reader);
  return Finished(reader, std::move(changes));
}

std::string EncodeLabels(const std::vector<SlotLabel>& labels) {
  Writer writer;
  writer.Labels(labels);
  return writer.Take();
}

absl::StatusOr<std::vector<SlotLabel>> DecodeLabels(std::string_view bytes) {
  Reader reader(bytes, "label list");
  auto labels = reader.Labels();
  return Finished(reader, std::move(labels));
}

std::string ShardManifest::Encode() const {
  Writer writer;
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
  Reader reader(bytes, "manifest");
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
