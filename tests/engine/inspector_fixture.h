// Small models, loaded together, and one inspector.
#ifndef VECNEST_TESTS_ENGINE_INSPECTOR_FIXTURE_H_
#define VECNEST_TESTS_ENGINE_INSPECTOR_FIXTURE_H_

#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/engine/test_models.h"
#include "vecnest/inspection.h"

namespace vecnest {

class InspectorTest : public ::testing::Test {
 protected:
  InspectorTest() {
    const std::string data = VECNEST_TEST_DATA;
    auto models = TextEmbedder::Load(
        {TinyModel(), TinyWords(), data + "/tiny-bert-mlm", data + "/tiny-model2vec-shared"}, {});
    EXPECT_TRUE(models.ok()) << models.status();
    models_ = *std::move(models);
  }

  const Inspector& inspector() const { return models_->inspector(); }

  static InspectOptions Of(const std::string& model) {
    InspectOptions options;
    options.model = model;
    options.prefix = "";
    return options;
  }
  static InspectOptions Stopped(InspectOptions options) {
    std::stop_source stop;
    stop.request_stop();
    options.limits.stop = stop.get_token();
    return options;
  }

  std::unique_ptr<TextEmbedder> models_;
};

}  // namespace vecnest

#endif  // VECNEST_TESTS_ENGINE_INSPECTOR_FIXTURE_H_
