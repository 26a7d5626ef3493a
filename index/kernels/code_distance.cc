#include "index/kernels/code_distance.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

// Compiled only on request.
#define HWY_WANT_AVX3_DL
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "index/kernels/code_distance.cc"
#include "hwy/foreach_target.h"
// Must follow foreach_target.h.
#include "hwy/highway.h"
#include "index/kernels/targets.h"

// Highway 1.0 has no operation for sums of products of bytes. Where it compiles for AVX3_DL, which
// it runs only on processors with AVX-512 VNNI, the instruction is called by its own name; the
// attribute is needed because Highway's list of features leaves this one out.
#if HWY_TARGET == HWY_AVX3_DL
#include <immintrin.h>
#define VECNEST_VNNI __attribute__((target("avx512f,avx512bw,avx512vl,avx512vnni")))
#endif

HWY_BEFORE_NAMESPACE();
namespace vecnest::index::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

constexpr size_t kBlock8 = kCodeAlignment;
constexpr size_t kBlock4 = 2 * kCodeAlignment;
// A word of bits.
constexpr size_t kBlock1 = 64;

HWY_INLINE uint64_t Word(const uint8_t* codes) {
  uint64_t word = 0;
  std::memcpy(&word, codes, sizeof(word));
  return word;
}

// sum (2a - 15)(2b - 15) and sum (2a - 15)^2, from sums over the codes of n dimensions.
HWY_INLINE int32_t Product4(int32_t products, int32_t codes_of_both, size_t n) {
  return 4 * products - 30 * codes_of_both + 225 * static_cast<int32_t>(n);
}

template <int32_t (*kDot)(const uint8_t*, const int8_t*, size_t)>
void RowsOneByOne(const uint8_t* codes, size_t stride, const uint32_t* rows, size_t count,
                  const int8_t* query, size_t n, int32_t* dots) {
  for (size_t i = 0; i < count; ++i) dots[i] = kDot(codes + rows[i] * stride, query, n);
}

#if HWY_TARGET == HWY_AVX3_DL

VECNEST_VNNI inline __m512i LoadCodes(const void* from) { return _mm512_load_si512(from); }
VECNEST_VNNI inline __m512i Signed(__m512i codes) {
  return _mm512_xor_si512(codes, _mm512_set1_epi8(static_cast<char>(0x80)));
}
VECNEST_VNNI inline __m512i Low(__m512i codes) {
  return _mm512_and_si512(codes, _mm512_set1_epi8(15));
}
VECNEST_VNNI inline __m512i High(__m512i codes) { return Low(_mm512_srli_epi16(codes, 4)); }

// Two partial sums hide the latency of the additions.
VECNEST_VNNI int32_t Dot8(const uint8_t* codes, const int8_t* query, size_t n) {
  __m512i even = _mm512_setzero_si512();
  __m512i odd = _mm512_setzero_si512();
  size_t i = 0;
  for (; i + 128 <= n; i += 128) {
    even = _mm512_dpbusd_epi32(even, LoadCodes(codes + i), LoadCodes(query + i));
    odd = _mm512_dpbusd_epi32(odd, LoadCodes(codes + i + 64), LoadCodes(query + i + 64));
  }
  if (i < n) even = _mm512_dpbusd_epi32(even, LoadCodes(codes + i), LoadCodes(query + i));
  return _mm512_reduce_add_epi32(_mm512_add_epi32(even, odd));
}

VECNEST_VNNI int32_t DotCodes8(const uint8_t* a, const uint8_t* b, size_t n) {
  const __m512i added = _mm512_set1_epi8(static_cast<char>(128));
  __m512i products = _mm512_setzero_si512();
  __m512i excess = _mm512_setzero_si512();
  for (size_t i = 0; i < n; i += 64) {
    const __m512i values = Signed(LoadCodes(b + i));
    products = _mm512_dpbusd_epi32(products, LoadCodes(a + i), values);
    excess = _mm512_dpbusd_epi32(excess, added, values);
  }
  return _mm512_reduce_add_epi32(_mm512_sub_epi32(products, excess));
}

