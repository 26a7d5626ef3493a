// Evaluating models: how well their vectors serve a task, at which width, precision and metric.
//
//   EvaluationRequest request;
//   request.tasks = {*ParseTaskSpec("sts:stsb/dev.tsv"), *ParseTaskSpec("retrieval:scifact")};
//   request.models = {"all-MiniLM-L6-v2"};
//   request.dimensions = {64, 384};
//   absl::StatusOr<Evaluation> evaluation = Evaluate(request);
//
// Scores follow the definitions of mteb, scikit-learn, scipy and trec_eval; docs/evaluation.md says
// which, and how task files look.
#ifndef VECNEST_EVALUATION_H_
#define VECNEST_EVALUATION_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "vecnest/adapt.h"
#include "vecnest/embedding.h"
#include "vecnest/types.h"

namespace vecnest {

enum class TaskType {
  kRetrieval,           // a folder as BEIR has it: nDCG@10, recall@100, MRR
  kSts,                 // pairs of sentences and how similar they are: Spearman, Pearson
  kPairClassification,  // pairs of sentences and yes or no: average precision
  kClassification,      // texts with labels: logistic regression, accuracy
  kClustering,          // texts with labels: k-means, v-measure
  kAnalogy,             // a is to b as c is to d: accuracy of 3CosAdd
};

// "retrieval", "sts", "pairs", "classification", "clustering", "analogy".
std::string_view TaskTypeName(TaskType type);
// Accepts exactly what TaskTypeName gives; InvalidArgument lists the choices.
absl::StatusOr<TaskType> ParseTaskType(std::string_view name);

// What is compared in place of a vector's f32 components: how it would be stored.
enum class VectorCodes {
  kF32,
  kF16,
  kBf16,
  // The codes that graphs are walked by (see Quantization), as the vectors they stand for.
  kInt8,
  kInt4,
  kBinary,
};

// "f32", "f16", "bf16", "int8", "int4", "binary".
std::string_view VectorCodesName(VectorCodes codes);
// Accepts exactly what VectorCodesName gives; InvalidArgument lists the choices.
absl::StatusOr<VectorCodes> ParseVectorCodes(std::string_view name);

// Which of the model's prefixes the texts of a task get. Retrieval knows queries and documents.
enum class TaskPrefix {
  // As the authors of the models ask for: the query's where the model has one for documents as well
  // (e5), the document's otherwise (bge: none).
  kAuto,
  kQuery,
  kDocument,
  kNone,
};

// Where a task is. Files are TSV whose first line names the columns, or JSON lines (.jsonl) with
// these keys; further columns are not read.
struct TaskSpec {
  std::optional<TaskType> type = {};  // none: told by the files, where they leave no doubt
  std::string path = {};              // a folder for retrieval and classification, else a file
  std::string name = {};              // in results; empty: after the path
  TaskPrefix prefix = TaskPrefix::kAuto;
  // Retrieval: qrels/SPLIT.tsv; whether a document of the query's own id is left out of its answer.
  std::string split = "test";
  bool exclude_self = false;
  // Classification: the files in the folder.
  std::string train = "train.tsv";
  std::string test = "test.tsv";
  // The columns' names.
  std::string first = "sentence1";   // sts, pairs
  std::string second = "sentence2";  // sts, pairs
  std::string score = "score";       // sts
  std::string label = "label";       // pairs, classification, clustering
  std::string text = "text";         // classification, clustering
  std::string section = "section";   // analogy; beside a, b, c and d
  // Pairs: the label that says yes; all others say no.
  std::string positive = "1";
  // Analogy, for tables of words: answers are looked for among the table's first so many.
  size_t vocabulary = 30'000;
};

// "[TYPE:]PATH[,KEY=VALUE]...", the keys being TaskSpec's fields beside type and path. Keys that
// the type does not have are refused.
absl::StatusOr<TaskSpec> ParseTaskSpec(std::string_view text);

struct EvaluationProgress {
  std::string stage = {};  // "stsb/dev, all-MiniLM-L6-v2 f32: encoding"
  uint64_t done = 0;       // texts, or combinations of codes, width and metric
  uint64_t total = 0;
};

struct EvaluationRequest {
  std::vector<TaskSpec> tasks = {};
  std::vector<std::string> models = {};  // as in DatabaseOptions::models
  std::vector<Precision> precisions = {Precision::kF32};
  std::vector<VectorCodes> codes = {VectorCodes::kF32};
  std::vector<int> dimensions = {};  // empty: each model's width
  std::vector<Metric> metrics = {Metric::kCosine};
  // What vectors go through: "none"; "rotation" or "prefixes", learned from the task's own texts
  // (retrieval: its documents) as AdaptMethod says, without labels; or the file of an adaptor,
  // which learned from vectors of the model.
  std::vector<std::string> adaptors = {"none"};
  // Retrieval by prefixes or codes: the best so many are ranked again by whole vectors in f32, for
  // the scores "reranked_ndcg@10", and "kept@10", the share of the ten nearest by whole vectors
  // that are then the first ten. 0: none are.
  size_t rerank = 0;
  int threads = 0;  // 0: one per core
  // Clustering, and which texts experiments take. The same seed gives the same numbers.
  uint64_t seed = 1;
  // Classification: 0 learns from all training texts; else from so many per label, drawn anew for
  // each of so many experiments, whose scores are averaged (mteb: 8 or 16, and 10).
  size_t samples_per_label = 0;
  size_t experiments = 10;
  // Vectors, and what is computed from them, may take so much; more is refused before the work.
  size_t memory_bytes = size_t{4} << 30;
  CallLimits limits = {};
  // Called on the calling thread.
  std::function<void(const EvaluationProgress&)> progress = {};
};

// A number by its name; none where it is not defined (a correlation with scores that are all
// equal).
struct NamedScore {
  std::string name = {};
  std::optional<double> value = {};
};

struct EvaluationResult {
  std::string task = {};
  TaskType type = TaskType::kSts;
  std::string model = {};
  Precision precision = Precision::kF32;
  std::string adaptor = {};
  VectorCodes codes = VectorCodes::kF32;
  int dimensions = 0;
  // None where the task compares no vectors with each other: classification, clustering.
  std::optional<Metric> metric = {};
  std::vector<NamedScore> scores = {};  // the first is the task's main score
  double seconds = 0;                   // of scoring, without the encoding
};

// An adaptor that was used, or learned, for one model, and if it was learned, for one task.
struct AdaptorReport {
  std::string adaptor = {};  // as in EvaluationRequest::adaptors
  std::string task = {};
  std::string model = {};
  Precision precision = Precision::kF32;
  AdaptorInfo info = {};
  double seconds = 0;  // of learning
};

// One task's texts, encoded by one model.
struct EncodingReport {
  std::string task = {};
  std::string model = {};
  Precision precision = Precision::kF32;
  uint64_t texts = 0;      // distinct
  uint64_t truncated = 0;  // were longer than the model reads
  uint64_t tokens = 0;
  std::string prefix = {};        // of documents, or of all texts
  std::string query_prefix = {};  // retrieval
  double seconds = 0;
};

struct TaskReport {
  std::string name = {};
  TaskType type = TaskType::kSts;
  std::string path = {};
  std::vector<std::pair<std::string, uint64_t>> counts = {};  // "pairs", "labels", …
  std::vector<std::string> warnings = {};
};

struct Evaluation {
  std::vector<ModelInfo> models = {};  // one of each model and precision
  std::vector<TaskReport> tasks = {};
  std::vector<EncodingReport> encodings = {};
  std::vector<AdaptorReport> adaptors = {};
  // By task, model, precision, adaptor, codes, width, metric.
  std::vector<EvaluationResult> results = {};
};

// Every task by every model at every precision, adaptor, codes, width and metric. Each model
// encodes a task's texts once per precision. InvalidArgument: a malformed file (which, and where),
// a width that a model does not have, an empty or repeated choice, an adaptor of another width, or
// one that does not keep the metric. FailedPrecondition: an adaptor of another model.
// ResourceExhausted: memory_bytes would not do. Cancelled and DeadlineExceeded as `limits` say.
// Errors of loading as TextEmbedder::Load.
absl::StatusOr<Evaluation> Evaluate(const EvaluationRequest& request);

}  // namespace vecnest

#endif  // VECNEST_EVALUATION_H_
