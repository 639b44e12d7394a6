// Any bytes as the answer of a name server, to questions of every type.
#include <cstddef>
#include <cstdint>
#include <span>

#include "checks/probes/dns_message.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace understudy;
    const auto packet = std::as_bytes(std::span{data, size});
    for (const char* type : {"A", "AAAA", "CNAME", "MX", "NS", "PTR", "SOA", "SRV", "TXT"}) {
        checks::read_dns_answer(packet, 0x1234, "www.example.com", *checks::record_type(type));
    }
    return 0;
}
