#include "engine/chunks.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <utility>

#include "engine/json.h"
#include "fmt/format.h"
#include "openssl/evp.h"

namespace vecnest {
namespace {

// UUID version 5 of "chunk.vecnest" in the namespace of domain names.
constexpr std::array<unsigned char, 16> kNamespace = {
    0xa2, 0xbe, 0xbf, 0x37, 0xaa, 0x89, 0x58, 0x0f, 0x88, 0x76, 0x8d, 0xd6, 0x31, 0x58, 0xd0, 0xa4};

uint64_t BigEndian(const unsigned char* bytes) {
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | bytes[i];
  return value;
}

}  // namespace

PointId ChunkId(const PointId& parent, size_t index) {
  const std::string name = fmt::format("{}/{}", parent.ToString(), index);
  std::string input(kNamespace.begin(), kNamespace.end());
  input += name;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest = {};
  EVP_Digest(input.data(), input.size(), digest.data(), nullptr, EVP_sha1(), nullptr);
  digest[6] = static_cast<unsigned char>((digest[6] & 0x0F) | 0x50);
  digest[8] = static_cast<unsigned char>((digest[8] & 0x3F) | 0x80);
  return PointId::Uuid(BigEndian(digest.data()), BigEndian(digest.data() + 8));
}

namespace engine {
namespace {

constexpr size_t kMaxChunks = 32'768;
constexpr size_t kMaxBytes = size_t{256} << 20;  // of texts and payloads
constexpr size_t kProbe = 64;                    // former chunks that are looked for at a time
constexpr const char* kMember = "chunk";

Json ToJson(const PointId& id) {
  if (id.is_uuid()) return id.ToString();
  return id.number();
}

const Text* TextOf(const Point& point, bool (*wanted)(const Text&)) {
  for (const auto& [name, input] : point.vectors) {
    const auto* text = std::get_if<Text>(&input);
    if (text != nullptr && wanted(*text)) return text;
  }
  return nullptr;
}

// Keeps the last of the points that have the same id: a batch writes each point once.
void KeepLast(std::vector<Point>& points) {
  std::set<PointId> seen;
  std::vector<Point> kept;
  for (auto point = points.rbegin(); point != points.rend(); ++point) {
    if (seen.insert(point->id).second) kept.push_back(std::move(*point));
  }
  std::reverse(kept.begin(), kept.end());
  points = std::move(kept);
}

class Expander {
 public:
  Expander(const TextBatch& texts, const Definition& definition, const CallLimits& limits)
      : texts_(texts), definition_(definition), limits_(limits) {}

  absl::Status Add(Point point) {
    const Text* document = TextOf(point, [](const Text& text) { return text.chunk.has_value(); });
    if (document != nullptr) return AddDocument(point, *document);
    const bool any = TextOf(point, [](const Text&) { return true; }) != nullptr;
    if (any) result_.texts.push_back({point.id, 1});
    result_.points.push_back(std::move(point));
    return absl::OkStatus();
  }

  ExpandedPoints Finish() {
    // A chunk that was read and is written again may stand beside its document.
    if (result_.chunks > 0) KeepLast(result_.points);
    return std::move(result_);
  }

 private:
  absl::Status AddDocument(const Point& point, const Text& document) {
    const auto refuse = [&](std::string_view reason) {
      return absl::InvalidArgumentError(fmt::format("point {}: {}", point.id.ToString(), reason));
    };
    if (point.vectors.size() != 1) {
      return refuse(fmt::format("'chunk' is for points with one vector, this one has {}",
                                point.vectors.size()));
    }
    auto payload =
        ParseJsonObject(point.payload, fmt::format("payload of point {}", point.id.ToString()));
    if (!payload.ok()) return payload.status();
    if (payload->contains(kMember)) {
      return refuse("its payload has a member 'chunk', where a chunk keeps what it is part of");
    }
    const std::string& name = point.vectors.begin()->first;
    auto slot = definition_.RequireSlot(name);
    if (!slot.ok()) return slot.status();
    auto spans = texts_.Split(document, *slot, kMaxChunks, limits_);
    if (!spans.ok()) {
      return {spans.status().code(),
              fmt::format("point {}, vector '{}': chunk: {}", point.id.ToString(), name,
                          std::string(spans.status().message()))};
    }
    result_.chunks += spans->size();
    if (result_.chunks > kMaxChunks) {
      return refuse(
          fmt::format("the documents up to this one have {} chunks, expected at most {} "
                      "in one request",
                      result_.chunks, kMaxChunks));
    }
    result_.texts.push_back({point.id, spans->size()});
    return AddChunks(point, document, *spans, *std::move(payload));
  }

