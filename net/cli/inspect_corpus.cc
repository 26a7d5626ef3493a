// vecnest inspect analogies | layer-scores | rare-tokens: what only many texts tell.

#include <limits>

#include "fmt/format.h"
#include "net/cli/inspect.h"
#include "net/cli/inspect_files.h"
#include "net/cli/interrupt.h"

namespace vecnest::cli {
namespace {

// Words of more tokens share a line.
constexpr size_t kMostListedPieces = 8;

struct AnalogiesOptions {
  InspectFlags flags;
  std::string file;
  AnalogyOptions analogies;
};

struct LayerScoresOptions {
  InspectFlags flags;
  TaskSpec pairs;
};

struct RareWordsOptions {
  InspectFlags flags;
  std::string file;
  std::string text_field = "text";
  vecnest::RareTokensOptions rare;
};

double Percent(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(whole);
}

void PrintSection(const AnalogySection& section) {
  fmt::print("{:<28}  {:>9}  {:>7}  {:>7}", section.name, section.questions, section.asked,
             section.right);
  if (section.asked == 0) {
    fmt::print("  {:>7}\n", "–");
  } else {
    fmt::print("  {:5.1f} %\n", Percent(section.right, section.asked));
  }
}

absl::Status Analogies(AnalogiesOptions options) {
  auto questions = ReadAnalogies(options.file);
  if (!questions.ok()) return questions.status();
  auto models = options.flags.Load();
  if (!models.ok()) return models.status();
  CatchInterrupts();
  Watch watch("candidates");
  options.analogies.inspect = options.flags.Options();
  watch.Limit(options.analogies.inspect);
  auto report = (*models)->inspector().AskAnalogies(*questions, options.analogies, watch.Sink());
  if (!report.ok()) return report.status();
  if (options.flags.json) {
    PrintJson(net::WriteAnswer(*report));
    return absl::OkStatus();
  }
  fmt::print("{}: an answer is one of {} {}\n", report->model.name, report->candidates,
             options.analogies.encode ? "words that the model encodes" : "rows of the table");
  fmt::print("{:<28}  {:>9}  {:>7}  {:>7}  {:>7}\n", "section", "questions", "asked", "right",
             "right");
  for (const AnalogySection& section : report->sections) PrintSection(section);
  PrintSection(report->total);
  if (report->total.asked < report->total.questions) {
    fmt::print("questions with a word that is not one token of the table are not asked\n");
  }
  return absl::OkStatus();
}

std::string Score(const std::optional<double>& score) {
  return score ? fmt::format("{:.4f}", *score) : "–";
}

absl::Status LayerScores(const LayerScoresOptions& options) {
  auto pairs = ReadPairs(options.pairs);
  if (!pairs.ok()) return pairs.status();
  auto models = options.flags.Load();
  if (!models.ok()) return models.status();
  CatchInterrupts();
  Watch watch("pairs");
  InspectOptions inspect = options.flags.Options();
  watch.Limit(inspect);
  auto report = (*models)->inspector().ScoreLayers(*pairs, inspect, watch.Sink());
  if (!report.ok()) return report.status();
  if (options.flags.json) {
    PrintJson(net::WriteAnswer(*report));
    return absl::OkStatus();
  }
  const bool two = report->pooling != "mean";
  fmt::print("{}, {} pairs: Spearman's correlation of cosines with the scores\n",
             report->model.name, report->pairs);
  fmt::print("{:<28}  {:>8}", "read", report->pooling);
  if (two) fmt::print("  {:>8}", "mean");
  fmt::print("\n");
  for (const LayerScore& score : report->scores) {
    fmt::print("{:<28}  {:>8}", score.reading, Score(score.own));
    if (two) fmt::print("  {:>8}", Score(score.mean));
    fmt::print("\n");
  }
  return absl::OkStatus();
}

void PrintWords(const char* title, const std::vector<WordUseReport>& words) {
  fmt::print("\n{}\n{:>7}  {:<24}  {:<20}  {:>6}  {:>8}  tokens\n", title, "count", "word",
             "rarest token", "read", "its norm");
  for (const WordUseReport& use : words) {
    fmt::print("{:7}  {:<24}", use.count, use.word);
    if (use.rarest) {
      fmt::print("  {:<20}  {:6}  {:8.3f}", use.rarest->text, use.rarest_count, use.rarest_norm);
    }
    const size_t shown = std::min(use.tokens.size(), kMostListedPieces);
    fmt::print("  {}", JoinTokens({use.tokens.begin(),
                                   use.tokens.begin() + static_cast<ptrdiff_t>(shown)}));
    if (shown < use.tokens.size()) fmt::print(" … ({})", use.tokens.size());
    fmt::print("\n");
  }
}

void PrintRareTokens(const RareTokensReport& report) {
  fmt::print(
      "{}: {} texts, {} words ({} distinct), {} tokens: {:.2f} a word; {:.2f} % unknown\n",
      report.model.name, report.texts, report.words, report.distinct_words, report.tokens,
      static_cast<double>(report.tokens) / static_cast<double>(std::max<uint64_t>(1, report.words)),
      Percent(report.unknown_words, report.words));
  fmt::print("\ntokens of a word     words\n");
  uint64_t more = 0;
  for (size_t pieces = 0; pieces < report.words_by_pieces.size(); ++pieces) {
    const uint64_t words = report.words_by_pieces[pieces];
    if (pieces > kMostListedPieces) {
      more += words;
      continue;
    }
    if (words > 0)
      fmt::print("{:15}  {:9}  {:5.2f} %\n", pieces, words, Percent(words, report.words));
  }
  if (more > 0) fmt::print("           more  {:9}  {:5.2f} %\n", more, Percent(more, report.words));
  PrintWords("words of most tokens", report.broken);
  PrintWords("words that read the rarest rows", report.rare);
  fmt::print("\n{:>16}  {:>7}  mean norm\n", "rows read", "tokens");
  for (const TokenBand& band : report.bands) {
    const bool open = band.most == std::numeric_limits<uint64_t>::max();
    const std::string times = open ? fmt::format("{} and more", band.least)
                              : band.least == band.most
                                  ? fmt::format("{}", band.least)
                                  : fmt::format("{} to {}", band.least, band.most);
    fmt::print("{:>16}  {:>7}", times, band.tokens);
    if (band.tokens > 0) fmt::print("  {:9.4f}", band.mean_norm);
    fmt::print("\n");
  }
}

absl::Status RareTokens(RareWordsOptions options) {
  auto file = TextFile::Open(options.file, options.text_field);
  if (!file.ok()) return file.status();
  auto models = options.flags.Load();
  if (!models.ok()) return models.status();
  CatchInterrupts();
  Watch watch("texts");
  options.rare.inspect = options.flags.Options();
  watch.Limit(options.rare.inspect);
  uint64_t texts = 0;
  const auto next = [&]() -> absl::StatusOr<std::optional<std::string>> {
    watch.Update((*file)->read_bytes(), (*file)->size(), texts++);
    return (*file)->Next();
  };
  auto report = (*models)->inspector().RareTokens(next, options.rare);
  if (!report.ok()) return report.status();
  if (options.flags.json) {
    PrintJson(net::WriteAnswer(*report));
  } else {
    PrintRareTokens(*report);
  }
  return absl::OkStatus();
}

}  // namespace

void AddInspectCorpus(CLI::App& inspect, Command& command) {
  auto analogies = std::make_shared<AnalogiesOptions>();
  CLI::App* app = inspect.add_subcommand(
      "analogies", "Google's questions-words or the like: the share of analogies that come out");
  analogies->flags.AddTo(*app);
  app->add_flag("--encode", analogies->analogies.encode,
                "Encode the words as texts instead of reading the table; an answer is one of them");
  app->add_flag("--among-questions", analogies->analogies.among_questions,
                "An answer is one of the words of the questions, which is easier");
  app->add_option("--vocabulary", analogies->analogies.vocabulary,
                  "Only so many tokens from the table's beginning take part; 0: all")
      ->capture_default_str();
  app->add_option("file", analogies->file, "\": section\" and four words a line, or TSV")
      ->required()
      ->check(CLI::ExistingFile);
  app->callback([analogies, &command] { command = [analogies] { return Analogies(*analogies); }; });

  auto scores = std::make_shared<LayerScoresOptions>();
  app = inspect.add_subcommand(
      "layer-scores", "Which layer to read a text's vector from: agreement with people, by layer");
  scores->flags.AddTo(*app);
  app->add_option("--score", scores->pairs.score, "Column or member")->capture_default_str();
  app->add_option("--first", scores->pairs.first, "Column or member")->capture_default_str();
  app->add_option("--second", scores->pairs.second, "Column or member")->capture_default_str();
  app->add_option("file", scores->pairs.path, "Pairs of texts with scores: .tsv or .jsonl")
      ->required()
      ->check(CLI::ExistingFile);
  app->callback([scores, &command] { command = [scores] { return LayerScores(*scores); }; });

  auto rare = std::make_shared<RareWordsOptions>();
  app = inspect.add_subcommand(
      "rare-tokens", "Which words of a corpus break into many tokens or read rarely read rows");
  rare->flags.AddTo(*app);
  app->add_option("--text-field", rare->text_field, "Member or column of .jsonl, .csv and .tsv")
      ->capture_default_str();
  app->add_option("--limit", rare->rare.limit, "Words in each list")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app->add_option("--least-count", rare->rare.least_count,
                  "Words that occur less often are in no list")
      ->check(CLI::Range(1, std::numeric_limits<int32_t>::max()))
      ->capture_default_str();
  app->add_option("file", rare->file, "Texts: .jsonl, .csv, .tsv, else a text a line")
      ->required()
      ->check(CLI::ExistingFile);
  app->callback([rare, &command] { command = [rare] { return RareTokens(*rare); }; });
}

}  // namespace vecnest::cli
