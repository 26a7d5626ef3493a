// A database, without models unless named, and helpers to talk to its service.
#ifndef VECNEST_TESTS_NET_SERVED_DATABASE_H_
#define VECNEST_TESTS_NET_SERVED_DATABASE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "net/service.h"
#include "tests/temporary_directory.h"
#include "vecnest/database.h"

namespace vecnest::net {

class ServedDatabase {
 public:
  explicit ServedDatabase(std::vector<std::string> models = {}) {
    DatabaseOptions options;
    options.models = std::move(models);
    options.directory = directory_.path();
    options.model_options.threads = 1;
    auto opened = Database::Open(options);
    EXPECT_TRUE(opened.ok()) << opened.status();
    if (opened.ok()) database_ = *std::move(opened);
  }

  // A collection with one unnamed vector.
  void Create(const std::string& name, int size) {
    CollectionConfig config;
    config.vectors[""].size = size;
    config.vectors[""].metric = Metric::kDot;
    const auto status = database_->CreateCollection(name, config);
    EXPECT_TRUE(status.ok()) << status;
  }

  uint64_t Count(const std::string& name) const {
    auto count = database_->Count(name, std::nullopt);
    EXPECT_TRUE(count.ok()) << count.status();
    return count.value_or(0);
  }

  const std::shared_ptr<Database>& get() const { return database_; }

 private:
  TemporaryDirectory directory_;
  std::shared_ptr<Database> database_;
};

// Routes the request and runs its handler, as the server does.
inline Response Send(Service& service, const std::string& method, const std::string& path,
                     const std::string& body = "") {
  Request request;
  request.method = method;
  request.path = path.substr(0, path.find('?'));
  if (path.find('?') != std::string::npos) {
    request.query = ParseQuery(std::string_view(path).substr(path.find('?') + 1));
  }
  request.body = body;
  auto match = service.router().Find(method, request.path);
  if (match.route == nullptr) {
    ADD_FAILURE() << "no route " << method << ' ' << path;
    return {};
  }
  request.parameters = match.parameters;
  return service.Handle(*match.route, request);
}

}  // namespace vecnest::net

#endif  // VECNEST_TESTS_NET_SERVED_DATABASE_H_