VECNEST_VNNI CodeProducts WholeProducts8(const uint8_t* codes, const int8_t* query,
                                         const int8_t* center, size_t n) {
  __m512i by_query = _mm512_setzero_si512();
  __m512i by_center = _mm512_setzero_si512();
  __m512i squares = _mm512_setzero_si512();
  for (size_t i = 0; i < n; i += 64) {
    const __m512i code = LoadCodes(codes + i);
    const __m512i size = _mm512_abs_epi8(Signed(code));
    by_query = _mm512_dpbusd_epi32(by_query, code, LoadCodes(query + i));
    by_center = _mm512_dpbusd_epi32(by_center, code, LoadCodes(center + i));
    squares = _mm512_dpbusd_epi32(squares, size, size);
  }
  return {_mm512_reduce_add_epi32(by_query), _mm512_reduce_add_epi32(by_center),
          _mm512_reduce_add_epi32(squares)};
}

VECNEST_VNNI int32_t Dot4(const uint8_t* codes, const int8_t* query, size_t n) {
  __m512i low = _mm512_setzero_si512();
  __m512i high = _mm512_setzero_si512();
  for (size_t i = 0; i < n; i += kBlock4) {
    const __m512i code = LoadCodes(codes + i / 2);
    low = _mm512_dpbusd_epi32(low, Low(code), LoadCodes(query + i));
    high = _mm512_dpbusd_epi32(high, High(code), LoadCodes(query + i + 64));
  }
  return _mm512_reduce_add_epi32(_mm512_add_epi32(low, high));
}

// The totals of four vectors, in the time of little more than two.
VECNEST_VNNI inline void StoreTotals(const __m512i (&sums)[4], int32_t* totals) {
  const __m512i first = _mm512_add_epi32(_mm512_unpacklo_epi32(sums[0], sums[1]),
                                         _mm512_unpackhi_epi32(sums[0], sums[1]));
  const __m512i second = _mm512_add_epi32(_mm512_unpacklo_epi32(sums[2], sums[3]),
                                          _mm512_unpackhi_epi32(sums[2], sums[3]));
  const __m512i quarters =
      _mm512_add_epi32(_mm512_unpacklo_epi64(first, second), _mm512_unpackhi_epi64(first, second));
  const __m256i halves =
      _mm256_add_epi32(_mm512_castsi512_si256(quarters), _mm512_extracti64x4_epi64(quarters, 1));
  const __m128i whole =
      _mm_add_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(totals), whole);
}

// The high halves stay where they are, 16 times as large.
template <size_t kBlocks>
VECNEST_VNNI inline __m512i RowSums4(const uint8_t* row, const __m512i (&low)[kBlocks],
                                     const __m512i (&high)[kBlocks]) {
  const __m512i high_halves = _mm512_set1_epi8(static_cast<char>(0xF0));
  __m512i sum_low = _mm512_setzero_si512();
  __m512i sum_high = _mm512_setzero_si512();
  for (size_t block = 0; block < kBlocks; ++block) {
    const __m512i code = LoadCodes(row + block * 64);
    sum_low = _mm512_dpbusd_epi32(sum_low, Low(code), low[block]);
    sum_high = _mm512_dpbusd_epi32(sum_high, _mm512_and_si512(code, high_halves), high[block]);
  }
  return _mm512_add_epi32(sum_low, _mm512_srai_epi32(sum_high, 4));
}

// Keeps the query in registers.
template <size_t kBlocks>
VECNEST_VNNI void DotRowsOf(const uint8_t* codes, size_t stride, const uint32_t* rows, size_t count,
                            const int8_t* query, int32_t* dots) {
  __m512i low[kBlocks];
  __m512i high[kBlocks];
  for (size_t block = 0; block < kBlocks; ++block) {
    low[block] = LoadCodes(query + block * kBlock4);
    high[block] = LoadCodes(query + block * kBlock4 + 64);
  }
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const __m512i sums[4] = {RowSums4(codes + rows[i] * stride, low, high),
                             RowSums4(codes + rows[i + 1] * stride, low, high),
                             RowSums4(codes + rows[i + 2] * stride, low, high),
                             RowSums4(codes + rows[i + 3] * stride, low, high)};
    StoreTotals(sums, dots + i);
  }
  for (; i < count; ++i) {
    dots[i] = _mm512_reduce_add_epi32(RowSums4(codes + rows[i] * stride, low, high));
  }
}

