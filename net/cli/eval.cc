// vecnest eval: how well models serve tasks, at which width, precision, codes and metric.

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fmt/format.h"
#include "net/cli/commands.h"
#include "net/cli/eval_report.h"
#include "net/cli/interrupt.h"
#include "net/cli/output_file.h"
#include "net/cli/progress.h"
#include "net/codec_evaluation.h"
#include "vecnest/evaluation.h"

namespace vecnest::cli {
namespace {

constexpr uint64_t kHundredPercent = 100;

struct EvalOptions {
  std::vector<std::string> tasks;
  std::vector<std::string> precisions = {"f32"};
  std::vector<std::string> codes = {"f32"};
  int memory_mb = 4096;
  std::string json;
  std::string plot;
  ModelFlags models;
  EvaluationRequest request;
};

absl::Status ReadOptions(EvalOptions& options) {
  for (const std::string& task : options.tasks) {
    auto spec = ParseTaskSpec(task);
    if (!spec.ok()) {
      return {spec.status().code(),
              fmt::format("--task {}: {}", task, std::string(spec.status().message()))};
    }
    options.request.tasks.push_back(*std::move(spec));
  }
  auto models = options.models.Choose(/*required=*/true);
  if (!models.ok()) return models.status();
  options.request.models = *std::move(models);
  options.request.precisions.clear();
  for (const std::string& name : options.precisions) {
    options.request.precisions.push_back(*ParsePrecision(name));
  }
  options.request.codes.clear();
  for (const std::string& name : options.codes) {
    options.request.codes.push_back(*ParseVectorCodes(name));
  }
  options.request.memory_bytes = static_cast<size_t>(options.memory_mb) << 20;
  if (auto status = CheckOutput(options.json, "--json"); !status.ok()) return status;
  if (options.plot.empty()) return absl::OkStatus();
  if (auto status = CheckOutput(options.plot, "--plot"); !status.ok()) return status;
  if (auto status = ReplacedFile(options.plot).status(); !status.ok()) return status;
  return CheckGnuplot();
}

// A bar for every stage.
class Stages {
 public:
  void Show(const EvaluationProgress& progress) {
    if (progress.stage != stage_) {
      End();
      stage_ = progress.stage;
      bar_.emplace(stage_);
    }
    const uint64_t total = std::max<uint64_t>(progress.total, 1);
    const uint64_t share = progress.done * kHundredPercent / total;
    bar_->Update(share, share);
  }
  void End() {
    if (bar_) bar_->Finish();
    bar_.reset();
  }

