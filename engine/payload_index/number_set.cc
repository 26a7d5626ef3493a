#include "engine/payload_index/number_set.h"

#include <algorithm>
#include <exception>
#include <string>

namespace vecnest::engine {
namespace {

// A bitmap of fewer costs more than their list.
constexpr size_t kMaxFew = 32;

Roaring ToBitmap(const NumberSet& set) {
  Roaring bitmap;
  set.AddTo(bitmap);
  return bitmap;
}

}  // namespace

void WriteBitmap(ByteWriter& writer, const Roaring& bitmap) {
  std::string bytes(bitmap.getSizeInBytes(), '\0');
  bitmap.write(bytes.data());
  writer.Text(bytes);
}

Roaring ReadBitmap(ByteReader& reader) {
  const std::string_view bytes = reader.Bytes(reader.Number<uint32_t>());
  if (reader.failed()) return {};
  try {
    return Roaring::readSafe(bytes.data(), bytes.size());
  } catch (const std::exception& error) {
    reader.Fail(error.what());
    return {};
  }
}

void NumberSet::Add(PointNumber number) {
  if (many_ != nullptr) {
    many_->add(number);
    return;
  }
  const auto place = std::lower_bound(few_.begin(), few_.end(), number);
  if (place != few_.end() && *place == number) return;
  few_.insert(place, number);
  if (few_.size() <= kMaxFew) return;
  many_ = std::make_unique<Roaring>(few_.size(), few_.data());
  few_.clear();
  few_.shrink_to_fit();
}

void NumberSet::Remove(PointNumber number) {
  if (many_ != nullptr) {
    many_->remove(number);
    return;
  }
  const auto place = std::lower_bound(few_.begin(), few_.end(), number);
  if (place != few_.end() && *place == number) few_.erase(place);
}

void NumberSet::RemoveAll(const Roaring& numbers) {
  if (many_ != nullptr) {
    *many_ -= numbers;
    return;
  }
  few_.erase(std::remove_if(few_.begin(), few_.end(),
                            [&](PointNumber number) { return numbers.contains(number); }),
             few_.end());
}

size_t NumberSet::size() const { return many_ != nullptr ? many_->cardinality() : few_.size(); }

void NumberSet::AddTo(Roaring& bitmap) const {
  if (many_ != nullptr) {
    bitmap |= *many_;
  } else {
    for (const PointNumber number : few_) bitmap.add(number);
  }
}

size_t NumberSet::CountIn(const Roaring& bitmap) const {
  if (many_ != nullptr) return many_->and_cardinality(bitmap);
  return static_cast<size_t>(std::count_if(
      few_.begin(), few_.end(), [&](PointNumber number) { return bitmap.contains(number); }));
}

size_t NumberSet::HeapBytes() const {
  if (many_ != nullptr) return sizeof(Roaring) + many_->getSizeInBytes(/*portable=*/false);
  return few_.size() <= 4 ? 0 : few_.capacity() * sizeof(PointNumber);
}

void NumberSet::Encode(ByteWriter& writer) const {
  writer.Number(static_cast<uint8_t>(many_ != nullptr));
  if (many_ != nullptr) {
    WriteBitmap(writer, *many_);
    return;
  }
  writer.Number(static_cast<uint32_t>(few_.size()));
  for (const PointNumber number : few_) writer.Number(number);
}

NumberSet NumberSet::Decode(ByteReader& reader) {
  NumberSet set;
  if (reader.Number<uint8_t>() != 0) {
    set.many_ = std::make_unique<Roaring>(ReadBitmap(reader));
    return set;
  }
  const size_t count = reader.Count(sizeof(PointNumber));
  for (size_t i = 0; i < count; ++i) set.Add(reader.Number<PointNumber>());
  return set;
}

bool operator==(const NumberSet& a, const NumberSet& b) { return ToBitmap(a) == ToBitmap(b); }

}  // namespace vecnest::engine
