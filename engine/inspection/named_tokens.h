// Token ids with their names, as the public API gives them.
#ifndef VECNEST_ENGINE_INSPECTION_NAMED_TOKENS_H_
#define VECNEST_ENGINE_INSPECTION_NAMED_TOKENS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "embedder/encoder.h"
#include "vecnest/inspection.h"

namespace vecnest::engine {

inline NamedToken NameToken(const embedder::Encoder& encoder, int32_t id) {
  const embedder::Vocabulary& vocabulary = encoder.vocabulary();
  return {id, std::string(vocabulary.TextOf(id)), vocabulary.IsSpecial(id)};
}

inline std::vector<NamedToken> NameTokens(const embedder::Encoder& encoder,
                                          absl::Span<const int32_t> ids) {
  std::vector<NamedToken> tokens;
  tokens.reserve(ids.size());
  for (const int32_t id : ids) tokens.push_back(NameToken(encoder, id));
  return tokens;
}

inline InspectedModel NameModel(const embedder::Encoder& encoder) {
  return {encoder.info().name, encoder.info().identity};
}

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_INSPECTION_NAMED_TOKENS_H_
