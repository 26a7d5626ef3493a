// vecnest inspect: looks into a model. Here what its table of tokens and its output say.

#include "net/cli/inspect.h"

#include <array>
#include <charconv>
#include <utility>

#include "absl/strings/ascii.h"
#include "fmt/format.h"
#include "net/cli/inspect_files.h"

namespace vecnest::cli {
namespace {

constexpr double kMillion = 1e6;
constexpr int kShownValues = 4;

struct TokensOptions {
  InspectFlags flags;
  std::string text;
};

struct NeighborsOptions {
  InspectFlags flags;
  std::array<std::string, 3> terms;  // one, or three of an analogy
  std::string candidates;            // a file
  size_t limit = 10;
  bool special = false;

  NeighborOptions Options() const { return {flags.Options(), limit, special}; }
};

struct ProjectOptions {
  InspectFlags flags;
  std::string text;
  std::string positions = "last";
  size_t limit = 5;
};

void PrintNeighbors(const std::vector<TokenNeighbor>& neighbors) {
  fmt::print("{:>7}  {:>8}  {:>7}  token\n", "cosine", "norm", "id");
  for (const TokenNeighbor& neighbor : neighbors) {
    fmt::print("{:7.4f}  {:8.4f}  {:7}  {}\n", neighbor.cosine, neighbor.norm, neighbor.token.id,
               neighbor.token.text);
  }
}

// A word that is not one token stands for several.
void PrintTerm(const TermTokens& term) {
  if (term.tokens.size() == 1 && term.tokens[0].text == term.term) return;
  fmt::print("{}: {}{}\n", term.term, term.tokens.size() > 1 ? "the mean of " : "",
             JoinTokens(term.tokens));
}

absl::Status Tokens(const TokensOptions& options) {
  auto models = options.flags.Load();
  if (!models.ok()) return models.status();
  auto answer = (*models)->inspector().Tokens(options.text, options.flags.Options());
  if (!answer.ok()) return answer.status();
  if (options.flags.json) {
    PrintJson(net::WriteAnswer(*answer, /*rows=*/true));
    return absl::OkStatus();
  }
  fmt::print("{:>3}  {:>7}  {:<16}  {:>7}  row\n", "", "id", "token", "norm");
  for (size_t i = 0; i < answer->tokens.size(); ++i) {
    const InspectedToken& token = answer->tokens[i];
    fmt::print("{:3}  {:7}  {:<16}  {:7.4f} ", i, token.token.id, token.token.text, token.norm);
    for (size_t c = 0; c < token.row.size() && c < kShownValues; ++c) {
      fmt::print(" {:7.4f}", token.row[c]);
    }
    fmt::print(" …\n");
  }
  const TokenTableSize& table = answer->table;
  fmt::print("\n{}: a table of {} rows x {} = {:.1f} million parameters, {:.1f} MB",
             answer->model.name, table.rows, table.width,
             static_cast<double>(table.parameters) / kMillion,
             static_cast<double>(table.bytes) / kMillion);
  fmt::print(" of the file's {:.1f} MB ({:.0f} %)\n",
             static_cast<double>(table.model_bytes) / kMillion,
             100 * static_cast<double>(table.bytes) / static_cast<double>(table.model_bytes));
  if (table.rows < table.tokens) fmt::print("{} tokens share these rows\n", table.tokens);
  return absl::OkStatus();
}

absl::Status Neighbors(const NeighborsOptions& options) {
  auto models = options.flags.Load();
  if (!models.ok()) return models.status();
  auto answer = (*models)->inspector().Neighbors(options.terms[0], options.Options());
  if (!answer.ok()) return answer.status();
  if (options.flags.json) {
    PrintJson(net::WriteAnswer(*answer));
    return absl::OkStatus();
  }
  PrintTerm(answer->term);
  PrintNeighbors(answer->neighbors);
  return absl::OkStatus();
}

absl::Status TextAnalogy(const NeighborsOptions& options, const Inspector& inspector) {
  auto file = TextFile::Open(options.candidates, "text");
  if (!file.ok()) return file.status();
  std::vector<std::string> candidates;
  while (true) {
    auto text = (*file)->Next();
    if (!text.ok()) return text.status();
    if (!*text) break;
    if (absl::StripAsciiWhitespace(**text).empty()) continue;
    candidates.push_back(**std::move(text));
  }
  const auto& terms = options.terms;
  auto answer = inspector.TextAnalogy(terms[0], terms[1], terms[2], candidates, options.Options());
  if (!answer.ok()) return CountFromOne(answer.status(), "candidates", "candidate");
  if (options.flags.json) {
    PrintJson(net::WriteAnswer(*answer));
    return absl::OkStatus();
  }
  fmt::print("{:>7}  text\n", "cosine");
  for (const RankedText& text : answer->nearest)
    fmt::print("{:7.4f}  {}\n", text.cosine, text.text);
  return absl::OkStatus();
}

absl::Status Analogy(const NeighborsOptions& options) {
  auto models = options.flags.Load();
  if (!models.ok()) return models.status();
  const Inspector& inspector = (*models)->inspector();
  if (!options.candidates.empty()) return TextAnalogy(options, inspector);
  const auto& terms = options.terms;
  auto answer = inspector.Analogy(terms[0], terms[1], terms[2], options.Options());
  if (!answer.ok()) return answer.status();
  if (options.flags.json) {
    PrintJson(net::WriteAnswer(*answer));
    return absl::OkStatus();
  }
  for (const TermTokens& term : answer->terms) PrintTerm(term);
  PrintNeighbors(answer->nearest);
  return absl::OkStatus();
}

absl::Status Project(const ProjectOptions& options) {
  auto models = options.flags.Load();
  if (!models.ok()) return models.status();
  auto answer =
      (*models)->inspector().Projection(options.text, {.inspect = options.flags.Options(),
                                                       .all_positions = options.positions == "all",
                                                       .limit = options.limit});
  if (!answer.ok()) return answer.status();
  if (options.flags.json) {
    PrintJson(net::WriteAnswer(*answer));
    return absl::OkStatus();
  }
  fmt::print("{}: {}\n", answer->model.name,
             answer->head
                 ? "scores of the head that the checkpoint has, with their probabilities"
                 : "the checkpoint has no head: dot products of the last state with the rows of "
                   "the table");
  for (const ProjectedPosition& position : answer->positions) {
    fmt::print("{:3}  {:<14}", position.position, position.token.text);
    for (const ProjectedToken& token : position.best) {
      fmt::print("  {} {:.2f}", token.token.text, token.score);
      if (token.probability) fmt::print(" ({:.1f} %)", 100 * *token.probability);
    }
    fmt::print("\n");
  }
  fmt::print("{:.1f} million multiply-adds in {:.1f} ms; all layers before took {:.1f} ms\n",
             static_cast<double>(answer->multiply_adds) / kMillion, 1000 * answer->seconds,
             1000 * answer->forward_seconds);
  return absl::OkStatus();
}

}  // namespace

void InspectFlags::AddTo(CLI::App& command) {
  models.AddTo(command);
  // Only what follows it directly: texts come after the options.
  command.get_option("--model")->allow_extra_args(false);
  command.add_option("--type", type, "What texts are; decides the model's prefix")
      ->check(CLI::IsMember({"query", "document"}))
      ->capture_default_str();
  command.add_option("--prefix", prefix, "Put before texts instead of the model's own prefix");
  command.add_flag("--json", json, "Write everything as JSON");
}

InspectOptions InspectFlags::Options() const {
  InspectOptions options;
  options.type = type == "query" ? TextType::kQuery : TextType::kDocument;
  options.prefix = prefix;
  return options;
}

absl::StatusOr<std::unique_ptr<TextEmbedder>> InspectFlags::Load() const {
  if (models.models.size() > 1) {
    return absl::InvalidArgumentError(
        fmt::format("--model: {} models; one is looked into at a time", models.models.size()));
  }
  auto chosen = models.Choose(/*required=*/true);
  if (!chosen.ok()) return chosen.status();
  return TextEmbedder::Load(*chosen, models.LoadOptions());
}

void PrintJson(const engine::Json& answer) {
  fmt::print("{}\n", answer.dump(-1, ' ', false, engine::Json::error_handler_t::replace));
}

absl::Status CountFromOne(const absl::Status& status, std::string_view name,
                          std::string_view noun) {
  const std::string path = fmt::format("{}[", name);
  const std::string message(status.message());
  if (!message.starts_with(path)) return status;
  size_t index = 0;
  const char* end = message.data() + message.size();
  const auto read = std::from_chars(message.data() + path.size(), end, index);
  if (read.ec != std::errc() || read.ptr == end || *read.ptr != ']') return status;
  return {status.code(), fmt::format("{} {}{}", noun, index + 1, read.ptr + 1)};
}

std::string JoinTokens(const std::vector<NamedToken>& tokens) {
  std::string joined;
  for (const NamedToken& token : tokens) {
    if (!joined.empty()) joined += ' ';
    joined += token.text;
  }
  return joined;
}

InspectProgress Watch::Sink() {
  return [this](uint64_t done, uint64_t total) { Update(done, total, done); };
}

void Watch::Update(uint64_t done, uint64_t total, uint64_t items) {
  if (!progress_) progress_.emplace(unit_, total);
  progress_->Update(done, items);
}

void AddInspectTokens(CLI::App& inspect, Command& command) {
  auto tokens = std::make_shared<TokensOptions>();
  CLI::App* app = inspect.add_subcommand(
      "tokens", "What a text is read as: ids, pieces, rows of the table, and the table's size");
  tokens->flags.AddTo(*app);
  app->add_option("text", tokens->text)->required();
  app->callback([tokens, &command] { command = [tokens] { return Tokens(*tokens); }; });

  const auto add_search = [](CLI::App* search, NeighborsOptions* options) {
    options->flags.AddTo(*search);
    search->add_option("--limit", options->limit, "Answers")
        ->check(CLI::Range(1, 1000))
        ->capture_default_str();
    search->add_flag("--special", options->special, "Special tokens may be among the answers");
  };
  auto neighbors = std::make_shared<NeighborsOptions>();
  app = inspect.add_subcommand("neighbors",
                               "The tokens whose rows lie nearest to that of a token or word");
  add_search(app, neighbors.get());
  app->add_option("term", neighbors->terms[0], "As it stands: bank, ##ing, [CLS]")->required();
  app->callback([neighbors, &command] { command = [neighbors] { return Neighbors(*neighbors); }; });

  auto analogy = std::make_shared<NeighborsOptions>();
  app = inspect.add_subcommand("analogy",
                               "a - b + c: king man woman asks what is to woman as king is to man");
  add_search(app, analogy.get());
  app->add_option("--candidates", analogy->candidates,
                  "Compare texts as the model encodes them: the answer is one of this file's lines")
      ->check(CLI::ExistingFile);
  // One by one: CLI11 takes "[a,b]" apart where an option takes several.
  for (size_t i = 0; i < analogy->terms.size(); ++i) {
    app->add_option(std::string(1, static_cast<char>('a' + i)), analogy->terms[i])->required();
  }
  app->callback([analogy, &command] { command = [analogy] { return Analogy(*analogy); }; });

  auto project = std::make_shared<ProjectOptions>();
  app = inspect.add_subcommand(
      "projection",
      "Which tokens the last hidden state looks like, by the head where there is one");
  project->flags.AddTo(*app);
  app->add_option("--positions", project->positions)
      ->check(CLI::IsMember({"last", "all"}))
      ->capture_default_str();
  app->add_option("--limit", project->limit, "Tokens a position")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  app->add_option("text", project->text)->required();
  app->callback([project, &command] { command = [project] { return Project(*project); }; });
}

void AddInspect(CLI::App& app, Command& command) {
  CLI::App* inspect = app.add_subcommand("inspect", "Look into a model and what it makes of texts");
  inspect->require_subcommand(1);
  AddInspectTokens(*inspect, command);
  AddInspectLayers(*inspect, command);
  AddInspectCorpus(*inspect, command);
}

}  // namespace vecnest::cli
