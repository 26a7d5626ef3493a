// What a model directory says besides weights and tokenizer: architecture, pooling,
// normalisation, length limit and prompts.
#ifndef VECNEST_EMBEDDER_MODEL_CONFIG_H_
#define VECNEST_EMBEDDER_MODEL_CONFIG_H_

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "embedder/json.h"
#include "embedder/pooling.h"

namespace vecnest::embedder {

struct ModelConfig {
  std::string directory;          // as given, without trailing slashes
  std::string name;               // its last component
  std::string weights_directory;  // holds config.json, the weights and the tokenizer
  std::string architecture;       // config.json's model_type, else the first module's class
  Json hyperparameters;           // config.json; an empty object when there is none
  Pooling pooling = Pooling::kMean;
  std::optional<int> pooled_width;  // word_embedding_dimension of the pooling module
  bool normalize = false;
  bool lowercase_input = false;  // sentence_bert_config.json's do_lower_case
  std::optional<int> max_tokens;
  bool own_max_tokens = false;  // it is sentence_bert_config.json's max_seq_length
  std::string query_prefix;
  std::string document_prefix;
};

// Reads config.json (required unless modules.json says that there is no transformer, but a
// StaticEmbedding) and, where they are there, modules.json, the pooling module's
// config.json, sentence_bert_config.json, tokenizer_config.json (model_max_length) and
// config_sentence_transformers.json. Without modules.json the model is pooled by the mean and
// not normalised, as sentence-transformers does; a config.json with normalize (model2vec's) says
// whether it is. A prompt called "query" (or "search_query")
// goes before queries, "document", "passage", "search_document" or "corpus" before documents;
// else default_prompt_name's prompt goes before both. Models that were trained with prompts but
// name none there (the first E5) get none: a request says what to put before a text.
//
// NotFound when config.json is missing; InvalidArgument, naming file and field, for what is
// damaged or cannot be done (another module such as Dense, another pooling mode).
absl::StatusOr<ModelConfig> LoadModelConfig(std::string directory);

}  // namespace vecnest::embedder

#endif  // VECNEST_EMBEDDER_MODEL_CONFIG_H_
