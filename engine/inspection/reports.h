// Reports over many texts or questions; the arguments are those of Inspector, the model is found.
#ifndef VECNEST_ENGINE_INSPECTION_REPORTS_H_
#define VECNEST_ENGINE_INSPECTION_REPORTS_H_

#include <vector>

#include "absl/status/statusor.h"
#include "embedder/encoder.h"
#include "vecnest/inspection.h"

namespace vecnest::engine {

absl::StatusOr<AnalogyReport> ReportAnalogies(const embedder::Encoder& encoder,
                                              const std::vector<AnalogyQuestion>& questions,
                                              const AnalogyOptions& options,
                                              const InspectProgress& progress);

absl::StatusOr<LayerScoresReport> ReportLayerScores(const embedder::Encoder& encoder,
                                                    const std::vector<TextPair>& pairs,
                                                    const InspectOptions& options,
                                                    const InspectProgress& progress);

absl::StatusOr<RareTokensReport> ReportRareTokens(const embedder::Encoder& encoder,
                                                  const Inspector::NextText& next,
                                                  const RareTokensOptions& options);

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_INSPECTION_REPORTS_H_
