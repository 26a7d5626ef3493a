#include "engine/payload_index/payload_indexes.h"

#include <algorithm>

#include "fmt/format.h"

namespace vecnest::engine {

absl::StatusOr<Json> StoredPayload(const PointRecord& record) {
  auto payload = ParseJsonObject(record.payload, "stored payload");
  if (!payload.ok()) return absl::DataLossError(std::string(payload.status().message()));
  return payload;
}

absl::StatusOr<PayloadIndexes::TermChanges> PayloadIndexes::TermsOf(
    const TouchedPoint& point) const {
  TermChanges changes;
  const bool same = point.old && point.now && point.old->payload == point.now->payload;
  if (fields_.empty() || same) return changes;
  changes.resize(fields_.size());
  for (const auto& [record, side] :
       {std::pair{&point.old, &TermChange::old_terms}, std::pair{&point.now, &TermChange::terms}}) {
    if (!*record) continue;
    auto payload = StoredPayload(**record);
    if (!payload.ok()) return payload.status();
    for (size_t i = 0; i < fields_.size(); ++i) changes[i].*side = fields_[i].Terms(*payload);
  }
  return changes;
}

absl::Status PayloadIndexes::Apply(const std::vector<TouchedPoint>& points) {
  // Payloads are taken apart beside the readers; fields do not change meanwhile, as writers come
  // one at a time.
  std::vector<TermChanges> changes;
  changes.reserve(points.size());
  {
    absl::ReaderMutexLock lock(&mutex_);
    for (const TouchedPoint& point : points) {
      auto terms = TermsOf(point);
      if (!terms.ok()) return terms.status();
      changes.push_back(*std::move(terms));
    }
  }
  absl::WriterMutexLock lock(&mutex_);
  for (size_t i = 0; i < points.size(); ++i) {
    const auto& [key, number, old, now] = points[i];
    for (Roaring& having : with_vector_) having.remove(number);
    if (now) {
      numbers_.Put(number, key);
      for (const SlotLabel& entry : now->labels) with_vector_[entry.slot].add(number);
    } else {
      numbers_.Free(number);
    }
    for (size_t field = 0; field < changes[i].size(); ++field) {
      fields_[field].Change(number, changes[i][field].old_terms, changes[i][field].terms);
    }
  }
  return absl::OkStatus();
}

absl::Status PayloadIndexes::Reload(const Roaring& numbers,
                                    const std::vector<StoredNumber>& points) {
  if (!numbers.isEmpty()) {
    absl::WriterMutexLock lock(&mutex_);
    for (const PointNumber number : numbers) numbers_.Free(number);
    for (Roaring& having : with_vector_) having -= numbers;
    for (FieldIndex& field : fields_) field.RemoveAll(numbers);
  }
  std::vector<TouchedPoint> added;
  added.reserve(points.size());
  for (const auto& [key, record] : points) {
    added.push_back({key, record.number, std::nullopt, record});
  }
  return Apply(added);
}

void PayloadIndexes::Clear() {
  absl::WriterMutexLock lock(&mutex_);
  numbers_ = {};
  std::fill(with_vector_.begin(), with_vector_.end(), Roaring());
  fields_.clear();
}

void PayloadIndexes::AddField(FieldIndex index) {
  absl::WriterMutexLock lock(&mutex_);
  const auto place = std::lower_bound(
      fields_.begin(), fields_.end(), index,
      [](const FieldIndex& a, const FieldIndex& b) { return a.field() < b.field(); });
  if (place != fields_.end() && place->field() == index.field()) {
    *place = std::move(index);
  } else {
    fields_.insert(place, std::move(index));
  }
}

bool PayloadIndexes::RemoveField(std::string_view name) {
  absl::WriterMutexLock lock(&mutex_);
  return std::erase_if(fields_, [&](const FieldIndex& field) { return field.field() == name; }) > 0;
}

std::vector<PointNumber> PayloadIndexes::NextFree(size_t count) const {
  absl::ReaderMutexLock lock(&mutex_);
  return numbers_.NextFree(count);
}

absl::StatusOr<FilterEvaluation> PayloadIndexes::Evaluate(const Filter& filter, SlotOf slot_of,
                                                          NumbersOf numbers_of) const {
  absl::ReaderMutexLock lock(&mutex_);
  return EvaluateFilter(filter, {numbers_.live(), fields_, with_vector_, slot_of, numbers_of});
}

Roaring PayloadIndexes::WithVector(Slot slot, Roaring numbers) const {
  absl::ReaderMutexLock lock(&mutex_);
  numbers &= with_vector_[slot];
  return numbers;
}

std::vector<NumberedKey> PayloadIndexes::KeysOf(const Roaring& numbers) const {
  absl::ReaderMutexLock lock(&mutex_);
  std::vector<NumberedKey> keys;
  keys.reserve(numbers.cardinality());
  for (const PointNumber number : numbers) {
    if (numbers_.live().contains(number)) keys.emplace_back(numbers_.KeyOf(number), number);
  }
  return keys;
}

absl::StatusOr<std::vector<FacetHit>> PayloadIndexes::Facet(const std::string& field,
                                                            const Roaring* among,
                                                            size_t limit) const {
  absl::ReaderMutexLock lock(&mutex_);
  auto path = PayloadPath::Parse(field);
  if (!path.ok()) return path.status();
  for (const FieldIndex& index : fields_) {
    if (index.path().steps() == path->steps()) return index.Facet(among, limit);
  }
  return absl::NotFoundError(fmt::format("the field '{}' has no payload index", field));
}

std::map<std::string, PayloadIndexInfo> PayloadIndexes::Describe() const {
  absl::ReaderMutexLock lock(&mutex_);
  std::map<std::string, PayloadIndexInfo> described;
  for (const FieldIndex& index : fields_) {
    described[index.field()] = {index.config(), index.points(), index.MemoryBytes()};
  }
  return described;
}

size_t PayloadIndexes::MemoryBytes() const {
  absl::ReaderMutexLock lock(&mutex_);
  size_t bytes = numbers_.MemoryBytes();
  for (const Roaring& points : with_vector_) bytes += points.getSizeInBytes(/*portable=*/false);
  for (const FieldIndex& field : fields_) bytes += field.MemoryBytes();
  return bytes;
}

std::string PayloadIndexes::Encode(storage::Sequence sequence) const {
  absl::ReaderMutexLock lock(&mutex_);
  ByteWriter writer;
  writer.Number(sequence);
  numbers_.Encode(writer);
  writer.Number(static_cast<uint32_t>(with_vector_.size()));
  for (const Roaring& points : with_vector_) WriteBitmap(writer, points);
  writer.Number(static_cast<uint32_t>(fields_.size()));
  for (const FieldIndex& field : fields_) field.Encode(writer);
  return writer.Take();
}

absl::StatusOr<storage::Sequence> PayloadIndexes::Decode(std::string_view bytes) {
  ByteReader reader(bytes, "payload index checkpoint");
  const auto sequence = reader.Number<storage::Sequence>();
  PointNumbers numbers = PointNumbers::Decode(reader);
  std::vector<Roaring> with_vector(reader.Count(sizeof(uint32_t)));
  for (Roaring& points : with_vector) points = ReadBitmap(reader);
  const size_t count = reader.Count(sizeof(uint32_t));
  std::vector<FieldIndex> fields;
  for (size_t i = 0; i < count && !reader.failed(); ++i) {
    auto field = FieldIndex::Decode(reader);
    if (!field.ok()) return absl::DataLossError(std::string(field.status().message()));
    fields.push_back(*std::move(field));
  }
  absl::WriterMutexLock lock(&mutex_);
  if (with_vector.size() != with_vector_.size()) reader.Fail("made for other vectors");
  if (auto status = reader.Finish(); !status.ok()) return status;
  numbers_ = std::move(numbers);
  with_vector_ = std::move(with_vector);
  fields_ = std::move(fields);
  return sequence;
}

std::string PayloadIndexes::DifferenceFrom(const PayloadIndexes& other) const {
  absl::ReaderMutexLock lock(&mutex_);
  absl::ReaderMutexLock other_lock(&other.mutex_);
  if (!(numbers_ == other.numbers_)) return "the numbers of points";
  if (with_vector_ != other.with_vector_) return "which points have which vectors";
  if (fields_.size() != other.fields_.size()) return "the number of payload indexes";
  for (size_t i = 0; i < fields_.size(); ++i) {
    if (!(fields_[i] == other.fields_[i])) {
      return fmt::format("the payload index of '{}'", fields_[i].field());
    }
  }
  return "";
}

}  // namespace vecnest::engine
