// A regular expression for what strangers send (PCRE2): the work of one match is bounded, so that
// no body can hang or crash the prober.
#pragma once

#include <memory>
#include <string>
#include <string_view>

struct pcre2_real_code_8;

namespace understudy::checks {

class BodyPattern {
public:
    enum class Match { yes, no, too_costly };

    // An invalid expression has an error() and matches nothing.
    explicit BodyPattern(const std::string& expression);
    ~BodyPattern();
    BodyPattern(const BodyPattern&) = delete;
    BodyPattern& operator=(const BodyPattern&) = delete;

    const std::string& error() const { return error_; }
    Match match(std::string_view text) const;

private:
    pcre2_real_code_8* code_ = nullptr;
    std::string error_;
};

}  // namespace understudy::checks
