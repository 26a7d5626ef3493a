// Vecnest as a library: a directory of collections that understand text by themselves.
//
//   auto db = vecnest::Database::Open({.directory = "data", .models = {"all-MiniLM-L6-v2"}});
//   (*db)->CreateCollection("notes", {.vectors = {{"", {.size = 384}}}});
//   (*db)->Upsert("notes", {{.id = 1, .vectors = {{"", vecnest::Text{"a text"}}}}});
//   auto answer = (*db)->Search("notes", {.nearest = vecnest::Text{"a question"}});
#ifndef VECNEST_DATABASE_H_
#define VECNEST_DATABASE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "vecnest/adapt.h"
#include "vecnest/collection.h"
#include "vecnest/embedding.h"
#include "vecnest/filter.h"
#include "vecnest/geometry.h"
#include "vecnest/query.h"
#include "vecnest/types.h"

namespace vecnest {

struct DatabaseOptions {
  std::string directory;  // created when missing; one process at a time
  // Names (looked up in the model path, see FindModel), directories, or files of word vectors. The
  // first is the default.
  // Loaded by Open; without any, texts are refused.
  std::vector<std::string> models;
  ModelLoadOptions model_options;
  // A growing segment is sealed into a graph when it holds this many vectors.
  size_t seal_threshold = 8192;
  // When hardly any vectors (256 at most) were written to a collection for so long, neighbouring
  // segments are merged in the background as long as the smaller ones have a quarter of the
  // largest's vectors: a query walks each segment. Writes go on beside that; 8,192 vectors end it,
  // and the next try comes after twice the time. Zero: never.
  double rest_seconds = 5;
  // Open refuses (DataLoss) when the store's write-ahead log is damaged. True: open with what
  // stands before the damage; writes that came after it are lost.
  bool salvage_log = false;
};

enum class Durability {
  kSynced,    // on the disk before the call returns: survives a power cut
  kBuffered,  // handed to the operating system: survives kill -9, not a power cut
};

struct WriteOptions {
  Durability durability = Durability::kSynced;
  CallLimits limits = {};
};

struct WriteResult {
  uint64_t sequence = 0;  // later reads see the change; also called operation_id
  uint64_t affected = 0;  // points
  // Of these, points that chunks of documents became, and former chunks that were deleted.
  uint64_t chunks = 0;
  uint64_t removed_chunks = 0;
  // Texts embedded by this call.
  uint64_t tokens = 0;
  std::vector<PointId> truncated;  // points with a text longer than the model reads
  std::vector<ModelUsage> usage;   // by model and prefix
};

// Either named points or all that pass a filter.
using PointSelector = std::variant<std::vector<PointId>, Filter>;

enum class PayloadChange {
  kMerge,      // set the given keys, keep the others
  kOverwrite,  // replace the payload
};

struct ScrollRequest {
  std::optional<Filter> filter;
  size_t limit = 10;
  std::optional<PointId> offset;  // first id that may be returned
  PayloadSelector with_payload{PayloadSelector::Kind::kAll, {}};
  VectorSelector with_vectors;
};

struct ScrollPage {
  std::vector<Record> records;         // in the order of ids
  std::optional<PointId> next_offset;  // unset after the last page
};

// How often values of an indexed field occur.
struct FacetRequest {
  std::string key;  // a field with a payload index of type keyword, integer, bool or uuid
  std::optional<Filter> filter;
  size_t limit = 10;
};

struct FacetHit {
  MatchValue value;
  uint64_t count = 0;  // points that have the value
};

// What searches at fewer dimensions keep of the answer at all of them, and what they save.
struct WidthReport {
  struct Width {
    int dimensions = 0;
    double recall = 0;              // of the ten nearest at the full width
    double bytes_per_query = 0;     // of codes, links and vectors
    double queries_per_second = 0;  // on one thread, at this moment
  };
  uint64_t queries = 0;       // stored vectors that were taken for queries
  std::vector<Width> widths;  // ascending; none where there are fewer than two vectors
};

struct VerifyReport {
  uint64_t collections = 0;
  uint64_t points = 0;
  uint64_t vectors = 0;
  uint64_t texts_reencoded = 0;
  // One line a finding; empty: all is well.
  std::vector<std::string> problems;
};

// Signals: no handler should run on a thread that is in one of these calls, unless on a stack of
// its own (SA_ONSTACK): kernels that oneDNN generates use the stack pointer for other ends.
//
// Thread safety: every method may be called from any thread. Reads do not wait for writes, but that
// filters wait for one that is half in, and what writes overtake again and again holds them off for
// its last try.
// Background work, and the flushes and compactions of every RocksDB in the process, run at nice 19.
// Errors: NotFound (collection, point, model), AlreadyExists, InvalidArgument (the message names
// the field and what was expected), FailedPrecondition (e.g. another model than the collection's),
// ResourceExhausted (a limit), Cancelled and DeadlineExceeded (see CallLimits), DataLoss (damage
// found), Unavailable (closing, or no memory is left), Internal.
class Database {
 public:
  // Reads what is there, replays what no segment file contains. A collection that can't be loaded
  // is listed with its error and does not keep the others from opening.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const DatabaseOptions& options);
  // Waits for background work, then closes the files.
  virtual ~Database() = default;