VECNEST_VNNI void DotRows4(const uint8_t* codes, size_t stride, const uint32_t* rows, size_t count,
                           const int8_t* query, size_t n, int32_t* dots) {
  switch (n / kBlock4) {
    case 1:
      return DotRowsOf<1>(codes, stride, rows, count, query, dots);
    case 2:
      return DotRowsOf<2>(codes, stride, rows, count, query, dots);
    case 3:
      return DotRowsOf<3>(codes, stride, rows, count, query, dots);
    case 4:
      return DotRowsOf<4>(codes, stride, rows, count, query, dots);
    case 6:
      return DotRowsOf<6>(codes, stride, rows, count, query, dots);
    default:
      RowsOneByOne<&Dot4>(codes, stride, rows, count, query, n, dots);
  }
}

VECNEST_VNNI int32_t DotCodes4(const uint8_t* a, const uint8_t* b, size_t n) {
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i products = _mm512_setzero_si512();
  __m512i sums = _mm512_setzero_si512();
  for (size_t i = 0; i < n; i += kBlock4) {
    const __m512i x = LoadCodes(a + i / 2);
    const __m512i y = LoadCodes(b + i / 2);
    products = _mm512_dpbusd_epi32(products, Low(x), Low(y));
    products = _mm512_dpbusd_epi32(products, High(x), High(y));
    // Four codes of up to 15 fit a byte.
    const __m512i both =
        _mm512_add_epi8(_mm512_add_epi8(Low(x), Low(y)), _mm512_add_epi8(High(x), High(y)));
    sums = _mm512_dpbusd_epi32(sums, both, ones);
  }
  return Product4(_mm512_reduce_add_epi32(products), _mm512_reduce_add_epi32(sums), n);
}

VECNEST_VNNI CodeProducts WholeProducts4(const uint8_t* codes, const int8_t* query,
                                         const int8_t* center, size_t n) {
  const __m512i ones = _mm512_set1_epi8(1);
  __m512i by_query = _mm512_setzero_si512();
  __m512i by_center = _mm512_setzero_si512();
  __m512i squares = _mm512_setzero_si512();
  __m512i sums = _mm512_setzero_si512();
  for (size_t i = 0; i < n; i += kBlock4) {
    const __m512i code = LoadCodes(codes + i / 2);
    const __m512i low = Low(code);
    const __m512i high = High(code);
    by_query = _mm512_dpbusd_epi32(by_query, low, LoadCodes(query + i));
    by_query = _mm512_dpbusd_epi32(by_query, high, LoadCodes(query + i + 64));
    by_center = _mm512_dpbusd_epi32(by_center, low, LoadCodes(center + i));
    by_center = _mm512_dpbusd_epi32(by_center, high, LoadCodes(center + i + 64));
    squares = _mm512_dpbusd_epi32(squares, low, low);
    squares = _mm512_dpbusd_epi32(squares, high, high);
    sums = _mm512_dpbusd_epi32(sums, _mm512_add_epi8(low, high), ones);
  }
  return {_mm512_reduce_add_epi32(by_query), _mm512_reduce_add_epi32(by_center),
          Product4(_mm512_reduce_add_epi32(squares), 2 * _mm512_reduce_add_epi32(sums), n)};
}

VECNEST_VNNI inline __m512i Chosen(const uint8_t* bits) {
  return _mm512_maskz_mov_epi8(Word(bits), _mm512_set1_epi8(1));
}

VECNEST_VNNI int32_t Dot1(const uint8_t* codes, const int8_t* query, size_t n) {
  __m512i sum = _mm512_setzero_si512();
  for (size_t i = 0; i < n; i += kBlock1) {
    sum = _mm512_dpbusd_epi32(sum, Chosen(codes + i / 8), LoadCodes(query + i));
  }
  return _mm512_reduce_add_epi32(sum);
}

