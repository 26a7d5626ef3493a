#include "net/codec_geometry.h"

#include <charconv>

#include "fmt/format.h"

namespace vecnest::net {
namespace {

template <typename Number>
absl::Status ReadNumber(const std::map<std::string, std::string>& parameters,
                        const std::string& name, Number& number) {
  const auto given = parameters.find(name);
  if (given == parameters.end()) return absl::OkStatus();
  const std::string& text = given->second;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
  if (read.ec == std::errc() && read.ptr == text.data() + text.size()) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format("{}: '{}', expected a whole number", name, text));
}

Json WriteVerdict(const Verdict& verdict) {
  Json json = {{"check", verdict.check},
               {"level", VerdictLevelName(verdict.level)},
               {"finding", verdict.finding}};
  if (!verdict.advice.empty()) json["advice"] = verdict.advice;
  return json;
}

Json WritePrompt(const GeometryReport::Prompt& prompt) {
  return {{"model", prompt.model}, {"prefix", prompt.prefix},   {"texts", prompt.texts},
          {"with", prompt.with},   {"without", prompt.without}, {"otherwise", prompt.otherwise}};
}

}  // namespace

absl::StatusOr<GeometryRequest> ReadGeometryRequest(
    const std::map<std::string, std::string>& parameters) {
  GeometryRequest request;
  absl::Status status = ReadNumber(parameters, "samples", request.samples);
  status.Update(ReadNumber(parameters, "seed", request.seed));
  if (!status.ok()) return status;
  if (const auto vector = parameters.find("vector"); vector != parameters.end()) {
    request.vector_name = vector->second;
  }
  if (const auto field = parameters.find("field"); field != parameters.end()) {
    request.field = field->second;
  }
  return request;
}

Json WriteGeometry(const GeometryReport& report) {
  Json prefixes = Json::array();
  for (const GeometryReport::Prefix& prefix : report.prefixes) {
    prefixes.push_back({{"dimensions", prefix.dimensions},
                        {"variance", prefix.variance},
                        {"recall", prefix.recall}});
  }
  Json verdicts = Json::array();
  for (const Verdict& verdict : report.verdicts) verdicts.push_back(WriteVerdict(verdict));
  const auto& [least, mean, deviation, most] = report.norms;
  const GeometryReport::Cosines& pairs = report.random_pairs;
  Json json = {
      {"vectors", report.vectors},
      {"samples", report.samples},
      {"dimensions", report.dimensions},
      {"norms", {{"least", least}, {"mean", mean}, {"deviation", deviation}, {"most", most}}},
      {"zero_vectors", report.zero_vectors},
      {"constant_vectors", report.constant_vectors},
      {"constant_dimensions", report.constant_dimensions},
      {"random_pairs",
       {{"mean", pairs.mean},
        {"deviation", pairs.deviation},
        {"low", pairs.low},
        {"high", pairs.high}}},
      {"isotropy", report.isotropy},
      {"effective_rank", report.effective_rank},
      {"variance_share", report.variance_share},
      {"spectrum", report.spectrum},
      {"axes_for_half", report.axes_for_half},
      {"axes_for_90", report.axes_for_90},
      {"axes_for_99", report.axes_for_99},
      {"hubness",
       {{"skewness", report.hubness.skewness},
        {"most", report.hubness.most},
        {"never", report.hubness.never}}},
      {"near_duplicates", report.near_duplicates},
      {"prefixes", std::move(prefixes)},
      {"int8_recall", report.int8_recall},
      {"verdicts", std::move(verdicts)}};
  if (report.prompt) json["prompt"] = WritePrompt(*report.prompt);
  return json;
}

}  // namespace vecnest::net
