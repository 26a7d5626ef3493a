#include "net/codec_usage.h"

#include <algorithm>
#include <string>

#include "fmt/format.h"
#include "spdlog/spdlog.h"

namespace vecnest::net {

void AddUsage(const std::vector<ModelUsage>& more, std::vector<ModelUsage>& sum) {
  for (const ModelUsage& one : more) {
    const auto same = std::find_if(sum.begin(), sum.end(), [&](const ModelUsage& other) {
      return other.identity == one.identity && other.prefix == one.prefix;
    });
    if (same == sum.end()) {
      sum.push_back(one);
      continue;
    }
    same->texts += one.texts;
    same->tokens += one.tokens;
    same->truncated += one.truncated;
  }
}

uint64_t TokensOf(const std::vector<ModelUsage>& usage) {
  uint64_t tokens = 0;
  for (const ModelUsage& one : usage) tokens += one.tokens;
  return tokens;
}

Json WriteUsage(const std::vector<ModelUsage>& usage) {
  Json models = Json::object();
  for (const ModelUsage& one : usage) {
    std::string name = one.model;
    // Two directories of the same name are two models.
    if (models.contains(name) && models[name]["identity"] != one.identity) {
      name += fmt::format("@{}", one.identity.substr(0, 8));
    }
    Json& model = models[name];
    if (model.is_null()) {
      model = {{"tokens", 0},
               {"texts", 0},
               {"truncated", 0},
               {"max_tokens", one.max_tokens},
               {"identity", one.identity},
               {"prefixes", Json::array()}};
    }
    model["tokens"] = model["tokens"].get<uint64_t>() + one.tokens;
    model["texts"] = model["texts"].get<uint64_t>() + one.texts;
    model["truncated"] = model["truncated"].get<uint64_t>() + one.truncated;
    model["prefixes"].push_back(one.prefix);
  }
  return {{"inference", {{"models", std::move(models)}}}};
}

std::vector<ModelUsage> ReadUsage(const Json& usage) {
  std::vector<ModelUsage> read;
  const Json::json_pointer place("/inference/models");
  if (!usage.is_object() || !usage.contains(place) || !usage.at(place).is_object()) return read;
  for (const auto& [name, model] : usage.at(place).items()) {
    const auto number = [&member = model](const char* key) -> uint64_t {
      const auto found = member.find(key);
      const bool whole = found != member.end() && found->is_number_integer();
      return whole ? static_cast<uint64_t>(std::max<int64_t>(0, found->get<int64_t>())) : 0;
    };
    if (!model.is_object()) continue;
    ModelUsage one;
    one.model = name;
    one.max_tokens = static_cast<int>(number("max_tokens"));
    one.texts = number("texts");
    one.tokens = number("tokens");
    one.truncated = number("truncated");
    read.push_back(std::move(one));
  }
  return read;
}

Json WriteTextUsage(const ModelUsage& usage) {
  return {{"tokens", usage.tokens},         {"truncated", usage.truncated > 0},
          {"max_tokens", usage.max_tokens}, {"model", usage.model},
          {"identity", usage.identity},     {"prefix", usage.prefix}};
}

void LogTruncated(std::string_view target, const std::vector<ModelUsage>& usage) {
  for (const ModelUsage& one : usage) {
    if (one.truncated == 0) continue;
    spdlog::warn(
        "{}: {} of {} texts were cut to the {} tokens that {} reads; 'chunk' would keep "
        "all of them",
        target, one.truncated, one.texts, one.max_tokens, one.model);
  }
}

}  // namespace vecnest::net