template <size_t kBlocks>
VECNEST_VNNI inline __m512i RowSums1(const uint8_t* row, const __m512i (&values)[kBlocks]) {
  __m512i even = _mm512_setzero_si512();
  __m512i odd = _mm512_setzero_si512();
  for (size_t block = 0; block < kBlocks; block += 2) {
    even = _mm512_dpbusd_epi32(even, Chosen(row + block * 8), values[block]);
    odd = _mm512_dpbusd_epi32(odd, Chosen(row + block * 8 + 8), values[block + 1]);
  }
  return _mm512_add_epi32(even, odd);
}

// Keeps the query in registers.
template <size_t kBlocks>
VECNEST_VNNI void BitRowsOf(const uint8_t* codes, size_t stride, const uint32_t* rows, size_t count,
                            const int8_t* query, int32_t* dots) {
  __m512i values[kBlocks];
  for (size_t block = 0; block < kBlocks; ++block) {
    values[block] = LoadCodes(query + block * kBlock1);
  }
  size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const __m512i sums[4] = {RowSums1(codes + rows[i] * stride, values),
                             RowSums1(codes + rows[i + 1] * stride, values),
                             RowSums1(codes + rows[i + 2] * stride, values),
                             RowSums1(codes + rows[i + 3] * stride, values)};
    StoreTotals(sums, dots + i);
  }
  for (; i < count; ++i) {
    dots[i] = _mm512_reduce_add_epi32(RowSums1(codes + rows[i] * stride, values));
  }
}

VECNEST_VNNI void DotRows1(const uint8_t* codes, size_t stride, const uint32_t* rows, size_t count,
                           const int8_t* query, size_t n, int32_t* dots) {
  switch (n / kBlock1) {
    case 4:
      return BitRowsOf<4>(codes, stride, rows, count, query, dots);
    case 6:
      return BitRowsOf<6>(codes, stride, rows, count, query, dots);
    case 8:
      return BitRowsOf<8>(codes, stride, rows, count, query, dots);
    case 12:
      return BitRowsOf<12>(codes, stride, rows, count, query, dots);
    case 16:
      return BitRowsOf<16>(codes, stride, rows, count, query, dots);
    default:
      RowsOneByOne<&Dot1>(codes, stride, rows, count, query, n, dots);
  }
}

#else

using Wide = hn::ScalableTag<int16_t>;
using Sums = hn::ScalableTag<int32_t>;

HWY_INLINE hn::Vec<Wide> Load(const uint8_t* from) {
  const hn::Rebind<uint8_t, Wide> bytes;
  return hn::PromoteTo(Wide(), hn::LoadU(bytes, from));
}
HWY_INLINE hn::Vec<Wide> Load(const int8_t* from) {
  const hn::Rebind<int8_t, Wide> bytes;
  return hn::PromoteTo(Wide(), hn::LoadU(bytes, from));
}
HWY_INLINE hn::Vec<Wide> Low(hn::Vec<Wide> codes) {
  return hn::And(codes, hn::Set(Wide(), int16_t{15}));
}
HWY_INLINE hn::Vec<Wide> High(hn::Vec<Wide> codes) { return Low(hn::ShiftRight<4>(codes)); }

// Adds up products of 16-bit numbers in 32 bits. Used through references: g++ gives implicit
// member functions of a class no target attributes.
HWY_INLINE void Accumulate(hn::Vec<Wide> a, hn::Vec<Wide> b, hn::Vec<Sums>& low,
                           hn::Vec<Sums>& high) {
  low = hn::ReorderWidenMulAccumulate(Sums(), a, b, low, high);
}
HWY_INLINE int32_t Total(hn::Vec<Sums> low, hn::Vec<Sums> high) {
  return hn::GetLane(hn::SumOfLanes(Sums(), hn::Add(low, high)));
}

