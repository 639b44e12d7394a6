// Every option of the client, once: how it is written, and which member of Arguments it sets. Which
// command takes which option stands in command_table.hpp.
#pragma once

#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "agent/cli/arguments.hpp"
#include "base/time.hpp"

namespace understudy::cli {

// A time with its unit, within [least, most].
struct TimeTarget {
    std::variant<Duration Arguments::*, std::optional<Duration> Arguments::*> member;
    Duration least;
    Duration most;
    std::string_view range;  // in words: "1ms to 24h"
};

using OptionTarget = std::variant<bool Arguments::*, std::string Arguments::*,
                                  std::vector<std::string> Arguments::*, TimeTarget>;

struct OptionForm {
    std::string_view name;   // without the dashes
    std::string_view value;  // what follows it: "TIME"; empty for a flag
    char letter = 0;         // of the short form, or 0
    OptionTarget target;

    bool is_flag() const { return std::holds_alternative<bool Arguments::*>(target); }
    bool repeats() const {
        return std::holds_alternative<std::vector<std::string> Arguments::*>(target);
    }
    std::string written() const;  // "--timeout TIME"
};

// All that belong to a command. --runtime-dir, --help and --version belong to the program.
std::span<const OptionForm> option_forms();
// The one of that name, which must exist.
const OptionForm& option_form(std::string_view name);

// Sets the member to what was written, or says why that is not a value of the option. `values` has
// one element, or none for a flag, or several for an option that repeats.
std::expected<void, std::string> set_option(const OptionForm& option, Arguments& arguments,
                                            const std::vector<std::string>& values);

}  // namespace understudy::cli
