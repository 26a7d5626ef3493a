#include "net/codec_evaluation.h"

#include <cctype>
#include <string>

#include "vecnest/database.h"

namespace vecnest::net {
namespace {

using engine::Json;

// As the command line says it: "cosine".
Json WriteSettings(const EvaluationRequest& request) {
  Json settings = {{"models", request.models},
                   {"seed", request.seed},
                   {"samples_per_label", request.samples_per_label},
                   {"experiments", request.samples_per_label == 0 ? 1 : request.experiments},
                   {"threads", request.threads},
                   {"dimensions", request.dimensions},
                   {"adaptors", request.adaptors},
                   {"rerank", request.rerank},
                   {"precisions", Json::array()},
                   {"codes", Json::array()},
                   {"metrics", Json::array()}};
  for (const Precision precision : request.precisions) {
    settings["precisions"].push_back(PrecisionName(precision));
  }
  for (const VectorCodes codes : request.codes) settings["codes"].push_back(VectorCodesName(codes));
  for (const Metric metric : request.metrics) settings["metrics"].push_back(LowerName(metric));
  return settings;
}

Json WriteModel(const ModelInfo& model) {
  return {{"name", model.name},
          {"directory", model.directory},
          {"identity", model.identity},
          {"architecture", model.architecture},
          {"dimensions", model.dimensions},
          {"max_tokens", model.max_tokens},
          {"pooling", model.pooling},
          {"normalized", model.normalized},
          {"precision", PrecisionName(model.precision)},
          {"query_prefix", model.query_prefix},
          {"document_prefix", model.document_prefix}};
}

Json WriteTask(const TaskReport& task) {
  Json counts = Json::object();
  for (const auto& [name, count] : task.counts) counts[name] = count;
  return {{"name", task.name},
          {"type", TaskTypeName(task.type)},
          {"path", task.path},
          {"counts", counts},
          {"warnings", task.warnings}};
}

Json WriteEncoding(const EncodingReport& encoding) {
  return {{"task", encoding.task},
          {"model", encoding.model},
          {"precision", PrecisionName(encoding.precision)},
          {"texts", encoding.texts},
          {"truncated", encoding.truncated},
          {"tokens", encoding.tokens},
          {"prefix", encoding.prefix},
          {"query_prefix", encoding.query_prefix},
          {"seconds", encoding.seconds}};
}

Json WriteAdaptor(const AdaptorReport& report) {
  return {{"adaptor", report.adaptor},
          {"task", report.task},
          {"model", report.model},
          {"precision", PrecisionName(report.precision)},
          {"method", report.info.method},
          {"samples", report.info.samples},
          {"identity", report.info.identity},
          {"learned_from_model", report.info.model},
          {"seconds", report.seconds}};
}

Json WriteResult(const EvaluationResult& result) {
  Json scores = Json::object();
  for (const NamedScore& score : result.scores) {
    scores[score.name] = score.value ? Json(*score.value) : Json(nullptr);
  }
  return {{"task", result.task},
          {"type", TaskTypeName(result.type)},
          {"model", result.model},
          {"precision", PrecisionName(result.precision)},
          {"adaptor", result.adaptor},
          {"codes", VectorCodesName(result.codes)},
          {"dimensions", result.dimensions},
          {"metric", result.metric ? Json(LowerName(*result.metric)) : Json(nullptr)},
          {"main_score", result.scores.front().name},
          {"scores", scores},
          {"seconds", result.seconds}};
}

}  // namespace

std::string LowerName(Metric metric) {
  std::string name(MetricName(metric));
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

Json WriteEvaluation(const EvaluationRequest& request, const Evaluation& evaluation) {
  Json json = {{"vecnest", Version()},       {"settings", WriteSettings(request)},
               {"models", Json::array()},    {"tasks", Json::array()},
               {"encodings", Json::array()}, {"adaptors", Json::array()},
               {"results", Json::array()}};
  for (const ModelInfo& model : evaluation.models) json["models"].push_back(WriteModel(model));
  for (const TaskReport& task : evaluation.tasks) json["tasks"].push_back(WriteTask(task));
  for (const EncodingReport& encoding : evaluation.encodings) {
    json["encodings"].push_back(WriteEncoding(encoding));
  }
  for (const AdaptorReport& adaptor : evaluation.adaptors) {
    json["adaptors"].push_back(WriteAdaptor(adaptor));
  }
  for (const EvaluationResult& result : evaluation.results) {
    json["results"].push_back(WriteResult(result));
  }
  return json;
}

}  // namespace vecnest::net
