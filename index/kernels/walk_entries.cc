#include "index/kernels/walk_entries.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

// Compiled only on request.
#define HWY_WANT_AVX3_DL
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "index/kernels/walk_entries.cc"
#include "hwy/foreach_target.h"
// Must follow foreach_target.h.
#include "hwy/highway.h"
#include "index/kernels/targets.h"

// Highway 1.0 has no operation that moves eight entries by one across a whole AVX-512 register; the
// instruction is called by its own name where Highway compiles for AVX3_DL. Everything else, AVX3
// among it, does without.
#if HWY_TARGET == HWY_AVX3_DL
#include <immintrin.h>
#define VECNEST_AVX512 __attribute__((target("avx512f,avx512dq,avx512vl,popcnt")))
#endif

HWY_BEFORE_NAMESPACE();
namespace vecnest::index::kernels {
namespace HWY_NAMESPACE {

// How many of `size` entries in ascending order come before one.
HWY_INLINE size_t CountBefore(const uint64_t* list, size_t size, uint64_t entry) {
  const uint64_t* first = list;
  for (size_t left = size; left > 0;) {
    const size_t half = (left + 1) / 2;
    // By a mask: compilers make a branch of a choice.
    first += half & (size_t{0} - static_cast<size_t>(first[half - 1] < entry));
    left -= half;
  }
  return static_cast<size_t>(first - list);
}

#if HWY_TARGET == HWY_AVX3_DL

VECNEST_AVX512 size_t Select(const uint32_t* rows, const float* costs, size_t count, uint64_t bar,
                             float range, uint64_t* entries) {
  const __m256i sign = _mm256_set1_epi32(static_cast<int>(kSignOfCost));
  const __m512i bars = _mm512_set1_epi64(static_cast<long long>(bar));
  size_t selected = 0;
  for (size_t i = 0; i < count; i += kEntryBlock) {
    const auto there = static_cast<__mmask8>((1U << std::min(count - i, kEntryBlock)) - 1);
    const __m256 cost = _mm256_add_ps(_mm256_maskz_loadu_ps(there, costs + i), _mm256_setzero_ps());
    const __m256i bits = _mm256_castps_si256(cost);
    const __m256i ordered =
        _mm256_xor_si256(bits, _mm256_or_si256(_mm256_srai_epi32(bits, 31), sign));
    const __m512i row = _mm512_cvtepu32_epi64(_mm256_maskz_loadu_epi32(there, rows + i));
    const __m512i entry = _mm512_or_si512(_mm512_slli_epi64(_mm512_cvtepu32_epi64(ordered), 32),
                                          _mm512_slli_epi64(row, 1));
    const __mmask8 enters = _mm512_mask_cmplt_epu64_mask(there, entry, bars);
    const __mmask8 in_range =
        _mm256_mask_cmp_ps_mask(there, cost, _mm256_set1_ps(range), _CMP_LE_OQ);
    const auto chosen = static_cast<__mmask8>(enters | in_range);
    // Compressed in a register: storing so is slow on some processors.
    _mm512_storeu_si512(entries + selected, _mm512_maskz_compress_epi64(chosen, entry));
    selected += static_cast<size_t>(std::popcount(static_cast<unsigned>(chosen)));
  }
  return selected;
}

// Loads and stores whole blocks alone: what was just stored in parts, or across a boundary, would
// be waited for.
VECNEST_AVX512 size_t Insert(uint64_t* list, size_t size, uint64_t entry) {
  constexpr size_t kManyBlocks = 12;
  const __m512i entries = _mm512_set1_epi64(static_cast<long long>(entry));
  size_t block = 0;
  if (size > kManyBlocks * kEntryBlock) {
    block = CountBefore(list, size, entry) / kEntryBlock * kEntryBlock;
  }
  size_t index = block;
  // What comes before the first lane of a block, in the last lane.
  __m512i before = entries;
  unsigned all_before = 1;  // whether all of the blocks before come before the entry
  for (; block <= size; block += kEntryBlock) {
    const unsigned there = (1U << std::min(size - block, kEntryBlock)) - 1;
    const __m512i present = _mm512_load_si512(list + block);
    const __mmask8 less =
        _mm512_mask_cmplt_epu64_mask(static_cast<__mmask8>(there), present, entries);
    const __m512i moved = _mm512_alignr_epi64(present, before, 7);
    const auto place = static_cast<__mmask8>(~less & ((unsigned{less} << 1U) | all_before));
    const __m512i placed = _mm512_mask_mov_epi64(moved, place, entries);
    _mm512_store_si512(list + block, _mm512_mask_mov_epi64(placed, less, present));
    index += static_cast<size_t>(std::popcount(unsigned{less}));
    all_before = unsigned{less} >> 7U;
    before = present;
  }
  return index;
}

VECNEST_AVX512 size_t FirstUnexpanded(const uint64_t* list, size_t first, size_t size) {
  const __m512i expanded = _mm512_set1_epi64(kExpandedEntry);
  unsigned from = ~0U << (first % kEntryBlock);
  for (size_t block = first / kEntryBlock * kEntryBlock; block < size; block += kEntryBlock) {
    const unsigned found =
        _mm512_testn_epi64_mask(_mm512_load_si512(list + block), expanded) & from;
    if (found != 0) return std::min(block + static_cast<size_t>(std::countr_zero(found)), size);
    from = ~0U;
  }
  return size;
}

#else

size_t Select(const uint32_t* rows, const float* costs, size_t count, uint64_t bar, float range,
              uint64_t* entries) {
  size_t selected = 0;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t entry = EntryOf(costs[i], rows[i]);
    entries[selected] = entry;
    const bool enters = entry < bar;
    const bool in_range = costs[i] <= range;
    selected += static_cast<size_t>(enters) | static_cast<size_t>(in_range);
  }
  return selected;
}

// Moves whole blocks, also where nothing follows: faster than std::memmove, which chooses among
// ways to move by how much there is.
size_t Insert(uint64_t* list, size_t size, uint64_t entry) {
  using Block = std::array<uint64_t, kEntryBlock>;
  const size_t index = CountBefore(list, size, entry);
  for (size_t left = (size - index + kEntryBlock - 1) / kEntryBlock; left > 0; --left) {
    uint64_t* const from = list + index + (left - 1) * kEntryBlock;
    Block block;
    std::memcpy(block.data(), from, sizeof(Block));
    std::memcpy(from + 1, block.data(), sizeof(Block));
  }
  list[index] = entry;
  return index;
}

size_t FirstUnexpanded(const uint64_t* list, size_t first, size_t size) {
  size_t i = first;
  while (i < size && IsExpandedEntry(list[i])) ++i;
  return i;
}

#endif  // HWY_TARGET == HWY_AVX3_DL

WalkEntryKernels MakeWalkEntries() {
  return {hwy::TargetName(HWY_TARGET), &Select, &Insert, &FirstUnexpanded};
}

}  // namespace HWY_NAMESPACE
}  // namespace vecnest::index::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vecnest::index::kernels {
namespace {

HWY_EXPORT(MakeWalkEntries);

}  // namespace

const WalkEntryKernels& WalkEntries() {
  static const WalkEntryKernels kernels =
      MakeFor(HWY_DISPATCH_TABLE(MakeWalkEntries), TargetsAtMost(LevelOfEnvironment()));
  return kernels;
}

std::vector<WalkEntryKernels> AllWalkEntries() {
  return MakeForAll(HWY_DISPATCH_TABLE(MakeWalkEntries));
}

}  // namespace vecnest::index::kernels
#endif  // HWY_ONCE