int32_t Dot8(const uint8_t* codes, const int8_t* query, size_t n) {
  auto low = hn::Zero(Sums());
  auto high = hn::Zero(Sums());
  for (size_t i = 0; i < n; i += hn::Lanes(Wide())) {
    Accumulate(Load(codes + i), Load(query + i), low, high);
  }
  return Total(low, high);
}

int32_t DotCodes8(const uint8_t* a, const uint8_t* b, size_t n) {
  const auto added = hn::Set(Wide(), int16_t{128});
  auto low = hn::Zero(Sums());
  auto high = hn::Zero(Sums());
  for (size_t i = 0; i < n; i += hn::Lanes(Wide())) {
    Accumulate(hn::Sub(Load(a + i), added), hn::Sub(Load(b + i), added), low, high);
  }
  return Total(low, high);
}

CodeProducts WholeProducts8(const uint8_t* codes, const int8_t* query, const int8_t* center,
                            size_t n) {
  return {Dot8(codes, query, n), Dot8(codes, center, n), DotCodes8(codes, codes, n)};
}

int32_t Dot4(const uint8_t* codes, const int8_t* query, size_t n) {
  auto low = hn::Zero(Sums());
  auto high = hn::Zero(Sums());
  for (size_t block = 0; block < n; block += kBlock4) {
    for (size_t i = 0; i < kCodeAlignment; i += hn::Lanes(Wide())) {
      const auto code = Load(codes + block / 2 + i);
      Accumulate(Low(code), Load(query + block + i), low, high);
      Accumulate(High(code), Load(query + block + kCodeAlignment + i), low, high);
    }
  }
  return Total(low, high);
}

int32_t DotCodes4(const uint8_t* a, const uint8_t* b, size_t n) {
  auto low = hn::Zero(Sums());
  auto high = hn::Zero(Sums());
  auto sum_low = hn::Zero(Sums());
  auto sum_high = hn::Zero(Sums());
  const auto ones = hn::Set(Wide(), int16_t{1});
  for (size_t i = 0; i < n / 2; i += hn::Lanes(Wide())) {
    const auto x = Load(a + i);
    const auto y = Load(b + i);
    Accumulate(Low(x), Low(y), low, high);
    Accumulate(High(x), High(y), low, high);
    const auto both = hn::Add(hn::Add(Low(x), Low(y)), hn::Add(High(x), High(y)));
    Accumulate(both, ones, sum_low, sum_high);
  }
  return Product4(Total(low, high), Total(sum_low, sum_high), n);
}

CodeProducts WholeProducts4(const uint8_t* codes, const int8_t* query, const int8_t* center,
                            size_t n) {
  return {Dot4(codes, query, n), Dot4(codes, center, n), DotCodes4(codes, codes, n)};
}

int32_t Dot1(const uint8_t* codes, const int8_t* query, size_t n) {
  auto low = hn::Zero(Sums());
  auto high = hn::Zero(Sums());
  const auto ones = hn::Set(Wide(), int16_t{1});
  for (size_t block = 0; block < n; block += kBlock1) {
    // Masks are made from eight bytes, however few count.
    uint8_t bits[2 * sizeof(uint64_t)] = {};
    std::memcpy(bits, codes + block / 8, sizeof(uint64_t));
    for (size_t i = 0; i < kBlock1; i += hn::Lanes(Wide())) {
      const auto chosen = hn::LoadMaskBits(Wide(), bits + i / 8);
      Accumulate(hn::IfThenElseZero(chosen, Load(query + block + i)), ones, low, high);
    }
  }
  return Total(low, high);
}

constexpr auto DotRows4 = &RowsOneByOne<&Dot4>;
constexpr auto DotRows1 = &RowsOneByOne<&Dot1>;

#endif  // HWY_TARGET == HWY_AVX3_DL

int32_t DotCodes1(const uint8_t* a, const uint8_t* b, size_t n) {
  int32_t different = 0;
  for (size_t i = 0; i < n; i += kBlock1) {
    different += std::popcount(Word(a + i / 8) ^ Word(b + i / 8));
  }
  return static_cast<int32_t>(n) - 2 * different;
}

