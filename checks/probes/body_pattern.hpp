// A regular expression (PCRE2) for text that strangers send. One budget of CPU time bounds the
// whole match, because the prober has one loop and all other checks wait meanwhile.
#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <string_view>

struct pcre2_real_code_8;

namespace understudy::checks {

class BodyPattern {
public:
    enum class Match { yes, no, too_costly };

    // For one match, and 2 ms more for each megabyte of text.
    static constexpr std::chrono::milliseconds most_cpu_time{25};

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
