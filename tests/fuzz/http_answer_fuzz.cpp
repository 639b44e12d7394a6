// Any bytes as the answer of an HTTP server, with any expectations of it: bounded in size and work,
// and the verdict is that of a second, simpler look at the same answer.
//
// The input: the expectations, one in each line up to an empty one; then the lines of the answer;
// after another empty line the body.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/ensure.hpp"
#include "checks/probes/http_answer.hpp"

namespace {

using namespace understudy;

// Up to the end of the line, which is taken away as well.
std::string_view take_line(std::string_view& rest) {
    const auto end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return line;
}

checks::Http expectations(std::string_view& rest) {
    checks::Http http;
    http.status.clear();
    for (std::string_view line = take_line(rest); !line.empty(); line = take_line(rest)) {
        const std::string value{line.substr(1)};
        switch (line.front()) {
            case 's':
                http.status.push_back({static_cast<unsigned>(value.size()), 999});
                break;
            case 'b':
                http.body = value;
                break;
            case 'r':
                http.body_regex = value;
                break;
            case 'h':
                http.expect_headers.emplace_back(
                    value.substr(0, value.find('=')),
                    value.substr(std::min(value.find('='), value.size())));
                break;
            case 'm':
                http.max_size = value.size();
                break;
            default:
                http.version = checks::HttpVersion::http2;
                break;
        }
    }
    return http;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view rest{reinterpret_cast<const char*>(data), size};
    const checks::Http http = expectations(rest);
    const long status = static_cast<long>(size % 1000);
    const bool http2 = size % 2 == 0;
    checks::HttpAnswer answer(http);
    std::size_t headers = 0;
    for (std::string_view line = take_line(rest); !line.empty(); line = take_line(rest)) {
        headers += line.size();
        // libcurl stops where this says so.
        if (!answer.take_header(line)) {
            ensure(headers > http.max_size, "as much as is allowed is taken");
            ensure(!answer.overflow().empty(), "it says which limit");
            return 0;
        }
        ensure(headers <= http.max_size, "no more is taken than is allowed");
    }
    while (!rest.empty()) {
        const std::string_view part = rest.substr(0, 64);
        rest.remove_prefix(part.size());
        if (!answer.take_body(part)) {
            ensure(!answer.overflow().empty(), "it says which limit");
            break;
        }
        ensure(answer.body().ends_with(part), "the body is what was sent");
    }
    ensure(answer.body().size() <= http.max_size, "no more is kept than is allowed");
    const std::string objection = answer.objection(status, http2);
    if (objection.empty()) {
        ensure(!http.status.empty() && (http2 || http.version == checks::HttpVersion::http1),
               "what is wanted was there");
        ensure(answer.body().find(http.body) != std::string::npos, "and in the body");
    } else {
        ensure(objection.starts_with("HTTP "), "an objection says to what");
    }
    return 0;
}
