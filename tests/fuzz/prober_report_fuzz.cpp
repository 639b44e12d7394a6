// Any bytes as a packet of the prober: no crash; what is understood is bounded, and means the same
// after it was written again.
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/ensure.hpp"
#include "checks/processes/wire.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace understudy;
    const auto packet = std::as_bytes(std::span{data, size});
    if (const auto report = checks::decode_report(packet)) {
        ensure(report->outcome.detail.size() <= checks::longest_detail, "the detail is bounded");
        ensure(report->outcome.output.size() <= checks::longest_output, "the output is bounded");
        ensure(checks::decode_report(encode(*report)) == report, "it says the same");
    }
    if (const auto order = checks::decode_order(packet)) {
        ensure(checks::decode_order(encode(*order)) == order, "it says the same");
    }
    return 0;
}
