#include "embedder/model_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "embedder/status_macros.h"

namespace vecnest::embedder {
namespace {

// An optional file: nothing when it is missing, an error when it is damaged.
absl::StatusOr<std::optional<Json>> LoadIfPresent(const std::string& path) {
  absl::StatusOr<Json> file = Json::Load(path);
  if (absl::IsNotFound(file.status())) return std::optional<Json>();
  if (!file.ok()) return file.status();
  return std::optional<Json>(*std::move(file));
}

std::string StripTrailingSlashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

std::string LastComponent(std::string_view path, char separator) {
  return std::string(path.substr(path.rfind(separator) + 1));
}

// A module's folder, which must not lead out of the model's directory.
absl::StatusOr<std::string> ModuleDirectory(const std::string& directory, const Json& module) {
  const absl::StatusOr<std::string> path = module.GetString("path", "");
  if (!path.ok()) return path.status();
  if (path->starts_with('/') || path->find("..") != std::string::npos) {
    return absl::InvalidArgumentError(
        fmt::format("{}: path \"{}\" leads out of the model", module.name(), *path));
  }
  return path->empty() ? directory : StripTrailingSlashes(directory + "/" + *path);
}

absl::Status ReadPooling(const std::string& directory, ModelConfig* config) {
  VECNEST_ASSIGN_OR_RETURN(const Json pooling, Json::Load(directory + "/config.json"));
  constexpr std::string_view kPrefix = "pooling_mode_";
  std::string mode;
  VECNEST_ASSIGN_OR_RETURN(mode, pooling.GetString("pooling_mode", ""));
  for (const auto& [key, value] : pooling.Members()) {
    if (!key.starts_with(kPrefix)) continue;
    VECNEST_ASSIGN_OR_RETURN(const bool set, value.AsBool());
    if (!set) continue;
    if (!mode.empty()) {
      return absl::InvalidArgumentError(
          fmt::format("{}: more than one pooling mode is set", pooling.name()));
    }
    mode = key.substr(kPrefix.size());
  }
  if (mode == "mean_tokens" || mode == "mean") {
    config->pooling = Pooling::kMean;
  } else if (mode == "cls_token" || mode == "cls") {
    config->pooling = Pooling::kCls;
  } else if (mode == "max_tokens" || mode == "max") {
    config->pooling = Pooling::kMax;
  } else {
    return absl::InvalidArgumentError(
        fmt::format("{}: expected mean, cls or max pooling, found \"{}\"", pooling.name(), mode));
  }
  VECNEST_ASSIGN_OR_RETURN(const bool include_prompt, pooling.GetBool("include_prompt", true));
  if (!include_prompt) {
    return absl::InvalidArgumentError(
        fmt::format("{}: include_prompt false is not supported", pooling.name()));
  }
  VECNEST_ASSIGN_OR_RETURN(const int64_t width, pooling.GetInt("word_embedding_dimension", 0));
  if (width > 0 && width <= std::numeric_limits<int>::max()) {
    config->pooled_width = static_cast<int>(width);
  }
  return absl::OkStatus();
}

absl::Status ReadModules(ModelConfig* config) {
  const std::string path = config->directory + "/modules.json";
  VECNEST_ASSIGN_OR_RETURN(const std::optional<Json> modules, LoadIfPresent(path));
  if (!modules) return absl::OkStatus();
  if (!modules->IsArray()) {
    return absl::InvalidArgumentError(fmt::format("{}: expected an array of modules", path));
  }
  for (const Json& module : modules->Elements()) {
    VECNEST_ASSIGN_OR_RETURN(const std::string type, module.GetString("type"));
    VECNEST_ASSIGN_OR_RETURN(const std::string folder, ModuleDirectory(config->directory, module));
    const std::string kind = LastComponent(type, '.');
    if (kind == "Transformer" || kind == "StaticEmbedding") {
      config->weights_directory = folder;
      config->architecture = kind;
    } else if (kind == "Pooling") {
      VECNEST_RETURN_IF_ERROR(ReadPooling(folder, config));
    } else if (kind == "Normalize") {
      config->normalize = true;
    } else {
      return absl::InvalidArgumentError(
          fmt::format("{}: module \"{}\" is not supported", module.name(), type));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadHyperparameters(ModelConfig* config) {
  const bool is_static = config->architecture == "StaticEmbedding";
  VECNEST_ASSIGN_OR_RETURN(const std::optional<Json> file,
                           LoadIfPresent(config->weights_directory + "/config.json"));
  if (!file && is_static) return absl::OkStatus();
  if (!file) {
    return absl::NotFoundError(
        fmt::format("{}/config.json: cannot be opened", config->weights_directory));
  }
  config->hyperparameters = *file;
  if (!is_static || file->Find("model_type")) {
    VECNEST_ASSIGN_OR_RETURN(config->architecture, file->GetString("model_type"));
  }
  VECNEST_ASSIGN_OR_RETURN(config->normalize, file->GetBool("normalize", config->normalize));
  return absl::OkStatus();
}

// Keeps the smaller limit. sentence-transformers' own limit wins over the tokenizer's, whose
// "no limit" is an absurdly large number.
absl::Status ReadLimits(ModelConfig* config) {
  const std::string& folder = config->weights_directory;
  VECNEST_ASSIGN_OR_RETURN(const std::optional<Json> sentence,
                           LoadIfPresent(folder + "/sentence_bert_config.json"));
  int64_t limit = 0;
  if (sentence) {
    if (const std::optional<Json> length = sentence->Find("max_seq_length")) {
      VECNEST_ASSIGN_OR_RETURN(limit, length->AsInt());
      if (limit < 1 || limit > std::numeric_limits<int>::max()) {
        return absl::InvalidArgumentError(fmt::format(
            "{}: expected a positive number of tokens, found {}", length->name(), limit));
      }
      config->own_max_tokens = true;
    }
    VECNEST_ASSIGN_OR_RETURN(config->lowercase_input, sentence->GetBool("do_lower_case", false));
  }
  VECNEST_ASSIGN_OR_RETURN(const std::optional<Json> tokenizer,
                           LoadIfPresent(folder + "/tokenizer_config.json"));
  if (limit == 0 && tokenizer) {
    VECNEST_ASSIGN_OR_RETURN(const double length, tokenizer->GetDouble("model_max_length", 0));
    if (length >= 1 && length <= std::numeric_limits<int>::max()) {
      limit = static_cast<int64_t>(length);
    }
  }
  if (limit > 0 && limit <= std::numeric_limits<int>::max()) {
    config->max_tokens = static_cast<int>(limit);
  }
  return absl::OkStatus();
}

absl::Status ReadPrompts(ModelConfig* config) {
  VECNEST_ASSIGN_OR_RETURN(const std::optional<Json> file,
                           LoadIfPresent(config->directory + "/config_sentence_transformers.json"));
  if (!file) return absl::OkStatus();
  const std::optional<Json> prompts = file->Find("prompts");
  if (!prompts) return absl::OkStatus();
  VECNEST_ASSIGN_OR_RETURN(const std::string default_name,
                           file->GetString("default_prompt_name", ""));
  std::string default_prompt;
  if (!default_name.empty()) {
    VECNEST_ASSIGN_OR_RETURN(default_prompt, prompts->GetString(default_name));
  }
  const auto first_of = [&](std::initializer_list<std::string_view> names,
                            std::string* prefix) -> absl::Status {
    *prefix = default_prompt;
    for (const std::string_view name : names) {
      if (!prompts->Find(name)) continue;
      VECNEST_ASSIGN_OR_RETURN(*prefix, prompts->GetString(name));
      break;
    }
    return absl::OkStatus();
  };
  VECNEST_RETURN_IF_ERROR(first_of({"query", "search_query"}, &config->query_prefix));
  return first_of({"document", "passage", "search_document", "corpus"}, &config->document_prefix);
}

}  // namespace

absl::StatusOr<ModelConfig> LoadModelConfig(std::string directory) {
  directory = StripTrailingSlashes(std::move(directory));
  VECNEST_ASSIGN_OR_RETURN(Json empty, Json::Parse("{}", directory));
  ModelConfig config = {.directory = directory,
                        .name = LastComponent(directory, '/'),
                        .weights_directory = directory,
                        .architecture = "",
                        .hyperparameters = std::move(empty),
                        .pooled_width = std::nullopt,
                        .max_tokens = std::nullopt,
                        .query_prefix = "",
                        .document_prefix = ""};
  VECNEST_RETURN_IF_ERROR(ReadModules(&config));
  VECNEST_RETURN_IF_ERROR(ReadHyperparameters(&config));
  VECNEST_RETURN_IF_ERROR(ReadLimits(&config));
  VECNEST_RETURN_IF_ERROR(ReadPrompts(&config));
  return config;
}

}  // namespace vecnest::embedder