 private:
  std::string stage_;
  std::optional<Progress> bar_;
};

absl::StatusOr<Evaluation> EvaluateUntilInterrupted(EvaluationRequest& request) {
  CatchInterrupts();
  request.limits.stop = InterruptToken();
  Stages stages;
  request.progress = [&](const EvaluationProgress& progress) { stages.Show(progress); };
  auto evaluation = Evaluate(request);
  stages.End();
  if (absl::IsCancelled(evaluation.status())) {
    return absl::CancelledError("interrupted; nothing was written");
  }
  if (absl::IsResourceExhausted(evaluation.status())) {
    return absl::ResourceExhaustedError(
        fmt::format("{}; --memory-mb allows more", std::string(evaluation.status().message())));
  }
  return evaluation;
}

void PrintNotes(const Evaluation& evaluation) {
  for (const TaskReport& task : evaluation.tasks) {
    for (const std::string& warning : task.warnings) fmt::print(stderr, "{}\n", warning);
  }
  for (const EncodingReport& encoding : evaluation.encodings) {
    if (encoding.truncated == 0) continue;
    fmt::print(stderr, "{}: {} of {} texts were cut to what {} reads\n", encoding.task,
               encoding.truncated, encoding.texts, encoding.model);
  }
}

absl::Status Eval(EvalOptions& options) {
  if (auto status = ReadOptions(options); !status.ok()) return status;
  auto evaluation = EvaluateUntilInterrupted(options.request);
  if (!evaluation.ok()) return evaluation.status();
  PrintNotes(*evaluation);
  fmt::print("{}", EvaluationTable(*evaluation));
  if (!options.json.empty()) {
    const auto json = net::WriteEvaluation(options.request, *evaluation);
    if (auto status = WriteFile(options.json, json.dump(2) + "\n"); !status.ok()) return status;
  }
  if (options.plot.empty()) return absl::OkStatus();
  return PlotEvaluation(*evaluation, options.plot);
}

void AddWhat(CLI::App& eval, EvalOptions& options) {
  const std::map<std::string, Metric> metrics = {{"cosine", Metric::kCosine},
                                                 {"dot", Metric::kDot},
                                                 {"euclid", Metric::kEuclid},
                                                 {"manhattan", Metric::kManhattan}};
  eval.add_option("--task", options.tasks,
                  "[TYPE:]PATH[,KEY=VALUE]..., TYPE being retrieval, sts, pairs, classification, "
                  "clustering or analogy (repeatable; docs/evaluation.md)")
      ->required();
  eval.add_option("--model", options.models.models,
                  "Model name, directory or table of words (.txt, .bin); default: " +
                      std::string(kDefaultModel) + " (repeatable)");
  eval.add_option("--precision", options.precisions, "Of the models: f32, bf16, int8")
      ->delimiter(',')
      ->check(CLI::IsMember({"f32", "bf16", "int8"}))
      ->capture_default_str();
  eval.add_option("--codes", options.codes,
                  "How vectors are stored: f32, f16, bf16, or as codes of 8, 4 or 1 bits a "
                  "dimension: int8, int4, binary")
      ->delimiter(',')
      ->check(CLI::IsMember({"f32", "f16", "bf16", "int8", "int4", "binary"}))
      ->capture_default_str();
  eval.add_option("--adaptor", options.request.adaptors,
                  "What vectors go through: none; rotation or prefixes, learned from each task's "
                  "own texts without labels; or a file that adapt --export wrote")
      ->delimiter(',')
      ->capture_default_str();
  eval.add_option("--rerank", options.request.rerank,
                  "Retrieval by fewer dimensions or by codes: rank the best so many again by whole "
                  "vectors, and show what that gives; 0: do not")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  eval.add_option("--dimensions", options.request.dimensions,
                  "Widths: first so many dimensions, scaled to unit length again where the "
                  "model's vectors have it; default: all")
      ->delimiter(',')
      ->check(CLI::PositiveNumber);
  eval.add_option("--metric", options.request.metrics,
                  "cosine, dot, euclid, manhattan; default: cosine")
      ->delimiter(',')
      ->transform(CLI::CheckedTransformer(metrics, CLI::ignore_case));
}

}  // namespace

void AddEval(CLI::App& app, Command& command) {
  auto options = std::make_shared<EvalOptions>();
  CLI::App* eval = app.add_subcommand(
      "eval",
      "Score models on tasks: retrieval, similarity, classification, clustering, "
      "analogies; at any widths, precisions and metrics");
  AddWhat(*eval, *options);
  eval->add_option("--samples-per-label", options->request.samples_per_label,
                   "Classification: learn from so many texts of each label; 0: from all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  eval->add_option("--experiments", options->request.experiments,
                   "With --samples-per-label: how often they are drawn; scores are averaged")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  eval->add_option("--seed", options->request.seed, "The same seed gives the same numbers")
      ->check(CLI::Range(int64_t{0}, std::numeric_limits<int64_t>::max()))
      ->capture_default_str();
  eval->add_option("--json", options->json, "Write everything that was found to this file");
  eval->add_option("--plot", options->plot,
                   "Write a PNG of scores against widths to this file; gnuplot draws it");
  eval->add_option("--threads", options->request.threads, "0: one per core")
      ->check(CLI::Range(0, 1024));
  eval->add_option("--memory-mb", options->memory_mb, "Vectors and scoring may take so much")
      ->check(CLI::Range(1, 1 << 24))
      ->capture_default_str();
  eval->callback([options, &command] { command = [options] { return Eval(*options); }; });
}

}  // namespace vecnest::cli
