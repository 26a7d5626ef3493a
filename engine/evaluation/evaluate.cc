#include <algorithm>
#include <memory>
#include <set>
#include <thread>
#include <utility>

#include "embedder/status_macros.h"
#include "embedder/word_table.h"
#include "engine/evaluation/adaptor_choice.h"
#include "engine/evaluation/analogy.h"
#include "engine/evaluation/task.h"
#include "engine/evaluation/task_scores.h"
#include "engine/evaluation/vector_matrix.h"
#include "engine/stopwatch.h"
#include "fmt/format.h"
#include "vecnest/evaluation.h"

namespace vecnest {
namespace {

using engine::Stopwatch;
using engine::evaluation::AdaptorChoice;
using engine::evaluation::AnalogyProblem;
using engine::evaluation::AnalogyTask;
using engine::evaluation::RetrievalTask;
using engine::evaluation::Task;
using engine::evaluation::TaskVectors;
using engine::evaluation::VectorMatrix;
using engine::evaluation::WholeVectors;

// Texts per call of the model: enough for all threads, and few enough for progress to be seen.
constexpr size_t kMostTexts = 1024;
constexpr size_t kEnoughBytes = size_t{256} << 10;

// A matrix at its full width, the cut one, and the one that is stored; with adaptors, the adapted
// one before it is cut.
constexpr size_t kCopies = 3;
constexpr size_t kCopiesWithAdaptors = 4;

template <typename Value>
absl::Status CheckChoices(const std::vector<Value>& values, std::string_view what) {
  if (values.empty()) return absl::InvalidArgumentError(fmt::format("{}: none are named", what));
  if (std::set<Value>(values.begin(), values.end()).size() == values.size()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(fmt::format("{}: one is named twice", what));
}

absl::Status CheckRequest(const EvaluationRequest& request) {
  if (request.tasks.empty()) return absl::InvalidArgumentError("tasks: none are named");
  VECNEST_RETURN_IF_ERROR(CheckChoices(request.models, "models"));
  VECNEST_RETURN_IF_ERROR(CheckChoices(request.precisions, "precisions"));
  VECNEST_RETURN_IF_ERROR(CheckChoices(request.adaptors, "adaptors"));
  VECNEST_RETURN_IF_ERROR(CheckChoices(request.codes, "codes"));
  VECNEST_RETURN_IF_ERROR(CheckChoices(request.metrics, "metrics"));
  if (!request.dimensions.empty()) {
    VECNEST_RETURN_IF_ERROR(CheckChoices(request.dimensions, "dimensions"));
  }
  if (request.rerank > engine::evaluation::kRanked) {
    return absl::InvalidArgumentError(
        fmt::format("rerank: {}, expected at most {}, as many as are ranked", request.rerank,
                    engine::evaluation::kRanked));
  }
  if (request.samples_per_label > 0 && request.experiments == 0) {
    return absl::InvalidArgumentError("experiments: 0, expected 1 or more");
  }
  return absl::OkStatus();
}

absl::Status CheckDimensions(const std::vector<int>& dimensions, const ModelInfo& model) {
  for (const int width : dimensions) {
    if (width >= 1 && width <= model.dimensions) continue;
    return absl::InvalidArgumentError(fmt::format(
        "dimensions: {}, expected 1 to {} (the width of {})", width, model.dimensions, model.name));
  }
  return absl::OkStatus();
}

// Which prefix a task's texts get where they are not queries and documents.
void ChoosePrefix(TaskPrefix prefix, const ModelInfo& model, EmbedOptions& options) {
  const bool all_prefixed = !model.query_prefix.empty() && !model.document_prefix.empty();
  const bool query = prefix == TaskPrefix::kQuery || (prefix == TaskPrefix::kAuto && all_prefixed);
  options.type = query ? TextType::kQuery : TextType::kDocument;
  if (prefix == TaskPrefix::kNone) options.prefix = "";
}

void WarnOfFewSamples(size_t per_label, Task& task) {
  const auto* gold = std::get_if<engine::evaluation::ClassificationTask>(&task.gold);
  if (gold == nullptr || per_label == 0) return;
  std::vector<size_t> counts(gold->labels);
  for (const uint32_t label : gold->train.labels) ++counts[label];
  const auto small = std::count_if(counts.begin(), counts.end(), [per_label](size_t count) {
    return count > 0 && count < per_label;
  });
  if (small == 0) return;
  task.warnings.push_back(
      fmt::format("{}: {} of {} labels have fewer than {} texts to learn from; all of theirs are "
                  "taken",
                  task.name, small, counts.size(), per_label));
}

class Evaluator {
 public:
  explicit Evaluator(const EvaluationRequest& request) : request_(request) {}

  absl::StatusOr<Evaluation> Run() {
    VECNEST_RETURN_IF_ERROR(CheckRequest(request_));
    VECNEST_RETURN_IF_ERROR(LoadTasks());
    for (const std::string& name : request_.adaptors) {
      VECNEST_ASSIGN_OR_RETURN(AdaptorChoice choice, AdaptorChoice::Read(name));
      adaptors_.push_back(std::move(choice));
    }
    VECNEST_RETURN_IF_ERROR(CheckModels());
    for (const std::string& model : request_.models) {
      std::set<Precision> measured;
      for (const Precision precision : request_.precisions) {
        VECNEST_RETURN_IF_ERROR(EvaluateModel(model, precision, measured));
      }
    }
    for (const Task& task : tasks_) {
      evaluation_.tasks.push_back({task.name, task.type, task.path, task.counts, task.warnings});
    }
    const auto place = [&](const std::string& name) {
      return std::find_if(tasks_.begin(), tasks_.end(),
                          [&](const Task& task) { return task.name == name; });
    };
    std::stable_sort(evaluation_.results.begin(), evaluation_.results.end(),
                     [&](const EvaluationResult& a, const EvaluationResult& b) {
                       return place(a.task) < place(b.task);
                     });
    return std::move(evaluation_);
  }

 private:
  // What is measured now.
  struct Subject {
    const TextEmbedder& embedder;
    const ModelInfo& model;
    const Task& task;
    AnalogyProblem problem = {};
  };

  absl::Status LoadTasks() {
    std::set<std::string> names;
    for (const TaskSpec& spec : request_.tasks) {
      VECNEST_RETURN_IF_ERROR(request_.limits.Check());
      VECNEST_ASSIGN_OR_RETURN(Task task, engine::evaluation::LoadTask(spec));
      WarnOfFewSamples(request_.samples_per_label, task);
      if (!names.insert(task.name).second) {
        return absl::InvalidArgumentError(fmt::format(
            "two tasks are called '{}'; give one of them another name by name=", task.name));
      }
      tasks_.push_back(std::move(task));
    }
    const bool retrieves = std::any_of(tasks_.begin(), tasks_.end(), [](const Task& task) {
      return task.type == TaskType::kRetrieval;
    });
    if (request_.rerank == 0 || retrieves) return absl::OkStatus();
    return absl::InvalidArgumentError("rerank: none of the tasks is retrieval");
  }

  // What would end the work after hours is found before it begins: models that are not there, have
  // the same name or too few dimensions, and tasks that do not fit in memory.
  absl::Status CheckModels() const {
    ModelLoadOptions options;
    options.threads = 1;
    options.cache_bytes = 0;
    VECNEST_ASSIGN_OR_RETURN(const auto embedder, TextEmbedder::Load(request_.models, options));
    for (const ModelInfo& model : embedder->Models()) {
      VECNEST_RETURN_IF_ERROR(CheckDimensions(request_.dimensions, model));
      for (const Task& task : tasks_) {
        Subject subject = {*embedder, model, task};
        size_t texts = task.texts.size();
        if (task.type == TaskType::kAnalogy) {
          VECNEST_ASSIGN_OR_RETURN(subject.problem, AnalogiesFor(subject));
          texts = subject.problem.vocabulary.size();
        }
        VECNEST_RETURN_IF_ERROR(CheckMemory(subject, texts));
        for (const AdaptorChoice& choice : adaptors_) {
          const bool compares = engine::evaluation::ComparesVectors(task.type);
          VECNEST_RETURN_IF_ERROR(
              choice.Check(model, texts, compares ? request_.metrics : std::vector<Metric>()));
        }
      }
    }
    return absl::OkStatus();
  }

  absl::Status EvaluateModel(const std::string& name, Precision precision,
                             std::set<Precision>& measured) {
    ModelLoadOptions options;
    options.threads = request_.threads;
    options.precision = precision;
    options.cache_bytes = 0;
    VECNEST_ASSIGN_OR_RETURN(const auto embedder, TextEmbedder::Load({name}, options));
    VECNEST_ASSIGN_OR_RETURN(const ModelInfo model, embedder->Model(""));
    // A static table is f32 whatever was asked for.
    if (!measured.insert(model.precision).second) return absl::OkStatus();
    evaluation_.models.push_back(model);
    for (const Task& task : tasks_) {
      VECNEST_RETURN_IF_ERROR(EvaluateTask({*embedder, model, task}));
    }
    return absl::OkStatus();
  }

  absl::Status EvaluateTask(Subject subject) {
    const std::vector<std::string>* texts = &subject.task.texts;
    if (subject.task.type == TaskType::kAnalogy) {
      VECNEST_ASSIGN_OR_RETURN(subject.problem, AnalogiesFor(subject));
      texts = &subject.problem.vocabulary;
    }
    VECNEST_ASSIGN_OR_RETURN(const TaskVectors vectors, EncodeTask(subject, *texts));
    return ScoreEverything(subject, vectors);
  }

  absl::StatusOr<AnalogyProblem> AnalogiesFor(const Subject& subject) const {
    const auto& task = std::get<AnalogyTask>(subject.task.gold);
    std::vector<std::string> words;
    if (embedder::IsWordTable(subject.model.directory)) {
      VECNEST_ASSIGN_OR_RETURN(
          words, engine::evaluation::ReadVocabulary(subject.model.directory, task.vocabulary));
    }
    return engine::evaluation::MakeAnalogyProblem(task, std::move(words));
  }

  absl::Status CheckMemory(const Subject& subject, size_t texts) const {
    const auto width = static_cast<size_t>(subject.model.dimensions);
    const auto* retrieval = std::get_if<RetrievalTask>(&subject.task.gold);
    const size_t rows = texts + (retrieval == nullptr ? 0 : retrieval->queries.size());
    const size_t threads = request_.threads > 0 ? static_cast<size_t>(request_.threads)
                                                : std::thread::hardware_concurrency();
    const bool adapted = std::any_of(adaptors_.begin(), adaptors_.end(),
                                     [](const AdaptorChoice& choice) { return !choice.IsNone(); });
    const size_t needed =
        (adapted ? kCopiesWithAdaptors : kCopies) * rows * width * sizeof(float) +
        engine::evaluation::ScoringBytes(subject.task.type, texts, width, threads);
    if (needed <= request_.memory_bytes) return absl::OkStatus();
    constexpr size_t kMib = size_t{1} << 20;
    return absl::ResourceExhaustedError(fmt::format(
        "{}: {} vectors of {} numbers and scoring them take {} MiB, more than the {} MiB allowed",
        subject.task.name, rows, width, needed / kMib + 1, request_.memory_bytes / kMib));
  }

  absl::StatusOr<TaskVectors> EncodeTask(const Subject& subject,
                                         const std::vector<std::string>& texts) {
    EncodingReport report;
    report.task = subject.task.name;
    report.model = subject.model.name;
    report.precision = subject.model.precision;
    const Stopwatch watch;
    TaskVectors vectors;
    EmbedOptions options;
    options.truncate = true;
    options.limits = request_.limits;
    if (const auto* retrieval = std::get_if<RetrievalTask>(&subject.task.gold)) {
      std::vector<std::string> queries;
      for (const RetrievalTask::Query& query : retrieval->queries) queries.push_back(query.text);
      options.type = TextType::kQuery;
      report.query_prefix = subject.model.query_prefix;
      VECNEST_ASSIGN_OR_RETURN(vectors.queries,
                               Encode(subject, queries, options, "encoding queries", report));
      options.type = TextType::kDocument;
    } else {
      ChoosePrefix(subject.task.prefix, subject.model, options);
    }
    report.prefix =
        options.prefix.value_or(options.type == TextType::kQuery ? subject.model.query_prefix
                                                                 : subject.model.document_prefix);
    VECNEST_ASSIGN_OR_RETURN(vectors.texts, Encode(subject, texts, options, "encoding", report));
    report.seconds = watch.Seconds();
    evaluation_.encodings.push_back(std::move(report));
    return vectors;
  }

  absl::StatusOr<VectorMatrix> Encode(const Subject& subject, const std::vector<std::string>& texts,
                                      const EmbedOptions& options, std::string_view doing,
                                      EncodingReport& report) const {
    VectorMatrix vectors = {static_cast<size_t>(subject.model.dimensions), {}};
    vectors.values.reserve(texts.size() * vectors.width);
    EvaluationProgress progress = {StageOf(subject, doing), 0, texts.size()};
    for (size_t first = 0; first < texts.size();) {
      Report(progress);
      std::vector<std::string> some;
      for (size_t bytes = 0;
           first < texts.size() && some.size() < kMostTexts && bytes < kEnoughBytes; ++first) {
        bytes += texts[first].size();
        some.push_back(texts[first]);
      }
      VECNEST_ASSIGN_OR_RETURN(const auto embeddings, subject.embedder.Embed(some, options));
      for (const Embedding& embedding : embeddings) {
        vectors.values.insert(vectors.values.end(), embedding.vector.begin(),
                              embedding.vector.end());
        report.truncated += embedding.truncated ? 1 : 0;
        report.tokens += static_cast<uint64_t>(embedding.tokens);
      }
      progress.done = first;
    }
    Report(progress);
    report.texts += texts.size();
    return vectors;
  }

  absl::Status ScoreEverything(const Subject& subject, const TaskVectors& vectors) {
    WholeVectors whole(vectors);
    for (const AdaptorChoice& choice : adaptors_) {
      std::shared_ptr<const Adaptor> adaptor;
      if (!choice.IsNone()) {
        VECNEST_ASSIGN_OR_RETURN(adaptor, MakeAdaptor(choice, subject, vectors.texts));
      }
      VECNEST_RETURN_IF_ERROR(ScoreAdapted(subject, whole, choice.name(), adaptor.get()));
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::shared_ptr<const Adaptor>> MakeAdaptor(const AdaptorChoice& choice,
                                                             const Subject& subject,
                                                             const VectorMatrix& texts) {
    const Stopwatch watch;
    constexpr uint64_t kHundredPercent = 100;
    EvaluationProgress progress = {StageOf(subject, fmt::format("learning {}", choice.name())), 0,
                                   kHundredPercent};
    VECNEST_ASSIGN_OR_RETURN(auto adaptor,
                             choice.Make(texts, subject.model, request_, [&](double share) {
                               progress.done = static_cast<uint64_t>(share * kHundredPercent);
                               if (choice.IsLearned()) Report(progress);
                               return request_.limits.Check();
                             }));
    evaluation_.adaptors.push_back({.adaptor = choice.name(),
                                    .task = choice.IsLearned() ? subject.task.name : "",
                                    .model = subject.model.name,
                                    .precision = subject.model.precision,
                                    .info = adaptor->info(),
                                    .seconds = choice.IsLearned() ? watch.Seconds() : 0});
    return adaptor;
  }

  // `adaptor`: null for none.
  absl::Status ScoreAdapted(const Subject& subject, WholeVectors& whole,
                            const std::string& adaptor_name, const Adaptor* adaptor) {
    std::vector<int> widths = request_.dimensions;
    if (widths.empty()) widths = {subject.model.dimensions};
    EvaluationProgress progress = {StageOf(subject, "scoring"), 0,
                                   widths.size() * request_.codes.size()};
    for (const VectorCodes codes : request_.codes) {
      for (const int width : widths) {
        Report(progress);
        const auto cut = [&](const VectorMatrix& matrix) -> absl::StatusOr<VectorMatrix> {
          const bool normalized = subject.model.normalized;
          const auto kept = static_cast<size_t>(width);
          if (adaptor == nullptr) return engine::evaluation::CutTo(matrix, kept, normalized);
          return engine::evaluation::AdaptAndCut(*adaptor, matrix, kept, normalized);
        };
        TaskVectors prefixes;
        VECNEST_ASSIGN_OR_RETURN(prefixes.texts, cut(whole.vectors.texts));
        VECNEST_ASSIGN_OR_RETURN(prefixes.queries, cut(whole.vectors.queries));
        EvaluationResult form;
        form.adaptor = adaptor_name;
        form.codes = codes;
        form.dimensions = width;
        VECNEST_RETURN_IF_ERROR(ScoreWidth(subject, whole, prefixes, form));
        ++progress.done;
      }
    }
    Report(progress);
    return absl::OkStatus();
  }

  // `form` says what the prefixes are.
  absl::Status ScoreWidth(const Subject& subject, WholeVectors& all, const TaskVectors& prefixes,
                          const EvaluationResult& form) {
    std::vector<std::optional<Metric>> metrics(request_.metrics.begin(), request_.metrics.end());
    if (!engine::evaluation::ComparesVectors(subject.task.type)) metrics = {std::nullopt};
    const bool adapted = form.adaptor != AdaptMethodName(AdaptMethod::kNone);
    const bool whole = form.dimensions == subject.model.dimensions;
    // Bits of adapted vectors have no prefixes: narrow searches go by the vectors.
    const VectorCodes codes =
        adapted && !whole && form.codes == VectorCodes::kBinary ? VectorCodes::kF32 : form.codes;
    // An index for cosine has unit vectors coded, one for another metric the vectors themselves.
    std::optional<bool> normalized;
    TaskVectors stored;
    for (const std::optional<Metric> metric : metrics) {
      const bool normalize = metric == Metric::kCosine;
      if (normalized != normalize) {
        stored = prefixes;
        VECNEST_RETURN_IF_ERROR(
            engine::evaluation::StoreAs(codes, normalize, adapted, stored.texts));
        normalized = normalize;
      }
      VECNEST_RETURN_IF_ERROR(request_.limits.Check());
      EvaluationResult result = form;
      const Stopwatch watch;
      VECNEST_ASSIGN_OR_RETURN(
          result.scores,
          engine::evaluation::ScoreTask(subject.task, subject.problem, stored,
                                        whole && codes == VectorCodes::kF32 ? nullptr : &all,
                                        metric.value_or(Metric::kCosine), request_));
      result.seconds = watch.Seconds();
      result.task = subject.task.name;
      result.type = subject.task.type;
      result.model = subject.model.name;
      result.precision = subject.model.precision;
      result.metric = metric;
      evaluation_.results.push_back(std::move(result));
    }
    return absl::OkStatus();
  }

  static std::string StageOf(const Subject& subject, std::string_view doing) {
    return fmt::format("{}, {} {}: {}", subject.task.name, subject.model.name,
                       PrecisionName(subject.model.precision), doing);
  }

  void Report(const EvaluationProgress& progress) const {
    if (request_.progress) request_.progress(progress);
  }

  const EvaluationRequest& request_;
  std::vector<Task> tasks_;
  std::vector<AdaptorChoice> adaptors_;
  Evaluation evaluation_;
};

}  // namespace

absl::StatusOr<Evaluation> Evaluate(const EvaluationRequest& request) {
  return Evaluator(request).Run();
}

}  // namespace vecnest
