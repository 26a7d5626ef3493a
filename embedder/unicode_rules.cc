#include "embedder/unicode_rules.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/utf16.h>

#include <cassert>

namespace vecnest::embedder {
namespace {

constexpr int kCategoryVersion = 8;
constexpr int kNormalizationVersion = 9;

// Unassigned characters have age 0 and no property that is asked for here.
bool IsNewerThan(char32_t c, int major) {
  UVersionInfo age;
  u_charAge(static_cast<UChar32>(c), age);
  return age[0] > major;
}

// Characters whose category is another one in ICU 72 than it was in Unicode 8.0.
int8_t Category(char32_t c) {
  switch (c) {
    case 0x1734:  // HANUNOO SIGN PAMUDPOD
      return U_NON_SPACING_MARK;
    case 0x1885:  // MONGOLIAN LETTER ALI GALI BALUDA
    case 0x1886:  // MONGOLIAN LETTER ALI GALI THREE BALUDA
      return U_OTHER_LETTER;
    case 0xA9BD:  // JAVANESE CONSONANT SIGN KERET
      return U_COMBINING_SPACING_MARK;
    case 0x166D:   // CANADIAN SYLLABICS CHI SIGN
    case 0x111C9:  // SHARADA SANDHI MARK
      return U_OTHER_PUNCTUATION;
    default:
      return u_charType(static_cast<UChar32>(c));
  }
}

struct LowerCaseRange {
  char32_t first;
  char32_t last;
  char32_t lower_of_first;
};

// Capital letters of Unicode 16.0 and 17.0, which ICU 72 does not know. Within a range every
// character is a capital.
constexpr LowerCaseRange kNewCapitals[] = {
    {0x1C89, 0x1C89, 0x1C8A},     // Cyrillic TJE
    {0xA7CB, 0xA7CB, 0x0264},     // Latin RAMS HORN
    {0xA7CC, 0xA7CC, 0xA7CD},     // Latin S WITH DIAGONAL STROKE
    {0xA7CE, 0xA7CE, 0xA7CF},     // Latin PHARYNGEAL VOICED FRICATIVE
    {0xA7D2, 0xA7D2, 0xA7D3},     // Latin DOUBLE THORN
    {0xA7D4, 0xA7D4, 0xA7D5},     // Latin DOUBLE WYNN
    {0xA7DA, 0xA7DA, 0xA7DB},     // Latin LAMBDA
    {0xA7DC, 0xA7DC, 0x019B},     // Latin LAMBDA WITH STROKE
    {0x10D50, 0x10D65, 0x10D70},  // Garay
    {0x16EA0, 0x16EB8, 0x16EBB},  // Beria Erfe
};

constexpr char32_t kCapitalIWithDot = 0x0130;
constexpr char32_t kCombiningDotAbove = 0x0307;

CodePoints One(char32_t c) { return CodePoints{{c}, 1}; }

}  // namespace

bool IsRemovedByCleaning(char32_t c) {
  if (c == U'\t' || c == U'\n' || c == U'\r') return false;
  if (c == 0 || c == 0xFFFD) return true;
  const uint32_t mask = U_MASK(Category(c));
  return (mask & (U_GC_CC_MASK | U_GC_CF_MASK | U_GC_CO_MASK)) != 0 &&
         !IsNewerThan(c, kCategoryVersion);
}

bool IsWhitespace(char32_t c) { return u_isUWhiteSpace(static_cast<UChar32>(c)) != 0; }

bool IsCjkIdeograph(char32_t c) {
  return (c >= 0x4E00 && c <= 0x9FFF) || (c >= 0x3400 && c <= 0x4DBF) ||
         (c >= 0x20000 && c <= 0x2A6DF) || (c >= 0x2A700 && c <= 0x2B81F) ||
         (c >= 0x2B920 && c <= 0x2CEAF) || (c >= 0xF900 && c <= 0xFAFF) ||
         (c >= 0x2F800 && c <= 0x2FA1F);
}

bool IsNonspacingMark(char32_t c) {
  return Category(c) == U_NON_SPACING_MARK && !IsNewerThan(c, kCategoryVersion);
}

bool IsPunctuation(char32_t c) {
  if (c < 0x80) {
    return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) ||
           (c >= 123 && c <= 126);
  }
  return (U_MASK(Category(c)) & U_GC_P_MASK) != 0 && !IsNewerThan(c, kCategoryVersion);
}

int CombiningClass(char32_t c) {
  const int combining_class = u_getCombiningClass(static_cast<UChar32>(c));
  if (combining_class == 0 || IsNewerThan(c, kNormalizationVersion)) return 0;
  return combining_class;
}

CodePoints Decompose(char32_t c) {
  static const UNormalizer2* const nfd = [] {
    UErrorCode error = U_ZERO_ERROR;
    const UNormalizer2* instance = unorm2_getNFDInstance(&error);
    assert(U_SUCCESS(error));  // the data is compiled into ICU
    return instance;
  }();
  constexpr int kMaxUnits = 8;
  UChar units[kMaxUnits];
  UErrorCode error = U_ZERO_ERROR;
  const int32_t length =
      unorm2_getDecomposition(nfd, static_cast<UChar32>(c), units, kMaxUnits, &error);
  if (length <= 0 || U_FAILURE(error) || IsNewerThan(c, kNormalizationVersion)) return One(c);
  CodePoints result;
  for (int32_t i = 0; i < length && result.size < result.values.size();) {
    UChar32 part;
    U16_NEXT(units, i, length, part);
    result.values[result.size++] = static_cast<char32_t>(part);
  }
  return result;
}

CodePoints LowerCase(char32_t c) {
  if (c == kCapitalIWithDot) return CodePoints{{U'i', kCombiningDotAbove}, 2};
  for (const LowerCaseRange& range : kNewCapitals) {
    if (c >= range.first && c <= range.last) return One(range.lower_of_first + (c - range.first));
  }
  return One(static_cast<char32_t>(u_tolower(static_cast<UChar32>(c))));
}

}  // namespace vecnest::embedder