  absl::Status AddChunks(const Point& point, const Text& document,
                         const std::vector<embedder::TextSpan>& spans, Json payload) {
    std::vector<std::string> whole_text;  // members that hold it
    for (const auto& [name, value] : payload.items()) {
      if (value.is_string() && value.get_ref<const std::string&>() == document.text) {
        whole_text.push_back(name);
      }
    }
    for (size_t i = 0; i < spans.size(); ++i) {
      const auto [begin, end] = spans[i];
      bytes_ += end - begin;
      if (bytes_ > kMaxBytes) return TooLarge(point.id);
      Text text{document.text.substr(begin, end - begin), document.model, document.prefix,
                /*truncate=*/false};
      for (const std::string& name : whole_text) payload[name] = text.text;
      payload[kMember] = {{"parent", ToJson(point.id)},
                          {"index", i},
                          {"count", spans.size()},
                          {"start", begin},
                          {"end", end}};
      Point chunk;
      chunk.id = spans.size() == 1 ? point.id : ChunkId(point.id, i);
      chunk.payload = payload.dump();
      bytes_ += chunk.payload.size();
      if (bytes_ > kMaxBytes) return TooLarge(point.id);
      chunk.vectors[point.vectors.begin()->first] = std::move(text);
      result_.points.push_back(std::move(chunk));
    }
    return absl::OkStatus();
  }

  static absl::Status TooLarge(const PointId& id) {
    return absl::InvalidArgumentError(
        fmt::format("point {}: with what they repeat of their documents' texts, and a copy of the "
                    "payload each, the chunks of this request have more than {} bytes",
                    id.ToString(), kMaxBytes));
  }

  const TextBatch& texts_;
  const Definition& definition_;
  const CallLimits& limits_;
  ExpandedPoints result_;
  size_t bytes_ = 0;
};

// How many chunks the document of a stored chunk had.
size_t CountOf(const PointRecord& chunk) {
  const Json payload = Json::parse(chunk.payload, nullptr, /*allow_exceptions=*/false);
  const Json::json_pointer place("/chunk/count");
  if (!payload.is_object() || !payload.contains(place)) return 0;
  const Json& count = payload.at(place);
  // What users made of it since is not to be trusted.
  return count.is_number_unsigned() ? std::min<size_t>(count.get<size_t>(), kMaxChunks) : 0;
}

}  // namespace

absl::StatusOr<ExpandedPoints> ExpandDocuments(std::vector<Point> points, const TextBatch& texts,
                                               const Definition& definition,
                                               const CallLimits& limits) {
  KeepLast(points);
  Expander expander(texts, definition, limits);
  for (Point& point : points) {
    if (auto status = expander.Add(std::move(point)); !status.ok()) return status;
  }
  return expander.Finish();
}

absl::StatusOr<std::vector<PointChange>> FormerChunks(const Shard& shard,
                                                      const std::vector<WrittenText>& texts,
                                                      const std::vector<PointChange>& written) {
  std::vector<PointId> firsts;
  firsts.reserve(texts.size());
  for (const WrittenText& text : texts) firsts.push_back(ChunkId(text.id, 0));
  auto found = shard.Read(firsts);
  if (!found.ok()) return found.status();
  std::set<PointId> former;
  size_t next = 0;  // of those that were found, which are in the order of `firsts`
  for (size_t i = 0; i < texts.size(); ++i) {
    const auto [id, chunks] = texts[i];
    size_t known = 0;  // how many chunks there were, as far as can be seen
    if (next < found->size() && (*found)[next].id == firsts[i]) {
      known = std::max<size_t>(1, CountOf((*found)[next++].record));
    }
    if (chunks > 1) former.insert(id);
    // Its first chunk may have been deleted alone: whatever follows the new ones is looked for.
    bool look = chunks > 1 || known > 0;
    for (size_t index = chunks > 1 ? chunks : 0; look; index += kProbe) {
      std::vector<PointId> ids;
      for (size_t ahead = 0; ahead < kProbe; ++ahead) ids.push_back(ChunkId(id, index + ahead));
      auto stored = shard.Read(ids);
      if (!stored.ok()) return stored.status();
      for (const StoredPoint& chunk : *stored) known = std::max(known, CountOf(chunk.record));
      former.insert(ids.begin(), ids.end());
      look = !stored->empty() || index + kProbe < known;
    }
  }
  if (former.empty()) return std::vector<PointChange>();
  for (const PointChange& change : written) former.erase(ToPointId(change.key));
  std::vector<PointChange> deletions;
  // Piece by piece: records come with their payloads, and only their ids are wanted.
  for (auto first = former.begin(); first != former.end();) {
    std::vector<PointId> ids;
    for (; first != former.end() && ids.size() < kProbe; ++first) ids.push_back(*first);
    auto stored = shard.Read(ids);
    if (!stored.ok()) return stored.status();
    for (const StoredPoint& point : *stored) {
      deletions.push_back({ToStorageKey(point.id), PointChange::Kind::kDelete, {}, {}, {}});
    }
  }
  return deletions;
}

}  // namespace engine
}  // namespace vecnest
