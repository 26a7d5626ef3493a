#include "net/router.h"

#include <charconv>
#include <utility>

#include "engine/json.h"

namespace vecnest::net {
namespace {

std::vector<std::string_view> Split(std::string_view path) {
  std::vector<std::string_view> parts;
  if (path.starts_with('/')) path.remove_prefix(1);
  if (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  while (true) {
    const size_t slash = path.find('/');
    parts.emplace_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

bool IsParameter(std::string_view part) { return part.starts_with('{') && part.ends_with('}'); }

// `literals`: how many parts of the pattern are no parameters.
bool Fits(const std::vector<std::string_view>& pattern, const std::vector<std::string_view>& parts,
          size_t& literals) {
  if (pattern.size() != parts.size()) return false;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (IsParameter(pattern[i])) {
      if (parts[i].empty()) return false;
    } else {
      if (pattern[i] != parts[i]) return false;
      ++literals;
    }
  }
  return true;
}

}  // namespace

bool PercentDecode(std::string_view text, bool plus_is_blank, std::string& decoded) {
  decoded.clear();
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_blank) {
      decoded += ' ';
    } else if (text[i] != '%') {
      decoded += text[i];
    } else {
      if (i + 2 >= text.size()) return false;
      unsigned value = 0;
      const char* begin = text.data() + i + 1;
      const auto [end, error] = std::from_chars(begin, begin + 2, value, 16);
      if (error != std::errc() || end != begin + 2) return false;
      decoded += static_cast<char>(value);
      i += 2;
    }
  }
  return true;
}

std::map<std::string, std::string> ParseQuery(std::string_view query) {
  std::map<std::string, std::string> parsed;
  while (!query.empty()) {
    const size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    const size_t equals = pair.find('=');
    std::string name;
    std::string value;
    if (!PercentDecode(pair.substr(0, equals), true, name)) name = pair.substr(0, equals);
    if (equals != std::string_view::npos && !PercentDecode(pair.substr(equals + 1), true, value)) {
      value = pair.substr(equals + 1);
    }
    if (!name.empty()) parsed[name] = value;
    query.remove_prefix(end == std::string_view::npos ? query.size() : end + 1);
  }
  return parsed;
}

Router::Router(std::vector<Route> routes) : routes_(std::move(routes)) {
  for (const Route& route : routes_) parts_.push_back(Split(route.pattern));
}

Router::Match Router::Find(std::string_view method, std::string_view path) const {
  const std::vector<std::string_view> parts = Split(path);
  Match best;
  const std::vector<std::string_view>* best_pattern = nullptr;
  size_t best_literals = 0;
  for (size_t i = 0; i < routes_.size(); ++i) {
    size_t literals = 0;
    if (!Fits(parts_[i], parts, literals)) continue;
    if (routes_[i].method != method) {
      if (best.route == nullptr) best.allowed.push_back(routes_[i].method);
      continue;
    }
    // "/points/scroll" wins over "/points/{id}".
    if (best.route == nullptr || literals > best_literals) {
      best.allowed.clear();
      best.route = &routes_[i];
      best_pattern = &parts_[i];
      best_literals = literals;
    }
  }
  if (best.route == nullptr) return best;
  for (size_t j = 0; j < parts.size(); ++j) {
    const std::string_view wanted = (*best_pattern)[j];
    if (!IsParameter(wanted)) continue;
    std::string value;
    if (!PercentDecode(parts[j], false, value) || !engine::IsUtf8(value)) best.malformed = true;
    best.parameters[std::string(wanted.substr(1, wanted.size() - 2))] = std::move(value);
  }
  return best;
}

}  // namespace vecnest::net
