// A collection of a database as what negatives are mined from.

#include <utility>

#include "engine/payload.h"
#include "vecnest/mining.h"

namespace vecnest {
namespace {

constexpr size_t kDocumentsPerPage = 1000;

class CollectionSource final : public MiningSource {
 public:
  CollectionSource(const Database& database, std::string collection, std::string field,
                   std::string vector_name, int dimensions)
      : database_(database),
        collection_(std::move(collection)),
        field_(std::move(field)),
        vector_name_(std::move(vector_name)),
        dimensions_(dimensions) {}

  absl::StatusOr<uint64_t> CountDocuments() override {
    return database_.Count(collection_, std::nullopt);
  }

  absl::StatusOr<std::vector<Document>> NextDocuments() override {
    if (at_end_) return std::vector<Document>();
    ScrollRequest request;
    request.limit = kDocumentsPerPage;
    request.offset = next_;
    request.with_payload = Texts();
    auto page = database_.Scroll(collection_, request);
    if (!page.ok()) return page.status();
    next_ = page->next_offset;
    at_end_ = !next_;
    return ToDocuments(page->records);
  }

  absl::StatusOr<std::vector<Document>> FindDocuments(const std::vector<PointId>& ids) override {
    auto records = database_.Retrieve(collection_, ids, Texts(), {});
    if (!records.ok()) return records.status();
    return ToDocuments(*records);
  }

  absl::StatusOr<std::vector<std::vector<Neighbor>>> FindNearest(
      const std::vector<Question>& questions) override {
    std::vector<Query> queries;
    for (const Question& question : questions) {
      Query query;
      Text text;
      text.text = std::string(question.query);
      query.nearest = std::move(text);
      query.vector_name = vector_name_;
      query.limit = question.limit;
      query.dimensions = dimensions_;
      query.metric = Metric::kCosine;
      if (!question.among.empty()) {
        query.filter.emplace().must.emplace_back(HasIdCondition{question.among});
      }
      queries.push_back(std::move(query));
    }
    auto answers = database_.SearchBatch(collection_, queries);
    if (!answers.ok()) return answers.status();
    std::vector<std::vector<Neighbor>> nearest(answers->size());
    for (size_t i = 0; i < nearest.size(); ++i) {
      for (const ScoredPoint& point : (*answers)[i].points) {
        nearest[i].push_back({point.id, point.score});
      }
    }
    return nearest;
  }

 private:
  PayloadSelector Texts() const { return {PayloadSelector::Kind::kInclude, {field_}}; }

  absl::StatusOr<std::vector<Document>> ToDocuments(const std::vector<Record>& records) const {
    auto path = engine::PayloadPath::Parse(field_);
    if (!path.ok()) return path.status();
    std::vector<Document> documents;
    documents.reserve(records.size());
    for (const Record& record : records) {
      Document document{record.id, std::nullopt};
      auto payload = engine::ParseJsonObject(record.payload.value_or("{}"), "payload");
      if (!payload.ok()) return payload.status();
      document.text = engine::FirstText(*path, *payload);
      documents.push_back(std::move(document));
    }
    return documents;
  }

  const Database& database_;
  const std::string collection_;
  const std::string field_;
  const std::string vector_name_;
  const int dimensions_;
  std::optional<PointId> next_;
  bool at_end_ = false;
};

}  // namespace

std::unique_ptr<MiningSource> CollectionTexts(const Database& database,
                                              const std::string& collection,
                                              const std::string& field,
                                              const std::string& vector_name, int dimensions) {
  return std::make_unique<CollectionSource>(database, collection, field, vector_name, dimensions);
}

}  // namespace vecnest
