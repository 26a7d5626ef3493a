// The body of a request may be anything: every reader must either take it or name what is wrong.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/codec_collection.h"
#include "net/codec_openai.h"
#include "net/codec_points.h"
#include "net/codec_query.h"

namespace {

using vecnest::net::Json;

// A refusal without a word would help nobody.
template <typename Read>
void Try(Read read) {
  absl::Status status;
  read(status);
  if (!status.ok() && status.message().empty()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto json = vecnest::engine::ParseJson(text, "body");
  if (!json.ok()) return 0;
  Try([&](absl::Status& status) { vecnest::net::ReadUpsert(*json, "", status); });
  Try([&](absl::Status& status) { vecnest::net::ReadBulkLine(*json, status); });
  Try([&](absl::Status& status) { vecnest::net::ReadCollectionConfig(*json, status); });
  Try([&](absl::Status& status) { vecnest::net::ReadCollectionUpdate(*json, status); });
  Try([&](absl::Status& status) { vecnest::net::ReadEmbeddingsRequest(*json, status); });
  // As the routes of points and of queries read it.
  const auto points = vecnest::engine::ParseJson(text, "body", vecnest::net::kPackedInPoints);
  if (!points.ok()) std::abort();
  Try([&](absl::Status& status) { vecnest::net::ReadUpsert(*points, "", status); });
  Try([&](absl::Status& status) { vecnest::net::ReadBulkLine(*points, status); });
  const auto packed = vecnest::engine::ParseJson(text, "body", vecnest::net::kPackedInQueries);
  if (!packed.ok()) std::abort();
  Try([&](absl::Status& status) { vecnest::net::ReadQuery(*packed, "", status); });
  Try([&](absl::Status& status) { vecnest::net::ReadSearch(*packed, "", status); });
  return 0;
}
