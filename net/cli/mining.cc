#include "net/cli/mining.h"

#include <fstream>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "engine/json.h"
#include "fmt/format.h"
#include "net/cli/interrupt.h"
#include "net/cli/output_file.h"
#include "net/cli/progress.h"
#include "net/json_fields.h"

namespace vecnest::cli {
namespace {

using engine::Json;

constexpr double kHundredPercent = 100;

std::string NameOfNegative(size_t index) { return fmt::format("negative_{}", index + 1); }

// The text of a member.
std::string TextOf(net::JsonFields& fields, std::string_view name) {
  const auto text = fields.String(name);
  if (!text || text->empty()) {
    fields.status().Update(absl::InvalidArgumentError(fmt::format("{}: expected a text", name)));
  }
  return text.value_or("");
}

MinedPair ToPair(const Json& line, absl::Status& status) {
  net::JsonFields fields(line, "", status);
  MinedPair pair;
  pair.query = TextOf(fields, "query");
  pair.positive = TextOf(fields, "positive");
  std::vector<std::string> names;  // the reader looks at them until Finish
  while (line.is_object() && line.contains(NameOfNegative(names.size()))) {
    names.push_back(NameOfNegative(names.size()));
  }
  for (const std::string& name : names) pair.negatives.push_back(TextOf(fields, name));
  fields.Finish();
  return pair;
}

}  // namespace

absl::StatusOr<std::vector<MinedPair>> ReadPairFile(const std::string& file) {
  std::ifstream stream(file);
  if (!stream) return absl::NotFoundError(fmt::format("{}: the file can't be read", file));
  std::vector<MinedPair> pairs;
  size_t number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
    auto parsed = engine::ParseJsonObject(line, "the line");
    absl::Status status = parsed.status();
    MinedPair pair;
    if (status.ok()) pair = ToPair(*parsed, status);
    if (!status.ok()) {
      return absl::InvalidArgumentError(
          fmt::format("{}, line {}: {}", file, number, std::string(status.message())));
    }
    pairs.push_back(std::move(pair));
  }
  if (stream.bad()) return absl::InternalError(fmt::format("{}: reading failed", file));
  if (pairs.empty()) {
    return absl::InvalidArgumentError(fmt::format(
        R"({}: no pairs; expected lines like {{"query": "...", "positive": "..."}})", file));
  }
  return pairs;
}

absl::Status WritePairFile(const std::string& file, const std::vector<MinedPair>& pairs) {
  std::string lines;
  for (const MinedPair& pair : pairs) {
    // Columns in the order that sentence-transformers' losses take them.
    nlohmann::ordered_json line = {{"query", pair.query}, {"positive", pair.positive}};
    for (size_t i = 0; i < pair.negatives.size(); ++i) {
      line[NameOfNegative(i)] = pair.negatives[i];
    }
    lines += line.dump() + '\n';
  }
  return WriteFile(file, lines);
}

std::vector<LabelledPair> WithoutNegatives(const std::vector<MinedPair>& pairs) {
  std::vector<LabelledPair> labelled;
  labelled.reserve(pairs.size());
  for (const MinedPair& pair : pairs) labelled.push_back({pair.query, pair.positive});
  return labelled;
}

absl::StatusOr<std::vector<AdaptPair>> ToAdaptPairs(MiningSource& source,
                                                    const std::vector<MinedPair>& pairs) {
  absl::flat_hash_map<std::string, std::optional<PointId>> stored;
  for (const MinedPair& pair : pairs) {
    stored[pair.positive];
    for (const std::string& negative : pair.negatives) stored[negative];
  }
  while (true) {
    if (Interrupted()) return absl::CancelledError("interrupted; the collection is as it was");
    auto documents = source.NextDocuments();
    if (!documents.ok()) return documents.status();
    if (documents->empty()) break;
    for (const MiningSource::Document& document : *documents) {
      const auto wanted = stored.find(document.text.value_or(""));
      if (wanted != stored.end()) wanted->second = document.id;
    }
  }
  const auto input = [&](const std::string& words) -> AdaptInput {
    if (const auto& id = stored[words]) return *id;
    Text text;
    text.text = words;
    return text;
  };
  std::vector<AdaptPair> adapted;
  adapted.reserve(pairs.size());
  for (const MinedPair& pair : pairs) {
    AdaptPair& added = adapted.emplace_back();
    Text query;
    query.text = pair.query;
    added.query = std::move(query);
    added.positive = input(pair.positive);
    for (const std::string& negative : pair.negatives) added.negatives.push_back(input(negative));
  }
  return adapted;
}

void MiningFlags::AddTo(CLI::App& command) {
  command
      .add_option("--mine-by", method,
                  "Where negatives come from: bm25 (the words of the query), model (nearness of "
                  "vectors), both in turn")
      ->check(CLI::IsMember({"both", "bm25", "model"}))
      ->capture_default_str();
  command.add_option("--field", field, "Where in the payload the text is")->capture_default_str();
  command.add_option("--negatives", options.negatives, "Of each pair")
      ->check(CLI::Range(size_t{1}, MiningOptions::kMostNegatives))
      ->capture_default_str();
  command.add_option("--depth", options.depth, "How far down the answers are looked at")
      ->check(CLI::Range(size_t{1}, MiningOptions::kMostDepth))
      ->capture_default_str();
  command
      .add_option("--margin", options.margin,
                  "Leave out what comes nearer than this share of the positive's cosine: it may be "
                  "an answer that nobody marked")
      ->check(CLI::Range(0.0, 1.0))
      ->capture_default_str();
  command
      .add_option("--language", options.language,
                  "Of the words' stems in bm25: english, german... ; none: words as they are")
      ->capture_default_str();
  command
      .add_option("--mine-dimensions", dimensions,
                  "Compare so many dimensions, by the collection's adaptor if it has one; 0: all")
      ->check(CLI::NonNegativeNumber);
}

absl::StatusOr<std::vector<MinedPair>> Mine(MiningSource& source,
                                            const std::vector<LabelledPair>& pairs,
                                            const MiningFlags& flags) {
  auto method = ParseMiningMethod(flags.method);
  if (!method.ok()) return method.status();
  MiningOptions options = flags.options;
  options.method = *method;
  Progress progress("mining");
  auto mined = MineNegatives(source, pairs, options, [&](double share) {
    const auto done = static_cast<uint64_t>(share * kHundredPercent);
    progress.Update(done, done);
    return Interrupted() ? absl::CancelledError("mining was interrupted") : absl::OkStatus();
  });
  progress.Finish();
  if (!mined.ok()) return mined.status();
  fmt::print(stderr, "{} of {} pairs have {} negatives out of {} texts\n", mined->pairs.size(),
             pairs.size(), options.negatives, mined->documents);
  const auto tell = [](uint64_t count, std::string_view what) {
    if (count > 0) fmt::print(stderr, "  {} {}\n", count, what);
  };
  tell(mined->near_positive, "candidates were as near as the positive and left out");
  tell(mined->too_few, "pairs were left out for too few negatives: a larger --depth finds more");
  tell(mined->unknown, "pairs were left out: their positive is no text of the collection");
  tell(mined->without_text, fmt::format("points have no text under '{}'", flags.field));
  if (mined->pairs.empty()) {
    return absl::FailedPreconditionError(
        mined->unknown > 0
            ? "no pair is left; positives must be, word for word, texts of the collection"
            : "no pair is left with so many negatives");
  }
  return std::move(mined->pairs);
}

}  // namespace vecnest::cli
