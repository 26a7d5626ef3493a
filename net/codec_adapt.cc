#include "net/codec_adapt.h"

#include <cstdint>
#include <limits>

#include "fmt/format.h"

namespace vecnest::net {

AdaptRequest ReadAdaptRequest(const Json& body, absl::Status& status) {
  constexpr int64_t kLargest = std::numeric_limits<int64_t>::max();
  JsonFields fields(body, "", status);
  AdaptRequest request;
  request.vector_name = fields.String("vector").value_or("");
  if (const auto name = fields.String("method")) {
    auto method = ParseAdaptMethod(*name);
    if (method.ok()) {
      request.method = *method;
    } else {
      status.Update(absl::InvalidArgumentError(
          fmt::format("method: {}", std::string(method.status().message()))));
    }
  }
  if (const auto samples =
          fields.Integer("samples", AdaptRequest::kFewestSamples, AdaptRequest::kMostSamples)) {
    request.samples = static_cast<size_t>(*samples);
  }
  if (const auto seed = fields.Integer("seed", 0, kLargest)) {
    request.seed = static_cast<uint64_t>(*seed);
  }
  fields.Finish();
  return request;
}

Json WriteAdaptRequest(const AdaptRequest& request) {
  return {{"vector", request.vector_name},
          {"method", AdaptMethodName(request.method)},
          {"samples", request.samples},
          {"seed", request.seed}};
}

Json WriteAdaptJob(const AdaptJob& job) {
  Json json = {{"phase", AdaptPhaseName(job.phase)}};
  if (job.phase == AdaptPhase::kNone) return json;
  json["progress"] = job.progress;
  json["seconds"] = job.seconds;
  json["request"] = WriteAdaptRequest(job.request);
  if (!job.made.empty()) json["made"] = job.made;
  if (!job.error.empty()) json["error"] = job.error;
  return json;
}

}  // namespace vecnest::net
