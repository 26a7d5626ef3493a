// Questions about a model and their answers; the command line writes the latter, too (--json).
#ifndef VECNEST_NET_CODEC_INSPECT_H_
#define VECNEST_NET_CODEC_INSPECT_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "net/json_fields.h"
#include "vecnest/inspection.h"

namespace vecnest::net {

// In every request: "model", "input_type", "prefix".
struct TokensRequest {
  InspectOptions inspect;
  std::string text;
  bool rows = false;  // of the table, in the answer
};
TokensRequest ReadTokensRequest(const Json& body, absl::Status& status);
// The same without "rows".
TokensRequest ReadLayersRequest(const Json& body, absl::Status& status);

struct NeighborsRequest {
  InspectOptions inspect;
  std::string term;
  size_t limit = 10;
  bool special = false;
  NeighborOptions Options() const { return {inspect, limit, special}; }
};
NeighborsRequest ReadNeighborsRequest(const Json& body, absl::Status& status);

struct AnalogyRequest {
  InspectOptions inspect;
  std::string a;
  std::string b;
  std::string c;
  std::vector<std::string> candidates;  // with them a, b and c are texts to be encoded
  size_t limit = 10;
  bool special = false;
  NeighborOptions Options() const { return {inspect, limit, special}; }
};
AnalogyRequest ReadAnalogyRequest(const Json& body, absl::Status& status);

struct ContextRequest {
  InspectOptions inspect;
  std::string word;
  std::vector<std::string> sentences;  // 2 to 32
};
ContextRequest ReadContextRequest(const Json& body, absl::Status& status);

struct ProjectionRequest {
  InspectOptions inspect;
  std::string text;
  bool all = false;
  size_t limit = 5;
};
ProjectionRequest ReadProjectionRequest(const Json& body, absl::Status& status);

struct RareTokensRequest {
  InspectOptions inspect;
  std::vector<std::string> texts;
  size_t limit = 10;
  uint64_t least_count = 1;
};
RareTokensRequest ReadRareTokensRequest(const Json& body, absl::Status& status);

Json WriteAnswer(const TokensAnswer& answer, bool rows);
Json WriteAnswer(const NeighborsAnswer& answer);
Json WriteAnswer(const AnalogyAnswer& answer);
Json WriteAnswer(const TextAnalogyAnswer& answer);
Json WriteAnswer(const AnalogyReport& answer);
Json WriteAnswer(const LayersAnswer& answer);
Json WriteAnswer(const ContextAnswer& answer);
Json WriteAnswer(const ProjectionAnswer& answer);
Json WriteAnswer(const LayerScoresReport& answer);
Json WriteAnswer(const RareTokensReport& answer);

}  // namespace vecnest::net

#endif  // VECNEST_NET_CODEC_INSPECT_H_