  // -- Collections. Names: 1..255 characters other than / \ < > : " | ? * and controls.
  virtual absl::Status CreateCollection(const std::string& name,
                                        const CollectionConfig& config) = 0;
  virtual absl::Status UpdateCollection(const std::string& name,
                                        const CollectionUpdate& update) = 0;
  // False when there was none.
  virtual absl::StatusOr<bool> DeleteCollection(const std::string& name) = 0;
  virtual bool HasCollection(const std::string& name) const = 0;
  virtual std::vector<std::string> CollectionNames() const = 0;  // sorted
  virtual absl::StatusOr<CollectionInfo> DescribeCollection(const std::string& name) const = 0;

  // A payload index of a field makes filters that name it read bitmaps instead of payloads; it is
  // built while reads and writes go on, and takes the place of one of another type. `field` is a
  // path as in FieldCondition. InvalidArgument: it is none.
  virtual absl::StatusOr<WriteResult> CreatePayloadIndex(const std::string& collection,
                                                         const std::string& field,
                                                         const PayloadIndexConfig& config) = 0;
  // Nothing happens when there is none.
  virtual absl::StatusOr<WriteResult> DeletePayloadIndex(const std::string& collection,
                                                         const std::string& field) = 0;

  // Learns an adaptor from a collection's vectors (adapt.h) and makes its index anew with it, in
  // the background, one collection at a time. Reads and writes go on, the old index answers until
  // the new one takes its place at once, and stored vectors stay as they are: kNone undoes it. An
  // adaptor stays as it is when vectors come and go. InvalidArgument: numbers out of range.
  // FailedPrecondition: fewer than 100 vectors, more than 2,048 dimensions, the metric is
  // Manhattan, or a given adaptor is of another model.
  // ResourceExhausted: a collection is being adapted.
  virtual absl::Status StartAdapting(const std::string& collection,
                                     const AdaptRequest& request) = 0;
  // The file of the adaptor that a vector has: safetensors, for AdaptRequest::adaptor of another
  // collection, or Adaptor. NotFound: it has none.
  virtual absl::StatusOr<std::string> ReadAdaptor(const std::string& collection,
                                                  const std::string& vector_name) const = 0;
  virtual absl::StatusOr<AdaptJob> FindAdaptJob(const std::string& collection) const = 0;
  // False: the collection is not being adapted. The job ends soon after.
  virtual absl::StatusOr<bool> CancelAdapting(const std::string& collection) = 0;

