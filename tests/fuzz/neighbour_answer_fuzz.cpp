// Any bytes as the answer of a neighbour or of a pinged host: what is understood is what is written
// there.
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/ensure.hpp"
#include "checks/probes/neighbour_answer.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace understudy;

bool are(std::span<const std::byte> bytes, unsigned first, unsigned second) {
    return std::to_integer<unsigned>(bytes[0]) == first &&
           std::to_integer<unsigned>(bytes[1]) == second;
}

void check(const std::optional<checks::EchoReply>& reply, std::span<const std::byte> echo) {
    ensure(!reply || echo.size() >= 8, "an echo reply has a header");
    ensure(!reply || (are(echo.subspan(4), reply->identifier >> 8U, reply->identifier & 0xffU) &&
                      are(echo.subspan(6), reply->sequence >> 8U, reply->sequence & 0xffU)),
           "identifier and sequence are those of the message");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    fuzz::Input input(std::span{data, size});
    const std::size_t kind = input.below(4);
    const int hop_limit = input.byte();
    const std::vector<std::byte> packet = input.take_all();
    if (kind == 0) {
        const auto reply = checks::parse_echo_v4(packet);
        const std::size_t header =
            packet.empty() ? 0 : (std::to_integer<std::size_t>(packet[0]) & 0xfU) * 4;
        ensure(!reply || (header >= 20 && packet.size() >= header + 8), "it has both headers");
        check(reply, reply ? std::span{packet}.subspan(header) : std::span{packet});
    } else if (kind == 1) {
        check(checks::parse_echo_v6(IpAddress{}, packet), packet);
    } else if (kind == 2) {
        const auto answer = checks::parse_neighbour_advertisement(packet, hop_limit);
        ensure(!answer || hop_limit == 255, "what was forwarded is no neighbour's");
        ensure(!answer || answer->address.is_v6(), "it is about an IPv6 address");
    } else {
        const auto answer = checks::parse_arp_reply(packet);
        ensure(!answer || (packet.size() >= 28 && answer->address.is_v4()),
               "it is about an IPv4 address");
    }
    return 0;
}
