// What `vecnest eval` found, as JSON.
#ifndef VECNEST_NET_CODEC_EVALUATION_H_
#define VECNEST_NET_CODEC_EVALUATION_H_

#include <string>

#include "engine/json.h"
#include "vecnest/evaluation.h"

namespace vecnest::net {

// "settings" of the request, "models", "tasks", "encodings" and "results" (docs/evaluation.md). A
// score that is not defined is null.
engine::Json WriteEvaluation(const EvaluationRequest& request, const Evaluation& evaluation);

// "cosine": as options take a metric.
std::string LowerName(Metric metric);

}  // namespace vecnest::net

#endif  // VECNEST_NET_CODEC_EVALUATION_H_