// The query and the center are zero beyond n, and every number's square is 1.
CodeProducts Products1(const uint8_t* codes, const int8_t* query, const int8_t* center, size_t n) {
  const size_t whole = (n + kBlock1 - 1) / kBlock1 * kBlock1;
  return {Dot1(codes, query, whole), Dot1(codes, center, whole), static_cast<int32_t>(n)};
}

CodeProducts Sum(const CodeProducts& a, const CodeProducts& b) {
  return {a.query + b.query, a.center + b.center, a.norm_squared + b.norm_squared};
}

CodeProducts Products8(const uint8_t* codes, const int8_t* query, const int8_t* center, size_t n) {
  const size_t whole = n / kBlock8 * kBlock8;
  const CodeProducts products = WholeProducts8(codes, query, center, whole);
  if (whole == n) return products;
  // What lies beyond n is taken for zero.
  alignas(kCodeAlignment) uint8_t rest[kCodeAlignment];
  std::memset(rest, 128, sizeof(rest));
  std::memcpy(rest, codes + whole, n - whole);
  return Sum(products, WholeProducts8(rest, query + whole, center + whole, kBlock8));
}

CodeProducts Products4(const uint8_t* codes, const int8_t* query, const int8_t* center, size_t n) {
  const size_t whole = n / kBlock4 * kBlock4;
  const CodeProducts products = WholeProducts4(codes, query, center, whole);
  if (whole == n) return products;
  // What lies beyond n becomes code 0, and its part of the norm is taken away again.
  alignas(kCodeAlignment) uint8_t rest[kCodeAlignment] = {};
  const size_t left = n - whole;
  for (size_t i = 0; i < std::min(left, kCodeAlignment); ++i) {
    const uint8_t code = codes[whole / 2 + i];
    rest[i] = i + kCodeAlignment < left ? code : code & 15;
  }
  CodeProducts last = WholeProducts4(rest, query + whole, center + whole, kBlock4);
  last.norm_squared -= 225 * static_cast<int32_t>(kBlock4 - left);
  return Sum(products, last);
}

CodeKernels MakeKernels8() {
  return {hwy::TargetName(HWY_TARGET), 8,          1,         -128, kBlock8, &Dot8,
          &RowsOneByOne<&Dot8>,        &DotCodes8, &Products8};
}
CodeKernels MakeKernels4() {
  return {hwy::TargetName(HWY_TARGET), 4, 2, -15, kBlock4, &Dot4, DotRows4, &DotCodes4, &Products4};
}

CodeKernels MakeKernels1() {
  return {hwy::TargetName(HWY_TARGET), 1, 2, -1, kBlock1, &Dot1, DotRows1, &DotCodes1, &Products1};
}

}  // namespace HWY_NAMESPACE
}  // namespace vecnest::index::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace vecnest::index::kernels {
namespace {

HWY_EXPORT(MakeKernels8);
HWY_EXPORT(MakeKernels4);
HWY_EXPORT(MakeKernels1);

}  // namespace

const CodeKernels& CodeDistances(int bits) {
  static const int64_t targets = TargetsAtMost(LevelOfEnvironment());
  static const CodeKernels eight = MakeFor(HWY_DISPATCH_TABLE(MakeKernels8), targets);
  static const CodeKernels four = MakeFor(HWY_DISPATCH_TABLE(MakeKernels4), targets);
  static const CodeKernels one = MakeFor(HWY_DISPATCH_TABLE(MakeKernels1), targets);
  if (bits == 1) return one;
  return bits == 4 ? four : eight;
}

std::vector<CodeKernels> AllCodeDistances(int bits) {
  if (bits == 1) return MakeForAll(HWY_DISPATCH_TABLE(MakeKernels1));
  return bits == 4 ? MakeForAll(HWY_DISPATCH_TABLE(MakeKernels4))
                   : MakeForAll(HWY_DISPATCH_TABLE(MakeKernels8));
}

}  // namespace vecnest::index::kernels
#endif  // HWY_ONCE
