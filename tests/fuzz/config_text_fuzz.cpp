// Any bytes as a configuration: no crash, a place for every problem, and what is valid survives
// being written out and read again.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "agent/config/parse.hpp"
#include "agent/config/render.hpp"
#include "base/ensure.hpp"

using namespace understudy;

namespace {

// An imagined file system with the text itself in it, so that includes and circles are tried as
// well.
config::Surroundings surroundings_of(std::string_view text) {
    config::Surroundings surroundings;
    surroundings.environment = [](const std::string& name) -> std::optional<std::string> {
        return name.size() == 1 ? std::optional<std::string>{"eth0"} : std::nullopt;
    };
    surroundings.read = [text](const std::string&, std::string&) {
        return std::optional<std::string>{text.substr(text.size() / 2)};
    };
    surroundings.glob = [](const std::string& pattern, std::string&) {
        return pattern.size() < 3 ? std::vector<std::string>{pattern} : std::vector<std::string>{};
    };
    return surroundings;
}

bool is_equal(const core::Configuration& a, const core::Configuration& b) {
    return a.agent.name == b.agent.name && a.agent.log_level == b.agent.log_level &&
           a.agent.stop_timeout == b.agent.stop_timeout &&
           a.agent.script_user == b.agent.script_user && a.agent.record == b.agent.record &&
           a.vips == b.vips;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const config::Result result = config::parse_text("f", text, "host", surroundings_of(text));
    ensure(result.configuration.has_value() == !config::has_errors(result.diagnostics),
           "there is a configuration exactly if nothing is an error");
    for (const config::Diagnostic& diagnostic : result.diagnostics) {
        ensure(diagnostic.place.line >= 1 && diagnostic.place.column >= 1, "a problem has a place");
    }
    if (result.configuration) {
        const config::Result again =
            config::parse_text("g", config::render(*result.configuration), "another");
        ensure(again.configuration && is_equal(*result.configuration, *again.configuration),
               "what is written out reads back as the same");
    }
    return 0;
}