  // -- Writes. One call is one atomic batch: all of it is applied or nothing.
  // Inserts points, or replaces them whole (all vectors and payload). A point may leave named
  // vectors out.
  //
  // A point with a single vector that is a Text with `chunk` is a document: its text is cut between
  // words, at the end of a sentence where one is near, and each chunk becomes a point. The payload
  // of these is the document's with a member "chunk" of their own,
  //   {"parent": ID, "index": 0.., "count": N, "start": BYTE, "end": BYTE},
  // and where a member is the whole text, the chunk's text in its place. A document of one chunk
  // keeps its id, with more their ids are those of ChunkId. A text that is upserted, with `chunk`
  // or without, replaces the chunks of an earlier document of the same id as well, in the same
  // batch. Delete with a filter on "chunk.parent" deletes a document.
  // InvalidArgument: limits the model can't keep, a second vector, a payload that has a member
  // "chunk" already, or more than 32,768 chunks or 256 MiB of payload in one call.
  //
  // This and UpdateVectors take longer, up to 2 seconds, while more vectors of the collection than
  // the seal threshold wait for their graph: imports go as fast as graphs are built.
  virtual absl::StatusOr<WriteResult> Upsert(const std::string& collection,
                                             std::vector<Point> points,
                                             const WriteOptions& options) = 0;
  // Replaces the given vectors of existing points, keeps their other vectors and payload.
  virtual absl::StatusOr<WriteResult> UpdateVectors(
      const std::string& collection, std::vector<std::pair<PointId, NamedInputs>> vectors,
      const WriteOptions& options) = 0;
  virtual absl::StatusOr<WriteResult> DeleteVectors(const std::string& collection,
                                                    const PointSelector& points,
                                                    const std::vector<std::string>& names,
                                                    const WriteOptions& options) = 0;
  virtual absl::StatusOr<WriteResult> Delete(const std::string& collection,
                                             const PointSelector& points,
                                             const WriteOptions& options) = 0;
  // `payload` is a JSON object. `key`: a path; the object is merged into what is under it.
  virtual absl::StatusOr<WriteResult> SetPayload(const std::string& collection,
                                                 const PointSelector& points,
                                                 const std::string& payload, PayloadChange change,
                                                 const std::string& key,
                                                 const WriteOptions& options) = 0;
  virtual absl::StatusOr<WriteResult> DeletePayloadKeys(const std::string& collection,
                                                        const PointSelector& points,
                                                        const std::vector<std::string>& keys,
                                                        const WriteOptions& options) = 0;
  virtual absl::StatusOr<WriteResult> ClearPayload(const std::string& collection,
                                                   const PointSelector& points,
                                                   const WriteOptions& options) = 0;

  // The same, synced to the disk before they return.
  absl::StatusOr<WriteResult> Upsert(const std::string& collection, std::vector<Point> points) {
    return Upsert(collection, std::move(points), WriteOptions{});
  }
  absl::StatusOr<WriteResult> UpdateVectors(const std::string& collection,
                                            std::vector<std::pair<PointId, NamedInputs>> vectors) {
    return UpdateVectors(collection, std::move(vectors), WriteOptions{});
  }
  absl::StatusOr<WriteResult> DeleteVectors(const std::string& collection,
                                            const PointSelector& points,
                                            const std::vector<std::string>& names) {
    return DeleteVectors(collection, points, names, WriteOptions{});
  }
  absl::StatusOr<WriteResult> Delete(const std::string& collection, const PointSelector& points) {
    return Delete(collection, points, WriteOptions{});
  }
  absl::StatusOr<WriteResult> SetPayload(const std::string& collection, const PointSelector& points,
                                         const std::string& payload, PayloadChange change,
                                         const std::string& key = "") {
    return SetPayload(collection, points, payload, change, key, WriteOptions{});
  }
  absl::StatusOr<WriteResult> DeletePayloadKeys(const std::string& collection,
                                                const PointSelector& points,
                                                const std::vector<std::string>& keys) {
    return DeletePayloadKeys(collection, points, keys, WriteOptions{});
  }
  absl::StatusOr<WriteResult> ClearPayload(const std::string& collection,
                                           const PointSelector& points) {
    return ClearPayload(collection, points, WriteOptions{});
  }

