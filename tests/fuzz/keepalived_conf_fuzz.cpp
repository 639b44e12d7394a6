// Any bytes as a keepalived.conf: no crash, no end to the time it takes, and what is written is a
// valid configuration.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "agent/config/parse.hpp"
#include "agent/import/convert.hpp"
#include "base/ensure.hpp"

using namespace understudy;

namespace {

// An imagined file system with half of the text in it, so that includes and circles are tried.
config::Surroundings surroundings_of(std::string_view text) {
    config::Surroundings surroundings;
    surroundings.environment = [](const std::string& name) -> std::optional<std::string> {
        return name.size() == 1 ? std::optional<std::string>{"eth0 ${X}"} : std::nullopt;
    };
    surroundings.read = [text](const std::string&, std::string&) {
        return std::optional<std::string>{text.substr(text.size() / 2)};
    };
    surroundings.glob = [](const std::string& pattern, std::string&) {
        return pattern.size() < 4 ? std::vector<std::string>{pattern, pattern + 'b'}
                                  : std::vector<std::string>{};
    };
    return surroundings;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    const importer::Result result = importer::convert("k", text, "one", surroundings_of(text));
    ensure(result.text.empty() == (result.vips == 0), "there is a text exactly if there is a VIP");
    ensure(result.vips > 0 || result.has_error(), "nothing is lost without a word");
    for (const importer::Note& note : result.notes) {
        ensure(note.place.line >= 1 && !note.place.file.empty(), "a note has a place");
    }
    if (!result.text.empty()) {
        const config::Result read = config::parse_text("u", result.text, "host");
        ensure(read.configuration && read.configuration->vips.size() == result.vips,
               "what is written is valid, and has the VIPs");
    }
    return 0;
}
