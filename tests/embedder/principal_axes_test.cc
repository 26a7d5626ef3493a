#include "embedder/principal_axes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "embedder/json.h"
#include "tests/embedder/adaptor_vectors.h"
#include "tests/embedder/test_models.h"

namespace vecnest::embedder {
namespace {

PrincipalAxes AxesOf(const std::vector<float>& values, size_t dimensions, bool normalize = true) {
  const auto rows = TrainingRows::Create(values, dimensions, "vectors");
  EXPECT_TRUE(rows.ok()) << rows.status();
  auto axes = FindPrincipalAxes(*rows, normalize, Workers(2));
  EXPECT_TRUE(axes.ok()) << axes.status();
  return *axes;
}

// The mean square of the rows' parts along an axis.
double EnergyAlong(const std::vector<float>& values, const float* axis, size_t dimensions) {
  double sum = 0;
  for (size_t begin = 0; begin < values.size(); begin += dimensions) {
    const double part = Dot(&values[begin], axis, dimensions);
    sum += part * part;
  }
  return sum * dimensions / values.size();
}

std::vector<double> Numbers(const Json& array) {
  std::vector<double> numbers;
  for (const Json& element : array.Elements()) {
    if (element.IsArray()) {
      for (const double number : Numbers(element)) numbers.push_back(number);
    } else {
      numbers.push_back(*element.AsDouble());
    }
  }
  return numbers;
}

TEST(PrincipalAxesTest, AgreesWithNumPy) {
  const auto reference = Json::Load(TestData("principal_axes.json"));
  ASSERT_TRUE(reference.ok()) << reference.status();
  const std::vector<double> stored = Numbers(*reference->Get("vectors"));
  const std::vector<double> energies = Numbers(*reference->Get("energies"));
  const std::vector<double> expected = Numbers(*reference->Get("axes"));
  const size_t dimensions = energies.size();
  const std::vector<float> values(stored.begin(), stored.end());
  const PrincipalAxes axes = AxesOf(values, dimensions);
  ASSERT_EQ(axes.energies.size(), dimensions);
  for (size_t i = 0; i < dimensions; ++i) {
    EXPECT_NEAR(axes.energies[i], energies[i], 1e-7);
    EXPECT_NEAR(EnergyAlong(values, &axes.rotation[i * dimensions], dimensions), energies[i], 1e-6);
  }
  for (size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(axes.rotation[i], expected[i], 1e-4);
}

TEST(PrincipalAxesTest, AxesAreOrthonormalAndDescend) {
  for (const size_t dimensions : {1, 17, 130}) {
    // More rows than one block; and fewer than dimensions, so that axes must be made up.
    for (const size_t count : {size_t{1500}, dimensions / 2 + 1}) {
      std::vector<float> values = NormalValues(count * dimensions, 4);
      for (size_t i = 0; i < values.size(); ++i) values[i] /= 1 + i % dimensions;
      const PrincipalAxes axes = AxesOf(values, dimensions, /*normalize=*/false);
      EXPECT_LT(OrthogonalityError(axes.rotation, dimensions), 1e-6);
      EXPECT_TRUE(std::is_sorted(axes.energies.rbegin(), axes.energies.rend()));
      for (size_t i = 0; i < dimensions; ++i) {
        const float* axis = &axes.rotation[i * dimensions];
        EXPECT_NEAR(EnergyAlong(values, axis, dimensions), axes.energies[i], 1e-5);
        EXPECT_GT(*std::max_element(axis, axis + dimensions,
                                    [](float a, float b) { return std::abs(a) < std::abs(b); }),
                  0);
      }
    }
  }
}

TEST(PrincipalAxesTest, LengthsCountUnlessTheyAreNormalized) {
  const std::vector<float> values = {10, 0, 0, 1, 0, 1};
  EXPECT_EQ(AxesOf(values, 2, /*normalize=*/false).rotation, std::vector<float>({1, 0, 0, 1}));
  EXPECT_EQ(AxesOf(values, 2, /*normalize=*/true).rotation, std::vector<float>({0, 1, 1, 0}));
}

TEST(OrthonormalizeTest, FindsTheNearestRotation) {
  constexpr size_t kDimensions = 40;
  const std::vector<float> rotation = RandomRotation(kDimensions, 6);
  const std::vector<float> noise = NormalValues(rotation.size(), 7);
  std::vector<float> disturbed = rotation;
  for (size_t i = 0; i < noise.size(); ++i) disturbed[i] += 1e-4F * noise[i];
  EXPECT_GT(OrthogonalityError(disturbed, kDimensions), 1e-4);
  Orthonormalize(kDimensions, &disturbed);
  EXPECT_LT(OrthogonalityError(disturbed, kDimensions), 1e-6);
  for (size_t i = 0; i < rotation.size(); ++i) EXPECT_NEAR(disturbed[i], rotation[i], 1e-3);
}

}  // namespace
}  // namespace vecnest::embedder