  // -- Reads.
  // In the order of `ids`; missing ones are left out.
  virtual absl::StatusOr<std::vector<Record>> Retrieve(
      const std::string& collection, const std::vector<PointId>& ids,
      const PayloadSelector& with_payload, const VectorSelector& with_vectors) const = 0;
  virtual absl::StatusOr<ScrollPage> Scroll(const std::string& collection,
                                            const ScrollRequest& request,
                                            const CallLimits& limits) const = 0;
  absl::StatusOr<ScrollPage> Scroll(const std::string& collection,
                                    const ScrollRequest& request) const {
    return Scroll(collection, request, CallLimits{});
  }
  virtual absl::StatusOr<uint64_t> Count(const std::string& collection,
                                         const std::optional<Filter>& filter,
                                         const CallLimits& limits) const = 0;
  absl::StatusOr<uint64_t> Count(const std::string& collection,
                                 const std::optional<Filter>& filter) const {
    return Count(collection, filter, CallLimits{});
  }
  // Most first, equal counts in the order of values. InvalidArgument: the field has no index, or
  // one of another type.
  virtual absl::StatusOr<std::vector<FacetHit>> Facet(const std::string& collection,
                                                      const FacetRequest& request,
                                                      const CallLimits& limits) const = 0;
  absl::StatusOr<std::vector<FacetHit>> Facet(const std::string& collection,
                                              const FacetRequest& request) const {
    return Facet(collection, request, CallLimits{});
  }
  // Measures, by 64 scans and some hundred searches: many seconds where there are a million
  // vectors, and one at a time, ResourceExhausted beside another one. `vector_name` as in queries.
  virtual absl::StatusOr<WidthReport> MeasureWidths(const std::string& collection,
                                                    const std::string& vector_name,
                                                    const CallLimits& limits) const = 0;
  absl::StatusOr<WidthReport> MeasureWidths(const std::string& collection,
                                            const std::string& vector_name) const {
    return MeasureWidths(collection, vector_name, CallLimits{});
  }
  // Looks at a sample of the vectors, all pairs of them: a second for 5,000 of 384 dimensions.
  // Reads up to 16 texts of points again where the model has a prefix for documents.
  // InvalidArgument: a number out of range. FailedPrecondition: fewer than 100 vectors, or more
  // than 4,096 dimensions.
  virtual absl::StatusOr<GeometryReport> MeasureGeometry(const std::string& collection,
                                                         const GeometryRequest& request,
                                                         const CallLimits& limits) const = 0;
  absl::StatusOr<GeometryReport> MeasureGeometry(const std::string& collection,
                                                 const GeometryRequest& request) const {
    return MeasureGeometry(collection, request, CallLimits{});
  }
  // Answers in the order of `queries`; texts are encoded in one batch.
  virtual absl::StatusOr<std::vector<QueryAnswer>> SearchBatch(const std::string& collection,
                                                               const std::vector<Query>& queries,
                                                               const CallLimits& limits) const = 0;
  absl::StatusOr<std::vector<QueryAnswer>> SearchBatch(const std::string& collection,
                                                       const std::vector<Query>& queries) const {
    return SearchBatch(collection, queries, CallLimits{});
  }
  absl::StatusOr<QueryAnswer> Search(const std::string& collection, const Query& query,
                                     const CallLimits& limits) const {
    auto answers = SearchBatch(collection, {query}, limits);
    if (!answers.ok()) return answers.status();
    return std::move(answers->front());
  }
  absl::StatusOr<QueryAnswer> Search(const std::string& collection, const Query& query) const {
    return Search(collection, query, CallLimits{});
  }

  // -- Models: those of DatabaseOptions::models. The database outlives what it returns.
  virtual const TextEmbedder& embedder() const = 0;

  // -- Care.
  // Seals everything into segment files and waits for all background work, that of a collection
  // at rest included.
  virtual absl::Status Optimize(const std::string& collection) = 0;
  // Re-checks checksums of store and segment files, that index and store hold the same vectors,
  // and re-encodes up to `sample` stored texts of each collection whose model is loaded. Load it in
  // the precision that the texts were written in: kInt8 and the others differ by more than is let
  // pass.
  virtual absl::StatusOr<VerifyReport> Verify(size_t sample) const = 0;
};

// Finds a model's directory, or the file of a table of words (.txt, .bin): `name` itself when it is
// one, else `name`, with or without the ending, under $VECNEST_MODELS, the `models` folder beside
// the running program, or ~/.cache/vecnest/models. NotFound lists the places looked at and what to
// do.
absl::StatusOr<std::string> FindModel(const std::string& name);

struct FoundModel {
  std::string name;
  std::string directory;  // or file
};
// Every model that FindModel finds by its name alone, sorted by name.
std::vector<FoundModel> FindModels();

// The id of one of the several chunks of a document: the UUID of version 5 of "PARENT/INDEX" in the
// namespace a2bebf37-aa89-580f-8876-8dd63158d0a4.
PointId ChunkId(const PointId& parent, size_t index);

// The library's version, e.g. "0.1.0".
std::string_view Version();

}  // namespace vecnest

#endif  // VECNEST_DATABASE_H_
