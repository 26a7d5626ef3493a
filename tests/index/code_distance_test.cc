#include "index/kernels/code_distance.h"

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "hwy/aligned_allocator.h"

namespace vecnest::index::kernels {
namespace {

class CodeDistanceTest : public ::testing::TestWithParam<int> {
 protected:
  static constexpr size_t kMost = 1024;

  int bits() const { return GetParam(); }

  // The code of dimension i, as the header says where it lies.
  int CodeAt(const uint8_t* codes, size_t i) const {
    if (bits() == 8) return codes[i];
    if (bits() == 1) return codes[i / 8] >> (i % 8) & 1;
    const uint8_t byte = codes[i / 128 * 64 + i % 64];
    return i % 128 < 64 ? byte & 15 : byte >> 4;
  }
  int ValueAt(const uint8_t* codes, size_t i) const {
    if (bits() == 8) return CodeAt(codes, i) - 128;
    return 2 * CodeAt(codes, i) - (bits() == 4 ? 15 : 1);
  }

  // Zero from n on.
  void FillQuery(int8_t* query, size_t n) {
    std::fill_n(query, kMost, int8_t{0});
    for (size_t i = 0; i < n; ++i) {
      // The outermost values often: sums are largest there.
      query[i] =
          generator_() % 3 == 0 ? int8_t{-127} : static_cast<int8_t>(generator_() % 255 - 127);
    }
  }
  void FillCodes(uint8_t* codes) {
    for (size_t i = 0; i < kMost; ++i) {
      codes[i] = generator_() % 3 == 0 ? uint8_t{255} : static_cast<uint8_t>(generator_() % 256);
      if (bits() == 8) codes[i] = std::max<uint8_t>(codes[i], 1);
    }
  }

  std::mt19937 generator_{1};
  hwy::AlignedFreeUniquePtr<uint8_t[]> a_ = hwy::AllocateAligned<uint8_t>(kMost);
  hwy::AlignedFreeUniquePtr<uint8_t[]> b_ = hwy::AllocateAligned<uint8_t>(kMost);
  hwy::AlignedFreeUniquePtr<int8_t[]> query_ = hwy::AllocateAligned<int8_t>(kMost);
  hwy::AlignedFreeUniquePtr<int8_t[]> center_ = hwy::AllocateAligned<int8_t>(kMost);
};

TEST_P(CodeDistanceTest, EveryLevelEqualsAPlainLoop) {
  for (const CodeKernels& kernels : AllCodeDistances(bits())) {
    for (size_t n = kernels.block; n <= kMost; n += kernels.block) {
      FillCodes(a_.get());
      FillCodes(b_.get());
      FillQuery(query_.get(), n);
      int dot = 0;
      int both = 0;
      for (size_t i = 0; i < n; ++i) {
        dot += CodeAt(a_.get(), i) * query_[i];
        both += ValueAt(a_.get(), i) * ValueAt(b_.get(), i);
      }
      EXPECT_EQ(kernels.dot(a_.get(), query_.get(), n), dot) << kernels.name << " " << n;
      EXPECT_EQ(kernels.dot_codes(a_.get(), b_.get(), n), both) << kernels.name << " " << n;
    }
  }
}

TEST_P(CodeDistanceTest, RowsGiveWhatOneGives) {
  for (const CodeKernels& kernels : AllCodeDistances(bits())) {
    const size_t most = kMost;
    for (size_t n = kernels.block; n <= most; n += kernels.block) {
      FillCodes(a_.get());
      FillQuery(query_.get(), n);
      const size_t bytes = n * static_cast<size_t>(bits()) / 8;
      const size_t stride = (bytes + kCodeAlignment - 1) / kCodeAlignment * kCodeAlignment;
      std::vector<uint32_t> rows = {0, 0};
      for (uint32_t row = 1; (row + 1) * stride <= kMost; ++row) rows.insert(rows.begin(), row);
      std::vector<int32_t> dots(rows.size());
      kernels.dot_rows(a_.get(), stride, rows.data(), rows.size(), query_.get(), n, dots.data());
      for (size_t i = 0; i < rows.size(); ++i) {
        EXPECT_EQ(dots[i], kernels.dot(a_.get() + rows[i] * stride, query_.get(), n))
            << kernels.name << " " << n;
      }
    }
  }
}

TEST_P(CodeDistanceTest, ProductsEndAtAnyDimension) {
  for (const CodeKernels& kernels : AllCodeDistances(bits())) {
    for (size_t n = 1; n <= 400; n += n < 140 ? 1 : 13) {
      FillCodes(a_.get());
      FillQuery(query_.get(), n);
      FillQuery(center_.get(), n);
      CodeProducts expected;
      for (size_t i = 0; i < n; ++i) {
        expected.query += CodeAt(a_.get(), i) * query_[i];
        expected.center += CodeAt(a_.get(), i) * center_[i];
        expected.norm_squared += ValueAt(a_.get(), i) * ValueAt(a_.get(), i);
      }
      const CodeProducts products = kernels.products(a_.get(), query_.get(), center_.get(), n);
      EXPECT_EQ(products.query, expected.query) << kernels.name << " " << n;
      EXPECT_EQ(products.center, expected.center) << kernels.name << " " << n;
      EXPECT_EQ(products.norm_squared, expected.norm_squared) << kernels.name << " " << n;
    }
  }
}

TEST_P(CodeDistanceTest, ValuesAreScaledCodes) {
  const CodeKernels& kernels = CodeDistances(bits());
  EXPECT_EQ(kernels.bits, bits());
  for (int code = bits() == 8 ? 1 : 0; code < 1 << bits(); ++code) {
    a_[0] = static_cast<uint8_t>(code);
    EXPECT_EQ(kernels.scale * code + kernels.offset, ValueAt(a_.get(), 0));
  }
}

INSTANTIATE_TEST_SUITE_P(Bits, CodeDistanceTest, ::testing::Values(8, 4, 1),
                         [](const auto& bits) { return std::to_string(bits.param); });

}  // namespace
}  // namespace vecnest::index::kernels
