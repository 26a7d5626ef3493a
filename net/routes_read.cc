// Routes that read points.

#include <algorithm>
#include <utility>
#include <variant>

#include "fmt/format.h"
#include "net/codec_filter.h"
#include "net/codec_geometry.h"
#include "net/codec_points.h"
#include "net/codec_query.h"
#include "net/codec_usage.h"
#include "net/service.h"

namespace vecnest::net {
namespace {

constexpr int64_t kMaxPage = 100'000;
constexpr size_t kFewQueries = 8;

// For answers with such vectors. Others need none of it, and describing a collection gathers
// more than that.
absl::StatusOr<UnitLength> UnitLengthOf(Database& database, const std::string& collection,
                                        const VectorSelector& with_vectors) {
  if (with_vectors.kind == VectorSelector::Kind::kNone) return UnitLength();
  const auto info = database.DescribeCollection(collection);
  if (!info.ok()) return info.status();
  UnitLength unit_length;
  for (const auto& [name, vector] : info->config.vectors) {
    unit_length[name] = vector.metric == Metric::kCosine;
  }
  return unit_length;
}

// Parses the body, lets `read` take it apart, and adds what every reading handler needs.
template <typename Read>
auto ReadBody(const Request& request, Read read, const engine::PackedLists& packed = {})
    -> absl::StatusOr<decltype(read(std::declval<const Json&>(), std::declval<absl::Status&>()))> {
  auto body = engine::ParseJson(request.body, "request body", packed);
  if (!body.ok()) return body.status();
  absl::Status status;
  auto value = read(*body, status);
  engine::Discard(*body);
  if (!status.ok()) return status;
  return value;
}

struct Retrieval {
  std::vector<PointId> ids;
  PayloadSelector with_payload;
  VectorSelector with_vectors;
};

Retrieval ReadRetrieval(const Json& body, absl::Status& status) {
  JsonFields fields(body, "", status);
  Retrieval retrieval;
  if (const Json* ids = fields.Require("ids")) {
    retrieval.ids = ReadPointIds(*ids, "ids", status);
  }
  retrieval.with_payload =
      ReadPayloadSelector(fields.Find("with_payload"), "with_payload", true, status);
  retrieval.with_vectors = ReadVectorSelector(fields.Find("with_vector"), "with_vector", status);
  fields.Refuse({"shard_key"});
  fields.Finish();
  return retrieval;
}

ScrollRequest ReadScroll(const Json& body, absl::Status& status) {
  JsonFields fields(body, "", status);
  ScrollRequest request;
  if (const Json* offset = fields.Find("offset")) {
    request.offset = ReadPointId(*offset, "offset", status);
  }
  if (const Json* filter = fields.Find("filter")) {
    request.filter = ReadFilter(*filter, "filter", status);
  }
  request.limit = static_cast<size_t>(fields.Integer("limit", 1, kMaxPage).value_or(10));
  request.with_payload =
      ReadPayloadSelector(fields.Find("with_payload"), "with_payload", true, status);
  request.with_vectors = ReadVectorSelector(fields.Find("with_vector"), "with_vector", status);
  fields.Refuse({"shard_key", "order_by"});
  fields.Finish();
  return request;
}

std::optional<Filter> ReadCount(const Json& body, absl::Status& status) {
  JsonFields fields(body, "", status);
  std::optional<Filter> filter;
  if (const Json* found = fields.Find("filter")) filter = ReadFilter(*found, "filter", status);
  fields.Bool("exact");  // counts are always exact
  fields.Refuse({"shard_key"});
  fields.Finish();
  return filter;
}

// Texts wait for the encoder, and exact scans or many queries take as long as they take.
bool TakeLong(const std::vector<Query>& queries) {
  return queries.size() > kFewQueries ||
         std::any_of(queries.begin(), queries.end(), [](const Query& query) {
           return query.exact || (query.nearest && std::holds_alternative<Text>(*query.nearest));
         });
}

std::string WriteRecords(const std::vector<Record>& records, const UnitLength& unit_length) {
  std::string text;
  AppendList(
      records,
      [&](const Record& record, std::string& to) { AppendRecord(record, unit_length, to); }, text);
  return text;
}

Json WriteWidths(const std::string& vector_name, const WidthReport& report) {
  Json widths = Json::array();
  for (const WidthReport::Width& width : report.widths) {
    widths.push_back({{"dimensions", width.dimensions},
                      {"recall", width.recall},
                      {"bytes_per_query", width.bytes_per_query},
                      {"queries_per_second", width.queries_per_second}});
  }
  return {{"vector", vector_name}, {"queries", report.queries}, {"widths", std::move(widths)}};
}

}  // namespace

void Service::AddReadRoutes(std::vector<Route>& routes) {
  const std::string points = "/collections/{collection}/points";
  routes.push_back(Enveloped(
      "POST", points, Lane::kQuery,
      [](Database& database, const Request& request) -> absl::StatusOr<Result> {
        auto retrieval = ReadBody(request, ReadRetrieval);
        if (!retrieval.ok()) return retrieval.status();
        auto unit_length = UnitLengthOf(database, CollectionOf(request), retrieval->with_vectors);
        if (!unit_length.ok()) return unit_length.status();
        auto records = database.Retrieve(CollectionOf(request), retrieval->ids,
                                         retrieval->with_payload, retrieval->with_vectors);
        if (!records.ok()) return records.status();
        return Result{JsonText{WriteRecords(*records, *unit_length)}, {}};
      }));
  routes.push_back(
      Enveloped("GET", points + "/{id}", Lane::kQuery,
                [](Database& database, const Request& request) -> absl::StatusOr<Result> {
                  auto id = PointId::Parse(request.parameters.at("id"));
                  if (!id.ok()) return id.status();
                  const VectorSelector all_vectors = {VectorSelector::Kind::kAll, {}};
                  auto unit_length = UnitLengthOf(database, CollectionOf(request), all_vectors);
                  if (!unit_length.ok()) return unit_length.status();
                  auto records = database.Retrieve(CollectionOf(request), {*id},
                                                   {PayloadSelector::Kind::kAll, {}}, all_vectors);
                  if (!records.ok()) return records.status();
                  if (records->empty()) {
                    return absl::NotFoundError(fmt::format(
                        "Not found: Point with id {} does not exists!", id->ToString()));
                  }
                  std::string text;
                  AppendRecord(records->front(), *unit_length, text);
                  return Result{JsonText{std::move(text)}, {}};
                }));
  routes.push_back(Enveloped(
      "POST", points + "/scroll", Lane::kQuery,
      [](Database& database, const Request& request) -> absl::StatusOr<Result> {
        auto scroll = ReadBody(request, ReadScroll);
        if (!scroll.ok()) return scroll.status();
        auto unit_length = UnitLengthOf(database, CollectionOf(request), scroll->with_vectors);
        if (!unit_length.ok()) return unit_length.status();
        auto page = database.Scroll(CollectionOf(request), *scroll, request.limits);
        if (!page.ok()) return page.status();
        const Json next = page->next_offset ? WritePointId(*page->next_offset) : Json(nullptr);
        return Result{JsonText{R"({"next_page_offset":)" + Dump(next) + R"(,"points":)" +
                               WriteRecords(page->records, *unit_length) + '}'},
                      {}};
      }));
  routes.push_back(
      Enveloped("POST", points + "/count", Lane::kQuery,
                [](Database& database, const Request& request) -> absl::StatusOr<Result> {
                  auto filter = ReadBody(request, ReadCount);
                  if (!filter.ok()) return filter.status();
                  auto count = database.Count(CollectionOf(request), *filter, request.limits);
                  if (!count.ok()) return count.status();
                  return Result{Json{{"count", *count}}, {}};
                }));

  routes.push_back(Enveloped(
      "GET", "/collections/{collection}/widths", Lane::kQuery,
      [](Database& database, const Request& request) -> absl::StatusOr<Result> {
        const auto given = request.query.find("vector");
        const std::string vector_name = given == request.query.end() ? "" : given->second;
        auto report = database.MeasureWidths(CollectionOf(request), vector_name, request.limits);
        if (!report.ok()) return report.status();
        return Result{WriteWidths(vector_name, *report), {}};
      }));
  routes.back().query_parameters = {"vector"};
  routes.push_back(Enveloped(
      "GET", "/collections/{collection}/geometry", Lane::kQuery,
      [](Database& database, const Request& request) -> absl::StatusOr<Result> {
        auto geometry = ReadGeometryRequest(request.query);
        if (!geometry.ok()) return geometry.status();
        auto report = database.MeasureGeometry(CollectionOf(request), *geometry, request.limits);
        if (!report.ok()) return report.status();
        return Result{WriteGeometry(*report), {}};
      }));
  routes.back().query_parameters = {"vector", "samples", "seed", "field"};

  // Queries: one or many, in the new or the old form, differ in reading and in how each answer is
  // written; many answers are a list.
  using ReadQueries = std::vector<Query> (*)(const Json&, absl::Status&);
  using Append = void (*)(const QueryAnswer&, const UnitLength&, std::string&);
  const auto add_query = [&](const std::string& suffix, bool many, ReadQueries read,
                             Append append) {
    routes.push_back(Enveloped(
        "POST", points + suffix, Lane::kQuery,
        [many, read, append](Database& database, const Request& request) -> absl::StatusOr<Result> {
          auto queries = ReadBody(request, read, kPackedInQueries);
          if (!queries.ok()) return queries.status();
          if (request.expect_long && TakeLong(*queries)) request.expect_long();
          auto answers = database.SearchBatch(CollectionOf(request), *queries, request.limits);
          if (!answers.ok()) return answers.status();
          // Where one answer has vectors, all are described as if they had.
          const auto with_vectors =
              std::find_if(queries->begin(), queries->end(), [](const Query& query) {
                return query.with_vectors.kind != VectorSelector::Kind::kNone;
              });
          auto unit_length = UnitLengthOf(
              database, CollectionOf(request),
              with_vectors == queries->end() ? VectorSelector() : with_vectors->with_vectors);
          if (!unit_length.ok()) return unit_length.status();
          std::vector<ModelUsage> usage;
          for (const QueryAnswer& answer : *answers) {
            if (answer.usage) AddUsage({*answer.usage}, usage);
          }
          JsonText out;
          const auto append_one = [&](const QueryAnswer& answer, std::string& text) {
            append(answer, *unit_length, text);
          };
          if (many) {
            AppendList(*answers, append_one, out.text);
          } else {
            append_one(answers->front(), out.text);
          }
          return Result{std::move(out), std::move(usage)};
        }));
  };
  const auto read_query = [](const Json& body, absl::Status& status) {
    return std::vector<Query>{ReadQuery(body, "", status)};
  };
  const auto read_search = [](const Json& body, absl::Status& status) {
    return std::vector<Query>{ReadSearch(body, "", status)};
  };
  add_query("/query", false, read_query, AppendAnswer);
  add_query("/query/batch", true, ReadQueryBatch, AppendAnswer);
  add_query("/search", false, read_search, AppendFound);
  add_query("/search/batch", true, ReadSearchBatch, AppendFound);
}

}  // namespace vecnest::net
