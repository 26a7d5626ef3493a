#include "embedder/matrix_product.h"

#include <dnnl.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <new>
#include <system_error>
#include <thread>
#include <vector>

#include "embedder/linear.h"

namespace vecnest::embedder {
namespace {

// A product's blocks of rows. Their number is fixed, so that bits do not depend on the threads.
constexpr size_t kBlocks = 8;

}  // namespace

absl::Status Multiply(const Factor& a, const Factor& b, const ProductShape& shape, float* product,
                      size_t stride, bool accumulate) {
  const SingleThreadGuard one_thread;
  const auto transposed = [](const Factor& factor) { return factor.transposed ? 'T' : 'N'; };
  const auto size = [](size_t value) { return static_cast<int64_t>(value); };
  const dnnl_status_t status =
      dnnl_sgemm(transposed(a), transposed(b), size(shape.rows), size(shape.columns),
                 size(shape.inner), 1.0F, a.data, size(a.stride), b.data, size(b.stride),
                 accumulate ? 1.0F : 0.0F, product, size(stride));
  if (status == dnnl_success) return absl::OkStatus();
  if (status == dnnl_out_of_memory) {
    return absl::UnavailableError("oneDNN: no memory for a matrix product");
  }
  return absl::InternalError(
      fmt::format("oneDNN: status {} of a matrix product", static_cast<int>(status)));
}

Workers::Workers(size_t threads)
    : threads_(threads > 0 ? threads : std::max(1U, std::thread::hardware_concurrency())) {}

absl::Status Workers::Run(size_t pieces, Work work) const {
  std::vector<absl::Status> statuses(pieces);
  std::atomic<size_t> next = 0;
  // An exception may not leave a thread.
  const auto take = [&] {
    for (size_t piece = next++; piece < pieces; piece = next++) {
      try {
        statuses[piece] = work(piece);
      } catch (const std::bad_alloc&) {
        statuses[piece] = absl::UnavailableError("no memory for a computation with matrices");
      }
    }
  };
  std::vector<std::thread> helpers;
  try {
    for (size_t i = 1; i < std::min(threads_, pieces); ++i) helpers.emplace_back(take);
  } catch (const std::system_error&) {
    // No further thread is to be had: those that are there do it all.
  }
  take();
  for (std::thread& helper : helpers) helper.join();
  for (const absl::Status& status : statuses) {
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Workers::Multiply(const Factor& a, const Factor& b, const ProductShape& shape,
                               float* product, size_t stride) const {
  const size_t height = (shape.rows + kBlocks - 1) / kBlocks;
  return Run(kBlocks, [&](size_t block) {
    const size_t first = std::min(block * height, shape.rows);
    const ProductShape part = {std::min(height, shape.rows - first), shape.inner, shape.columns};
    if (part.rows == 0) return absl::OkStatus();
    Factor rows = a;
    rows.data += a.transposed ? first : first * a.stride;
    return embedder::Multiply(rows, b, part, product + first * stride, stride);
  });
}

}  // namespace vecnest::embedder
