// Points, vectors and payload operations, between JSON (Qdrant's dialect) and engine types.
// Readers do nothing once `status` is an error.
#ifndef VECNEST_NET_CODEC_POINTS_H_
#define VECNEST_NET_CODEC_POINTS_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "net/json_fields.h"
#include "vecnest/database.h"

namespace vecnest::net {

// What may be packed when the bodies below are parsed (engine::ParseJson).
inline constexpr std::string_view kPointVectors[] = {"vector", "vectors"};
inline constexpr std::string_view kPayloads[] = {"payload", "payloads"};
inline constexpr engine::PackedLists kPackedInPoints{kPointVectors, true, kPayloads};

// {"max_tokens": 200, "overlap": 20}
Chunking ReadChunking(const Json& value, std::string_view path, absl::Status& status);

// {"text": "...", "model": "...", "truncate": true, "chunk": {...}, "options": {"prefix": "..."}}.
// Clients that know only text, model and options put "truncate" and "chunk" there.
Text ReadText(const Json& value, std::string_view path, absl::Status& status);

// {"text": ...} or {"base64": ...}: an object that stands for a vector.
bool IsInputObject(const Json& value);

// A list of floats, {"base64": "..."} of little-endian floats (as /v1/embeddings writes them), or a
// text object.
VectorInput ReadVectorInput(const Json& value, std::string_view path, absl::Status& status);

// A vector input (for the unnamed vector), or an object of them by name. A vector may be called
// "base64": what stands there is no string then.
NamedInputs ReadNamedInputs(const Json& value, std::string_view path, absl::Status& status);

// The body of an upsert, in either shape: {"points": [...]} or {"batch": {...}}.
std::vector<Point> ReadUpsert(const Json& body, std::string_view path, absl::Status& status);

// One line of a bulk import: {"id", "vector" | "text", "payload", "chunk", "truncate"}.
Point ReadBulkLine(const Json& line, absl::Status& status);

// {"points": [{"id", "vector"}]}
std::vector<std::pair<PointId, NamedInputs>> ReadVectorUpdate(const Json& body,
                                                              std::string_view path,
                                                              absl::Status& status);

// "points" or "filter" of a body; exactly one must be there.
PointSelector ReadSelector(JsonFields& fields);

struct PayloadUpdate {
  PointSelector points;
  std::string payload;  // a JSON object
  std::string key;
};
PayloadUpdate ReadPayloadUpdate(const Json& body, std::string_view path, absl::Status& status);

struct KeyRemoval {
  PointSelector points;
  std::vector<std::string> keys;
};
// `member`: "keys" of the payload, or "vector" names.
KeyRemoval ReadKeyRemoval(const Json& body, std::string_view member, std::string_view path,
                          absl::Status& status);

// true, false, [keys], {"include": [...]} or {"exclude": [...]}.
PayloadSelector ReadPayloadSelector(const Json* value, std::string_view path, bool by_default,
                                    absl::Status& status);
// true, false or [names].
VectorSelector ReadVectorSelector(const Json* value, std::string_view path, absl::Status& status);

// Which vectors are shown with unit length: Qdrant's dialect returns those compared by cosine so.
// They are stored as they were given.
using UnitLength = std::map<std::string, bool>;

// Append JSON to `text`. Payloads, which are JSON, are taken over as they are.
void AppendVectors(const NamedVectors& vectors, const UnitLength& unit_length, std::string& text);
void AppendRecord(const Record& record, const UnitLength& unit_length, std::string& text);
void AppendScoredPoint(const ScoredPoint& point, const UnitLength& unit_length, std::string& text);

Json WriteUpdateResult(const WriteResult& result, bool waited);

}  // namespace vecnest::net

#endif  // VECNEST_NET_CODEC_POINTS_H_
