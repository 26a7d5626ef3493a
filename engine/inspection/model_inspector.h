// What the public Inspector offers, over the models that are loaded.
//
// A guide to this folder:
//   model_inspector   finds the model, checks what is given, asks embedder/inspection, puts names
//   to
//                     the numbers
//   analogy_report    a set of analogies, answered and counted
//   corpus_reports    which layer to read; what a corpus asks of the table
//   named_tokens      ids with their names
#ifndef VECNEST_ENGINE_INSPECTION_MODEL_INSPECTOR_H_
#define VECNEST_ENGINE_INSPECTION_MODEL_INSPECTOR_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "vecnest/inspection.h"

namespace vecnest::engine {

class LoadedModels;

// Tokens that the longest text may have, and neighbours that may be asked for: answers are read by
// people.
inline constexpr size_t kMostInspectedTokens = 1024;
inline constexpr size_t kMostNeighbors = 1000;

class ModelInspector final : public Inspector {
 public:
  // `models` outlives it.
  explicit ModelInspector(const LoadedModels& models) : models_(models) {}

  absl::StatusOr<TokensAnswer> Tokens(const std::string& text,
                                      const InspectOptions& options) const override;
  absl::StatusOr<NeighborsAnswer> Neighbors(const std::string& term,
                                            const NeighborOptions& options) const override;
  absl::StatusOr<AnalogyAnswer> Analogy(const std::string& a, const std::string& b,
                                        const std::string& c,
                                        const NeighborOptions& options) const override;
  absl::StatusOr<TextAnalogyAnswer> TextAnalogy(const std::string& a, const std::string& b,
                                                const std::string& c,
                                                const std::vector<std::string>& candidates,
                                                const NeighborOptions& options) const override;
  absl::StatusOr<AnalogyReport> AskAnalogies(const std::vector<AnalogyQuestion>& questions,
                                             const AnalogyOptions& options,
                                             const InspectProgress& progress) const override;
  absl::StatusOr<LayersAnswer> Layers(const std::string& text,
                                      const InspectOptions& options) const override;
  absl::StatusOr<ContextAnswer> Context(const std::string& word,
                                        const std::vector<std::string>& sentences,
                                        const InspectOptions& options) const override;
  absl::StatusOr<ProjectionAnswer> Projection(const std::string& text,
                                              const ProjectionOptions& options) const override;
  absl::StatusOr<LayerScoresReport> ScoreLayers(const std::vector<TextPair>& pairs,
                                                const InspectOptions& options,
                                                const InspectProgress& progress) const override;
  absl::StatusOr<RareTokensReport> RareTokens(const NextText& next,
                                              const RareTokensOptions& options) const override;

 private:
  const LoadedModels& models_;
};

}  // namespace vecnest::engine

#endif  // VECNEST_ENGINE_INSPECTION_MODEL_INSPECTOR_H_
