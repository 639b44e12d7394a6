// Any bytes as a line on the control socket, in both directions: no crash, no exception, an error
// text where it is not understood; and what is understood means the same after it was written
// again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "agent/control/json.hpp"
#include "base/ensure.hpp"

namespace {

using namespace understudy;

void fuzz_request(std::string_view line) {
    const auto request = control::parse_request(line);
    if (!request) {
        ensure(!request.error().empty(), "a refused request has a reason");
        // As the agent answers it.
        const auto answer = control::to_json(control::ErrorResponse{request.error(), true}, {});
        ensure(control::parse_response(answer, {}).has_value(), "the refusal is understood");
        return;
    }
    const std::string written = control::to_json(*request);
    const auto again = control::parse_request(written);
    ensure(again.has_value(), "a written request is accepted");
    ensure(again->index() == request->index(), "it is of the same kind");
    ensure(control::to_json(*again) == written, "it says the same");
}

void fuzz_response(std::string_view line) {
    const auto response = control::parse_response(line, {});
    if (!response) {
        ensure(!response.error().empty(), "a refused answer has a reason");
        return;
    }
    const std::string written = control::to_json(*response, {});
    ensure(written.find('\n') == std::string::npos, "an answer is one line");
    const auto again = control::parse_response(written, {});
    ensure(again.has_value(), "a written answer is understood");
    ensure(again->index() == response->index(), "it is of the same kind");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view line{reinterpret_cast<const char*>(data), size};
    fuzz_request(line);
    fuzz_response(line);
    return 0;
}
