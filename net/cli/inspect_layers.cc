// vecnest inspect layers | context: what becomes of tokens on their way through the layers.

#include <numeric>

#include "fmt/format.h"
#include "net/cli/inspect.h"

namespace vecnest::cli {
namespace {

struct LayersOptions {
  InspectFlags flags;
  std::string text;
  bool tokens = false;
};

struct ContextOptions {
  InspectFlags flags;
  std::string word;
  std::vector<std::string> sentences;
};

double Mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

// A column a token, a row a layer.
void PrintPerToken(const LayersAnswer& answer, const std::string& what,
                   std::vector<double> LayerAnswer::* values) {
  fmt::print("\n{}\nlayer", what);
  for (const NamedToken& token : answer.tokens) fmt::print("  {:>8}", token.text);
  fmt::print("\n");
  for (size_t l = 0; l < answer.layers.size(); ++l) {
    const std::vector<double>& row = answer.layers[l].*values;
    if (row.empty()) continue;
    fmt::print("{:5}", l);
    for (size_t t = 0; t < row.size(); ++t) {
      fmt::print("  {:{}.3f}", row[t], std::max<size_t>(8, answer.tokens[t].text.size()));
    }
    fmt::print("\n");
  }
}

absl::Status Layers(const LayersOptions& options) {
  auto models = options.flags.Load();
  if (!models.ok()) return models.status();
  auto answer = (*models)->inspector().Layers(options.text, options.flags.Options());
  if (!answer.ok()) return answer.status();
  if (options.flags.json) {
    PrintJson(net::WriteAnswer(*answer));
    return absl::OkStatus();
  }
  fmt::print("{}, {} tokens: {}\n", answer->model.name, answer->tokens.size(),
             JoinTokens(answer->tokens));
  fmt::print("       mean over tokens                                between  the text's vector\n");
  fmt::print(
      "layer  norm     changed  cos to previous  cos to x_0  tokens   cos to the last layer's\n");
  for (size_t l = 0; l < answer->layers.size(); ++l) {
    const LayerAnswer& layer = answer->layers[l];
    fmt::print("{:5}  {:7.3f}", l, Mean(layer.norms));
    if (l == 0) {
      fmt::print("  {:>7}  {:>15}", "", "");
    } else {
      fmt::print("  {:7.3f}  {:15.4f}", Mean(layer.added), Mean(layer.cosine_to_previous));
    }
    fmt::print("  {:10.4f}  {:6.3f}  {:8.4f}\n", Mean(layer.cosine_to_first), layer.mean_cosine,
               layer.pooled_cosine_to_last);
  }
  if (!options.tokens) return absl::OkStatus();
  PrintPerToken(*answer, "norm", &LayerAnswer::norms);
  PrintPerToken(*answer, "changed by the layer", &LayerAnswer::added);
  PrintPerToken(*answer, "cosine to x_0", &LayerAnswer::cosine_to_first);
  return absl::OkStatus();
}

// Pairs of more sentences make lines that nobody reads.
constexpr size_t kMostShownSentences = 8;

// The cosines of each pair of sentences once, in the order of the header.
void PrintPairs(const ContextLayer& layer) {
  if (layer.cosines.size() > kMostShownSentences) return;
  for (size_t a = 0; a < layer.cosines.size(); ++a) {
    for (size_t b = a + 1; b < layer.cosines.size(); ++b)
      fmt::print("  {:6.3f}", layer.cosines[a][b]);
  }
}

absl::Status Context(const ContextOptions& options) {
  auto models = options.flags.Load();
  if (!models.ok()) return models.status();
  auto answer =
      (*models)->inspector().Context(options.word, options.sentences, options.flags.Options());
  if (!answer.ok()) return CountFromOne(answer.status(), "sentences", "sentence");
  if (options.flags.json) {
    PrintJson(net::WriteAnswer(*answer));
    return absl::OkStatus();
  }
  for (size_t s = 0; s < options.sentences.size(); ++s) {
    fmt::print("{:2}  {}  [{}]\n", s + 1, options.sentences[s], JoinTokens(answer->tokens[s]));
  }
  const size_t shown =
      options.sentences.size() > kMostShownSentences ? 0 : options.sentences.size();
  fmt::print("\nlayer");
  for (size_t a = 0; a < shown; ++a) {
    for (size_t b = a + 1; b < shown; ++b) {
      fmt::print("  {:>6}", fmt::format("{}-{}", a + 1, b + 1));
    }
  }
  fmt::print("    mean  any tokens\ntable");
  PrintPairs(answer->table);
  fmt::print("  {:6.3f}\n", answer->table.mean);
  for (size_t l = 0; l < answer->layers.size(); ++l) {
    fmt::print("{:5}", l);
    PrintPairs(answer->layers[l]);
    fmt::print("  {:6.3f}  {:10.3f}\n", answer->layers[l].mean, answer->layers[l].baseline);
  }
  return absl::OkStatus();
}

}  // namespace

void AddInspectLayers(CLI::App& inspect, Command& command) {
  auto layers = std::make_shared<LayersOptions>();
  CLI::App* app = inspect.add_subcommand(
      "layers", "The residual stream of a text: norms, what each layer changes, and directions");
  layers->flags.AddTo(*app);
  app->add_flag("--tokens", layers->tokens, "The same for every token");
  app->add_option("text", layers->text)->required();
  app->callback([layers, &command] { command = [layers] { return Layers(*layers); }; });

  auto context = std::make_shared<ContextOptions>();
  app = inspect.add_subcommand(
      "context", "One word in several sentences: how alike its vectors are, layer by layer");
  context->flags.AddTo(*app);
  app->add_option("word", context->word)->required();
  // CLI11 takes "[a,b]" apart where any number is welcome. So all places are wanted, fewer are
  // enough, and how many there must be the inspector says.
  constexpr int kAny = CLI::detail::expected_max_vector_size;
  app->add_option("sentences", context->sentences,
                  fmt::format("{} to {} that contain the word", kFewestSentences, kMostSentences))
      ->required()
      ->expected(kAny, kAny)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
  app->callback([context, &command] { command = [context] { return Context(*context); }; });
}

}  // namespace vecnest::cli
